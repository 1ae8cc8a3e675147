import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Service } from '../../src/api/types/core-v1.ts';
import { events, pods, services } from '../../src/client/resources.ts';
import { type ControllerWorld, startControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld({ settings: { loadBalancersCidrs: ['10.90.0.0/30'] } });
});
afterEach(() => world.stop());

const namespace = 'default';
const finalizer = 'service.kubernetes.io/load-balancer-cleanup';

function create(name: string, more: Partial<Service['spec']> = {}, annotations: Record<string, string> = {}) {
  return world.client.create(services, {
    metadata: { name, namespace, annotations },
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80 }], ...more },
  });
}

const get = (name: string): Promise<Service> => world.client.get(services, { name, namespace });
const addressOf = async (name: string): Promise<string | undefined> =>
  (await get(name)).status?.loadBalancer?.ingress?.[0]?.ip;

async function waitForAddress(name: string): Promise<string> {
  await world.until(`an address for ${name}`, async () => (await addressOf(name)) !== undefined);
  return (await addressOf(name)) ?? '';
}

describe('a service of type LoadBalancer', () => {
  it('gets an address of the pool, each its own, and keeps it over a restart of the controllers', async () => {
    await create('a');
    await create('b');
    const given = [await waitForAddress('a'), await waitForAddress('b')];
    expect(given.toSorted()).toEqual(['10.90.0.1', '10.90.0.2']);
    expect((await get('a')).status?.loadBalancer?.ingress?.[0]?.ipMode).toBe('VIP');
    await world.restartControllers();
    await create('other', { loadBalancerClass: 'example.com/else' });
    expect([await waitForAddress('a'), await waitForAddress('b')]).toEqual(given);
    expect(await addressOf('other')).toBeUndefined();
  });

  it('waits while the pool is empty, says so, and gets the next address that is given back', async () => {
    await create('a');
    await create('b');
    await waitForAddress('a');
    await waitForAddress('b');
    await create('c');
    await world.until('the event', async () =>
      (await world.list(events)).some(({ reason }) => reason === 'SyncLoadBalancerFailed'),
    );
    await world.client.delete(services, { name: 'a', namespace });
    await waitForAddress('c');
  });

  it('gives its address back when it becomes another type, and can be one again', async () => {
    await create('a');
    await waitForAddress('a');
    const become = (type: string) =>
      world.client.patch(services, { name: 'a', namespace }, { kind: 'merge', document: { spec: { type } } });
    await become('ClusterIP');
    await world.until('no address', async () => (await addressOf('a')) === undefined);
    expect((await get('a')).metadata.finalizers).toBeUndefined();
    await become('LoadBalancer');
    await waitForAddress('a');
    expect((await get('a')).metadata.finalizers).toEqual([finalizer]);
  });

  it('stays until its address is given back, beside the finalizers of others', async () => {
    await create('a', {}, {});
    await create('other', { loadBalancerClass: 'example.com/else' });
    await waitForAddress('a');
    const hold = { metadata: { finalizers: [finalizer, 'example.com/hold'] } };
    for (const name of ['a', 'other']) {
      await world.client.patch(services, { name, namespace }, { kind: 'strategic', document: hold });
      await world.client.delete(services, { name, namespace });
    }
    await world.until('ours to be gone', async () => (await get('a')).metadata.finalizers?.length === 1);
    expect((await get('a')).metadata.finalizers).toEqual(['example.com/hold']);
    // Somebody else's load balancer is somebody else's to clean up.
    expect((await get('other')).metadata.finalizers).toEqual([finalizer, 'example.com/hold']);
    await create('b');
    await waitForAddress('b');
    await world.client.delete(services, { name: 'b', namespace });
    const exists = async (): Promise<boolean> =>
      (await world.list(services)).some(({ metadata }) => metadata.name === 'b');
    await world.until('the service to be gone', async () => !(await exists()));
  });
});

describe('weights by label', () => {
  it('are told as the pods that have it', async () => {
    await create('a', {}, { 'timonel.dev/weights': 'version=v1:90,version=v2:10' });
    for (const [name, version] of [
      ['one', 'v1'],
      ['two', 'v2'],
    ] as const) {
      await world.client.create(pods, {
        metadata: { name, namespace, labels: { app: 'web', version } },
        spec: { containers: [{ name: 'main', image: 'web:1' }] },
      });
    }
    await world.until('the groups', async () => {
      const text = (await get('a')).metadata.annotations?.['timonel.dev/weight-groups'] ?? '';
      return text === '{"one":"version=v1","two":"version=v2"}';
    });
  });
});
