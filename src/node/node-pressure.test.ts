import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startAgentWorld, testAgent, type AgentWorld } from '../../test/support/node-agent.ts';
import type { Pod, PodSpec } from '../api/types/core-v1.ts';
import { events, nodes, pods } from '../client/resources.ts';
import { parseEvictionThresholds, upstreamEvictionHard, upstreamImageCollection } from './eviction-thresholds.ts';

let world: AgentWorld;
beforeEach(async () => {
  world = await startAgentWorld({
    pressure: { thresholds: parseEvictionThresholds(upstreamEvictionHard), images: upstreamImageCollection },
    isImported: async (reference) => Promise.resolve(reference === 'docker.io/library/imported:1'),
  });
});
afterEach(async () => {
  await world.agent.stop();
  await world.api.close();
});

const create = async (name: string, spec: Partial<PodSpec> = {}): Promise<Pod> => {
  const containers = [{ name: 'app', image: 'app:1' }];
  const full = { nodeName: 'node-1', automountServiceAccountToken: false, containers, ...spec };
  const pod = await world.client.create(pods, { metadata: { name, namespace: 'default' }, spec: full });
  await world.clock.settle();
  return pod;
};
const statusOf = async (name: string) => (await world.client.get(pods, { namespace: 'default', name })).status;
const condition = async (name: string) => {
  const { status } = await world.client.get(nodes, { name: 'node-1' });
  return status?.conditions?.find(({ type }) => type === name);
};
const diskPressure = () => condition('DiskPressure');
const nodeEvents = async (): Promise<string[]> => {
  const { items } = await world.client.list(events, { namespace: 'default' });
  return items.filter(({ involvedObject }) => involvedObject.kind === 'Node').map(({ reason = '' }) => reason);
};
const imageNames = async (): Promise<string[]> =>
  (await world.runtime.listImages())
    .flatMap(({ tags }) => tags.map((tag) => tag.replace('docker.io/library/', '')))
    .sort();

describe('images', () => {
  beforeEach(async () => {
    const { runtime } = world;
    for (const image of ['old:1', 'used:1', 'imported:1']) await runtime.pullImage(`docker.io/library/${image}`);
    runtime.setImage('docker.io/library/built:1', 'present');
    await create('user', { containers: [{ name: 'app', image: 'used:1' }] });
  });

  it('go when nobody uses them and the disk is full; those that no registry has stay', async () => {
    const { clock, system } = world;
    await clock.advance(5 * 60_000);
    expect(await imageNames()).toEqual(['built:1', 'imported:1', 'old:1', 'used:1']);
    system.setAvailableGigabytes(16);
    await clock.advance(5 * 60_000);
    expect(await imageNames()).toHaveLength(4);
    system.setAvailableGigabytes(15);
    await clock.advance(5 * 60_000);
    expect(await imageNames()).toEqual(['built:1', 'imported:1', 'used:1']);
    expect((await statusOf('user'))?.phase).toBe('Running');
  });

  it('stay for two minutes after they came', async () => {
    const { clock, system, runtime } = world;
    system.setAvailableGigabytes(15);
    await clock.advance(4 * 60_000);
    await runtime.pullImage('new:1');
    await clock.advance(90_000);
    expect(await imageNames()).toContain('new:1');
    await clock.advance(5 * 60_000);
    expect(await imageNames()).not.toContain('new:1');
  });

  it('that are too few for the space that is wanted are an event, and the second time in a row another', async () => {
    const { clock, system } = world;
    system.setAvailableGigabytes(15);
    await clock.advance(5 * 60_000);
    expect(await nodeEvents()).toContain('FreeDiskSpaceFailed');
    expect(await nodeEvents()).not.toContain('ImageGCFailed');
    await clock.advance(5 * 60_000);
    expect(await nodeEvents()).toContain('ImageGCFailed');
  });
});

describe('a node whose disk is full', () => {
  it('says so, takes no pods and ends those it has, one by one, until there is room', async () => {
    const { clock, system } = world;
    await create('small');
    const { metadata } = await create('big', { volumes: [{ name: 'scratch', emptyDir: {} }] });
    await create('critical', { priority: 2_000_001_000 });
    await system.files.writeFile(`/node/pods/${metadata.uid}/volumes/kubernetes.io~empty-dir/scratch/f`, 'much');
    system.setAvailableGigabytes(9);
    await clock.advance(11_000);
    expect(await diskPressure()).toMatchObject({ status: 'True', reason: 'KubeletHasDiskPressure' });
    const evicted = await statusOf('big');
    expect(evicted).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
      message:
        'The node was low on resource: ephemeral-storage. Threshold quantity: 9765625Ki, available: 9000000000. ',
    });
    expect(evicted?.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
    );
    expect((await statusOf('small'))?.phase).toBe('Running');
    await create('late');
    expect(await statusOf('late')).toMatchObject({
      ...{ phase: 'Failed', reason: 'Evicted' },
      message: 'Pod was rejected: The node had condition: [DiskPressure]. ',
    });
    await clock.advance(20_000);
    expect(await statusOf('small')).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    expect((await statusOf('critical'))?.phase).toBe('Running');

    system.setAvailableGigabytes(50);
    await clock.advance(4 * 60_000);
    expect((await diskPressure())?.status).toBe('True');
    await clock.advance(2 * 60_000);
    expect(await diskPressure()).toMatchObject({ status: 'False', reason: 'KubeletHasNoDiskPressure' });
    expect(await nodeEvents()).toEqual(
      expect.arrayContaining(['EvictionThresholdMet', 'NodeHasDiskPressure', 'NodeHasNoDiskPressure']),
    );
  });

  it('gives up images before pods', async () => {
    const { clock, system, runtime } = world;
    await runtime.pullImage('old:1');
    await create('app');
    await clock.advance(8 * 60_000);
    system.setAvailableGigabytes(9);
    const removed = vi.spyOn(runtime, 'removeImage').mockImplementation(() => {
      system.setAvailableGigabytes(40);
      return Promise.resolve();
    });
    await clock.advance(11_000);
    expect(removed.mock.calls).toEqual([['old:1']]);
    expect((await statusOf('app'))?.phase).toBe('Running');
    expect((await diskPressure())?.status).toBe('True');
  });
});

describe('a node whose memory is short', () => {
  const use = (bytes: Readonly<Record<string, number>>): void => {
    const { runtime } = world;
    const stats = runtime.containerStats.bind(runtime);
    vi.spyOn(runtime, 'containerStats').mockImplementation(async () =>
      (await stats()).map((each) => ({ ...each, memoryWorkingSetBytes: bytes[each.name] ?? 0 })),
    );
  };
  const requests = (memory: string) => ({ resources: { requests: { memory } } });

  it('ends those that take more than they asked for, the less important first, and keeps its images', async () => {
    const { clock, system, runtime } = world;
    await runtime.pullImage('old:1');
    await create('modest', { containers: [{ name: 'modest', image: 'app:1', ...requests('1Gi') }] });
    await create('greedy', { containers: [{ name: 'greedy', image: 'app:1', ...requests('1Mi') }] });
    use({ modest: 2 ** 29, greedy: 2 ** 28 });
    system.setLeft({ memoryBytes: 50 * 2 ** 20 });
    await clock.advance(11_000);
    expect(await condition('MemoryPressure')).toMatchObject({
      ...{ status: 'True', reason: 'KubeletHasInsufficientMemory' },
      message: 'kubelet has insufficient memory available',
    });
    expect((await diskPressure())?.status).toBe('False');
    expect(await statusOf('greedy')).toMatchObject({
      ...{ phase: 'Failed', reason: 'Evicted' },
      message:
        'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Container greedy was using 256Mi, request is 1Mi, has larger consumption of memory. ',
    });
    expect((await statusOf('modest'))?.phase).toBe('Running');
    expect(await imageNames()).toContain('old:1');

    system.setLeft({ memoryBytes: 2 ** 30 });
    await clock.advance(6 * 60_000);
    expect(await condition('MemoryPressure')).toMatchObject({ status: 'False', reason: 'KubeletHasSufficientMemory' });
    expect(await nodeEvents()).toEqual(
      expect.arrayContaining(['NodeHasInsufficientMemory', 'NodeHasSufficientMemory', 'EvictionThresholdMet']),
    );
  });

  it('takes pods that ask for memory, or tolerate that there is little, and no others', async () => {
    const { clock, system } = world;
    system.setLeft({ memoryBytes: 0 });
    await clock.advance(11_000);
    const key = 'node.kubernetes.io/memory-pressure';
    await create('best-effort');
    await create('asking', { containers: [{ name: 'app', image: 'app:1', ...requests('1Mi') }] });
    await create('tolerant', { tolerations: [{ key, operator: 'Exists', effect: 'NoSchedule' }] });
    expect(await statusOf('best-effort')).toMatchObject({
      ...{ phase: 'Failed', reason: 'Evicted' },
      message: 'Pod was rejected: The node had condition: [MemoryPressure]. ',
    });
    const states = await Promise.all(['asking', 'tolerant'].map(async (name) => (await statusOf(name))?.reason));
    expect(states).toEqual([undefined, undefined]);
  });
});

it('ends the least important pod of a node that runs out of process numbers, where that is watched', async () => {
  const agent = world.agent;
  await agent.stop();
  const { client, runtime, clock, system } = world;
  const thresholds = parseEvictionThresholds('pid.available<10%');
  const watching = testAgent({
    client,
    runtime,
    clock,
    system,
    pressure: { thresholds, images: upstreamImageCollection },
  });
  await watching.start();
  try {
    await create('important', { priority: 10 });
    await create('other');
    system.setLeft({ processes: 100 });
    await clock.advance(11_000);
    expect(await condition('PIDPressure')).toMatchObject({ status: 'True', reason: 'KubeletHasInsufficientPID' });
    expect((await statusOf('other'))?.message).toMatch(/^The node was low on resource: pids\. /);
    expect((await statusOf('important'))?.phase).toBe('Running');
  } finally {
    await watching.stop();
  }
});
