import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PodDisruptionBudgetSpec } from '../../src/api/types/policy-v1.ts';
import { deployments, podDisruptionBudgets, pods } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
const name = { name: 'web', namespace: 'default' };
const labels = { app: 'web' };
beforeEach(async () => {
  world = await startControllerWorld();
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web' }] } };
  const spec = { replicas: 4, selector: { matchLabels: labels }, template };
  await world.client.create(deployments, { metadata: name, spec });
  await world.until('four', async () => (await world.client.get(deployments, name)).status?.availableReplicas === 4);
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const status = async () => (await world.client.get(podDisruptionBudgets, name)).status;

async function budget(spec: PodDisruptionBudgetSpec): Promise<void> {
  const object = { metadata: { ...name }, spec: { selector: { matchLabels: labels }, ...spec } };
  await world.client.create(podDisruptionBudgets, object);
  await world.until('a status', async () => (await status())?.observedGeneration === 1);
}

const evict = (podName: string) =>
  world.client.createSubresource(pods, { name: podName, namespace: 'default' }, 'eviction', {
    ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: podName, namespace: 'default' } },
  });

it('lets as many pods be evicted as it can spare, and more once others have come', async () => {
  await budget({ minAvailable: 3 });
  expect(await status()).toMatchObject({
    ...{ expectedPods: 4, desiredHealthy: 3, currentHealthy: 4, disruptionsAllowed: 1 },
    conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }],
  });
  const [first, second] = (await world.list(pods)).map(({ metadata }) => metadata.name ?? '');
  await evict(first ?? '');
  await world.clock.settle();
  await expect(evict(second ?? '')).rejects.toThrow("would violate the pod's disruption budget");
  await world.until('a replacement', async () => (await status())?.disruptionsAllowed === 1);
  await evict(second ?? '');
});

it('reckons shares from what the controllers of the pods want', async () => {
  await budget({ maxUnavailable: '30%' });
  expect(await status()).toMatchObject({ expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 2 });
  await world.client.patch(deployments, name, { kind: 'merge', document: { spec: { replicas: 10 } } });
  await world.until('ten', async () => (await status())?.currentHealthy === 10);
  expect(await status()).toMatchObject({ expectedPods: 10, desiredHealthy: 7, disruptionsAllowed: 3 });
});

it('allows nothing for pods that are not there', async () => {
  await budget({ minAvailable: '50%', selector: { matchLabels: { app: 'other' } } });
  expect(await status()).toMatchObject({
    ...{ expectedPods: 0, disruptionsAllowed: 0 },
    conditions: [{ status: 'False', reason: 'InsufficientPods' }],
  });
});
