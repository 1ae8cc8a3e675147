import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceCIDR } from '../../src/api/types/networking-v1.ts';
import { serviceCidrs, services } from '../../src/client/resources.ts';
import { type ControllerWorld, startControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
});
afterEach(() => world.stop());

const get = (): Promise<ServiceCIDR | undefined> =>
  world.client.get(serviceCidrs, { name: 'more' }).catch(() => undefined);
const ready = async () => (await get())?.status?.conditions?.[0];

describe('a ServiceCIDR', () => {
  it('is ready, and goes only when no service needs it any more', async () => {
    await world.client.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.97.0.0/28'] } });
    await world.until('it to be ready', async () => (await ready())?.status === 'True');
    const namespace = 'default';
    const spec = { clusterIP: '10.97.0.3', ports: [{ port: 80 }] };
    await world.client.create(services, { metadata: { name: 'web', namespace }, spec });
    await world.client.delete(serviceCidrs, { name: 'more' });
    await world.until('it to wait', async () => (await ready())?.reason === 'Terminating');
    expect((await get())?.metadata.finalizers).toEqual(['networking.k8s.io/service-cidr-finalizer']);
    await world.client.delete(services, { name: 'web', namespace });
    await world.until('it to go', async () => (await get()) === undefined);
  });

  it('goes at once when another has its addresses', async () => {
    await world.client.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.97.0.0/28'] } });
    await world.client.create(serviceCidrs, { metadata: { name: 'wider' }, spec: { cidrs: ['10.97.0.0/24'] } });
    const spec = { clusterIP: '10.97.0.3', ports: [{ port: 80 }] };
    await world.client.create(services, { metadata: { name: 'web', namespace: 'default' }, spec });
    await world.until('it to be ready', async () => (await ready())?.status === 'True');
    await world.client.delete(serviceCidrs, { name: 'more' });
    await world.until('it to go', async () => (await get()) === undefined);
  });
});
