import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startAgentWorld, type AgentWorld } from '../../test/support/node-agent.ts';
import type { Pod, PodSpec } from '../api/types/core-v1.ts';
import { events, pods } from '../client/resources.ts';
import { storageExcess } from './storage-limits.ts';

const limited = (name: string, limit?: string): PodSpec['containers'][number] => ({
  ...{ name, image: 'app:1' },
  ...(limit !== undefined && { resources: { limits: { 'ephemeral-storage': limit } } }),
});
const scratch = (sizeLimit?: string, medium?: string): PodSpec['volumes'] => [
  { name: 'scratch', emptyDir: { ...(sizeLimit !== undefined && { sizeLimit }), ...(medium && { medium }) } },
];

describe('storageExcess', () => {
  const excess = (spec: PodSpec, containers: Record<string, number>, volume = 0): string | undefined =>
    storageExcess(
      { metadata: { name: 'p' }, spec },
      { containers: new Map(Object.entries(containers)), volumes: new Map([['scratch', volume]]) },
    );

  it('looks at volumes, the pod and containers, in this order', () => {
    const volumes = scratch('1Ki');
    expect(excess({ containers: [limited('a')], volumes }, { a: 9999 }, 1024)).toBeUndefined();
    expect(excess({ containers: [limited('a', '1')], volumes }, { a: 2 }, 1025)).toBe(
      'Usage of EmptyDir volume "scratch" exceeds the limit "1Ki". ',
    );
    const two = [limited('a', '1Ki'), limited('b', '1Ki')];
    expect(excess({ containers: two }, { a: 1024, b: 1024 })).toBeUndefined();
    expect(excess({ containers: two }, { a: 1025, b: 1024 })).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Ki. ',
    );
    expect(excess({ containers: two }, { a: 1025, b: 0 })).toBe(
      'Container a exceeded its local ephemeral storage limit "1Ki". ',
    );
  });

  it('counts volumes on disk for the pod, and none in memory', () => {
    expect(excess({ containers: [limited('a', '1Ki')], volumes: scratch() }, { a: 1 }, 1024)).toContain(
      'Pod ephemeral',
    );
    const volumes = scratch(undefined, 'Memory');
    expect(excess({ containers: [limited('a', '1Ki')], volumes }, { a: 1 }, 1024)).toBeUndefined();
  });
});

describe('a pod that takes too much of the disk', () => {
  let world: AgentWorld;
  beforeEach(async () => {
    world = await startAgentWorld();
  });
  afterEach(async () => {
    await world.agent.stop();
    await world.api.close();
  });

  const create = async (name: string, spec: PodSpec): Promise<Pod> => {
    const full = { nodeName: 'node-1', automountServiceAccountToken: false, ...spec };
    const pod = await world.client.create(pods, { metadata: { name, namespace: 'default' }, spec: full });
    await world.clock.settle();
    return pod;
  };
  const statusOf = async (name: string) => (await world.client.get(pods, { namespace: 'default', name })).status;

  it('is evicted, and is Failed from then on', async () => {
    const { clock, client, system } = world;
    const full = await create('full', { containers: [limited('app')], volumes: scratch('10') });
    await create('frugal', { containers: [limited('app')], volumes: scratch('100') });
    const file = `/node/pods/${full.metadata.uid}/volumes/kubernetes.io~empty-dir/scratch/file`;
    await clock.advance(20_000);
    expect((await statusOf('full'))?.phase).toBe('Running');
    await system.files.writeFile(file, 'eleven char');
    await clock.advance(15_000);
    const message = 'Usage of EmptyDir volume "scratch" exceeds the limit "10". ';
    expect(await statusOf('full')).toMatchObject({ phase: 'Failed', reason: 'Evicted', message });
    expect((await statusOf('frugal'))?.phase).toBe('Running');
    const { items } = await client.list(events, { namespace: 'default' });
    expect(items.filter(({ reason }) => reason === 'Evicted').map((event) => event.message)).toEqual([message]);
  });

  it('is told by what its containers have written', async () => {
    const { clock, runtime } = world;
    const { metadata } = await create('writer', { containers: [limited('app', '5Mi')] });
    const figures = { containerId: 'c', podUid: metadata.uid ?? '', name: 'app', timestampMs: 0 };
    const stats = { ...figures, cpuUsageNanoseconds: 0, memoryWorkingSetBytes: 0, writableLayerBytes: 10 * 2 ** 20 };
    vi.spyOn(runtime, 'containerStats').mockResolvedValue([stats]);
    await clock.advance(15_000);
    expect(await statusOf('writer')).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
  });
});
