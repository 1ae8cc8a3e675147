/** What the parameters of an ingress class do to requests and answers. */
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigMap, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import { type Answer, call } from '../support/http-call.ts';
import { classWith, ingressOf, path, webService } from '../support/ingress-objects.ts';
import { standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

let origin: Server;
let test: TestProxy;
let services: (Service | EndpointSlice)[] = [];
const long = 'x'.repeat(5000);

/** Serves one ingress of a class with these parameters, and says what owners are told. */
function serve(
  parameters: Record<string, string>,
  annotations: Record<string, string> = {},
  ...more: ConfigMap[]
): Promise<string[]> {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  const rules = [{ host: 'a.example', http: { paths: [path('/', 'a')] } }];
  const ingress = ingressOf('i', { ingressClassName: 'c', rules }, Object.fromEntries(prefixed));
  return test.serve([ingress], ...services, ...classWith('c', parameters), ...more);
}

const configMap = (namespace: string, name: string, data: Record<string, string>): ConfigMap => ({
  ...{ kind: 'ConfigMap', metadata: { namespace, name }, data },
});
const get = (url = '/', options: Parameters<typeof call>[2] = {}): Promise<Answer> =>
  call(test.clearPort, url, options);
const statusOf = async (headers: Record<string, string>): Promise<number> => (await get('/', { headers })).status;
const seen = async (headers: Record<string, string> = {}): Promise<IncomingHttpHeaders> =>
  JSON.parse((await get('/', { headers })).body) as IncomingHttpHeaders;

/** What comes back on a connection that sends this, until it is closed or cut. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(test.clearPort, '127.0.0.1', () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}

/** Version and cipher that a client gets which takes all. */
function agreed(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port: test.tlsPort, rejectUnauthorized: false }, () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

beforeAll(async () => {
  origin = createServer((incoming, response) => {
    response.setHeader('x-powered-by', 'test');
    response.setHeader('content-type', incoming.url === '/text' ? 'text/css' : 'application/json');
    if (incoming.url === '/slow') setTimeout(() => response.end(), 1000);
    else response.end(incoming.url === '/' ? JSON.stringify(incoming.headers) : long);
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  services = webService('a', `${standIn}:${(origin.address() as AddressInfo).port}`);
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  origin?.close();
});

describe('parameters of an ingress class', () => {
  it('limit requests, with the status of their choice', async () => {
    expect(await serve({ 'limit-rpm': '1', 'limit-burst-multiplier': '2', 'limit-req-status-code': '429' })).toEqual(
      [],
    );
    const answers = await Promise.all(Array.from({ length: 5 }, () => get()));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 429, 429, 429]);
    await serve(
      { 'limit-rpm': '1', 'limit-connections': '1', 'limit-conn-status-code': '404' },
      { 'limit-rpm': '1000' },
    );
    const slow = await Promise.all(Array.from({ length: 2 }, () => get('/slow')));
    expect(slow.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404]);
  });

  it('keep clients out by address, user agent and referer', async () => {
    const agents = { 'block-user-agents': 'Bad Bot,~^curl/\\d,~*crawler', 'block-referers': '~spam' };
    expect(await serve(agents)).toEqual([]);
    expect(await statusOf({ 'user-agent': 'bad bot' })).toBe(403);
    expect(await statusOf({ 'user-agent': 'Bad Bot 2' })).toBe(200);
    expect(await statusOf({ 'user-agent': 'curl/8' })).toBe(403);
    expect(await statusOf({ 'user-agent': 'CURL/8' })).toBe(200);
    expect(await statusOf({ 'user-agent': 'A Crawler, of sorts' })).toBe(403);
    expect(await statusOf({ referer: 'https://spam.example/' })).toBe(403);
    expect(await statusOf({ referer: 'https://SPAM.example/' })).toBe(200);
    expect(await serve({ 'block-cidrs': '127.0.0.0/8' }, { 'allowlist-source-range': '127.0.0.1' })).toEqual([]);
    expect((await get()).status).toBe(403);
    expect((await serve({ 'block-user-agents': '~(a+)+' })).join()).toContain('no expression that the proxy knows');
    expect((await get()).status).toBe(503);
  });

  it('have a proxy in front believed: who the client is, what it asked for, and that it came over TLS', async () => {
    const says = {
      'x-forwarded-for': '192.0.2.1, 192.0.2.9',
      'x-forwarded-host': 'app.test, other.test',
      ...{ 'x-forwarded-port': '8443', 'x-forwarded-proto': 'https' },
    };
    const annotations = { 'force-ssl-redirect': 'true', 'allowlist-source-range': '192.0.2.9' };
    expect(await serve({}, annotations)).toEqual([]);
    expect(await statusOf(says)).toBe(308);
    expect(await serve({ 'use-forwarded-headers': 'true' }, annotations)).toEqual([]);
    expect(await seen(says)).toMatchObject({
      ...{ host: 'app.test', 'x-forwarded-host': 'app.test', 'x-forwarded-port': '8443', 'x-forwarded-proto': 'https' },
      ...{ 'x-forwarded-for': '192.0.2.9', 'x-real-ip': '192.0.2.9' },
    });
    expect(await statusOf({ ...says, 'x-forwarded-for': '192.0.2.8' })).toBe(403);
    const { status, headers } = await get('/', { headers: { 'x-forwarded-host': 'app.test' } });
    expect([status, headers['location']]).toEqual([308, expect.stringMatching(/^https:\/\/app\.test(?::\d+)?\/$/)]);
    expect((await get('/a%20b', { host: 'A.example', headers: says })).status).toBe(200);
    await serve({});
    expect(await seen({ 'x-forwarded-host': 'app.test' })).toMatchObject({ 'x-forwarded-host': 'a.example' });
  });

  it('believe what is in front of the proxy by its address alone, where they name addresses', async () => {
    const says = { 'x-forwarded-for': '192.0.2.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.test' };
    const believed = { 'use-forwarded-headers': 'true' };
    expect(await serve({ ...believed, 'proxy-real-ip-cidr': '10.0.0.0/8, 127.0.0.1' })).toEqual([]);
    expect(await seen(says)).toMatchObject({ ...says, 'x-real-ip': '192.0.2.9' });
    expect(await serve({ ...believed, 'proxy-real-ip-cidr': '10.0.0.0/8' })).toEqual([]);
    const forged = await seen(says);
    expect(forged).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    expect(forged['x-forwarded-host']).toBe('a.example');
    expect((await serve({ ...believed, 'proxy-real-ip-cidr': '10.0.0.0/33' })).join()).toContain('10.0.0.0/33');
    expect((await get()).status).toBe(503);
  });

  it('have connections say whose they are, by the PROXY protocol', async () => {
    const says = 'PROXY TCP4 192.0.2.7 192.0.2.1 1000 80\r\n';
    const ask = 'GET / HTTP/1.1\r\nhost: a.example\r\nx-forwarded-for: 192.0.2.8\r\nconnection: close\r\n\r\n';
    expect(await serve({ 'use-proxy-protocol': 'true' })).toEqual([]);
    expect(await raw(says + ask)).toContain('"x-forwarded-for":"192.0.2.7"');
    expect(await raw(ask)).toBe('');
    expect(await serve({ 'use-proxy-protocol': 'true', 'use-forwarded-headers': 'true' })).toEqual([]);
    expect(await raw(says + ask)).toContain('"x-forwarded-for":"192.0.2.7"');
    expect(await serve({ 'use-proxy-protocol': 'true', 'proxy-real-ip-cidr': '10.0.0.0/8' })).toEqual([]);
    expect(await raw(ask)).toContain('"x-forwarded-for":"127.0.0.1"');
    expect(await raw(says + ask)).toContain('400 Bad request');
    await serve({});
  });

  it('choose versions and ciphers of TLS', async () => {
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384';
    expect(await serve({ 'ssl-protocols': 'TLSv1.2', 'ssl-ciphers': cipher })).toEqual([]);
    expect(await agreed()).toMatch(/^TLSv1.2 ECDHE-(?:ECDSA|RSA)-AES256-GCM-SHA384$/);
    expect(await serve({ 'ssl-protocols': 'TLSv1.3' })).toEqual([]);
    expect(await agreed()).toMatch(/^TLSv1.3 /);
    const told = await serve({ 'ssl-protocols': 'SSLv3 TLSv1.2', 'ssl-ciphers': 'NO-SUCH' });
    expect(told.join()).toMatch(/SSLv3, which is none of TLSv1, .*ssl-ciphers .*names no cipher/);
    expect(await agreed()).toMatch(/^TLSv1.3 /);
  });

  it('add headers to answers and requests, and take some away', async () => {
    const parameters = { 'add-headers': 'system/answers', 'proxy-set-headers': 'system/requests' };
    const maps = [
      configMap('system', 'answers', { 'X-One': 'class', 'X-Two': "50% 'of'" }),
      configMap('default', 'own', { 'X-One': 'own' }),
      configMap('system', 'requests', { 'X-Path': '$scheme:$request_uri', 'X-Gone': '' }),
    ];
    const hidden = { ...parameters, 'hide-headers': 'X-Powered-By, X-Other' };
    expect(await serve(hidden, { 'custom-headers': 'own' }, ...maps)).toEqual([]);
    const { headers } = await get();
    expect([headers['x-one'], headers['x-two'], headers['x-powered-by']]).toEqual(['own', "50% 'of'", undefined]);
    const told = await seen({ 'x-path': 'forged', 'x-gone': '1', 'x-kept': '1' });
    expect([told['x-path'], told['x-gone'], told['x-kept']]).toEqual(['http:/', undefined, '1']);
    expect((await serve(parameters)).join()).toContain('config map system/answers is of no use: it is not there');
    expect((await get()).status).toBe(503);
  });

  it('have browsers keep to TLS', async () => {
    await serve({ hsts: 'true', 'hsts-max-age': '60', 'hsts-preload': 'true' });
    const overTls = await call(test.tlsPort, '/', { tls: true });
    expect(overTls.headers['strict-transport-security']).toBe('max-age=60; includeSubDomains; preload');
    expect((await get()).headers).not.toHaveProperty('strict-transport-security');
  });

  it('compress answers for those who take that', async () => {
    expect(await serve({ 'use-gzip': 'true', 'gzip-types': 'text/css' })).toEqual([]);
    const headers = { 'accept-encoding': 'gzip' };
    const raw = await fetchBytes('/text', headers);
    expect([raw.encoding, gunzipSync(raw.body).toString()]).toEqual(['gzip', long]);
    expect((await get('/json', { headers })).body).toBe(long);
    expect((await get('/text')).body).toBe(long);
  });

  it('change with their config map', async () => {
    await serve({ 'denylist-source-range': '127.0.0.1' });
    expect((await get()).status).toBe(403);
    await serve({});
    expect((await get()).status).toBe(200);
  });
});

function fetchBytes(url: string, headers: Record<string, string>): Promise<{ encoding?: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: test.clearPort, path: url, headers: { ...headers, host: 'a.example' } };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const encoding = response.headers['content-encoding'];
        resolve({ ...(encoding !== undefined && { encoding }), body: Buffer.concat(chunks) });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
