import { readFileSync } from 'node:fs';
import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, type Endpoint, type ProxyModel, routeKey } from '../../src/network/ingress/model.ts';
import type { IngressProxy } from '../../src/network/ingress/proxy.ts';
import { plainSettings } from '../../src/network/ingress/settings.ts';
import { call, loadOn } from '../support/http-call.ts';
import { wrkOn } from '../support/wrk.ts';
import { certificateFor, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';
import { eventually } from './support.ts';
import { plainEntrance } from '../../src/network/ingress/entrance.ts';

const origins: Server[] = [];
const endpoints: Endpoint[] = [];
let test: TestProxy;
let proxy: IngressProxy;

/** The service `s<number>`, at the given origins, on the path of its name. */
function model(services: ReadonlyMap<string, readonly number[]>, certificates: Certificate[] = []): ProxyModel {
  const paths = new Map([...services.keys()].map((name) => [routeKey.prefix('a.example', `/${name}`), name]));
  const backends = [...services].map(([name, at]) => {
    return [name, { settings: plainSettings, endpoints: at.map((index) => endpoints[index] as Endpoint) }] as const;
  });
  const table = { paths, expressions: [] };
  return {
    backends: new Map(backends),
    hosts: new Set(['a.example']),
    ...{
      clear: table,
      tls: table,
      canaries: new Map(),
      userLists: new Map(),
      entrance: plainEntrance,
      tcp: new Map(),
    },
    ...{ endpointFiles: new Map(), passthrough: new Map() },
    certificates: new Map([['default', fallback], ...certificates.map((each, at) => [`c${at}`, each] as const)]),
  };
}

const certificateOf = (host: string): Certificate => {
  const { certificate, key } = certificateFor(host);
  return { pem: certificate + key, hosts: [host] };
};
const fallback = { ...certificateOf('fallback.example'), hosts: [] };
const get = (path: string, agent?: Agent) => call(test.clearPort, path, agent && { agent });

function servedName(servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port: test.tlsPort, servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

beforeAll(async () => {
  for (let index = 0; index < 4; index++) {
    const server = createServer((incoming, response) =>
      response.end(`${index} ${String(incoming.headers['x-forwarded-for'])}`),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origins.push(server);
    endpoints.push({ address: '127.0.0.1', port: (server.address() as AddressInfo).port, weight: 1 });
  }
  test = await startTestProxy();
  proxy = test.proxy;
});

afterAll(() => {
  test?.stop();
  for (const server of origins) server.close();
});

describe('a running HAProxy', () => {
  it('starts with a model, and says 404 where no route is', async () => {
    expect(await proxy.apply(model(new Map([['s', [0]]])))).toEqual({ reloaded: true });
    expect(await get('/s/x')).toMatchObject({ status: 200, body: '0 127.0.0.1' });
    expect((await get('/other')).status).toBe(404);
    expect((await get('/%73/x')).status).toBe(200);
    expect((await get('/other/%2e%2e/s')).status).toBe(400);
  });

  it('takes routes, endpoints and certificates by commands, and loses no request of 200 changes', async () => {
    const running = loadOn(test.clearPort, '/s');
    const firstPid = test.pid();
    for (let change = 0; change < 200; change++) {
      const at = change % 2 === 0 ? [change % 4, (change + 1) % 4] : [(change + 1) % 4];
      const services = new Map([
        ['s', at],
        [`extra${change % 7}`, [change % 4]],
      ] as [string, number[]][]);
      const certificates = change % 10 < 5 ? [certificateOf(`host${change}.example`)] : [];
      expect(await proxy.apply(model(services, certificates))).toEqual({ reloaded: false });
      expect((await get(`/extra${change % 7}`)).body).toBe(`${change % 4} 127.0.0.1`);
    }
    const { sent, failures } = await running.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(200);
    expect(test.pid()).toBe(firstPid);
  });

  it('serves a certificate by name as soon as it is there, and another one in its place', async () => {
    const services = new Map([['s', [0]]]);
    await proxy.apply(model(services, [certificateOf('one.example')]));
    expect(await servedName('one.example')).toBe('one.example');
    await proxy.apply(model(services, [certificateOf('two.example')]));
    expect(await servedName('two.example')).toBe('two.example');
    expect(await servedName('one.example')).toBe('fallback.example');
  });

  it('loses no request when it has to be loaded anew', async () => {
    const running = wrkOn(test.clearPort, '/s');
    for (let round = 0; round < 5; round++) {
      const before = model(new Map([['s', [round % 4]]]));
      const settings = { ...plainSettings, retries: { count: round } };
      const backends = new Map([...before.backends, [`own${round}`, { settings, endpoints: [] }]]);
      expect(await proxy.apply({ ...before, backends })).toEqual({ reloaded: true });
    }
    expect((await running.stop()).failures).toEqual([]);
  });

  it('keeps what ran when a configuration is refused', async () => {
    const broken = { ...model(new Map([['s', [0]]])), userLists: new Map([['a b', { crypt: [], scripted: [] }]]) };
    await expect(proxy.apply(broken)).rejects.toThrow('HAProxy does not start');
    expect((await get('/s')).status).toBe(200);
  });

  it('writes requests to its access log', async () => {
    await proxy.apply(model(new Map([['s', [0]]])));
    await get('/s/logged');
    expect(readFileSync(join(test.directory, 'access.log'), 'utf8')).toMatch(/"GET \/s\/logged HTTP\/1\.1" 200 .* s /);
  });

  it('keeps what its log has when it is loaded anew, and writes on', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const reload = async (round: number): Promise<void> => {
      const before = model(new Map([['s', [0]]]));
      const settings = { ...plainSettings, retries: { count: 50 + round } };
      const backends = new Map([...before.backends, ['own', { settings, endpoints: [] }]]);
      expect(await proxy.apply({ ...before, backends })).toEqual({ reloaded: true });
    };
    for (let round = 0; round < 3; round++) {
      await get(`/s/old-${round}`, agent);
      await reload(round);
      await get(`/s/new-${round}`);
      // On the connection that the replaced process still has.
      await get(`/s/late-${round}`, agent);
      agent.destroy();
    }
    const expected = ['late', 'new', 'old'].flatMap((name) => [0, 1, 2].map((round) => `${name}-${round}`));
    // A line is written when its answer has been sent.
    await eventually(() => {
      const log = readFileSync(join(test.directory, 'access.log'), 'utf8');
      const asked = [...log.matchAll(/"GET \/s\/((?:old|new|late)-\d) HTTP\/1\.1" 200 .*\n/g)].map(([, name]) => name);
      return Promise.resolve(asked.length === expected.length && expected.every((name) => asked.includes(name)));
    }, 'all lines');
  });
});
