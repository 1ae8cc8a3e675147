import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { call } from '../support/http-call.ts';
import { standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

const servers: Server[] = [];
const copies: string[] = [];
let copied: () => void = () => {};
let objects: (Service | EndpointSlice)[] = [];
let test: TestProxy;
let port = 0;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

/** Answers nothing: nobody may wait for it. */
const mirror = createServer((incoming) => {
  let body = '';
  incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
  incoming.on('end', () => {
    const { method, url, headers } = incoming;
    copies.push(`${method} ${headers.host}${url} ${String(headers['x-mine'])} ${body.length}`);
    copied();
  });
});
const app = createServer((incoming, response) => {
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => (bytes += chunk.length));
  incoming.on('end', () => response.end(String(bytes)));
});

const annotated = (name: string, annotations: Record<string, string>, rule = path('/', 'a')): Ingress => {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  return ingressOf(name, { rules: [{ host: 'a.example', http: { paths: [rule] } }] }, Object.fromEntries(prefixed));
};
const serve = (annotations: Record<string, string>): Promise<string[]> =>
  test.serve([annotated('i', annotations)], ...objects);

/** The copy that the mirror gets next, once the request has been answered. */
async function copyOf(request: () => Promise<{ status: number; body: string }>): Promise<string> {
  const arrived = new Promise<void>((resolve) => (copied = resolve));
  expect((await request()).status).toBe(200);
  await arrived;
  return copies.splice(0).join();
}

beforeAll(async () => {
  const appPort = await listen(app);
  port = await listen(mirror);
  const [service, slice] = webService('mirror', `${standIn}:${port}`);
  // On the host, the address of a service leads to it; here it is the loopback.
  service.spec = { clusterIP: '127.0.0.1', ports: [{ name: 'http', port }] };
  objects = [...webService('a', `${standIn}:${appPort}`), service, slice];
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

describe('mirror-target', () => {
  const headers = { 'x-mine': 'yes' };
  const post = (body: string, more: Record<string, string> = {}) =>
    call(test.clearPort, '/p', { method: 'POST', body, headers: { ...headers, ...more } });

  it('gets copies with their bodies, and nobody waits for what it says', async () => {
    const target = `http://mirror.default.svc.cluster.local:${port}`;
    expect(await serve({ 'mirror-target': `${target}/copy$request_uri` })).toEqual([]);
    const host = `mirror.default.svc.cluster.local:${port}`;
    const got = await copyOf(() => call(test.clearPort, '/x?y=1', { headers }));
    expect(got).toBe(`GET ${host}/copy/x?y=1 yes 0`);
    expect(await copyOf(() => post('x'.repeat(9000), { 'content-length': '9000' }))).toBe(
      `POST ${host}/copy/p yes 9000`,
    );
    expect((await post('x'.repeat(100_000), { 'content-length': '100000' })).body).toBe('100000');
    expect((await post('x'.repeat(100), { 'transfer-encoding': 'chunked' })).body).toBe('100');
    // What would have been copied would have come before this.
    expect(await copyOf(() => call(test.clearPort, '/last', { headers }))).toBe(`GET ${host}/copy/last yes 0`);
  });

  it('is asked for the host that is wanted, and gets no bodies where they are not', async () => {
    const target = `http://mirror.default.svc:${port}/`;
    const more = { 'mirror-host': 'other.example', 'mirror-request-body': 'off' };
    expect(await serve({ 'mirror-target': target, ...more })).toEqual([]);
    expect(await copyOf(() => post('text', { 'content-length': '4' }))).toBe('POST other.example/ yes 0');
  });

  it('may be a host of an ingress; copies are not copied', async () => {
    const backend = { service: { name: 'mirror', port: { number: port } } };
    const copy = annotated('m', {}, { path: '/copy', pathType: 'Prefix', backend });
    const target = { 'mirror-target': 'http://a.example/copy' };
    expect(await test.serve([annotated('i', target), copy], ...objects)).toEqual([]);
    expect(await copyOf(() => call(test.clearPort, '/', { headers }))).toBe('GET a.example/copy yes 0');
    await test.serve(
      [annotated('i', target), annotated('m', target, { path: '/copy', pathType: 'Prefix', backend })],
      ...objects,
    );
    expect(await copyOf(() => call(test.clearPort, '/', { headers }))).toBe('GET a.example/copy yes 0');
  });

  it('has no effect when it leads elsewhere, or to a service that is not there', async () => {
    expect((await serve({ 'mirror-target': 'http://127.0.0.1:1/' })).join()).toContain('leads neither to a service');
    const told = (await serve({ 'mirror-target': 'http://nobody.default.svc.cluster.local/' })).join();
    expect(told).toContain('it has no effect');
    expect((await call(test.clearPort, '/')).status).toBe(200);
  });
});
