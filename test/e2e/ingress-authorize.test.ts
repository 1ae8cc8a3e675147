import { Agent, createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { type Answer, call } from '../support/http-call.ts';
import { standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

type Headers = IncomingMessage['headers'];

const servers: Server[] = [];
const questions: { url: string; method: string; headers: Headers }[] = [];
let objects: (Service | EndpointSlice)[] = [];
let test: TestProxy;
let asked = '';

const ingress = (name: string, annotations: Record<string, string>, rule = path('/', 'a')): Ingress => {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  return ingressOf(name, { rules: [{ host: 'a.example', http: { paths: [rule] } }] }, Object.fromEntries(prefixed));
};
const serve = (annotations: Record<string, string>): Promise<string[]> =>
  test.serve([ingress('i', { 'auth-url': asked, ...annotations })], ...objects);
const get = (url: string, options?: Parameters<typeof call>[2]): Promise<Answer> => call(test.clearPort, url, options);

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

/** Lets those pass who say so themselves. */
const guard = createServer(({ url = '', method = '', headers }, response) => {
  questions.push({ url, method, headers });
  const status = Number(headers['x-answer'] ?? 200);
  if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="guard"');
  response.setHeader('x-user', 'ann');
  if (headers['x-cookieless'] !== '1') response.setHeader('set-cookie', ['a=1', 'b=2']);
  const control = headers['x-cache-control'];
  if (control !== undefined) response.setHeader('cache-control', control);
  response.writeHead(status).end();
});
const app = createServer(({ url, headers }, response) => {
  response.statusCode = url?.startsWith('/broken') ? 500 : 200;
  response.end(JSON.stringify(headers));
});

beforeAll(async () => {
  const [appPort, guardPort] = [await listen(app), await listen(guard)];
  const [service, slice] = webService('guard', `${standIn}:${guardPort}`);
  // On the host, the address of a service leads to it; here it is the loopback.
  service.spec = { clusterIP: '127.0.0.1', ports: [{ name: 'http', port: guardPort }] };
  objects = [...webService('a', `${standIn}:${appPort}`), service, slice];
  asked = `http://guard.default.svc.cluster.local:${guardPort}/check?from=$host`;
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  for (const server of servers) server.close();
});

describe('auth-url', () => {
  it('is asked about each request, with its headers and without its body', async () => {
    expect(await serve({})).toEqual([]);
    questions.length = 0;
    const headers = { cookie: 'session=1', 'x-original-url': 'http://forged.example/' };
    expect((await get('/x?y=1', { method: 'POST', body: 'text', headers })).status).toBe(200);
    expect(questions).toEqual([
      {
        url: '/check?from=a.example',
        method: 'GET',
        headers: expect.objectContaining({ cookie: 'session=1' }) as Headers,
      },
    ]);
    expect(questions[0]?.headers).toMatchObject({
      'x-original-url': 'http://a.example/x?y=1',
      'x-original-method': 'POST',
      'x-auth-request-redirect': '/x?y=1',
    });
    expect(questions[0]?.headers['content-length']).toBeUndefined();
  });

  it('keeps out whom it does not let pass, and says 500 for what is no answer', async () => {
    await serve({});
    const statusAfter = async (answer: string): Promise<number> =>
      (await get('/', { headers: { 'x-answer': answer } })).status;
    expect([await statusAfter('204'), await statusAfter('403'), await statusAfter('302')]).toEqual([200, 403, 500]);
    const refused = await get('/', { headers: { 'x-answer': '401' } });
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer realm="guard"']);
    await test.serve([ingress('i', { 'auth-url': 'http://guard.default.svc.cluster.local:1/' })], ...objects);
    expect((await get('/')).status).toBe(500);
  });

  it('redirects to where one signs in, with the way back', async () => {
    await serve({ 'auth-signin': 'https://$host/start' });
    const headers = { 'x-answer': '401' };
    const back = 'http://a.example%2Fx%3Fy%3D1';
    expect((await get('/x?y=1', { headers })).headers['location']).toBe(`https://a.example/start?rd=${back}`);
    await serve({ 'auth-signin': 'https://$host/start?rd=$escaped_request_uri' });
    const answer = await get('/x?y=1', { headers });
    expect([answer.status, answer.headers['location']]).toEqual([302, 'https://a.example/start?rd=%2Fx%3Fy%3D1']);
  });

  it("gives headers of the answer to the service in the client's stead, and its cookies to the client", async () => {
    await serve({ 'auth-response-headers': 'X-User, X-Groups' });
    const headers = { 'x-user': 'forged', 'x-groups': 'forged' };
    const answer = await get('/', { headers });
    const seen = JSON.parse(answer.body) as Headers;
    expect([seen['x-user'], seen['x-groups']]).toEqual(['ann', undefined]);
    expect(answer.headers['set-cookie']?.toString()).toBe('a=1,b=2');
    expect((await get('/broken')).headers['set-cookie']).toBeUndefined();
    await serve({ 'auth-always-set-cookie': 'true' });
    expect((await get('/broken')).headers['set-cookie']?.toString()).toBe('a=1,b=2');
  });

  it('may be a path of the same host, and does not ask about its own questions without end', async () => {
    const guarded = ingress('i', { 'auth-url': 'http://$host/guard' });
    const [guardService, guardSlice] = objects.slice(2) as [Service, EndpointSlice];
    const port = guardService.spec?.ports?.[0]?.port ?? 0;
    const backend = { service: { name: 'guard', port: { number: port } } };
    const guardPath = { path: '/guard', pathType: 'Prefix', backend };
    expect(
      await test.serve([guarded, ingress('g', {}, guardPath)], ...objects.slice(0, 2), guardService, guardSlice),
    ).toEqual([]);
    expect((await get('/')).status).toBe(200);
    expect((await get('/', { headers: { 'x-answer': '403' } })).status).toBe(403);
    await test.serve([guarded], ...objects);
    expect((await get('/')).status).toBe(500);
  });

  it('is asked once for each key while its answer counts', async () => {
    expect(await serve({ 'auth-cache-key': '$http_x_token', 'auth-response-headers': 'X-User' })).toEqual([]);
    // One connection is one thread's, which keeps its own answers.
    let agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const told = async (token: string, answer: string, more: Record<string, string> = {}): Promise<string> => {
      const headers = { ...{ 'x-token': token, 'x-answer': answer, 'x-cookieless': '1' }, ...more };
      const { status, body } = await get('/', { agent, headers });
      return status === 200 ? `${status} ${String((JSON.parse(body) as Headers)['x-user'])}` : String(status);
    };
    questions.length = 0;
    expect([await told('a', '200'), await told('a', '403')]).toEqual(['200 ann', '200 ann']);
    expect([await told('b', '401'), await told('b', '200')]).toEqual(['401', '401']);
    expect(questions.map(({ headers }) => headers['x-token'])).toEqual(['a', 'b']);
    // Of a status that is not kept, or by what the answer says itself.
    expect([await told('c', '403'), await told('c', '200')]).toEqual(['403', '200 ann']);
    const unkept = { 'x-cache-control': 'no-store' };
    expect([await told('d', '200', unkept), await told('d', '403', unkept)]).toEqual(['200 ann', '403']);
    expect([await told('e', '200', { 'x-cookieless': '' }), await told('e', '403')]).toEqual(['200 ann', '403']);
    const kept = { 'x-cache-control': 'public, max-age=60' };
    expect([await told('f', '403', kept), await told('f', '200')]).toEqual(['403', '403']);
    agent.destroy();
    agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await serve({ 'auth-cache-key': '$http_x_token', 'auth-cache-duration': '403 1h 30m' });
    expect([await told('a', '403'), await told('a', '200'), await told('b', '200'), await told('b', '403')]).toEqual([
      ...['403', '403', '200 undefined', '403'],
    ]);
    agent.destroy();
    expect((await serve({ 'auth-cache-key': 'x', 'auth-cache-duration': '5 minutes' })).join()).toContain(
      'auth-cache-duration is not a list',
    );
  });

  it('is not needed by those whom their address lets pass', async () => {
    const headers = { 'x-answer': '403' };
    await serve({ satisfy: 'any', 'whitelist-source-range': '127.0.0.1' });
    expect((await get('/', { headers })).status).toBe(200);
    await serve({ satisfy: 'any', 'whitelist-source-range': '10.0.0.0/8' });
    expect([(await get('/', { headers })).status, (await get('/')).status]).toEqual([403, 200]);
  });

  it('is not needed by those who bring a password where either suffices', async () => {
    const users = Buffer.from('ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n').toString('base64');
    const secret: Secret = { kind: 'Secret', metadata: { namespace: 'default', name: 'users' }, data: { auth: users } };
    const annotations = { 'auth-url': asked, 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'own' };
    const serveEither = (more: Record<string, string>): Promise<string[]> =>
      test.serve([ingress('i', { ...annotations, ...more })], ...objects, secret);
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    const statusOf = async (answer: string, password: string): Promise<number> => {
      const headers = { 'x-answer': answer, authorization: basic(`ann:${password}`) };
      return (await get('/', { headers })).status;
    };
    expect(await serveEither({ satisfy: 'any' })).toEqual([]);
    questions.length = 0;
    expect([await statusOf('401', 'password'), questions.length]).toEqual([200, 0]);
    expect([await statusOf('200', 'wrong'), await statusOf('401', 'wrong'), await statusOf('403', 'wrong')]).toEqual([
      ...[200, 401, 401],
    ]);
    expect((await get('/', { headers: { 'x-answer': '401' } })).headers['www-authenticate']).toContain('own');
    await serveEither({ satisfy: 'any', 'auth-signin': 'http://$host/auth/start' });
    expect([await statusOf('401', 'wrong'), await statusOf('401', 'password')]).toEqual([302, 200]);
    await serveEither({ satisfy: 'all' });
    expect([
      await statusOf('403', 'password'),
      await statusOf('200', 'wrong'),
      await statusOf('200', 'password'),
    ]).toEqual([403, 401, 200]);
  });

  it('that leads nowhere closes the ingress', async () => {
    const told = async (url: string): Promise<string> => (await serve({ 'auth-url': url })).join();
    expect(await told('http://nobody.default.svc.cluster.local/')).toContain('Refused: not served: auth-url leads to');
    expect(await told('http://127.0.0.1:1/')).toContain('leads neither to a service');
    expect((await get('/')).status).toBe(503);
  });
});
