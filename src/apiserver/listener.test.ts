import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import { yieldToEventLoop } from '../base/yield.ts';
import { createAuthority, issueCertificate } from '../cluster/certificates.ts';
import type { Endpoint } from './endpoint.ts';
import type { RequestContext } from './handler.ts';
import { listen } from './listener.ts';
import type { Listener } from './listener.ts';

const path = '/api/v1/namespaces/default/configmaps';
const now = systemClock.now();
const authority = createAuthority('kubernetes', now);
const stranger = createAuthority('kubernetes', now);
const serving = issueCertificate(
  authority,
  { commonName: 'kube-apiserver', usages: ['server'], hosts: ['127.0.0.1'] },
  now,
);

describe('the HTTPS listener', () => {
  let api: TestApiServer;
  let listener: Listener;
  const contexts: RequestContext[] = [];
  const sent: (readonly string[])[] = [];
  beforeAll(async () => {
    const echo: Endpoint = {
      group: '',
      plural: 'pods',
      subresource: 'exec',
      handle: () =>
        Promise.resolve({
          status: 101,
          headers: {},
          body: {
            kind: 'upgrade',
            accept(socket) {
              socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
              socket.pipe(socket);
            },
          },
        }),
    };
    api = await startTestApiServer({
      endpoints: [echo],
      authenticators: [
        (request, context) => {
          contexts.push(context);
          sent.push(request.headerValues?.('impersonate-group') ?? []);
          return { name: context.clientCertificate?.commonName ?? 'nobody', groups: [] };
        },
      ],
    });
    listener = await listen({
      handler: api.server.handler,
      hosts: ['127.0.0.1'],
      port: 0,
      key: serving.key,
      certificate: serving.certificate,
      clientAuthority: authority.certificate,
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
    });
  });
  afterAll(async () => {
    await listener.close(0);
    await api.close();
  });

  const agent = new Agent({ keepAlive: true, maxSockets: 4 });

  async function open(url: string, options: RequestOptions = {}, body?: string | Buffer): Promise<IncomingMessage> {
    const call = request({
      host: '127.0.0.1',
      port: listener.port,
      path: url,
      ca: authority.certificate,
      agent,
      ...options,
    });
    call.end(body);
    const [message] = (await once(call, 'response')) as [IncomingMessage];
    return message;
  }

  async function send(
    url: string,
    options: RequestOptions = {},
    body?: string | Buffer,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
    const message = await open(url, options, body);
    let text = '';
    for await (const chunk of message) text += String(chunk);
    return { status: message.statusCode ?? 0, headers: message.headers, text };
  }

  const post = (name: string, data: object = {}): Promise<{ status: number; text: string }> =>
    send(
      path,
      { method: 'POST', headers: { 'content-type': 'application/json' } },
      JSON.stringify({ metadata: { name }, data }),
    );

  it('tells headers that were sent several times apart', async () => {
    sent.length = 0;
    await send(path, { headers: { 'impersonate-group': ['dev', ',,a'] } });
    expect(sent).toEqual([['dev', ',,a']]);
  });

  it('names every request in its answer, as the client does or with a new name', async () => {
    const own = await send(path, { headers: { 'audit-id': 'mine, 7' } });
    expect(own.headers['audit-id']).toBe('mine, 7');
    const upgrade = { connection: 'upgrade', upgrade: 'echo' };
    const answers = [
      await send(path),
      await send('/livez', { headers: { 'audit-id': '' } }),
      await send('/nowhere'),
      await send('/nowhere', { headers: upgrade, agent: false }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404]);
    const names = answers.map(({ headers }) => headers['audit-id']);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(new Set(names).size).toBe(4);
  });

  it('serves objects, over connections that stay open', async () => {
    expect((await post('a', { k: 'v' })).status).toBe(201);
    const answer = await send(`${path}/a`);
    expect(JSON.parse(answer.text)).toMatchObject({ metadata: { name: 'a' }, data: { k: 'v' } });
    expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(answer.text));
    expect((await send(`${path}/a`, { method: 'HEAD' })).text).toBe('');
    expect((await send(`${path}/b`)).status).toBe(404);
  });

  it('knows the holder of a certificate of its authority', async () => {
    const subject = { commonName: 'jane', organizations: ['dev', 'ops'], usages: ['client' as const] };
    const { certificate, key } = issueCertificate(authority, subject, now);
    await send('/api', { cert: certificate, key, agent: false });
    expect(contexts.at(-1)?.clientCertificate).toMatchObject({ commonName: 'jane', organizations: ['dev', 'ops'] });
    expect(contexts.at(-1)?.remoteAddress).toBe('127.0.0.1');
  });

  it('refuses the holder of any other', async () => {
    const { certificate, key } = issueCertificate(stranger, { commonName: 'jane', usages: ['client'] }, now);
    const answer = await send('/api', { cert: certificate, key, agent: false });
    expect(JSON.parse(answer.text)).toMatchObject({ code: 401, reason: 'Unauthorized' });
  });

  it('refuses bodies of more than 3 MiB, announced or not', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024 + 1, ' ');
    const headers = { 'content-type': 'application/json' };
    const options = { method: 'POST', agent: false as const };
    for (const announced of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await send(path, { ...options, headers: { ...headers, ...announced } }, body);
      expect(JSON.parse(answer.text)).toMatchObject({
        code: 413,
        reason: 'RequestEntityTooLarge',
        message: 'Request entity too large: limit is 3145728',
      });
    }
  });

  it('sends large lists whole', async () => {
    const data = { k: 'x'.repeat(300_000) };
    for (let i = 0; i < 8; i++) await post(`large-${i}`, data);
    const list = JSON.parse((await send(path, { headers: { 'accept-encoding': 'gzip' } })).text) as { items: object[] };
    expect(list.items).toHaveLength(9);
    expect(list.items.at(-1)).toMatchObject({ metadata: { name: 'large-7' }, data });
  });

  it('streams a watch until the client goes', async () => {
    const message = await open(`${path}?watch=1&fieldSelector=metadata.name%3Dw&resourceVersion=${api.store.revision}`);
    await post('w');
    const [chunk] = (await once(message, 'data')) as [Buffer];
    expect(JSON.parse(chunk.toString())).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'w' } } });
    const watchers = (): string => /apiserver_registered_watchers (\d+)/.exec(api.server.metrics.render())?.[1] ?? '';
    expect(watchers()).toBe('1');
    const closed = once(message, 'close');
    message.destroy();
    await closed.catch(() => {});
    while (watchers() !== '0') await yieldToEventLoop();
  });

  it('hands over the socket of an upgrade, and answers one that is refused', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'echo' };
    const host = { host: '127.0.0.1', port: listener.port, ca: authority.certificate };
    const call = request({ ...host, path: '/api/v1/namespaces/default/pods/a/exec', method: 'POST', headers });
    call.end();
    const [, socket] = (await once(call, 'upgrade')) as [IncomingMessage, Socket];
    socket.write('hello');
    expect(String(((await once(socket, 'data')) as [Buffer])[0])).toBe('hello');
    socket.destroy();
    const refused = request({ ...host, path: '/nowhere', headers });
    refused.end();
    const [answer] = (await once(refused, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(404);
    answer.resume();
  });

  it('lets another handler serve one connection', async () => {
    const socket = connect({ host: '127.0.0.1', port: listener.port });
    await once(socket, 'connect');
    const forget = listener.divert({ remoteAddress: socket.localAddress, remotePort: socket.localPort }, () =>
      Promise.resolve({ status: 418, headers: {}, body: { kind: 'none' } }),
    );
    const secured = connectTls({ socket, ca: authority.certificate, host: '127.0.0.1' });
    const diverted = request({ createConnection: () => secured, host: '127.0.0.1', path });
    diverted.end();
    const [answer] = (await once(diverted, 'response')) as [IncomingMessage];
    forget();
    expect([answer.statusCode, (await send(path, { agent: false })).status]).toEqual([418, 200]);
    socket.destroy();
  });

  it('says when a port cannot be had', async () => {
    const options = { handler: api.server.handler, key: serving.key, certificate: serving.certificate };
    const second = listen({
      ...options,
      hosts: ['127.0.0.1'],
      port: listener.port,
      clock: systemClock,
      random: seededRandom(2),
      log: silentLogger,
    });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
