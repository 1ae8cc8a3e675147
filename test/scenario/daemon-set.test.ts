import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonSet, DaemonSetSpec } from '../../src/api/types/apps-v1.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { controllerRevisions, daemonSets, events, nodes, pods } from '../../src/client/resources.ts';
import { createCluster, createSimulatedClock, type Cluster } from '../../src/library.ts';

const clock = createSimulatedClock();
let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster({ nodes: 3, clock, seed: 1 });
});
afterEach(() => cluster.stop());

const name = { name: 'agent', namespace: 'default' };
const labels = { app: 'agent' };

function template(image: string, spec: object = {}) {
  const containers = [{ name: 'main', image }];
  return { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 1, ...spec } };
}

function agent(spec: Partial<DaemonSetSpec> = {}): DaemonSet {
  return { metadata: { ...name }, spec: { selector: { matchLabels: labels }, template: template('agent:1'), ...spec } };
}

const patch = (spec: Record<string, unknown>) =>
  cluster.client.patch(daemonSets, name, { kind: 'merge', document: { spec } });
const all = async (): Promise<Pod[]> => (await cluster.client.list(pods, { labelSelector: 'app=agent' })).items;
const places = async () => (await all()).map(({ spec }) => spec?.nodeName ?? '').toSorted();
const status = async () => (await cluster.client.get(daemonSets, name)).status;
const images = async () => new Set((await all()).map(({ spec }) => spec?.containers[0]?.image));
const labelNode = (node: string, role: string | null) =>
  cluster.client.patch(nodes, { name: node }, { kind: 'merge', document: { metadata: { labels: { role } } } });

/** Looks at the pods after each of their changes until the set is rolled out; answers what `look` said. */
async function during<T>(look: (all: Pod[]) => T): Promise<T[]> {
  const { items, metadata } = await cluster.client.list(pods, { labelSelector: 'app=agent' });
  const known = new Map(items.map((pod) => [pod.metadata.name, pod]));
  const seen: T[] = [];
  const abort = new AbortController();
  const { resourceVersion = '' } = metadata;
  const following = (async () => {
    const options = { labelSelector: 'app=agent', resourceVersion, signal: abort.signal };
    for await (const event of cluster.client.watch(pods, options)) {
      if (event.type === 'DELETED') known.delete(event.object.metadata.name);
      else if (event.type !== 'ERROR') known.set(event.object.metadata.name, event.object);
      seen.push(look([...known.values()]));
    }
  })();
  await clock.advance(60_000);
  abort.abort();
  await following;
  const { updatedNumberScheduled, numberAvailable, desiredNumberScheduled: desired } = (await status()) ?? {};
  expect([updatedNumberScheduled, numberAvailable]).toEqual([desired, desired]);
  return seen;
}

const readyOf = (list: Pod[]): Pod[] =>
  list.filter(({ metadata, status: s }) => {
    return !metadata.deletionTimestamp && s?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  });

describe('a daemon set', () => {
  it('runs once on each node, on those that come and not on those that go', async () => {
    await cluster.client.create(daemonSets, agent());
    await clock.advance(3_000);
    expect(await places()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(await status()).toMatchObject({
      ...{ desiredNumberScheduled: 3, currentNumberScheduled: 3, numberMisscheduled: 0, numberReady: 3 },
      ...{ updatedNumberScheduled: 3, numberAvailable: 3, observedGeneration: 1 },
    });
    const [pod] = await all();
    expect(pod?.metadata.labels).toMatchObject({ 'pod-template-generation': '1' });
    const keys = pod?.spec?.tolerations?.map(({ key, effect }) => `${key?.split('/')[1]}:${effect}`);
    expect(keys).toEqual(expect.arrayContaining(['not-ready:NoExecute', 'unschedulable:NoSchedule']));
    await cluster.addNode('node-4');
    await clock.advance(3_000);
    expect(await places()).toEqual(['node-1', 'node-2', 'node-3', 'node-4']);
    await cluster.killNode('node-4');
    await cluster.client.delete(nodes, { name: 'node-4' });
    await clock.advance(30_000);
    expect(await places()).toEqual(['node-1', 'node-2', 'node-3']);
  });

  it('follows labels and taints of nodes', async () => {
    await labelNode('node-1', 'edge');
    await cluster.client.create(
      daemonSets,
      agent({ template: template('agent:1', { nodeSelector: { role: 'edge' } }) }),
    );
    await clock.advance(3_000);
    expect(await places()).toEqual(['node-1']);
    await labelNode('node-2', 'edge');
    await labelNode('node-1', null);
    await clock.advance(5_000);
    expect(await places()).toEqual(['node-2']);
    const taint = (effect: string) => {
      const document = { spec: { taints: [{ key: 'busy', effect }] } };
      return cluster.client.patch(nodes, { name: 'node-2' }, { kind: 'merge', document });
    };
    await taint('NoSchedule');
    await clock.advance(3_000);
    expect([await places(), (await status())?.numberMisscheduled]).toEqual([['node-2'], 1]);
    await taint('NoExecute');
    await clock.advance(5_000);
    expect(await places()).toEqual([]);
  });

  it('replaces one after the other, and knows its history', async () => {
    await cluster.client.create(daemonSets, agent());
    await clock.advance(3_000);
    await patch({ template: template('agent:2') });
    const ready = await during((list) => readyOf(list).length);
    expect([Math.min(...ready), await images()]).toEqual([2, new Set(['agent:2'])]);
    const { items } = await cluster.client.list(controllerRevisions);
    expect(items.map(({ revision }) => revision).toSorted((a, b) => a - b)).toEqual([1, 2]);
    // Upstream's clients compare the bytes with what they make of the set: a map with sorted keys.
    const text = JSON.stringify(items[0]?.data);
    expect(text).toMatch(
      /^{"spec":{"template":{"\$patch":"replace","metadata":{"labels":.*},"spec":{"containers":\[{"image":/,
    );
    await patch({ template: template('agent:1') });
    await during(() => undefined);
    const after = (await cluster.client.list(controllerRevisions)).items.map(({ revision }) => revision);
    expect(after.toSorted((a, b) => a - b)).toEqual([2, 3]);
  });

  it('starts the new one first where it may surge', async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
    await cluster.client.create(daemonSets, agent({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } }));
    await clock.advance(3_000);
    await patch({ template: template('agent:2') });
    const seen = await during((list) => ({ ready: readyOf(list).length, staying: list.filter(isStaying).length }));
    expect(Math.min(...seen.map(({ ready }) => ready))).toBeGreaterThanOrEqual(3);
    expect(Math.max(...seen.map(({ staying }) => staying))).toBe(4);
    expect(await images()).toEqual(new Set(['agent:2']));
  });

  it('waits for somebody to delete the old ones, where it is told so', async () => {
    await cluster.client.create(daemonSets, agent({ updateStrategy: { type: 'OnDelete' } }));
    await clock.advance(3_000);
    await patch({ template: template('agent:2') });
    await clock.advance(5_000);
    expect(await images()).toEqual(new Set(['agent:1']));
    const [pod] = await all();
    await cluster.client.delete(pods, { namespace: 'default', name: pod?.metadata.name ?? '' });
    await clock.advance(5_000);
    expect(await images()).toEqual(new Set(['agent:1', 'agent:2']));
  });

  it('makes a daemon that failed anew, and not too often', async () => {
    await cluster.client.create(daemonSets, agent());
    await clock.advance(3_000);
    const failOne = async (): Promise<string> => {
      const [pod] = (await all()).filter(({ spec }) => spec?.nodeName === 'node-1');
      const status_ = { phase: 'Failed', reason: 'Evicted' };
      const target = { namespace: 'default', name: pod?.metadata.name ?? '' };
      await cluster.client.patch(
        pods,
        target,
        { kind: 'merge', document: { status: status_ } },
        { subresource: 'status' },
      );
      return target.name;
    };
    const first = await failOne();
    await clock.advance(3_000);
    expect((await all()).map(({ metadata }) => metadata.name)).not.toContain(first);
    expect(await places()).toEqual(['node-1', 'node-2', 'node-3']);
    const { items } = await cluster.client.list(events);
    const text = `Found failed daemon pod default/${first} on node node-1, will try to kill it`;
    expect(items.map(({ message }) => message)).toContain(text);
  });
});

function isStaying({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp === undefined;
}
