import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { createHttpsClient, type HttpsClient } from './https-client.ts';
import { deployments, nodes, pods } from './resources.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void | Promise<void>;
let server: Server;
let client: HttpsClient;
let answer: Answer;
const seen: string[] = [];
const clock = createSimulatedClock();

const json = (response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

beforeEach(async () => {
  seen.length = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      seen.push(`${request.method} ${request.url} ${request.headers['content-type'] ?? '-'} ${body}`.trim());
      void answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = createHttpsClient({ server: urlOf(server) }, { clock });
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const urlOf = (of: Server): string => `http://127.0.0.1:${(of.address() as AddressInfo).port}`;

describe('the client over HTTP', () => {
  it('sends each verb to its URL', async () => {
    answer = (_request, response) => json(response, 200, { metadata: {} });
    const web = { name: 'web', namespace: 'default' };
    await client.get(pods, web);
    await client.list(pods, { labelSelector: 'a in (b)', limit: 5 });
    await client.create(nodes, { metadata: { name: 'n1' } }, { dryRun: true, fieldManager: 'me' });
    await client.update(deployments, { metadata: web }, { subresource: 'status' });
    await client.patch(pods, web, { kind: 'merge', document: { a: 1 } });
    await client.delete(pods, web, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    await client.delete(pods, web, { dryRun: true });
    await client.createSubresource(pods, web, 'binding', { target: 'n1' });
    const created = '{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}';
    const updated = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"default"}}';
    const deleted =
      '{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"Background"}';
    const dry = '{"kind":"DeleteOptions","apiVersion":"v1","dryRun":["All"]}';
    expect(seen).toEqual([
      'GET /api/v1/namespaces/default/pods/web -',
      'GET /api/v1/pods?labelSelector=a+in+%28b%29&limit=5 -',
      `POST /api/v1/nodes?dryRun=All&fieldManager=me application/json ${created}`,
      `PUT /apis/apps/v1/namespaces/default/deployments/web/status application/json ${updated}`,
      'PATCH /api/v1/namespaces/default/pods/web application/merge-patch+json {"a":1}',
      `DELETE /api/v1/namespaces/default/pods/web application/json ${deleted}`,
      `DELETE /api/v1/namespaces/default/pods/web?dryRun=All application/json ${dry}`,
      'POST /api/v1/namespaces/default/pods/web/binding application/json {"target":"n1"}',
    ]);
  });

  it('rejects with the Status that the server answers, or one made from a bare answer', async () => {
    const status = {
      kind: 'Status',
      status: 'Failure',
      reason: 'NotFound',
      code: 404,
      message: 'pods "web" not found',
    };
    answer = (_request, response) => json(response, 404, status);
    await expect(client.get(pods, { name: 'web', namespace: 'd' })).rejects.toMatchObject({ status });
    answer = (_request, response) => void response.writeHead(502).end('bad gateway');
    await expect(client.get(pods, { name: 'web', namespace: 'd' })).rejects.toMatchObject({ code: 502 });
  });

  it('waits as long as a busy server asks it to', async () => {
    answer = (_request, response) =>
      seen.length < 3 ? json(response, 429, {}, { 'retry-after': '7' }) : json(response, 200, { metadata: {} });
    const start = clock.now();
    let isDone = false;
    const got = client.get(pods, { name: 'web', namespace: 'd' }).then(() => (isDone = true));
    while (!isDone) await clock.advance(clock.pendingTimers > 0 ? 1000 : 0);
    await got;
    expect(seen).toHaveLength(3);
    expect(clock.now() - start).toBe(14_000);
  });

  it('yields watch events however their bytes are cut', async () => {
    const events = ['a', 'b', 'ä'.repeat(5000)].map((name) => ({ type: 'ADDED', object: { metadata: { name } } }));
    const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    answer = async (_request, response) => {
      response.writeHead(200);
      for (let at = 0; at < bytes.length; at += 777) {
        await new Promise((resolve) => response.write(bytes.subarray(at, at + 777), resolve));
      }
      response.end();
    };
    const got = [];
    for await (const event of client.watch(pods, { resourceVersion: '7', allowBookmarks: true })) got.push(event);
    expect(got).toEqual(events);
    expect(seen).toEqual(['GET /api/v1/pods?watch=true&resourceVersion=7&allowWatchBookmarks=true -']);
  });

  it('ends a watch quietly when it is aborted, and throws when the connection breaks', async () => {
    answer = (_request, response) => {
      response.writeHead(200).write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
      if (seen.length === 2) setImmediate(() => response.destroy());
    };
    const abort = new AbortController();
    for await (const event of client.watch(pods, { signal: abort.signal })) {
      expect(event.type).toBe('ADDED');
      abort.abort(new Error('enough'));
    }
    const broken = async (): Promise<void> => {
      for await (const event of client.watch(pods, {})) expect(event.type).toBe('ADDED');
    };
    await expect(broken()).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  it('authenticates with a token file that it reads again, or with a password', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'token-'));
    const tokenFile = join(directory, 'token');
    const sent: (string | undefined)[] = [];
    answer = (request, response) => {
      sent.push(request.headers.authorization);
      json(response, 200, {});
    };
    const pod = createHttpsClient({ server: urlOf(server), tokenFile }, { clock });
    const user = createHttpsClient({ server: urlOf(server), basic: { username: 'u', password: 'p' } }, { clock });
    for (const token of ['one', 'two']) {
      await writeFile(tokenFile, `${token}\n`);
      await pod.raw('GET', '/version');
      await clock.advance(61_000);
    }
    await user.raw('GET', '/version');
    expect(sent).toEqual(['Bearer one', 'Bearer two', `Basic ${Buffer.from('u:p').toString('base64')}`]);
    pod.close();
    user.close();
    await rm(directory, { recursive: true });
  });
});
