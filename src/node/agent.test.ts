import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SimulatedClock } from '../base/simulated-clock.ts';
import { isApiError } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import { configMaps, events, leases, nodes, pods } from '../client/resources.ts';
import type { Container, Pod, PodSpec } from '../api/types/core-v1.ts';
import type { ObjectMeta } from '../api/types/meta-v1.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { startAgentWorld, testAgent } from '../../test/support/node-agent.ts';
import type { Agent } from './agent.ts';
import type { MemorySystem } from './memory-system.ts';
import { runtimeClasses } from './runtime-class.ts';
import type { SimulatedRuntime } from './simulated.ts';

let clock: SimulatedClock;
let api: TestApiServer;
let client: Client;
let runtime: SimulatedRuntime;
let system: MemorySystem;
let agent: Agent;

const newAgent = (): Agent => testAgent({ client, runtime, clock, system });

beforeEach(async () => {
  ({ clock, api, client, runtime, system, agent } = await startAgentWorld());
});

afterEach(async () => {
  await agent.stop();
  await api.close();
});

const app: Container = { name: 'app', image: 'app:1' };

const finalizing = { kind: 'merge', document: { metadata: { finalizers: ['test/keep'] } } } as const;

async function create(name: string, spec: Partial<PodSpec> = {}, annotations: ObjectMeta['annotations'] = {}) {
  const metadata = { name, namespace: 'default', annotations };
  const full = { nodeName: 'node-1', containers: [app], automountServiceAccountToken: false, ...spec };
  const pod = await client.create(pods, { metadata, spec: full });
  await clock.settle();
  return pod;
}

const get = (name: string): Promise<Pod> => client.get(pods, { namespace: 'default', name });
const stateOf = async (name: string, index = 0): Promise<unknown> =>
  (await get(name)).status?.containerStatuses?.[index]?.state;
const waitingReason = async (name: string): Promise<string | undefined> =>
  (await get(name)).status?.containerStatuses?.[0]?.state?.waiting?.reason;
const isGone = async (name: string): Promise<boolean> =>
  get(name).then(
    () => false,
    (error: unknown) => isApiError(error, 'NotFound'),
  );
const eventsOf = async (name: string): Promise<string[]> => {
  const list = await client.list(events, { namespace: 'default' });
  return list.items.filter((e) => e.involvedObject.name === name).map((e) => `${e.reason}: ${e.message}`);
};
const exits = (afterMs: number, code: number): Record<string, string> => ({
  'simulated.timonel.dev/exit-after-ms': String(afterMs),
  'simulated.timonel.dev/exit-code': String(code),
});

describe('the node', () => {
  it('is ready as soon as its agent has started, with a lease that is renewed', async () => {
    const node = await client.get(nodes, { name: 'node-1' });
    expect(node.status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({ status: 'True' });
    expect(node.metadata.labels).toMatchObject({ 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': 'node-1' });
    await clock.settle();
    const name = { namespace: 'kube-node-lease', name: 'node-1' };
    const first = await client.get(leases, name);
    expect(first.spec).toMatchObject({ holderIdentity: 'node-1', leaseDurationSeconds: 4 });
    await clock.advance(3000);
    expect((await client.get(leases, name)).spec?.renewTime).not.toBe(first.spec?.renewTime);
  });

  it('lets pods have what is advertised as its capacity, until that is taken back', async () => {
    for (const amount of ['4', '2', undefined]) {
      const document = { status: { capacity: { 'example.com/dongle': amount ?? null } } };
      await client.patch(nodes, { name: 'node-1' }, { kind: 'merge', document }, { subresource: 'status' });
      await clock.advance(10_000);
      const { capacity, allocatable } = (await client.get(nodes, { name: 'node-1' })).status ?? {};
      expect([capacity, allocatable].map((each) => each?.['example.com/dongle'])).toEqual([amount, amount]);
    }
  });

  it('registers again when it is deleted', async () => {
    await clock.settle();
    await client.delete(nodes, { name: 'node-1' });
    await clock.settle();
    expect((await client.get(nodes, { name: 'node-1' })).status?.nodeInfo?.kubeletVersion).toBe('v1.36.0');
  });
});

describe('a pod', () => {
  it('runs, with events that tell how it came to it', async () => {
    await create('web');
    const { status } = await get('web');
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.244.0.2', hostIP: '192.0.2.1' });
    expect(status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('True');
    expect(new Set(await eventsOf('web'))).toEqual(
      new Set([
        'Pulled: Container image "app:1" already present on machine and can be accessed by the pod',
        'Created: Container created',
        'Started: Container started',
      ]),
    );
  });

  it('goes with everything it had when it is deleted', async () => {
    await create('web');
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await clock.advance(31_000);
    expect(await isGone('web')).toBe(true);
    expect(await runtime.listPodSandboxes()).toEqual([]);
    expect([...system.content.keys()]).toEqual([]);
    expect(await eventsOf('web')).toContain('Killing: Stopping container app');
  });

  it('is not written once more for its sandbox when it goes with it', async () => {
    await create('plain', { terminationGracePeriodSeconds: 1 });
    await create('kept', { terminationGracePeriodSeconds: 1 });
    await client.patch(pods, { namespace: 'default', name: 'kept' }, finalizing);
    const stop = runtime.stopContainer.bind(runtime);
    // The runtime's event comes first.
    vi.spyOn(runtime, 'stopContainer').mockImplementation((...args) => stop(...args).then(() => clock.sleep(100)));
    const written: string[] = [];
    const patch = client.patch.bind(client);
    vi.spyOn(client, 'patch').mockImplementation(async (...args) => {
      const pod = (await patch(...args)) as Pod;
      const sandbox = pod.status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers');
      written.push(`${pod.metadata.name} ${pod.status?.phase} ${sandbox?.status}`);
      return pod;
    });
    for (const name of ['plain', 'kept']) await client.delete(pods, { namespace: 'default', name });
    await clock.advance(3000);
    expect(written.filter((each) => each.startsWith('plain'))).toEqual(['plain Running True', 'plain Failed True']);
    expect(written).toContain('kept Failed False');
    expect([await isGone('plain'), await isGone('kept')]).toEqual([true, false]);
  });

  it('gets its whole grace, and no more', async () => {
    await create('web', { terminationGracePeriodSeconds: 5 }, { 'simulated.timonel.dev/ignore-sigterm': 'true' });
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await clock.advance(4900);
    expect(await isGone('web')).toBe(false);
    await clock.advance(200);
    expect(await isGone('web')).toBe(true);
  });

  it('restarts with a back-off that doubles', async () => {
    await create('crash', {}, exits(1000, 3));
    await clock.advance(2500);
    const { status } = await get('crash');
    expect(status?.phase).toBe('Running');
    expect(status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(
      /^back-off 10s restarting failed container=app pod=crash_default\(.+\)$/,
    );
    await clock.advance(12_000);
    expect((await get('crash')).status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 2,
      state: { waiting: { message: expect.stringContaining('back-off 20s') as string } },
    });
  });

  it('succeeds when its containers do, and ends its sidecars then', async () => {
    const initContainers = [
      { name: 'init', image: 'init:1' },
      { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' },
    ];
    await create('job', { restartPolicy: 'Never', initContainers }, exits(1000, 0));
    await clock.advance(5000);
    const { status } = await get('job');
    expect(status?.phase).toBe('Succeeded');
    expect(status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(status?.initContainerStatuses?.[1]?.state?.terminated).toBeDefined();
  });

  it('fails when its deadline is over', async () => {
    await create('slow', { activeDeadlineSeconds: 3 });
    await clock.advance(2900);
    expect((await get('slow')).status?.phase).toBe('Running');
    await clock.advance(200);
    expect((await get('slow')).status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });

  it('is refused when the node has not enough for it', async () => {
    await create('big', { containers: [{ ...app, resources: { requests: { cpu: '3' } } }] });
    const { status } = await get('big');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu' });
    expect(status).not.toHaveProperty('containerStatuses');
    expect(await runtime.listPodSandboxes()).toEqual([]);
  });

  it('takes the place of one whose containers have ended, and which still leaves', async () => {
    const resources = { requests: { cpu: '1500m' } };
    await create('low', { containers: [{ ...app, resources }], terminationGracePeriodSeconds: 1 });
    vi.spyOn(runtime, 'removePodSandbox').mockReturnValueOnce(new Promise(() => undefined));
    await client.delete(pods, { namespace: 'default', name: 'low' });
    await clock.advance(2000);
    expect((await get('low')).status?.phase).toBe('Failed');
    await create('high', { containers: [{ ...app, resources }] });
    expect(await stateOf('high')).toMatchObject({ running: {} });
  });

  it('takes the place of one that the API has no more, which may still be ending', async () => {
    const containers = [{ ...app, resources: { requests: { cpu: '1500m' } } }];
    await create('low', { containers });
    await client.delete(pods, { name: 'low', namespace: 'default' }, { gracePeriodSeconds: 0 });
    await create('high', { containers });
    expect((await get('high')).status?.phase).toBe('Running');
  });
});

describe('what a pod needs', () => {
  it('is waited for, and taken at once when it is there', async () => {
    const valueFrom = { configMapKeyRef: { name: 'env', key: 'k' } };
    await create('conf', {
      volumes: [{ name: 'v', configMap: { name: 'files' } }],
      containers: [{ ...app, env: [{ name: 'X', valueFrom }], volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    });
    expect(await waitingReason('conf')).toBe('ContainerCreating');
    expect(await eventsOf('conf')).toContain(
      'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "files" not found',
    );
    const namespace = 'default';
    await client.create(configMaps, { metadata: { name: 'files', namespace }, data: { a: '1' } });
    await clock.settle();
    expect(await stateOf('conf')).toEqual({
      waiting: { reason: 'CreateContainerConfigError', message: 'configmap "env" not found' },
    });
    await client.create(configMaps, { metadata: { name: 'env', namespace }, data: { k: '1' } });
    await clock.settle();
    expect(await stateOf('conf')).toMatchObject({ running: {} });
  });

  it('follows its objects while the pod runs', async () => {
    const metadata = { name: 'files', namespace: 'default' };
    await client.create(configMaps, { metadata, data: { a: '1' } });
    const pod = await create('conf', { volumes: [{ name: 'v', configMap: { name: 'files' } }] });
    const path = `/node/pods/${pod.metadata.uid}/volumes/kubernetes.io~configmap/v/a`;
    expect(system.content.get(path)).toBe('1');
    await client.patch(configMaps, metadata, { kind: 'merge', document: { data: { a: '2' } } });
    await clock.settle();
    expect(system.content.get(path)).toBe('2');
  });

  it('may be an image that comes late', async () => {
    for (const name of ['docker.io/library/late:1', 'localhost/late:1']) runtime.setImage(name, 'missing');
    await create('late', { containers: [{ name: 'app', image: 'late:1' }] });
    expect(await waitingReason('late')).toBe('ErrImagePull');
    await clock.advance(3000);
    expect(await waitingReason('late')).toBe('ImagePullBackOff');
    runtime.setImage('docker.io/library/late:1', 'present');
    await clock.settle();
    expect(await stateOf('late')).toMatchObject({ running: {} });
  });
});

it('ends init containers and those of Jobs by itself where nothing else is said', async () => {
  await create('web', { initContainers: [{ name: 'init', image: 'app:1' }] });
  await clock.advance(1000);
  expect(await stateOf('web')).toMatchObject({ running: {} });
  const metadata = { name: 'task', namespace: 'default' };
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'task', uid: 'j', controller: true }];
  const spec = { nodeName: 'node-1', restartPolicy: 'Never', containers: [app], automountServiceAccountToken: false };
  await client.create(pods, { metadata: { ...metadata, ownerReferences }, spec });
  await clock.advance(1000);
  expect((await get('task')).status?.phase).toBe('Succeeded');
});

describe('a volume that is an image', () => {
  it('holds back the containers that mount it, with the reason of its pull', async () => {
    for (const name of ['docker.io/library/data:1', 'localhost/data:1']) runtime.setImage(name, 'missing');
    const volumeMounts = [{ name: 'v', mountPath: '/v' }];
    await create('web', {
      volumes: [{ name: 'v', image: { reference: 'data:1' } }],
      containers: [{ ...app, volumeMounts }],
    });
    expect(await waitingReason('web')).toBe('ErrImagePull');
    expect(await eventsOf('web')).toContain('Failed: Error: ErrImagePull');
    await clock.advance(3000);
    expect(await waitingReason('web')).toBe('ImagePullBackOff');
    runtime.setImage('docker.io/library/data:1', 'present');
    await clock.settle();
    expect(await stateOf('web')).toMatchObject({ running: {} });
    expect(await eventsOf('web')).toContain(
      'Pulled: Container image "data:1" already present on machine and can be accessed by the pod',
    );
  });

  it('is waited for until it is brought when it is never pulled', async () => {
    runtime.setImage('docker.io/library/data:1', 'missing');
    runtime.setImage('localhost/data:1', 'missing');
    await create('web', {
      volumes: [{ name: 'v', image: { reference: 'data:1', pullPolicy: 'Never' } }],
      containers: [{ ...app, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    });
    await clock.advance(60_000);
    expect(await waitingReason('web')).toBe('ErrImageNeverPull');
    runtime.setImage('localhost/data:1', 'present');
    await clock.settle();
    expect(await stateOf('web')).toMatchObject({ running: {} });
  });
});

it('takes variables from a file that another container writes, as soon as it is there', async () => {
  const fileKeyRef = { volumeName: 'shared', path: 'app.env', key: 'NAME' };
  const pod = await create('web', {
    volumes: [{ name: 'shared', emptyDir: {} }],
    containers: [{ ...app, env: [{ name: 'NAME', valueFrom: { fileKeyRef } }] }],
  });
  const message = `couldn't find env file "app.env" of volume "shared"`;
  expect(await stateOf('web')).toEqual({ waiting: { reason: 'CreateContainerConfigError', message } });
  const path = `/node/pods/${pod.metadata.uid}/volumes/kubernetes.io~empty-dir/shared/app.env`;
  await system.files.writeFile(path, "NAME='helm'\n");
  await clock.advance(3000);
  expect(await stateOf('web')).toMatchObject({ running: {} });
});

it('makes no sandbox for a pod whose users are not to be the node’s', async () => {
  await create('web', { hostUsers: false });
  expect(await waitingReason('web')).toBe('ContainerCreating');
  const why = "can't set `spec.hostUsers: false`, runtime does not support user namespaces";
  expect(await eventsOf('web')).toContain(`FailedCreatePodSandBox: Failed to create pod sandbox: ${why}`);
});

it('runs a pod by the handler of its runtime class, and says when the runtime has no such', async () => {
  for (const handler of ['runc', 'kata']) {
    await client.create(runtimeClasses, { metadata: { name: handler }, handler });
    await create(handler, { runtimeClassName: handler });
  }
  await create('lost', { runtimeClassName: 'gone' });
  expect(await stateOf('runc')).toMatchObject({ running: {} });
  const failed = 'FailedCreatePodSandBox: Failed to create pod sandbox:';
  expect(await eventsOf('kata')).toContain(`${failed} no runtime for "kata" is configured`);
  expect(await eventsOf('lost')).toContain(`${failed} runtimeclasses.node.k8s.io "gone" not found`);
});

describe('probes', () => {
  it('make a pod ready and unready, and restart it', async () => {
    const httpGet = { path: '/', port: 80 };
    const readinessProbe = { httpGet, periodSeconds: 1, failureThreshold: 1 };
    const livenessProbe = { httpGet, periodSeconds: 2, failureThreshold: 3 };
    await create('web', { containers: [{ ...app, readinessProbe, livenessProbe }], terminationGracePeriodSeconds: 1 });
    await clock.advance(100);
    const ready = async (): Promise<boolean | undefined> => (await get('web')).status?.containerStatuses?.[0]?.ready;
    expect(await ready()).toBe(true);
    system.answerProbes({ kind: 'failure', output: 'HTTP probe failed with statuscode: 500' });
    await clock.advance(1000);
    expect(await ready()).toBe(false);
    await clock.advance(6000);
    expect((await get('web')).status?.containerStatuses?.[0]?.restartCount).toBeGreaterThanOrEqual(1);
    const told = await eventsOf('web');
    expect(told).toContain('Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500');
    expect(told).toContain('Killing: Container app failed liveness probe, will be restarted');
  });
});

describe('the next agent', () => {
  it('adopts what runs and removes what nobody wants any more', async () => {
    await create('stays');
    await create('goes');
    const before = (await get('stays')).status?.containerStatuses?.[0]?.containerID;
    await agent.stop();
    await client.delete(pods, { namespace: 'default', name: 'goes' }, { gracePeriodSeconds: 0 });
    agent = newAgent();
    await agent.start();
    await clock.advance(3000);
    expect((await get('stays')).status?.containerStatuses?.[0]).toMatchObject({
      containerID: before,
      restartCount: 0,
      ready: true,
    });
    expect((await runtime.listPodSandboxes()).map((sandbox) => sandbox.name)).toEqual(['stays']);
    expect(agent.backend.pods().map((pod) => pod.metadata.name)).toEqual(['stays']);
  });

  it('starts again what died with the machine', async () => {
    await create('web');
    await agent.stop();
    runtime.powerOff();
    agent = newAgent();
    await agent.start();
    await clock.advance(1000);
    expect((await get('web')).status).toMatchObject({
      phase: 'Running',
      containerStatuses: [{ restartCount: 1, ready: true, lastState: { terminated: { exitCode: 137 } } }],
    });
  });
});

describe('the node server', () => {
  it('finds containers, says why one is not there, and waits for the end of one', async () => {
    await create('web');
    const query = { namespace: 'default', pod: 'web', container: 'app' };
    const found = agent.backend.findContainer(query);
    expect(found).toMatchObject({
      kind: 'found',
      running: true,
      logPath: expect.stringMatching(/\/app\/0\.log$/) as string,
    });
    expect(agent.backend.findContainer({ ...query, pod: 'no' })).toEqual({ kind: 'noPod' });
    expect(agent.backend.findContainer({ ...query, container: 'no' })).toEqual({ kind: 'noContainer' });
    expect(agent.backend.findContainer({ ...query, previous: true })).toEqual({ kind: 'noPrevious' });
    expect(agent.backend.findSandbox('default', 'web')).toBeDefined();
    if (found.kind !== 'found') return;
    let over = false;
    void agent.backend.stopped(found.id, new AbortController().signal).then(() => (over = true));
    await clock.settle();
    expect(over).toBe(false);
    runtime.exitContainer(found.id, 0);
    await clock.settle();
    expect(over).toBe(true);
  });
});

it('ends a pod whose container could not be stopped at first, whatever happens meanwhile', async () => {
  await create('web', {}, exits(1500, 0));
  const stop = runtime.stopContainer.bind(runtime);
  let calls = 0;
  runtime.stopContainer = (id, graceSeconds) =>
    calls++ === 0 ? Promise.reject(new Error('ttrpc: closed')) : stop(id, graceSeconds);
  await clock.advance(1000);
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await clock.settle();
  expect(calls).toBe(1);
  // The container's own end wakes the pod before it is tried again.
  await clock.advance(600);
  expect(await stateOf('web')).toMatchObject({ terminated: { exitCode: 0 } });
  await clock.advance(1000);
  expect(await isGone('web')).toBe(true);
});

describe('hooks', () => {
  it('hold back readiness until postStart is done, and the signal until preStop is', async () => {
    const lifecycle = { postStart: { sleep: { seconds: 2 } }, preStop: { sleep: { seconds: 3 } } };
    await create('web', { containers: [{ ...app, lifecycle }], terminationGracePeriodSeconds: 10 });
    expect(await waitingReason('web')).toBe('ContainerCreating');
    await clock.advance(2000);
    expect(await stateOf('web')).toMatchObject({ running: {} });
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await clock.advance(2900);
    expect(await stateOf('web')).toMatchObject({ running: {} });
    await clock.advance(200);
    expect(await isGone('web')).toBe(true);
  });

  it('do not keep a pod that is deleted during its postStart', async () => {
    const lifecycle = { postStart: { sleep: { seconds: 1000 } } };
    await create('web', { containers: [{ ...app, lifecycle }], terminationGracePeriodSeconds: 1 });
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await clock.advance(2000);
    expect(await isGone('web')).toBe(true);
  });
});

it('ends sidecars after the app, in the reverse of their order', async () => {
  const sidecar = (name: string): Container => ({ name, image: 'proxy:1', restartPolicy: 'Always' });
  await create('web', { initContainers: [sidecar('first'), sidecar('second')], terminationGracePeriodSeconds: 5 });
  expect((await get('web')).status?.phase).toBe('Running');
  const order: string[] = [];
  const listening = new AbortController();
  void (async () => {
    for await (const event of runtime.events(listening.signal)) {
      if (event.kind !== 'containerExited') continue;
      order.push((await runtime.containerStatus(event.containerId)).name);
    }
  })();
  await clock.settle();
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await clock.advance(6000);
  listening.abort();
  expect(order).toEqual(['app', 'second', 'first']);
  expect(await isGone('web')).toBe(true);
});

it('does not start a container whose sub-path comes to somewhere else, until it does not', async () => {
  const env = [{ name: 'WHERE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['where']" } } }];
  const volumeMounts = [{ name: 'work', mountPath: '/work', subPathExpr: '$(WHERE)' }];
  const spec = { containers: [{ ...app, env, volumeMounts }], volumes: [{ name: 'work', emptyDir: {} }] };
  await create('web', spec, { where: '/tmp' });
  const waiting = (message: string): object => ({ waiting: { reason: 'CreateContainerConfigError', message } });
  expect(await stateOf('web')).toEqual(waiting('error SubPath `/tmp` must not be an absolute path'));
  const move = async (where: string): Promise<void> => {
    const document = { metadata: { annotations: { where } } };
    await client.patch(pods, { namespace: 'default', name: 'web' }, { kind: 'merge', document });
    await clock.advance(1000);
  };
  await move('a/../b');
  expect(await stateOf('web')).toEqual(waiting("unable to provision SubPath `a/../b`: must not contain '..'"));
  await move('a/b');
  expect(await stateOf('web')).toMatchObject({ running: {} });
});
