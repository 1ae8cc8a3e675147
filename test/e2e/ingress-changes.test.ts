/**
 * Everything at once that may lose a request: endpoints that end when they are no longer asked, and ones that crash
 * while they are; the route of the very host that is asked, its certificate, and reloads; under lasting and new
 * connections.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import { call } from '../support/http-call.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { certificateFor, standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';
import { wrkOn } from '../support/wrk.ts';

interface Origin {
  server: Server;
  port: number;
}

const host = 'a.example';
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];

const origins: Record<Name, Origin[]> = { a: [], b: [] };
let test: TestProxy;
let route: Name = 'a';
let reloads = 0;
let pair = certificateFor(host);

async function startOrigin(name: Name): Promise<void> {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origins[name].push({ server, port: (server.address() as AddressInfo).port });
}

/** Each origin has a port of its own, and so a slice. */
function objectsOf(name: Name): (Service | EndpointSlice)[] {
  const [service] = webService(name);
  const slices = origins[name].map(({ port }) => {
    const [, slice] = webService(name, `${standIn}:${port}`);
    return { ...slice, metadata: { ...slice.metadata, name: `${name}-${port}` } };
  });
  return [service, ...slices];
}

async function apply(): Promise<void> {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const secret: Secret = {
    kind: 'Secret',
    metadata: { namespace: 'default', name: 'tls' },
    data: { 'tls.crt': encoded(pair.certificate), 'tls.key': encoded(pair.key) },
  };
  const rule = { host, http: { paths: [path('/', route)] } };
  const own = ingressOf(
    'own',
    { rules: [rule], tls: [{ hosts: [host], secretName: 'tls' }] },
    { 'nginx.ingress.kubernetes.io/ssl-redirect': 'false' },
  );
  const other = ingressOf(
    'other',
    { rules: [{ host: 'other.example', http: { paths: [path('/', 'b')] } }] },
    { 'nginx.ingress.kubernetes.io/proxy-read-timeout': String(100 + reloads) },
  );
  expect(await test.serve([own, other], ...objectsOf('a'), ...objectsOf('b'), secret)).toEqual([]);
}

/** As pods end: nobody is sent there any more, then what is under way is finished. */
async function replaceGently(name: Name): Promise<void> {
  await startOrigin(name);
  const old = origins[name].shift();
  await apply();
  old?.server.close();
  old?.server.closeIdleConnections();
}

/** All its connections are cut, some with a request on them, before anybody knows. */
async function crash(name: Name): Promise<void> {
  const [victim] = origins[name];
  victim?.server.closeAllConnections();
  victim?.server.close();
  await startOrigin(name);
  origins[name].shift();
  await apply();
}

const changes: readonly (() => Promise<void>)[] = [
  () => replaceGently(route),
  () => {
    route = route === 'a' ? 'b' : 'a';
    return apply();
  },
  () => {
    pair = certificateFor(host);
    return apply();
  },
  () => crash(route),
];

/** Requests on a new connection each, two at a time; an answer that is none of a service's is a failure. */
function newConnectionsOn(tls: boolean): { stop(): Promise<{ sent: number; failures: string[] }> } {
  const failures: string[] = [];
  let sent = 0;
  let isOver = false;
  const worker = async (): Promise<void> => {
    while (!isOver) {
      sent++;
      const said = await call(tls ? test.tlsPort : test.clearPort, '/', { host, tls }).then(
        ({ status, body }) => `${status} ${body}`,
        (error: unknown) => String(error),
      );
      if (said !== '200 a' && said !== '200 b') failures.push(said);
    }
  };
  const workers = [worker(), worker()];
  return {
    async stop() {
      isOver = true;
      await Promise.all(workers);
      return { sent, failures };
    },
  };
}

beforeAll(async () => {
  test = await startTestProxy();
  for (const name of names) for (let index = 0; index < 3; index++) await startOrigin(name);
  await apply();
});

afterAll(() => {
  test?.stop();
  for (const { server } of [...origins.a, ...origins.b]) {
    server.closeAllConnections();
    server.close();
  }
});

describe('200 changes under load', () => {
  it('lose no request: endpoints that end and that crash, routes, certificates, reloads', async () => {
    const loads = [wrkOn(test.clearPort, '/'), newConnectionsOn(false), newConnectionsOn(true)];
    const pids = new Set([test.pid()]);
    for (let change = 0; change < 200; change++) {
      await changes[change % changes.length]?.();
      if (change % 25 === 24) {
        reloads++;
        await apply();
        pids.add(test.pid());
      }
      // What has been applied holds for whoever comes next.
      expect((await call(test.clearPort, '/', { host })).body).toBe(route);
    }
    const results = await Promise.all(loads.map((load) => load.stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { sent } of results) expect(sent).toBeGreaterThan(200);
    expect(pids.size).toBe(9);
  });
});
