import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call } from '../../test/support/request.ts';
import type { Service, ServiceSpec } from '../api/types/core-v1.ts';
import { seededRandom } from '../base/random.ts';
import { firstServiceAddress, IpRange, NumberPool } from './ip-range.ts';

const path = '/api/v1/namespaces/default/services';
const ports = [{ port: 80 }];

describe('addresses and ports of services', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const post = (name: string, spec: object): Promise<Answer> =>
    send(`POST ${path}`, { body: { metadata: { name }, spec } });
  const create = async (name: string, spec: object = { ports }): Promise<ServiceSpec> => {
    const answer = await post(name, spec);
    expect([answer.status, answer.status === 201 ? '' : answer.json().message]).toEqual([201, '']);
    return answer.json<Service>().spec as ServiceSpec;
  };
  const message = async (name: string, spec: object): Promise<string> => (await post(name, spec)).json().message;
  beforeEach(async () => {
    api = await startTestApiServer({
      serviceNetwork: { serviceCidr: '10.96.0.0/28', nodePortRange: { first: 30_000, last: 30_003 } },
    });
  });
  afterEach(() => api.close());

  it('gives every service an address of its own until there are none', async () => {
    const given = new Set<string>();
    for (let i = 0; i < 13; i++) given.add((await create(`s${i}`)).clusterIP as string);
    expect(given.size).toBe(13);
    expect(given.has('10.96.0.1')).toBe(false);
    expect(await message('more', { ports })).toContain('range is full');
    await send(`DELETE ${path}/s3`);
    expect(given.has((await create('again')).clusterIP as string)).toBe(true);
  });

  it('fills in families and the list of addresses', async () => {
    const spec = await create('a');
    expect(spec).toMatchObject({ type: 'ClusterIP', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    expect(spec.clusterIPs).toEqual([spec.clusterIP]);
  });

  it('gives the address that is asked for, to one only', async () => {
    expect((await create('a', { ports, clusterIP: '10.96.0.7' })).clusterIP).toBe('10.96.0.7');
    expect(await message('b', { ports, clusterIP: '10.96.0.7' })).toBe(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.7"]: ' +
        'failed to allocate IP 10.96.0.7: provided IP is already allocated',
    );
    expect(await message('c', { ports, clusterIP: '10.96.1.7' })).toContain(
      'the provided IP (10.96.1.7) is not in the valid range. The range of valid IPs is 10.96.0.0/28',
    );
  });

  it('gives headless and external services no address', async () => {
    expect(await create('a', { ports, clusterIP: 'None', selector: { a: 'b' } })).toMatchObject({ clusterIP: 'None' });
    const external = await create('b', { type: 'ExternalName', externalName: 'example.com' });
    expect(external.clusterIP).toBeUndefined();
  });

  it('gives node ports, one for TCP and UDP of the same port', async () => {
    const both = [
      { name: 't', port: 53, protocol: 'TCP' },
      { name: 'u', port: 53, protocol: 'UDP' },
      { name: 'h', port: 80 },
    ];
    const spec = await create('a', { type: 'NodePort', ports: both });
    const [tcp, udp, http] = (spec.ports ?? []).map(({ nodePort }) => nodePort as number);
    expect(tcp).toBe(udp);
    expect(http).not.toBe(tcp);
    expect(await message('b', { type: 'NodePort', ports: [{ port: 1, nodePort: tcp }] })).toBe(
      `Service "b" is invalid: spec.ports[0].nodePort: Invalid value: ${tcp}: provided port is already allocated`,
    );
    expect(await message('b', { type: 'NodePort', ports: [{ port: 1, nodePort: 99 }] })).toContain(
      'provided port is not in the valid range. The range of valid ports is 30000-30003',
    );
  });

  it('frees what a service no longer has', async () => {
    const { ports: before } = await create('a', { type: 'NodePort', ports });
    const nodePort = before?.[0]?.nodePort;
    const headers = { 'content-type': 'application/merge-patch+json' };
    const changed = await send(`PATCH ${path}/a`, { headers, body: { spec: { type: 'ClusterIP' } } });
    expect(changed.json<Service>().spec?.ports?.[0]?.nodePort).toBeUndefined();
    expect((await create('b', { type: 'NodePort', ports: [{ port: 1, nodePort }] })).ports?.[0]?.nodePort).toBe(
      nodePort,
    );
  });

  it('reserves nothing for what is refused or only tried', async () => {
    const body = { metadata: { name: 'a' }, spec: { ports, clusterIP: '10.96.0.9' } };
    expect((await send(`POST ${path}?dryRun=All`, { body })).status).toBe(201);
    await create('b', { ports, clusterIP: '10.96.0.9' });
    const type = 'NodePort';
    await post('c', { type, ports: [{ port: 1, nodePort: 30_000 }], clusterIP: '10.96.0.9' });
    await post('b', { type, ports: [{ port: 1, nodePort: 30_000 }] });
    await create('d', { type, ports: [{ port: 1, nodePort: 30_000 }] });
  });

  it('knows after a restart what is taken', async () => {
    await create('a', { type: 'NodePort', ports: [{ port: 1, nodePort: 30_001 }], clusterIP: '10.96.0.9' });
    await api.server.close();
    api = await startTestApiServer({
      store: api.store,
      serviceNetwork: { serviceCidr: '10.96.0.0/28', nodePortRange: { first: 30_000, last: 30_003 } },
    });
    expect(await message('b', { ports, clusterIP: '10.96.0.9' })).toContain('already allocated');
    expect(await message('b', { type: 'NodePort', ports: [{ port: 1, nodePort: 30_001 }] })).toContain(
      'already allocated',
    );
  });

  const cidrsPath = '/apis/networking.k8s.io/v1/servicecidrs';
  const addRange = async (name: string, ...cidrs: string[]): Promise<Answer> =>
    send(`POST ${cidrsPath}`, { body: { metadata: { name, finalizers: ['example.com/held'] }, spec: { cidrs } } });

  it('gives addresses of ServiceCIDRs too, as long as they are not to go, and each once', async () => {
    for (let i = 0; i < 13; i++) await create(`s${i}`);
    // It has the range of the server's inside: what is taken there is taken here.
    expect((await addRange('more', '10.96.0.0/27')).status).toBe(201);
    const given = new Set<string>();
    for (let i = 0; i < 16; i++) given.add((await create(`more-${i}`)).clusterIP as string);
    expect(given.size).toBe(16);
    expect([...given].every((ip) => Number(ip.split('.')[3]) >= 15)).toBe(true);
    expect(await message('none', { ports })).toContain('range is full');
    expect((await addRange('other', '10.97.0.0/28')).status).toBe(201);
    expect((await create('other-1', { ports, clusterIP: '10.97.0.3' })).clusterIP).toBe('10.97.0.3');
    await send(`DELETE ${cidrsPath}/other`);
    expect(await message('other-2', { ports })).toContain('range is full');
    await send(`PATCH ${cidrsPath}/other`, {
      body: { metadata: { finalizers: null } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect((await send(`GET ${cidrsPath}/other`)).status).toBe(404);
    expect(await message('other-2', { ports, clusterIP: '10.97.0.4' })).toContain(
      'The range of valid IPs is 10.96.0.0/28, 10.96.0.0/27',
    );
  });

  it('knows ServiceCIDRs and what is taken of them after a restart', async () => {
    await addRange('more', '10.97.0.0/28');
    await create('a', { ports, clusterIP: '10.97.0.9' });
    await api.server.close();
    api = await startTestApiServer({ store: api.store, serviceNetwork: { serviceCidr: '10.96.0.0/28' } });
    expect(await message('b', { ports, clusterIP: '10.97.0.9' })).toContain('already allocated');
    await send(`DELETE ${path}/a`);
    expect((await create('b', { ports, clusterIP: '10.97.0.9' })).clusterIP).toBe('10.97.0.9');
  });

  it.each([
    [['10.97.0.1/28'], 'must be in canonical form ("10.97.0.0/28")'],
    [['services'], 'must be a valid CIDR value'],
    [['10.97.0.0/28', '10.98.0.0/28'], 'no more than one IP for each IP family'],
  ])('refuses ServiceCIDRs of %s', async (cidrs, problem) => {
    expect((await addRange('more', ...cidrs)).json().message).toContain(problem);
  });

  it('refuses families that the cluster does not have', async () => {
    expect(await message('a', { ports, ipFamilies: ['IPv6'] })).toContain('not configured on this cluster');
    expect(await message('a', { ports, ipFamilyPolicy: 'RequireDualStack' })).toContain(
      'not configured for dual-stack',
    );
    expect(await create('b', { ports, ipFamilyPolicy: 'PreferDualStack' })).toMatchObject({ ipFamilies: ['IPv4'] });
  });
});

describe('a range of addresses', () => {
  it('leaves its lower band to those who ask for an address', () => {
    const range = new IpRange('10.0.0.0/24', seededRandom(1));
    for (let i = 0; i < 200; i++) expect(Number(range.takeAny()?.split('.')[3])).toBeGreaterThan(16);
  });

  it('knows IPv6', () => {
    const range = new IpRange('fd00:10:96::/112', seededRandom(1));
    expect(range.first).toBe('fd00:10:96::1');
    expect(range.takeAny()).toMatch(/^fd00:10:96::[0-9a-f]{1,4}$/);
    expect(range.take('fd00:10:96::a')).toBeUndefined();
    expect(range.take('fd00:10:96:0:0::a')).toEqual({ kind: 'taken' });
    expect(range.take('fd00:10:97::a')).toEqual({ kind: 'outOfRange' });
    expect(firstServiceAddress('10.43.0.0/16,fd00::/108')).toBe('10.43.0.1');
  });

  it('refuses what is no range', () => {
    expect(() => new IpRange('10.0.0.0', seededRandom(1))).toThrow('not a range of addresses');
  });

  it('gives every number of a pool once', () => {
    const pool = new NumberPool({ first: 1, last: 9, lowerBand: 3, random: seededRandom(2) });
    const given = Array.from({ length: 9 }, () => pool.takeAny());
    expect(new Set(given)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(new Set(given.slice(6))).toEqual(new Set([1, 2, 3]));
    expect(pool.takeAny()).toBeUndefined();
  });
});
