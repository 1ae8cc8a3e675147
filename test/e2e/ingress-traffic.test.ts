import { Agent, createServer, type Server } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { call } from '../support/http-call.ts';
import { certificateFor, standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

let test: TestProxy;
const servers: Server[] = [];
const ports: number[] = [];
const webSockets = new WebSocketServer({ noServer: true });
let grpc: Http2Server;
let grpcPort = 0;

const host = 'a.example';
const pair = certificateFor(host);
const tlsSecret: Secret = {
  kind: 'Secret',
  metadata: { namespace: 'default', name: 'tls' },
  data: {
    'tls.crt': Buffer.from(pair.certificate).toString('base64'),
    'tls.key': Buffer.from(pair.key).toString('base64'),
  },
};

function ingress(name: string, service: string, annotations: Record<string, string> = {}): Ingress {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  const spec = {
    rules: [{ host, http: { paths: [path('/', service)] } }],
    tls: [{ hosts: [host], secretName: 'tls' }],
  };
  return ingressOf(name, spec, {
    'nginx.ingress.kubernetes.io/ssl-redirect': 'false',
    ...Object.fromEntries(prefixed),
  });
}

/** A service whose endpoints are the given origins: one slice for each, since their ports differ. */
function service(name: string, at: readonly number[]): (Service | EndpointSlice)[] {
  const [object] = webService(name);
  const all = at.map((port, index) => {
    const [, slice] = webService(name, `${standIn}:${port}`);
    return { ...slice, metadata: { ...slice.metadata, name: `${name}-${index}` } };
  });
  return [object, ...all];
}

const serve = (ingresses: readonly Ingress[]): Promise<string[]> =>
  test.serve(
    ingresses,
    ...service('a', ports.slice(0, 3)),
    ...service('b', ports.slice(3)),
    ...service('grpc', [grpcPort]),
    tlsSecret,
  );

const originOf = async (options: Parameters<typeof call>[2] = {}, url = '/'): Promise<string> =>
  (await call(test.clearPort, url, options)).body;

/** How many of `count` requests each origin has answered. */
async function spread(count: number, options: (index: number) => Parameters<typeof call>[2]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const counts = ports.map(() => 0);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const origin = Number(await originOf({ ...options(next++), agent }));
      counts[origin] = (counts[origin] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  agent.destroy();
  return counts;
}

beforeAll(async () => {
  for (let origin = 0; origin < 4; origin++) {
    const server = createServer((_, response) => response.end(String(origin)));
    server.on('upgrade', (incoming, socket, head) => {
      webSockets.handleUpgrade(incoming, socket, head, (client) => {
        client.on('message', (data: Buffer) => client.send(`echo ${data.toString()}`));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    ports.push((server.address() as AddressInfo).port);
  }
  // gRPC over HTTP/2 in clear: what comes goes back at once, and the status comes last (gRPC's PROTOCOL-HTTP2.md).
  grpc = createHttp2Server();
  grpc.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  await new Promise<void>((resolve) => grpc.listen(0, '127.0.0.1', resolve));
  grpcPort = (grpc.address() as AddressInfo).port;
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  grpc?.close();
  for (const server of servers) server.close();
});

describe('protocols', () => {
  it('speaks HTTP/2 with browsers', async () => {
    await serve([ingress('i', 'a')]);
    const session = connectHttp2(`https://127.0.0.1:${test.tlsPort}`, { servername: host, ca: pair.authority });
    const stream = session.request({ ':path': '/', ':authority': host });
    const status = await new Promise((resolve, reject) => {
      stream.on('response', (headers) => resolve(headers[':status']));
      stream.on('error', reject);
    });
    session.close();
    expect(status).toBe(200);
  });

  it('passes streams of gRPC in both directions, with their trailers', async () => {
    expect(await serve([ingress('i', 'grpc', { 'backend-protocol': 'GRPC' })])).toEqual([]);
    const session = connectHttp2(`https://127.0.0.1:${test.tlsPort}`, { servername: host, ca: pair.authority });
    const headers = { ':method': 'POST', ':path': '/test.Echo/Chat', ':authority': host, te: 'trailers' };
    const stream = session.request({ ...headers, 'content-type': 'application/grpc' }, { endStream: false });
    const trailers = new Promise<unknown>((resolve) => stream.once('trailers', resolve));
    for (const word of ['one', 'two']) {
      const message = Buffer.concat([Buffer.from([0, 0, 0, 0, word.length]), Buffer.from(word)]);
      const answer = new Promise((resolve, reject) => {
        stream.once('data', resolve);
        stream.once('error', reject);
      });
      stream.write(message);
      expect(await answer).toEqual(message);
    }
    stream.end();
    expect(await trailers).toMatchObject({ 'grpc-status': '0' });
    session.close();
  });

  it('passes WebSockets, which outlive a change of routes and a reload', async () => {
    await serve([ingress('i', 'a')]);
    const socket = new WebSocket(`ws://127.0.0.1:${test.clearPort}/socket`, { headers: { host } });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const echo = async (word: string): Promise<string> => {
      const answer = new Promise((resolve) => socket.once('message', resolve));
      socket.send(word);
      return String(await answer);
    };
    expect(await echo('one')).toBe('echo one');
    await serve([ingress('i', 'b')]);
    await serve([ingress('i', 'b', { 'proxy-read-timeout': '9' })]);
    expect(await echo('two')).toBe('echo two');
    socket.close();
  });
});

describe('spreading', () => {
  it('gives a canary its weight of 10,000 requests, within 3 %', async () => {
    const canary = ingress('c', 'b', { canary: 'true', 'canary-weight': '30' });
    expect(await serve([ingress('i', 'a'), canary])).toEqual([]);
    const [first = 0, second = 0, third = 0, fourth = 0] = await spread(10_000, () => ({}));
    expect(Math.abs(fourth - 3000)).toBeLessThan(300);
    for (const count of [first, second, third]) expect(Math.abs(count - 7000 / 3)).toBeLessThan(300);
    // Another weight is another entry of a map.
    const pid = test.pid();
    await serve([ingress('i', 'a'), ingress('c', 'b', { canary: 'true', 'canary-weight': '100' })]);
    expect(test.pid()).toBe(pid);
    expect((await spread(100, () => ({})))[3]).toBe(100);
  });

  it('lets headers and cookies choose a canary', async () => {
    const with3 = async (annotations: Record<string, string>, headers: Record<string, string>): Promise<boolean> => {
      await serve([ingress('i', 'a'), ingress('c', 'b', { canary: 'true', ...annotations })]);
      return (await originOf({ headers })) === '3';
    };
    const byHeader = { 'canary-by-header': 'X-Canary' };
    expect(await with3(byHeader, { 'x-canary': 'always' })).toBe(true);
    expect(await with3(byHeader, {})).toBe(false);
    expect(await with3({ ...byHeader, 'canary-weight': '100' }, { 'x-canary': 'never' })).toBe(false);
    const byValue = { ...byHeader, 'canary-by-header-value': "-i it's 50%" };
    expect(await with3(byValue, { 'x-canary': "-i it's 50%" })).toBe(true);
    expect(await with3(byValue, { 'x-canary': 'always' })).toBe(false);
    const byPattern = { ...byHeader, 'canary-by-header-pattern': '^v[23]$' };
    expect(await with3(byPattern, { 'x-canary': 'v3' })).toBe(true);
    expect(await with3(byPattern, { 'x-canary': 'v4' })).toBe(false);
    const byCookie = { 'canary-by-cookie': 'beta', 'canary-weight': '100' };
    expect(await with3(byCookie, { cookie: 'beta=never' })).toBe(false);
    expect(await with3({ 'canary-by-cookie': 'beta' }, { cookie: 'x=y; beta=always' })).toBe(true);
  });

  it('keeps visitors with their endpoint by a cookie, also after a reload', async () => {
    const sticky = { affinity: 'cookie', 'session-cookie-name': 'stay', 'session-cookie-max-age': '60' };
    await serve([ingress('i', 'a', sticky)]);
    const first = await call(test.clearPort, '/');
    const [cookie = ''] = first.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^stay=[0-9a-f]+; path=\/; HttpOnly; Max-Age=60$/i);
    // As in ingress-nginx, whatever session-cookie-secure says.
    const [overTls] = (await call(test.tlsPort, '/', { tls: true })).headers['set-cookie'] ?? [];
    expect(overTls).toMatch(/^stay=[0-9a-f]+; path=\/; HttpOnly; Max-Age=60; Secure$/i);
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    const counts = await spread(60, () => ({ headers }));
    expect(counts[Number(first.body)]).toBe(60);
    await serve([ingress('i', 'a', sticky), ingress('z', 'b', { 'server-alias': 'x.example', 'app-root': '/x' })]);
    expect((await spread(20, () => ({ headers })))[Number(first.body)]).toBe(20);
  });

  it('says when cookies end, as a time and as an age', async () => {
    const ends = {
      'session-cookie-expires': '172800',
      'session-cookie-max-age': '259200',
      'session-cookie-path': '/p',
    };
    await serve([ingress('i', 'a', { affinity: 'cookie', ...ends })]);
    const [cookie = ''] = (await call(test.clearPort, '/')).headers['set-cookie'] ?? [];
    expect(cookie).toContain('; Path=/p; Max-Age=259200; Expires=');
    const expires = Date.parse(cookie.split('Expires=')[1] ?? '');
    expect(Math.abs(expires - Date.now() - 172_800_000)).toBeLessThan(60_000);
    const partitioned = { 'session-cookie-partitioned': 'true', 'session-cookie-samesite': 'None' };
    await serve([ingress('i', 'a', { affinity: 'cookie', ...partitioned })]);
    const [other = ''] = (await call(test.clearPort, '/')).headers['set-cookie'] ?? [];
    expect(other.split('; ').slice(1).toSorted()).toEqual([
      ...['HttpOnly', 'Partitioned', 'SameSite=None', 'Secure', 'path=/'],
    ]);
  });

  it('keeps visitors in or out of a canary once its weight has chosen', async () => {
    const canary = ingress('c', 'b', { canary: 'true', 'canary-weight': '50' });
    await serve([ingress('i', 'a', { affinity: 'cookie' }), canary]);
    const { headers, body } = await call(test.clearPort, '/');
    const cookie = [headers['set-cookie'] ?? []]
      .flat()
      .map((each) => each.split(';')[0])
      .join('; ');
    expect(cookie).toContain('INGRESSCOOKIE-canary=');
    const counts = await spread(60, () => ({ headers: { cookie } }));
    expect(counts[Number(body)]).toBe(60);
  });

  it('sends what hashes alike to one endpoint', async () => {
    await serve([ingress('i', 'a', { 'upstream-hash-by': '$http_x_user-$host' })]);
    const of = (user: string) => spread(20, () => ({ headers: { 'x-user': user } }));
    const one = await of('one');
    expect(one.filter((count) => count > 0)).toEqual([20]);
    expect(await of('one')).toEqual(one);
    const many = await spread(200, (index) => ({ headers: { 'x-user': `user ${index}` } }));
    expect(many.filter((count) => count > 20)).toHaveLength(3);
  });

  it('sends again what an endpoint did not answer, with a body that came later, if it may be sent twice', async () => {
    const seen: string[] = [];
    const crashing = createServer((incoming, response) => {
      seen.push(`${incoming.method} ${incoming.url}`);
      if (seen.filter((each) => each === seen.at(-1)).length === 1) incoming.socket.destroy();
      else
        text(incoming).then(
          (body) => response.end(body),
          () => {},
        );
    });
    await new Promise<void>((resolve) => crashing.listen(0, '127.0.0.1', resolve));
    const { port } = crashing.address() as AddressInfo;
    const ask = async (method: string, annotations: Record<string, string> = {}): Promise<string> => {
      await test.serve([ingress('i', 'a', annotations)], ...service('a', [port]), tlsSecret);
      seen.length = 0;
      const socket = connect(test.clearPort, '127.0.0.1');
      socket.write(`${method} / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`);
      // What has come so far is on its way to the endpoint, if anything is, when the body comes.
      await new Promise((resolve) => setTimeout(resolve, 300));
      socket.write('hello');
      return (await text(socket)).replace(/\r\n[^]*\r\n\r\n/, ' ');
    };
    expect([await ask('PUT'), seen]).toEqual(['HTTP/1.1 200 OK hello', ['PUT /', 'PUT /']]);
    expect(await ask('POST')).toContain('HTTP/1.1 502');
    expect(seen).toEqual(['POST /']);
    const anything = { 'proxy-next-upstream': 'error non_idempotent' };
    expect([await ask('POST', anything), seen]).toEqual(['HTTP/1.1 200 OK hello', ['POST /', 'POST /']]);
    expect(await ask('PUT', { 'proxy-next-upstream': 'off' })).toContain('HTTP/1.1 502');
    crashing.close();
  });

  it('sends on what could not be sent to an endpoint that is gone', async () => {
    await test.serve([ingress('i', 'a')], ...service('a', [ports[0] ?? 0, 1]), tlsSecret);
    expect((await spread(20, () => ({})))[0]).toBe(20);
  });
});
