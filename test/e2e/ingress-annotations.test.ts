import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigMap, Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { type Answer, call } from '../support/http-call.ts';
import { certificateFor, standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';
import { run } from './support.ts';

interface Seen {
  origin: number;
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  bytes: number;
}

const cookies = [
  'a=1; Domain=.inner.example; Path=/app/x; Expires=Wed, 21 Oct 2099 07:28:00 GMT',
  'b=2; path=/other; domain=INNER.example',
  'c=Domain=inner.example; Domain=not-inner.example; Path=/',
];
const servers: (Server | TlsServer)[] = [];
const ports: number[] = [];
let services: (Service | EndpointSlice)[] = [];
let test: TestProxy;
const endpointPair = certificateFor('endpoint.example');

const annotated = (name: string, annotations: Record<string, string>, rule = '/', pathType?: string): Ingress => {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  const paths = [path(rule, 'a', pathType)];
  return ingressOf(name, { rules: [{ host: 'a.example', http: { paths } }] }, Object.fromEntries(prefixed));
};

/** Serves one ingress with these annotations, and says what its owner is told. */
const serve = (annotations: Record<string, string>, ...more: (Secret | ConfigMap)[]): Promise<string[]> =>
  test.serve([annotated('i', annotations)], ...services, ...more);

type CallOptions = Parameters<typeof call>[2];
const get = (url: string, options?: CallOptions): Promise<Answer> => call(test.clearPort, url, options);
const seen = async (url: string, options?: CallOptions): Promise<Seen> =>
  JSON.parse((await get(url, options)).body) as Seen;

function secretOf(name: string, data: Record<string, string>): Secret {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { kind: 'Secret', metadata: { namespace: 'default', name }, data: Object.fromEntries(encoded) };
}

beforeAll(async () => {
  const { certificate, key } = endpointPair;
  for (let origin = 0; origin < 4; origin++) {
    const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => (bytes += chunk.length));
      incoming.on('end', () => {
        const { method, url, headers } = incoming;
        response.statusCode = Number(headers['x-code'] ?? /^\/status\/(\d+)/.exec(url ?? '')?.[1] ?? 200);
        const more = headers['x-format'] === 'long' ? 'x'.repeat(20_000) : '';
        const reply = (): void => void response.end(JSON.stringify({ origin, method, url, headers, bytes }) + more);
        if (url?.startsWith('/redirected')) {
          response.setHeader('location', 'http://inner.example/app/x?y=%20');
          response.setHeader('refresh', '5; url=http://inner.example/app/z');
        }
        if (url?.startsWith('/cookies')) response.setHeader('set-cookie', cookies);
        if (url?.startsWith('/slow')) setTimeout(reply, 2500);
        else reply();
      });
    };
    // The last one speaks TLS.
    const server = origin === 3 ? createTlsServer({ cert: certificate, key }, answer) : createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    ports.push((server.address() as AddressInfo).port);
  }
  const slices = (name: string, ...origins: number[]) => {
    const [service] = webService(name);
    return [service, ...origins.map((origin) => sliceOf(name, origin))];
  };
  const [errors, errorSlice] = webService('errors', `${standIn}:${ports[2]}`);
  // On the host, the address of a service leads to it; here it is the loopback.
  errors.spec = { clusterIP: '127.0.0.1', ports: [{ name: 'http', port: ports[2] ?? 0 }] };
  services = [...slices('a', 0, 1), ...slices('b', 2), ...slices('s', 3), ...slices('none'), errors, errorSlice];
  test = await startTestProxy();
});

/** Slices of one service have the same name in tests, so each endpoint has a service of its own behind it. */
function sliceOf(name: string, origin: number): EndpointSlice {
  return webService(name, `${standIn}:${ports[origin]}`)[1];
}

afterAll(() => {
  test?.stop();
  for (const server of servers) server.close();
});

describe('annotations of ingress-nginx', () => {
  it('rewrite paths, by groups of the path', async () => {
    const ingress = annotated('i', { 'rewrite-target': '/$2' }, '/app(/|$)(.*)', 'ImplementationSpecific');
    expect(await test.serve([ingress], ...services)).toEqual([]);
    expect((await seen('/app/x/y?q=1')).url).toBe('/x/y?q=1');
    expect((await seen('/APP')).url).toBe('/');
    expect((await get('/other')).status).toBe(404);
    expect((await get('/%61pp/x')).status).toBe(404);
  });

  it('tell the service of its host and prefix, and redirect its root', async () => {
    await serve({ 'upstream-vhost': 'inner.example', 'x-forwarded-prefix': '/p', 'app-root': '/start' });
    const { headers } = await seen('/x');
    expect([headers.host, headers['x-forwarded-prefix']]).toEqual(['inner.example', '/p']);
    // What clients say of themselves does not count.
    const forged = Object.fromEntries(
      ['for', 'host', 'port', 'proto', 'scheme'].map((name) => [`x-forwarded-${name}`, 'forged']),
    );
    const told = await seen('/x', { headers: { ...forged, 'x-real-ip': '192.0.2.1', 'x-scheme': 'https' } });
    expect(told.headers).toMatchObject({
      ...{ 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'a.example' },
      ...{ 'x-forwarded-port': String(test.clearPort), 'x-forwarded-proto': 'http', 'x-forwarded-scheme': 'http' },
      'x-scheme': 'http',
    });
    const root = await get('/');
    expect([root.status, root.headers['location']]).toEqual([302, 'http://a.example/start']);
  });

  it('redirect, with variables of the request, and between names with and without www', async () => {
    await serve({ 'permanent-redirect': 'https://new.example$request_uri', 'permanent-redirect-code': '308' });
    const moved = await get('/x?y=%20%25');
    expect([moved.status, moved.headers['location']]).toEqual([308, 'https://new.example/x?y=%20%25']);
    await serve({ 'temporal-redirect': '/new$request_uri' });
    expect((await get('/x', { host: 'a.example:8080' })).headers['location']).toBe('http://a.example:8080/new/x');
    expect(await serve({ 'permanent-redirect': '/new', 'relative-redirects': 'true' })).toEqual([]);
    expect((await get('/x')).headers['location']).toBe('/new');
    await serve({ 'from-to-www-redirect': 'true' });
    const named = await get('/x', { host: 'www.a.example:8080' });
    expect([named.status, named.headers['location']]).toEqual([308, 'http://a.example:8080/x']);
    await serve({ 'force-ssl-redirect': 'true' });
    expect((await get('/x')).status).toBe(308);
    expect((await call(test.tlsPort, '/x', { tls: true })).status).toBe(200);
  });

  it('change domains and paths of cookies, and addresses, in answers', async () => {
    const told = await serve({
      ...{ 'proxy-cookie-domain': 'inner.example outer.example', 'proxy-cookie-path': '/app/ /%7e/' },
      ...{ 'proxy-redirect-from': 'http://inner.example/app/', 'proxy-redirect-to': 'https://outer.example/' },
    });
    expect(told).toEqual([]);
    expect((await get('/cookies')).headers['set-cookie']).toEqual([
      'a=1; Domain=outer.example; Path=/%7e/x; Expires=Wed, 21 Oct 2099 07:28:00 GMT',
      'b=2; path=/other; domain=outer.example',
      cookies[2],
    ]);
    const { location, refresh } = (await get('/redirected')).headers;
    expect([location, refresh]).toEqual(['https://outer.example/x?y=%20', '5; url=https://outer.example/z']);
    expect(await serve({ 'proxy-redirect-from': 'http://inner', 'proxy-redirect-to': 'http://outer' })).toEqual([]);
    expect((await get('/redirected')).headers['location']).toBe('http://outer.example/app/x?y=%20');
    expect(await serve({ 'proxy-redirect-from': 'hello.com', 'proxy-redirect-to': 'goodbye.com' })).toEqual([]);
    expect((await get('/redirected')).headers['location']).toBe('http://inner.example/app/x?y=%20');
    expect((await serve({ 'proxy-cookie-domain': '~x $host' })).join()).toContain('InvalidAnnotation');
    expect((await get('/cookies')).headers['set-cookie']).toEqual(cookies);
  });

  it('add headers of a config map to answers, those of errors too', async () => {
    const mapOf = (data: Record<string, string>): ConfigMap => ({
      ...{ kind: 'ConfigMap', metadata: { namespace: 'default', name: 'headers' }, data },
    });
    const annotations = { 'custom-headers': 'default/headers', 'denylist-source-range': '10.0.0.0/8' };
    const data = { 'X-Frame-Options': 'DENY', 'X-Dollar': "$remote_addr 100%'s", 'Content-Type': 'text/x-own' };
    expect(await serve(annotations, mapOf(data))).toEqual([]);
    const expected = { 'x-frame-options': 'DENY', 'x-dollar': "$remote_addr 100%'s", 'content-type': 'text/x-own' };
    expect((await get('/')).headers).toMatchObject(expected);
    await serve({ ...annotations, 'denylist-source-range': '127.0.0.1' }, mapOf(data));
    const denied = await get('/');
    expect([denied.status, denied.headers['x-frame-options']]).toEqual([403, 'DENY']);
    expect((await serve(annotations)).join()).toContain('config map headers is of no use: it is not there');
    expect((await serve(annotations, mapOf({ 'X-A': 'a\nX-B: b' }))).join()).toContain('"X-A" is no header');
    expect((await get('/')).status).toBe(503);
  });

  it('add names for hosts', async () => {
    await serve({ 'server-alias': 'other.example, *.more.example' });
    expect((await get('/', { host: 'other.example' })).status).toBe(200);
    expect((await get('/', { host: 'x.more.example' })).status).toBe(200);
    expect((await get('/', { host: 'x.example' })).status).toBe(404);
  });

  it('keep addresses out, and let them in', async () => {
    await serve({ 'whitelist-source-range': '10.0.0.0/8,192.168.0.1' });
    expect((await get('/')).status).toBe(403);
    await serve({ 'allowlist-source-range': '127.0.0.0/8' });
    expect((await get('/')).status).toBe(200);
    await serve({ 'denylist-source-range': '127.0.0.1' });
    expect((await get('/')).status).toBe(403);
    expect((await serve({ 'whitelist-source-range': 'everybody' })).join()).toContain('Refused');
    expect((await get('/')).status).toBe(503);
  });

  it('ask for passwords of every common kind of hash', async () => {
    const lines = await Promise.all(
      (['-m', '-s', '-B', '-5', '-2'] as const).map(async (kind, index) => {
        const { stdout } = await run(['htpasswd', '-nb', kind, `user${index}`, 'right pass']);
        return stdout.trim();
      }),
    );
    const ssha = 'salted:{SSHA}' + 'wOk1u4bLqyc/AkDNpjRhNWL9VhxzYWx0';
    const secret = secretOf('users', { auth: [...lines, ssha, 'broken:zzz'].join('\n') });
    const told = await serve({ 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'Say "it"' }, secret);
    expect(told.join()).toContain('UnknownHash');
    const asked = await get('/');
    expect([asked.status, asked.headers['www-authenticate']]).toEqual([401, expect.stringContaining('Say')]);
    const as = (user: string, password: string): Promise<Answer> =>
      get('/', { headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } });
    for (let index = 0; index < lines.length; index++) {
      expect([lines[index], (await as(`user${index}`, 'right pass')).status]).toEqual([lines[index], 200]);
      expect((await as(`user${index}`, 'right pass')).status).toBe(200);
      expect((await as(`user${index}`, 'wrong')).status).toBe(401);
    }
    expect((await as('broken', 'zzz')).status).toBe(401);
    await serve({ 'auth-type': 'basic', 'auth-secret': 'gone' });
    expect((await as('user0', 'right pass')).status).toBe(503);
  });

  it('let in by address or by password where either suffices', async () => {
    const secret = secretOf('users', { u: '$apr1$abc$1234567890123456789012' });
    const auth = { 'auth-type': 'basic', 'auth-secret': 'users', 'auth-secret-type': 'auth-map', satisfy: 'any' };
    await serve({ ...auth, 'whitelist-source-range': '127.0.0.1' }, secret);
    expect((await get('/')).status).toBe(200);
    await serve({ ...auth, 'whitelist-source-range': '10.0.0.0/8' }, secret);
    expect((await get('/')).status).toBe(401);
  });

  it('limit requests of one client, with a burst, and connections', async () => {
    const ask = async (count: number): Promise<number[]> => {
      const answers = await Promise.all(Array.from({ length: count }, () => get('/')));
      return [200, 503].map((status) => answers.filter((answer) => answer.status === status).length);
    };
    await serve({ 'limit-rpm': '2', 'limit-burst-multiplier': '3' });
    expect(await ask(20)).toEqual([6, 14]);
    await serve({ 'limit-rps': '5', 'limit-burst-multiplier': '1', 'limit-whitelist': '127.0.0.1' });
    expect(await ask(20)).toEqual([20, 0]);
    await serve({ 'limit-connections': '2' });
    const slow = await Promise.all(Array.from({ length: 4 }, () => get('/slow')));
    expect(slow.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 503, 503]);
  });

  it('limit bodies, also those that do not say how long they are', async () => {
    await serve({ 'proxy-body-size': '1k' });
    const post = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
      get('/', { method: 'POST', body, headers });
    expect((await post('x'.repeat(1024), { 'content-length': '1024' })).status).toBe(200);
    expect((await post('x'.repeat(1025), { 'content-length': '1025' })).status).toBe(413);
    expect((await post('x', { 'transfer-encoding': 'chunked' })).status).toBe(411);
    expect((await get('/')).status).toBe(200);
    await serve({});
    expect(await seen('/', { method: 'POST', body: 'x'.repeat(3_000_000) })).toMatchObject({ bytes: 3_000_000 });
  });

  it('answer preflight requests, and name origins', async () => {
    await serve({ 'enable-cors': 'true', 'cors-allow-origin': 'https://*.one.example, https://two.example' });
    const from = (origin: string, method = 'GET') => get('/', { method, headers: { origin } });
    const allowed = (answer: Answer) => answer.headers['access-control-allow-origin'];
    expect(allowed(await from('https://x.one.example'))).toBe('https://x.one.example');
    expect(allowed(await from('https://two.example'))).toBe('https://two.example');
    expect(allowed(await from('https://x.y.one.example'))).toBeUndefined();
    expect(allowed(await from('https://evil.example'))).toBeUndefined();
    expect(allowed(await from('HTTPS://Two.example'))).toBe('HTTPS://Two.example');
    // The service answers those of others.
    expect((await from('https://evil.example', 'OPTIONS')).status).toBe(200);
    const preflight = await from('https://two.example', 'OPTIONS');
    expect(preflight.status).toBe(204);
    // As in ingress-nginx, every answer has them.
    for (const { headers } of [preflight, await from('https://two.example')])
      expect(headers).toMatchObject({
        'access-control-allow-methods': 'GET, PUT, POST, DELETE, PATCH, OPTIONS',
        'access-control-allow-credentials': 'true',
        'access-control-max-age': '1728000',
      });
  });

  it('answer preflight requests before they ask for a password, and no other requests', async () => {
    const secret = secretOf('users', { auth: 'u:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=' });
    await serve({ 'enable-cors': 'true', 'auth-type': 'basic', 'auth-secret': 'users' }, secret);
    const origin = { origin: 'https://x.example' };
    expect((await get('/', { method: 'OPTIONS', headers: origin })).status).toBe(204);
    expect((await get('/', { method: 'OPTIONS' })).status).toBe(204);
    const denied = await get('/', { headers: origin });
    expect([denied.status, denied.headers['access-control-allow-origin']]).toEqual([401, '*']);
  });

  it('have another service say what is wrong', async () => {
    const annotations = {
      'custom-http-errors': '404, 503',
      'default-backend': 'errors',
      'rewrite-target': '/status/$1',
    };
    const ingress = annotated('i', annotations, '/x/(.*)', 'ImplementationSpecific');
    expect(await test.serve([ingress], ...services)).toEqual([]);
    const headers = { accept: 'text/html', 'x-request-id': 'my-id' };
    const lost = await get('/x/404?q=1', { method: 'POST', body: 'text', headers });
    expect(lost.status).toBe(404);
    expect(JSON.parse(lost.body)).toMatchObject({
      ...{ origin: 2, method: 'GET', url: '/' },
      headers: {
        ...{ host: 'a.example', 'x-code': '404', 'x-format': 'text/html', 'x-original-uri': '/x/404?q=1' },
        ...{ 'x-namespace': 'default', 'x-ingress-name': 'i', 'x-service-name': 'a', 'x-service-port': '80' },
        'x-request-id': 'my-id',
      },
    });
    const head = await get('/x/503', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([503, '']);
    expect(JSON.parse((await get('/x/500')).body)).toMatchObject({ url: '/status/500' });
    expect((await get('/x/200')).status).toBe(200);
  });

  it('have nobody say what is wrong where nobody is named, or where it is forbidden', async () => {
    expect((await serve({ 'custom-http-errors': '404' })).join()).toContain('it needs default-backend');
    expect(JSON.parse((await get('/status/404')).body)).toMatchObject({ url: '/status/404' });
    const named = { 'custom-http-errors': '404', 'default-backend': 'errors' };
    expect(await serve({ ...named, 'disable-proxy-intercept-errors': 'true' })).toEqual([]);
    expect(JSON.parse((await get('/status/404')).body)).toMatchObject({ url: '/status/404' });
    expect((await serve({ ...named, 'custom-http-errors': '200' })).join()).toContain('no status from 300 to 599');
    // A page that is too long for the proxy, and as in nginx an answer of a service that does not answer.
    await serve(named);
    const long = await get('/status/404', { headers: { accept: 'long' } });
    expect(JSON.parse(long.body)).toMatchObject({ url: '/status/404' });
    const [errors, slice] = webService('errors', `${standIn}:1`);
    errors.spec = { clusterIP: '127.0.0.1', ports: [{ name: 'http', port: 1 }] };
    const others = services.filter(({ metadata }) => metadata.name !== 'errors');
    expect(await test.serve([annotated('i', named)], ...others, errors, slice)).toEqual([]);
    expect((await get('/status/404')).status).toBe(503);
  });

  it('give up on silent endpoints', async () => {
    await serve({ 'proxy-read-timeout': '1', 'proxy-next-upstream': 'off' });
    expect((await get('/slow')).status).toBe(504);
    await serve({ 'proxy-read-timeout': '4' });
    expect((await get('/slow')).status).toBe(200);
  });

  it('refuse what is not known and could protect, and say so', async () => {
    for (const name of ['configuration-snippet', 'server-snippet', 'enable-modsecurity', 'my-auth-thing']) {
      const told = await serve({ [name]: 'x' });
      expect(told.join()).toContain(`Refused: not served: annotation nginx.ingress.kubernetes.io/${name}`);
      expect((await get('/')).status).toBe(503);
    }
    expect((await serve({ 'auth-url': 'x' })).join()).toContain(
      'Refused: annotation nginx.ingress.kubernetes.io/auth-url',
    );
    expect((await get('/')).status).toBe(503);
    expect((await serve({ 'proxy-buffering': 'on' })).join()).toContain('has no effect here');
    expect((await get('/')).status).toBe(200);
  });
});

describe('endpoints', () => {
  const toTls = (annotations: Record<string, string>, ...more: Secret[]) => {
    const ingress = annotated('i', annotations);
    ingress.spec = { rules: [{ host: 'a.example', http: { paths: [path('/', 's')] } }] };
    return test.serve([ingress], ...services, ...more);
  };

  it('speak TLS, and show the right certificate where it is asked for', async () => {
    await toTls({ 'backend-protocol': 'HTTPS' });
    expect((await seen('/')).origin).toBe(3);
    const checked = { 'backend-protocol': 'HTTPS', 'proxy-ssl-verify': 'on', 'proxy-ssl-secret': 'ca' };
    const authority = secretOf('ca', { 'ca.crt': endpointPair.authority });
    const named = { 'proxy-ssl-name': 'endpoint.example', 'proxy-ssl-server-name': 'on' };
    expect(await toTls({ ...checked, ...named }, authority)).toEqual([]);
    expect((await get('/')).status).toBe(200);
    await toTls({ ...checked, ...named, 'proxy-ssl-name': 'wrong.example' }, authority);
    expect((await get('/')).status).toBe(503);
    await toTls({ ...checked, ...named }, secretOf('ca', {}));
    expect((await get('/')).status).toBe(503);
  });

  it('get TLS connections as they are', async () => {
    expect(await toTls({ 'ssl-passthrough': 'true' })).toEqual([]);
    const answer = await call(test.tlsPort, '/', { tls: true });
    expect([answer.status, (JSON.parse(answer.body) as Seen).origin]).toEqual([200, 3]);
    const other = await call(test.tlsPort, '/', { tls: true, host: 'b.example' });
    expect(other.status).toBe(404);
  });

  it('are stood in for while there are none', async () => {
    const ingress = annotated('i', { 'default-backend': 'b' });
    ingress.spec = { rules: [{ host: 'a.example', http: { paths: [path('/', 'none')] } }] };
    await test.serve([ingress], ...services);
    const { origin, url, headers } = await seen('/x?y', { headers: { 'x-code': '200', 'x-format': 'forged' } });
    expect([origin, url]).toEqual([2, '/x?y']);
    expect(headers).toMatchObject({
      ...{ 'x-code': '503', 'x-original-uri': '/x?y', 'x-namespace': 'default' },
      ...{ 'x-ingress-name': 'i', 'x-service-name': 'none', 'x-service-port': '80' },
    });
    expect(headers).not.toHaveProperty('x-format');
  });
});
