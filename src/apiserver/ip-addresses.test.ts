import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import type { IPAddress } from '../api/types/networking-v1.ts';
import type { Resource } from '../client/client.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { serviceCidrs, services } from '../client/resources.ts';
import { keepIpAddresses } from './ip-addresses.ts';

const serviceCidr = '10.96.0.0/16';

const ipAddresses: Resource<IPAddress> = {
  ...{ group: 'networking.k8s.io', version: 'v1', plural: 'ipaddresses', kind: 'IPAddress', namespaced: false },
};

let api: TestApiServer;
let keeper: { stop(): void };
beforeEach(async () => {
  api = await startTestApiServer({ advertise: { address: '10.89.0.1', port: 6443 } });
  const { store, clock } = api;
  keeper = await keepIpAddresses({ store, clock, random: seededRandom(1), log: silentLogger, serviceCidr });
});
afterEach(async () => {
  keeper.stop();
  await api.close();
});

/** Follows the addresses until the check holds of all of them. */
async function until(check: (addresses: readonly IPAddress[]) => boolean): Promise<readonly IPAddress[]> {
  for (;;) {
    const { items, metadata } = await api.client.list(ipAddresses);
    if (check(items)) return items;
    const { resourceVersion = '' } = metadata;
    for await (const _ of api.client.watch(ipAddresses, { resourceVersion })) break;
  }
}

const create = () =>
  api.client.create(services, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.20', ports: [{ port: 80 }] },
  });

describe('addresses of services', () => {
  it('have the range `kubernetes`, which is ready', async () => {
    const { spec, status, metadata } = await api.client.get(serviceCidrs, { name: 'kubernetes' });
    expect(spec?.cidrs).toEqual(['10.96.0.0/16']);
    expect(status?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'True' });
    expect(metadata.finalizers).toEqual(['networking.k8s.io/service-cidr-finalizer']);
  });

  it('are shown with the service that has them, and go with it', async () => {
    await until((items) => items.length === 1 && items[0]?.metadata.name === '10.96.0.1');
    await create();
    const both = await until((items) => items.length === 2);
    const web = both.find(({ metadata }) => metadata.name === '10.96.0.20');
    expect(web?.spec.parentRef).toEqual({ group: '', resource: 'services', namespace: 'default', name: 'web' });
    expect(web?.metadata.labels).toEqual({
      'ipaddress.kubernetes.io/ip-family': 'IPv4',
      'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
    });
    await api.client.delete(services, { name: 'web', namespace: 'default' });
    await until((items) => items.length === 1);
  });

  it('are shown again when somebody deletes what shows them', async () => {
    await create();
    const shown = (uid?: string) => (items: readonly IPAddress[]) =>
      items.some(({ metadata }) => metadata.name === '10.96.0.20' && metadata.uid !== uid);
    const before = await until(shown());
    const uid = before.find(({ metadata }) => metadata.name === '10.96.0.20')?.metadata.uid;
    await api.client.delete(ipAddresses, { name: '10.96.0.20' });
    await until(shown(uid));
  });
});
