/** The rules of hosts, paths and default backends that the conformance tests of ingress controllers ask for. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import { call } from '../support/http-call.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { certificateFor, standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

const names = ['foo-exact', 'foo-prefix', 'aaa', 'aaa-bbb', 'wildcard', 'named', 'fallback'] as const;
type Name = (typeof names)[number];

const servers: Server[] = [];
const objects: (Service | EndpointSlice)[] = [];
let test: TestProxy;

/** Who answers, and the host and path that it was asked for; or the status when nobody does. */
async function served(host: string, url: string, method = 'GET'): Promise<string | number> {
  const { status, body } = await call(test.clearPort, url, { host, method });
  return status === 200 ? body : status;
}

beforeAll(async () => {
  for (const name of names) {
    const server = createServer((incoming, response) => {
      incoming
        .resume()
        .on('end', () => response.end(`${name} ${incoming.method} ${incoming.headers.host}${incoming.url}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    objects.push(...webService(name, `${standIn}:${(server.address() as AddressInfo).port}`));
  }
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  for (const server of servers) server.close();
});

describe('conformance of ingresses', () => {
  it('paths: exact ones, prefixes by elements, the longest first, and slashes at the end', async () => {
    const rule = (host: string, ...paths: ReturnType<typeof path>[]) => ({ host, http: { paths } });
    const rules = [
      rule('exact', path('/foo', 'foo-exact', 'Exact')),
      rule('prefix', path('/foo', 'foo-prefix'), path('/aaa/bbb', 'aaa-bbb'), path('/aaa', 'aaa')),
      rule('mixed', path('/foo', 'foo-prefix'), path('/foo', 'foo-exact', 'Exact')),
      rule('slash', path('/aaa/bbb/', 'aaa-bbb'), path('/foo/', 'foo-exact', 'Exact')),
    ];
    expect(await test.serve([ingressOf('paths', { rules })], ...objects)).toEqual([]);
    const expected: [host: string, url: string, service: Name | 404][] = [
      ['exact', '/foo', 'foo-exact'],
      ['exact', '/foo/', 404],
      ['exact', '/FOO', 404],
      ['exact', '/bar', 404],
      ['prefix', '/foo', 'foo-prefix'],
      ['prefix', '/foo/', 'foo-prefix'],
      ['prefix', '/FOO', 404],
      ['prefix', '/aaa/bbb', 'aaa-bbb'],
      ['prefix', '/aaa/bbb/ccc', 'aaa-bbb'],
      ['prefix', '/aaa/ccc', 'aaa'],
      ['prefix', '/aaaccc', 404],
      ['mixed', '/foo', 'foo-exact'],
      ['slash', '/aaa/bbb', 'aaa-bbb'],
      ['slash', '/aaa/bbb/', 'aaa-bbb'],
      ['slash', '/foo', 404],
    ];
    for (const [host, url, service] of expected)
      expect(await served(host, url)).toBe(service === 404 ? 404 : `${service} GET ${host}${url}`);
  });

  it('hosts: themselves, and wildcards for one label', async () => {
    const named = { path: '/', pathType: 'Prefix', backend: { service: { name: 'named', port: { name: 'http' } } } };
    const rules = [
      { host: '*.foo.example', http: { paths: [path('/', 'wildcard')] } },
      { host: 'foo.bar.example', http: { paths: [named] } },
    ];
    const { certificate, key } = certificateFor('foo.bar.example');
    const data = {
      'tls.crt': Buffer.from(certificate).toString('base64'),
      'tls.key': Buffer.from(key).toString('base64'),
    };
    const secret = { kind: 'Secret', metadata: { namespace: 'default', name: 'pair' }, data };
    const tls = [{ hosts: ['foo.bar.example'], secretName: 'pair' }];
    expect(await test.serve([ingressOf('hosts', { rules, tls })], ...objects, secret)).toEqual([]);
    const host = 'foo.bar.example';
    expect((await call(test.tlsPort, '/', { tls: true, host })).body).toBe(`named GET ${host}/`);
    // As ingress-nginx does it where a host has TLS (`ssl-redirect`).
    expect(await served(host, '/')).toBe(308);
    expect(await served('subdomain.bar.example', '/')).toBe(404);
    expect(await served('bar.foo.example', '/')).toBe('wildcard GET bar.foo.example/');
    expect(await served('baz.bar.foo.example', '/')).toBe(404);
    expect(await served('foo.example', '/')).toBe(404);
  });

  it('load balancing: every endpoint has its share', async () => {
    const endpoints: string[] = [];
    for (let index = 0; index < 10; index++) {
      const server = createServer((_, response) => response.end(String(index)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      endpoints.push(`${standIn}:${(server.address() as AddressInfo).port}`);
    }
    const [service, slice] = webService('scaled');
    // Each has a port of its own on the loopback, and so a slice.
    const slices = endpoints.map((endpoint) => ({ ...webService('scaled', endpoint)[1], metadata: slice.metadata }));
    const { service: wanted } = path('/', 'scaled').backend;
    const spec = { ...(wanted && { defaultBackend: { service: wanted } }) };
    expect(await test.serve([ingressOf('scaled', spec)], service, ...slices)).toEqual([]);
    const answers = await Promise.all(Array.from({ length: 100 }, () => served('load-balancing', '/')));
    const counts = Array.from(
      { length: 10 },
      (_, index) => answers.filter((answer) => answer === String(index)).length,
    );
    expect(counts).toEqual(Array.from({ length: 10 }, () => 10));
  });

  it('default backends: every method, host and path', async () => {
    const { service } = path('/', 'fallback').backend;
    const spec = { ...(service && { defaultBackend: { service } }) };
    expect(await test.serve([ingressOf('default', spec)], ...objects)).toEqual([]);
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'])
      for (const [host, url] of [
        ['my-host', '/'],
        ['some-host', '/sub-path'],
      ] as const)
        expect(await served(host, url, method)).toBe(`fallback ${method} ${host}${url}`);
  });
});
