import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { deployments, endpoints, endpointSlices, events, nodes, pods, services } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld({ nodes: 3, settings: { clusterCidrs: ['10.244.0.0/16'] } });
  await deploy();
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const labels = { app: 'web' };
const replicas = 6;

async function deploy(): Promise<void> {
  const tolerations = ['not-ready', 'unreachable'].map((what) => ({
    key: `node.kubernetes.io/${what}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 1,
  }));
  await world.client.create(deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web:1' }], tolerations } },
    },
  });
  await world.client.create(services, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 5000 }] },
  });
  await world.until('all endpoints', async () => (await readyNodes()).length === replicas);
}

/** The node of each endpoint that is ready. */
async function readyNodes(): Promise<string[]> {
  const slices = await world.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' });
  return slices.flatMap((slice) =>
    (slice.endpoints ?? []).filter((e) => e.conditions?.ready).map((endpoint) => endpoint.nodeName ?? ''),
  );
}

const isRunning = (pod: Pod) =>
  !pod.metadata.deletionTimestamp && pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');

it('takes a dead node out of service within three seconds and replaces its pods within ten', async () => {
  world.runner.kill('node-2');
  const outMs = await world.until('its endpoints out', async () => !(await readyNodes()).includes('node-2'));
  expect(outMs).toBeLessThan(3000);
  const addresses = async () => {
    const object = await world.client.get(endpoints, { name: 'web', namespace: 'default' });
    return (object.subsets ?? []).flatMap((subset) => subset.addresses ?? []).map((address) => address.nodeName);
  };
  await world.until('and in Endpoints', async () => !(await addresses()).includes('node-2'), 100);
  const dead = await world.client.get(nodes, { name: 'node-2' });
  expect(dead.status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  });
  const replacedMs = await world.until('replacements', async () => {
    const running = (await world.list(pods)).filter(isRunning);
    return running.length === replicas && running.every((pod) => pod.spec?.nodeName !== 'node-2');
  });
  expect(outMs + replacedMs).toBeLessThan(10_000);
  const taints = (await world.client.get(nodes, { name: 'node-2' })).spec?.taints ?? [];
  expect(taints.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
    'node.kubernetes.io/unreachable:NoSchedule',
    'node.kubernetes.io/unreachable:NoExecute',
  ]);
  expect((await world.list(events)).map((event) => event.reason)).toEqual(
    expect.arrayContaining(['NodeNotReady', 'TaintManagerEviction']),
  );
});

it('notices a death as quickly when the controllers have just started again', async () => {
  await world.restartControllers();
  await world.clock.advance(1_000);
  world.runner.kill('node-2');
  const outMs = await world.until('its endpoints out', async () => !(await readyNodes()).includes('node-2'));
  expect(outMs).toBeLessThan(3000);
});

it('evicts nobody when every node falls silent', async () => {
  for (const name of ['node-1', 'node-2', 'node-3']) world.runner.kill(name);
  await world.clock.advance(30_000);
  expect((await world.list(pods)).filter((pod) => pod.metadata.deletionTimestamp)).toEqual([]);
  const taints = (await world.list(nodes)).flatMap((node) => node.spec?.taints ?? []);
  expect(taints.filter((taint) => taint.effect === 'NoExecute')).toEqual([]);
});

it('forgets the pods of a node that was removed', async () => {
  world.runner.kill('node-3');
  await world.client.delete(nodes, { name: 'node-3' });
  await world.until('its pods gone', async () => {
    const all = await world.list(pods);
    return all.every((pod) => pod.spec?.nodeName !== 'node-3') && all.filter(isRunning).length === replicas;
  });
});

it('gives nodes pod ranges, and those of removed nodes to new ones', async () => {
  const range = async (name: string) => (await world.client.get(nodes, { name })).spec?.podCIDR;
  expect([await range('node-1'), await range('node-2')]).toEqual(['10.244.0.0/24', '10.244.1.0/24']);
  await world.client.delete(nodes, { name: 'node-2' });
  await world.clock.settle();
  await world.runner.addNode('node-4');
  await world.until('a range', async () => (await range('node-4')) === '10.244.1.0/24');
});

it('takes a pod that is not ready out of service and keeps its slice', async () => {
  const [first] = await world.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' });
  const pod = (await world.list(pods))[0] as Pod;
  const conditions = [{ type: 'Ready', status: 'False' }];
  await world.client.update(pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status' });
  await world.until('it out', async () => (await readyNodes()).length === replicas - 1);
  const slices = await world.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' });
  expect(slices.map((slice) => slice.metadata.name)).toEqual([first?.metadata.name]);
  expect(slices[0]?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Service', name: 'web', controller: true });
  expect(slices[0]?.metadata.labels).toMatchObject({
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
});
