import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../api/object.ts';
import type { Event, Node, Pod } from '../api/types/core-v1.ts';
import { ApiError } from '../api/status.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Client, Resource } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { createEventRecorder } from '../client/recorder.ts';
import { events, namespaces, nodes, pods } from '../client/resources.ts';
import { createInformers } from '../client/shared-informers.ts';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { podAsking, roomyNode } from '../../test/support/scheduling.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

let api: TestApiServer;
let informers: Informers;
let scheduler: Scheduler;

beforeEach(async () => {
  api = await startTestApiServer();
  const { client } = api;
  const surroundings = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
  informers = createInformers(surroundings);
  const recorder = createEventRecorder({ ...surroundings, component: 'default-scheduler' });
  await client.create(namespaces, { metadata: { name: 'default' } }).catch(() => {});
  scheduler = createScheduler({ ...surroundings, informers, recorder });
  await scheduler.start();
});

afterEach(async () => {
  scheduler.stop();
  informers.stop();
  await api.close();
});

/** Resolves with the first object of that kind that `isIt`, now or later. */
async function eventually<T extends KubeObject>(resource: Resource<T>, isIt: (object: T) => boolean): Promise<T> {
  const informer = informers.of(resource);
  return new Promise((resolve) => {
    const look = (object: T): void => {
      if (isIt(object)) resolve(object);
    };
    informer.subscribe({ added: look, updated: look });
  });
}

async function addNode(node: Node): Promise<void> {
  await api.client.create(nodes, node);
  await api.client.patch(
    nodes,
    { name: node.metadata.name ?? '' },
    {
      kind: 'merge',
      document: { status: { ...node.status } },
    },
    { subresource: 'status' },
  );
}

async function addPod(pod: Pod): Promise<void> {
  const { uid: _, ...metadata } = pod.metadata;
  await api.client.create(pods, { ...pod, metadata, status: undefined });
}

const bound = (name: string): Promise<Pod> =>
  eventually(pods, (pod) => pod.metadata.name === name && Boolean(pod.spec?.nodeName));

const unschedulable = (name: string, message: string): Promise<Pod> =>
  eventually(
    pods,
    ({ metadata, status }) =>
      metadata.name === name &&
      (status?.conditions ?? []).some(
        (condition) =>
          condition.type === 'PodScheduled' &&
          condition.status === 'False' &&
          condition.reason === 'Unschedulable' &&
          condition.message === message,
      ),
  );

const eventAbout = (name: string, reason: string): Promise<Event> =>
  eventually(events, (event) => event.involvedObject.name === name && event.reason === reason);

/** The API server's client, with something happening before each binding arrives. */
function beforeBinding(happens: () => Promise<void>): Client {
  return new Proxy(api.client, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...call: unknown[]) => unknown;
      if (property !== 'createSubresource') return method;
      return async (...call: unknown[]) => {
        await happens();
        return method(...call);
      };
    },
  });
}

describe('the scheduler over a real API server', () => {
  it('binds a pod and says so in an event and in its condition', async () => {
    await addNode(roomyNode('n1'));
    await addPod(podAsking('web', { cpu: '1' }));
    const pod = await bound('web');
    expect(pod.spec?.nodeName).toBe('n1');
    expect(pod.status?.conditions).toContainEqual(expect.objectContaining({ type: 'PodScheduled', status: 'True' }));
    const event = await eventAbout('web', 'Scheduled');
    expect(event.message).toBe('Successfully assigned default/web to n1');
    expect(event.source?.component).toBe('default-scheduler');
  });

  it('tells a pod that there are no nodes, and binds it when one comes', async () => {
    await addPod(podAsking('web', { cpu: '1' }));
    await unschedulable('web', 'no nodes available to schedule pods');
    await addNode(roomyNode('n1'));
    expect((await bound('web')).spec?.nodeName).toBe('n1');
  });

  it('counts the reasons of each node, and binds when the taint is removed', async () => {
    await addNode(roomyNode('small', { allocatable: { cpu: '500m' } }));
    await addNode(roomyNode('tainted', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } }));
    await addPod(podAsking('web', { cpu: '1' }));
    const message =
      '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {k: v}. ' +
      'preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.';
    await unschedulable('web', message);
    const event = await eventAbout('web', 'FailedScheduling');
    expect(event.type).toBe('Warning');
    await api.client.patch(nodes, { name: 'tainted' }, { kind: 'merge', document: { spec: { taints: null } } });
    expect((await bound('web')).spec?.nodeName).toBe('tainted');
  });

  it('gives the room of a deleted pod to one that waits', async () => {
    await addNode(roomyNode('n1'));
    await addPod(podAsking('first', { cpu: '3' }));
    await bound('first');
    await addPod(podAsking('second', { cpu: '3' }));
    const message =
      '0/1 nodes are available: 1 Insufficient cpu. ' +
      'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.';
    await unschedulable('second', message);
    await api.client.delete(pods, { name: 'first', namespace: 'default' }, { gracePeriodSeconds: 0 });
    expect((await bound('second')).spec?.nodeName).toBe('n1');
  });

  it('evicts a pod of lower priority, and gives its room to the one that needs it', async () => {
    await addNode(roomyNode('n1'));
    await addPod(podAsking('low', { cpu: '3' }, { spec: { priority: 1, terminationGracePeriodSeconds: 0 } }));
    await bound('low');
    await addPod(podAsking('high', { cpu: '3' }, { spec: { priority: 100 } }));
    expect((await eventAbout('low', 'Preempted')).message).toMatch(/^Preempted by pod .+ on node n1$/);
    expect((await bound('high')).spec?.nodeName).toBe('n1');
    const event = await eventAbout('high', 'FailedScheduling');
    expect(event.message).toBe('0/1 nodes are available: 1 Insufficient cpu.');
  });

  it('leaves a gated pod alone until its gates are gone', async () => {
    await addNode(roomyNode('n1'));
    await addPod(podAsking('gated', { cpu: '1' }, { spec: { schedulingGates: [{ name: 'example.com/wait' }] } }));
    await addPod(podAsking('free', { cpu: '1' }));
    await bound('free');
    const gated = await api.client.get(pods, { name: 'gated', namespace: 'default' });
    expect(gated.spec?.nodeName).toBeUndefined();
    expect(gated.status?.conditions).toContainEqual(expect.objectContaining({ reason: 'SchedulingGated' }));
    const document = { spec: { schedulingGates: null } };
    await api.client.patch(pods, { name: 'gated', namespace: 'default' }, { kind: 'merge', document });
    expect((await bound('gated')).spec?.nodeName).toBe('n1');
  });

  it('leaves pods of other schedulers alone, but counts them once they have a node', async () => {
    await addNode(roomyNode('n1'));
    await addPod(podAsking('theirs', { cpu: '3' }, { spec: { schedulerName: 'theirs', nodeName: 'n1' } }));
    await bound('theirs');
    await addPod(podAsking('ours', { cpu: '3' }));
    await eventAbout('ours', 'FailedScheduling');
  });

  it('takes the pod that failed to be bound again after its backoff, and says what went wrong', async () => {
    const clock = createSimulatedClock();
    let failures = 1;
    const client = beforeBinding(async () => {
      if (failures-- > 0) throw ApiError.of('InternalError', 'the disk is full');
    });
    const surroundings = { client, clock, random: seededRandom(1), log: silentLogger };
    const recorder = createEventRecorder({ ...surroundings, component: 'flaky' });
    const flaky = createScheduler({ ...surroundings, informers, recorder, schedulerName: 'flaky' });
    await flaky.start();
    await addNode(roomyNode('n1'));
    await addPod(podAsking('web', { cpu: '3' }, { spec: { schedulerName: 'flaky' } }));
    const event = await eventAbout('web', 'FailedScheduling');
    expect(event.message).toBe('running Bind plugin "DefaultBinder": the disk is full');
    await eventually(pods, ({ status }) => status?.conditions?.[0]?.reason === 'SchedulerError');
    await clock.advance(1_000);
    expect((await bound('web')).spec?.nodeName).toBe('n1');
    flaky.stop();
  });

  it('forgets a pod that is deleted while its binding is under way, and gives its room to the next', async () => {
    let isFirst = true;
    const client = beforeBinding(async () => {
      if (isFirst) await api.client.delete(pods, { name: 'first', namespace: 'default' });
      isFirst = false;
    });
    const surroundings = { client, clock: systemClock, random: seededRandom(1), log: silentLogger };
    const recorder = createEventRecorder({ ...surroundings, component: 'slow' });
    const slow = createScheduler({ ...surroundings, informers, recorder, schedulerName: 'slow' });
    await slow.start();
    await addNode(roomyNode('n1'));
    await addPod(podAsking('first', { cpu: '3' }, { spec: { schedulerName: 'slow' } }));
    await addPod(podAsking('second', { cpu: '3' }, { spec: { schedulerName: 'slow' } }));
    expect((await bound('second')).spec?.nodeName).toBe('n1');
    slow.stop();
  });

  it('spreads the pods of many over the nodes', async () => {
    for (const name of ['n1', 'n2', 'n3', 'n4']) await addNode(roomyNode(name));
    const names = Array.from({ length: 20 }, (_, i) => `web-${i}`);
    await Promise.all(names.map((name) => addPod(podAsking(name, { cpu: '100m', memory: '100Mi' }))));
    const counts = new Map<string, number>();
    for (const name of names) {
      const node = (await bound(name)).spec?.nodeName ?? '';
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect([...new Set(counts.values())]).toEqual([5]);
  });
});
