import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAgentWorld, testAgent, type AgentWorld } from '../../test/support/node-agent.ts';
import type { Pod, PodSpec } from '../api/types/core-v1.ts';
import { events, pods } from '../client/resources.ts';

let world: AgentWorld;

beforeEach(async () => {
  world = await startAgentWorld();
});

afterEach(async () => {
  await world.agent.stop();
  await world.api.close();
});

const joins = (...kinds: string[]): Record<string, string> => ({
  'timonel.dev/container-settings': JSON.stringify({
    joins: Object.fromEntries(kinds.map((kind) => [kind, { app: 'vpn' }])),
  }),
});

async function create(name: string, annotations: Record<string, string> = {}, spec: Partial<PodSpec> = {}) {
  const metadata = { name, namespace: 'default', labels: { app: name.replace(/-.*/, '') }, annotations };
  const containers = [{ name: 'app', image: `${name}:1` }];
  const full = { nodeName: 'node-1', containers, automountServiceAccountToken: false, ...spec };
  await world.client.create(pods, { metadata, spec: full });
  await world.clock.settle();
}

async function all(): Promise<Pod[]> {
  return (await world.client.list(pods, { namespace: 'default' })).items;
}

async function stateOf(name: string): Promise<object | undefined> {
  const found = (await all()).find(({ metadata }) => metadata.name === name);
  return found?.status?.containerStatuses?.[0]?.state;
}

/** Where a container was made: its sandbox, and those it joined. */
async function placeOf(name: string): Promise<{ sandboxId: string; joined: string | undefined }> {
  const containers = await world.runtime.listContainers();
  const found = containers.find(
    ({ labels, state }) => labels['io.kubernetes.pod.name'] === name && state === 'running',
  );
  return { sandboxId: found?.sandboxId ?? '', joined: found?.annotations['timonel.dev/joined'] };
}

async function remove(name: string): Promise<void> {
  await world.client.delete(pods, { namespace: 'default', name });
  await world.clock.advance(31_000);
}

describe('a pod in the namespaces of another', () => {
  it('starts in its sandbox', async () => {
    await create('vpn');
    await create('app', joins('network', 'pid'));
    expect(await stateOf('app')).toHaveProperty('running');
    const { sandboxId } = await placeOf('vpn');
    expect(await placeOf('app')).toMatchObject({ joined: `${sandboxId},${sandboxId}` });
  });

  it('goes on while that is started again in its sandbox, and waits for it before it starts itself', async () => {
    await create('vpn', { 'simulated.timonel.dev/exit-after-ms': '3000', 'simulated.timonel.dev/exit-code': '1' });
    await create('app', joins('network'));
    const before = await placeOf('app');
    await world.clock.advance(8000);
    expect(await stateOf('vpn')).toHaveProperty('waiting');
    expect(await stateOf('app')).toHaveProperty('running');
    await create('app-late', joins('network'));
    expect(await stateOf('app-late')).toMatchObject({ waiting: { reason: 'ContainerCreating' } });
    await world.clock.advance(10_000);
    expect(await stateOf('app-late')).toHaveProperty('running');
    expect(await placeOf('app')).toEqual(before);
  });

  it('is deleted when that is gone, so that its owner makes another where there is one', async () => {
    await create('vpn');
    await create('app', joins('network'));
    await create('other');
    await remove('vpn');
    await world.clock.advance(31_000);
    expect((await all()).map(({ metadata }) => metadata.name)).toEqual(['other']);
    const told = (await world.client.list(events, { namespace: 'default' })).items.map(({ message }) => message);
    expect(told).toContain('Deleting the pod: the pod whose network namespace it shares is not on this node any more');
  });

  it('is left alone by an agent that comes back', async () => {
    await create('vpn');
    await create('app', joins('ipc'));
    const before = await placeOf('app');
    await world.agent.stop();
    world.agent = testAgent(world);
    await world.agent.start();
    await world.clock.advance(5000);
    expect(await placeOf('app')).toEqual(before);
    expect(before.joined).toBe((await placeOf('vpn')).sandboxId);
  });

  it('joins nobody of another namespace', async () => {
    const metadata = { name: 'vpn', namespace: 'kube-system', labels: { app: 'vpn' } };
    const containers = [{ name: 'app', image: 'vpn:1' }];
    await world.client.create(pods, {
      metadata,
      spec: { nodeName: 'node-1', containers, automountServiceAccountToken: false },
    });
    await create('app', joins('network'));
    await world.clock.advance(31_000);
    expect(await all()).toEqual([]);
  });
});
