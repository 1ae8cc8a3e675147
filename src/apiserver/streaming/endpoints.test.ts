import { once } from 'node:events';
import { text as textOf } from 'node:stream/consumers';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { answerAsServer, breakOff, cat, success } from '../../../test/support/streaming-server.ts';
import { silentLogger } from '../../base/log.ts';
import { seededRandom, systemRandom } from '../../base/random.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { ResourceKind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import { ApiError } from '../../api/status.ts';
import { ensurePki, issueNodeCertificates } from '../../cluster/pki.ts';
import type { ContainerRuntime, ExecRequest } from '../../node/runtime.ts';
import { startNodeServer } from '../../node/server.ts';
import type { NodeServer } from '../../node/server.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { nodes, pods, services } from '../admission/lookup.ts';
import type { Collection } from '../admission/lookup.ts';
import { putObject, storeKey } from '../admission/store-lookup.ts';
import { endpointSlices } from '../admission/lookup.ts';
import type { ApiRequest, ApiResponse, RequestBody } from '../handler.ts';
import { HttpRequest } from '../http-request.ts';
import { createStreamingEndpoints } from './endpoints.ts';
import { createHttpsNodeConnector } from './https-node-connector.ts';
import { FrameDecoder, FrameEncoder } from './spdy-frames.ts';
import { SpdySession } from './spdy-session.ts';

let directory: string;
let runtimeServer: Server;
let node: NodeServer;
let api: Server;
let apiPort: number;
let connector: ReturnType<typeof createHttpsNodeConnector>;
let asked: ExecRequest | undefined;
/** What the runtime's streaming server does with a connection. */
let serveCommand: (socket: Duplex) => void;
const store = createMemoryStore();

beforeEach(async () => {
  serveCommand = cat;
  directory = mkdtempSync(join(tmpdir(), 'streaming-'));
  const now = systemClock.now();
  const pki = ensurePki({ directory, now, serviceIp: '10.96.0.1' });
  const addresses = ['127.0.0.1'];
  const issued = issueNodeCertificates({
    directory: join(directory, 'n1'),
    authority: pki.authority,
    name: 'n1',
    addresses,
    now,
  });
  runtimeServer = createServer(answerAsServer).on('upgrade', (_, socket: Duplex) => serveCommand(socket));
  await once(runtimeServer.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(runtimeServer.address() as AddressInfo).port}/exec/token`;
  const logPath = join(directory, '0.log');
  writeFileSync(logPath, '2026-01-01T00:00:00Z stdout F one\n2026-01-01T00:00:01Z stdout F two\n');
  const runtime = {
    exec: (request: ExecRequest) => {
      asked = request;
      return Promise.resolve(url);
    },
    portForward: () => Promise.resolve(url),
  } as unknown as ContainerRuntime;
  node = await startNodeServer({
    backend: {
      runtime,
      nodeName: 'n1',
      findContainer: ({ container }) =>
        container === 'new'
          ? { kind: 'waiting', reason: 'ContainerCreating' }
          : { kind: 'found', id: 'id', logPath, sandboxId: 's', running: true, tty: false, stdin: true },
      findSandbox: () => 's',
      stopped: () => Promise.resolve(),
      pods: () => [],
      stats: () => Promise.resolve({ node: { nodeName: 'n1', startTime: '' }, pods: [] }),
      groups: () =>
        Promise.resolve({
          machine: {
            cpuCores: 2,
            memoryBytes: 1,
            labels: { boot_id: '', machine_id: '', system_uuid: '' },
            version: { kernelVersion: '6.1' },
          },
          groups: [],
          nowMs: 0,
        }),
      claims: () => Promise.resolve([]),
      configuration: () => ({}),
      logs: () => ({}),
    },
    tls: { certificate: issued.server.certificate, key: issued.server.key, ca: pki.authority.certificate },
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLogger,
  });
  const { certificate, key } = pki.kubeletClient;
  connector = createHttpsNodeConnector({ ca: pki.authority.certificate, certificate, key });
  await objects();
  await startApi();
});

afterEach(async () => {
  connector.close();
  api.closeAllConnections();
  api.close();
  runtimeServer.closeAllConnections();
  runtimeServer.close();
  await node.close();
  rmSync(directory, { recursive: true, force: true });
});

async function put(collection: Collection, object: object): Promise<void> {
  const { metadata } = object as KubeObject;
  const key = storeKey(collection, metadata.namespace ?? '', metadata.name ?? '');
  const found = await store.get(key);
  await store.commit([putObject(key, object as KubeObject, found.kind === 'found' ? found.entry.revision : 0)]);
}

async function objects(): Promise<void> {
  const daemonEndpoints = { kubeletEndpoint: { Port: node.port } };
  await put(nodes, {
    metadata: { name: 'n1' },
    status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints },
  });
  const containers = [{ name: 'one' }, { name: 'new' }];
  const status = { podIPs: [{ ip: '127.0.0.1' }] };
  await put(pods, { metadata: { name: 'web', namespace: 'x' }, spec: { nodeName: 'n1', containers }, status });
  await put(pods, { metadata: { name: 'pending', namespace: 'x' }, spec: { containers: [{ name: 'one' }] } });
}

/** Just enough of an API server: pods/<subresource> of `/x/<plural>/<name>/<subresource>/<rest>`. */
async function startApi(): Promise<void> {
  const endpoints = createStreamingEndpoints({ store, connector, clock: systemClock, random: seededRandom(1) });
  const handle = async (message: IncomingMessage, body: RequestBody): Promise<ApiResponse> => {
    const url = new URL(message.url ?? '/', 'http://x');
    const [, namespace = '', plural = '', name = '', subresource = '', ...rest] = url.pathname.split('/');
    const endpoint = endpoints.find((each) => each.plural === plural && each.subresource === subresource);
    const request: ApiRequest = {
      method: (message.method ?? 'GET') as ApiRequest['method'],
      path: url.pathname,
      query: url.searchParams,
      headers: message.headers as Record<string, string>,
      body,
      signal: new AbortController().signal,
    };
    const more = {
      group: '',
      version: 'v1',
      verb: 'connect',
      kind: { plural } as ResourceKind,
      user: { name: 'a', groups: [] },
    };
    try {
      return (await endpoint?.handle({
        request,
        namespace,
        name,
        subresource,
        rest: rest.filter((part) => part !== '').join('/'),
        ...more,
      })) as ApiResponse;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { status: error.code, headers: {}, body: { kind: 'bytes', bytes: Buffer.from(error.message) } };
    }
  };
  const pour = (body: ApiResponse['body'], to: Writable): void => {
    if (body.kind === 'bytes') to.end(body.bytes);
    else if (body.kind !== 'stream') to.end();
    else
      body.pipe(
        (chunk) => to.write(chunk),
        () => to.end(),
      );
  };
  api = createServer({ maxHeaderSize: 1024 * 1024 }, (message, response) => {
    void handle(message, new HttpRequest({ message, response, random: systemRandom }).body).then(
      ({ status, headers, body }) => {
        response.writeHead(status, headers);
        pour(body, response);
      },
    );
  });
  api.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    void handle(message, { kind: 'none' }).then(({ status, body }) => {
      if (body.kind === 'upgrade') return body.accept(socket, head);
      socket.write(`HTTP/1.1 ${status} No\r\nconnection: close\r\n\r\n`);
      pour(body, socket);
    });
  });
  await once(api.listen(0, '127.0.0.1'), 'listening');
  apiPort = (api.address() as AddressInfo).port;
}

async function get(path: string): Promise<{ status: number; text: string; location?: string }> {
  const response = await fetch(`http://127.0.0.1:${apiPort}${path}`, { redirect: 'manual' });
  return { status: response.status, text: await response.text(), location: response.headers.get('location') ?? '' };
}

function askForSpdy(path: string): ClientRequest {
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' };
  return httpRequest({ port: apiPort, path, method: 'POST', headers }).end();
}

const execPath = '/x/pods/web/exec?container=one&command=cat&stdin=true&stdout=true&stderr=true';

/** Everything that comes on a WebSocket, as `<channel>:<text>`. */
async function converse(
  protocol: string,
  send: (client: WebSocket, messages: string[]) => void,
  path = execPath,
): Promise<string[]> {
  const client = new WebSocket(`ws://127.0.0.1:${apiPort}${path}`, [protocol]);
  const messages: string[] = [];
  client.on('message', (data: Buffer, isBinary) => {
    messages.push(isBinary ? `${data[0]}:${data.subarray(1).toString()}` : data.toString());
    send(client, messages);
  });
  await once(client, 'close');
  return messages;
}

describe('exec', () => {
  it('over WebSocket v5: the close signal ends stdin, and the outcome comes on the error channel', async () => {
    const messages = await converse('v5.channel.k8s.io', (client, { length }) => {
      if (length === 1) client.send(Buffer.from('\0hello'));
      if (length === 2) client.send(Buffer.from([255, 0]));
    });
    expect(messages).toEqual(['1:', '1:hello', `3:${success}`]);
    expect(asked).toEqual({ containerId: 'id', command: ['cat'], stdin: true, stdout: true, stderr: true, tty: false });
  });

  it('over WebSocket v4 with a terminal: resizes, and no stderr', async () => {
    const path = '/x/pods/web/exec?container=one&command=sh&stdin=1&stdout=1&stderr=1&tty=1';
    const messages = await converse(
      'v4.channel.k8s.io',
      (client, { length }) => {
        if (length === 1) client.send(Buffer.from('\x04{"Width":80}'));
        if (length === 2) client.close();
      },
      path,
    );
    expect(messages).toEqual(['1:', '1:resized {"Width":80}']);
    expect(asked).toMatchObject({ tty: true, stderr: false });
  });

  it('over base64 text for browsers', async () => {
    const messages = await converse('base64.channel.k8s.io', (client, { length }) => {
      if (length === 1) client.send(`0${Buffer.from('hi').toString('base64')}`);
      if (length === 2) client.close();
    });
    expect(messages).toEqual(['1', `1${Buffer.from('hi').toString('base64')}`]);
  });

  it('carries much data both ways, whole and in order', async () => {
    const block = Buffer.alloc(200_000, 'x');
    let received = 0;
    await converse('v5.channel.k8s.io', (client, messages) => {
      received += (messages.at(-1)?.length ?? 2) - 2;
      if (messages.length === 1) {
        for (let i = 0; i < 20; i++) client.send(Buffer.concat([Buffer.from([0]), block]));
        client.send(Buffer.from([255, 0]));
      }
    });
    expect(received).toBe(20 * block.length + success.length);
  });

  it('says so when the node breaks off, which is no success without output', async () => {
    serveCommand = breakOff;
    const messages = await converse('v5.channel.k8s.io', () => undefined);
    const outcome = messages.find((message) => message.startsWith('3:')) ?? '3:';
    expect(messages).toContain('1:half');
    expect(JSON.parse(outcome.slice(2))).toMatchObject({ status: 'Failure', reason: 'InternalError' });
  });

  it('over SPDY goes through as bytes', async () => {
    const [answer, socket, head] = (await once(askForSpdy(execPath), 'upgrade')) as [IncomingMessage, Socket, Buffer];
    expect(answer.headers['x-stream-protocol-version']).toBe('v4.channel.k8s.io');
    const session = new SpdySession(socket, head);
    const texts: Record<string, string> = { error: '', stdout: '' };
    const done = new Promise<void>((resolve) => {
      const open = (name: string): Promise<unknown> =>
        session.open(
          { streamtype: name },
          {
            data: (data) => (texts[name] += Buffer.from(data).toString()),
            ended: () => name === 'error' && resolve(),
          },
        );
      void Promise.all(['error', 'stdout'].map(open)).then(async () => {
        const stdin = await session.open({ streamtype: 'stdin' }, {});
        stdin.write(Buffer.from('hello'));
        stdin.end();
      });
    });
    await done;
    expect(texts).toEqual({ error: success, stdout: 'hello' });
    session.close();
  });

  it('takes commands as long as Go’s servers do', async () => {
    const long = 'a'.repeat(500_000);
    const [, socket] = (await once(askForSpdy(`${execPath}&command=${long}`), 'upgrade')) as [IncomingMessage, Socket];
    expect(asked?.command).toEqual(['cat', long]);
    socket.destroy();
  });

  it('says in words that kubectl shows that a container does not run', async () => {
    const path = '/x/pods/web/exec?command=cat&stdout=1&container=new';
    const [answer] = (await once(askForSpdy(path), 'response')) as [IncomingMessage];
    expect([answer.statusCode, await textOf(answer)]).toEqual([500, 'container not found ("new")']);
  });

  it('names the containers to choose from', async () => {
    const { status, text } = await get('/x/pods/web/exec?command=cat&stdout=1');
    expect([status, text]).toEqual([400, 'a container name must be specified for pod web, choose one of: [one new]']);
    expect((await get('/x/pods/web/exec?command=cat&stdout=1&container=x')).text).toBe(
      'container x is not valid for pod web',
    );
    expect((await get('/x/pods/pending/exec?command=cat&stdout=1')).text).toBe(
      'pod pending does not have a host assigned',
    );
    expect((await get('/x/pods/none/exec?command=cat&stdout=1')).text).toBe('pods "none" not found');
  });
});

describe('port-forward', () => {
  it('carries SPDY in the messages of a WebSocket', async () => {
    // By hand: the client library refuses the slash in the protocol's name, which kubectl's does not.
    const outgoing = httpRequest({
      port: apiPort,
      path: '/x/pods/web/portforward',
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io',
      },
    });
    outgoing.end();
    const [answer, socket] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket];
    expect(answer.headers['sec-websocket-protocol']).toBe('SPDY/3.1+portforward.k8s.io');
    expect(answer.headers['sec-websocket-accept']).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    const syn = new FrameEncoder().encode({
      kind: 'synStream',
      streamId: 1,
      fin: false,
      headers: { streamtype: 'error' },
    });
    // A final binary message with a mask of zeroes (RFC 6455, 5.2).
    socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | syn.length, 0, 0, 0, 0]), syn]));
    const [message] = (await once(socket, 'data')) as [Buffer];
    expect(message[0]).toBe(0x82);
    expect(new FrameDecoder().push(message.subarray(2))).toEqual([
      { kind: 'synReply', streamId: 1, fin: false, headers: {} },
    ]);
    socket.destroy();
  });
});

describe('logs', () => {
  it('come from the node', async () => {
    expect(await get('/x/pods/web/log?container=one')).toMatchObject({ status: 200, text: 'one\ntwo\n' });
    expect((await get('/x/pods/web/log?container=one&tailLines=1&timestamps=true')).text).toBe(
      '2026-01-01T00:00:01Z two\n',
    );
    expect((await get('/x/pods/web/log?container=one&follow=true')).text).toBe('one\ntwo\n');
  });

  it('come over a WebSocket, which begins with an empty message', async () => {
    const listen = async (protocols: string[]): Promise<[string, string[]]> => {
      const client = new WebSocket(`ws://127.0.0.1:${apiPort}/x/pods/web/log?container=one`, protocols);
      const messages: string[] = [];
      client.on('message', (data: Buffer, isBinary) =>
        messages.push(`${isBinary ? 'binary' : 'text'}:${data.toString()}`),
      );
      await once(client, 'close');
      return [client.protocol, messages];
    };
    expect(await listen([])).toEqual(['', ['binary:', 'binary:one\ntwo\n']]);
    expect(await listen(['binary.k8s.io'])).toEqual(['binary.k8s.io', ['binary:', 'binary:one\ntwo\n']]);
    expect(await listen(['base64.binary.k8s.io'])).toEqual(['base64.binary.k8s.io', ['text:', 'text:b25lCnR3bwo=']]);
    const refused = new WebSocket(`ws://127.0.0.1:${apiPort}/x/pods/web/log?container=one`, ['other']);
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.message).toContain('400');
  });

  it('say why there are none', async () => {
    const waiting = await get('/x/pods/web/log?container=new');
    expect(waiting).toMatchObject({
      status: 400,
      text: 'container "new" in pod "web" is waiting to start: ContainerCreating',
    });
    expect(await get('/x/pods/pending/log')).toMatchObject({ status: 200, text: '' });
    expect((await get('/x/pods/web/log?container=one&tailLines=-1')).status).toBe(422);
  });
});

describe('proxy', () => {
  it('reaches pods, services by their endpoints, and nodes', async () => {
    const port = (runtimeServer.address() as AddressInfo).port;
    expect(await get(`/x/pods/web:${port}/proxy/a`)).toMatchObject({ status: 200, text: 'plain' });
    expect(await get(`/x/pods/web:${port}/proxy`)).toMatchObject({
      status: 301,
      location: `/x/pods/web:${port}/proxy/`,
    });
    await put(services, { metadata: { name: 's', namespace: 'x' }, spec: { ports: [{ name: 'http', port: 80 }] } });
    expect(await get('/x/services/s/proxy/')).toMatchObject({
      status: 503,
      text: 'no endpoints available for service "s"',
    });
    const labels = { 'kubernetes.io/service-name': 's' };
    const slice = {
      metadata: { name: 's-1', namespace: 'x', labels },
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    };
    await put(endpointSlices, slice);
    expect(await get('/x/services/http:s:http/proxy/')).toMatchObject({ status: 200, text: 'plain' });
    expect(await get('/x/nodes/n1/proxy/healthz')).toMatchObject({ status: 200, text: 'ok' });
  });

  it('leads links and redirections through itself', async () => {
    const port = (runtimeServer.address() as AddressInfo).port;
    const path = `/api/v1/namespaces/x/pods/web:${port}/proxy`;
    const text = `<a href="${path}/rewriteme">test</a>`;
    expect(await get(`/x/pods/web:${port}/proxy/page`)).toMatchObject({ status: 200, text });
    expect(await get(`/x/pods/web:${port}/proxy/zipped`)).toMatchObject({ status: 200, text });
    expect(await get(`/x/pods/web:${port}/proxy/moved`)).toMatchObject({ status: 302, location: `${path}/page?a=b` });
  });

  it('asks for what was asked for, and says so when nobody answers', async () => {
    const port = (runtimeServer.address() as AddressInfo).port;
    const path = `/api/v1/namespaces/x/pods/web:${port}/proxy`;
    expect(await get(`/x/pods/web:${port}/proxy/asked/a:b/?c=d`)).toMatchObject({
      text: `/asked/a:b/?c=d ${path}/asked/a:b/`,
    });
    const closed = createServer();
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const free = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => closed.close(resolve));
    const refused = await get(`/x/pods/web:${free}/proxy/`);
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('error trying to reach service: ');
  });

  it('hands bodies of any length on as they come, and answers that come before their end', async () => {
    const port = (runtimeServer.address() as AddressInfo).port;
    const url = `http://127.0.0.1:${apiPort}/x/pods/web:${port}/proxy`;
    const large = Buffer.alloc(20 * 1024 * 1024, 'x');
    const known = await fetch(`${url}/count`, { method: 'POST', body: large });
    expect(await known.text()).toBe(`${large.length} bytes, length ${large.length}`);
    const outgoing = httpRequest(`${url}/echo`, { method: 'POST' });
    outgoing.write('one');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const [first] = (await once(answer, 'data')) as [Buffer];
    outgoing.end('two');
    const [second] = (await once(answer, 'data')) as [Buffer];
    expect([first.toString(), second.toString()]).toEqual(['one', 'two']);
    const refused = await fetch(`${url}/refuse`, { method: 'PUT', body: large });
    expect([refused.status, await refused.text()]).toEqual([413, 'enough']);
  });
});

describe('the node', () => {
  it('turns away who is neither the API server nor an administrator', async () => {
    const { request } = await import('node:https');
    const outgoing = request({ port: node.port, path: '/pods', rejectUnauthorized: false });
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(401);
    answer.destroy();
  });
});
