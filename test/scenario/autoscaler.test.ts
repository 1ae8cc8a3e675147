import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HorizontalPodAutoscalerSpec } from '../../src/api/types/autoscaling-v2.ts';
import { deployments, events, horizontalPodAutoscalers } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
const name = { name: 'web', namespace: 'default' };
const labels = { app: 'web' };
beforeEach(async () => {
  world = await startControllerWorld();
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web' }] } };
  await world.client.create(deployments, {
    metadata: name,
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  });
  await world.until('one', async () => (await world.client.get(deployments, name)).status?.availableReplicas === 1);
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const status = async () => (await world.client.get(horizontalPodAutoscalers, name)).status;
const condition = async (type: string) => (await status())?.conditions?.find((each) => each.type === type);

async function autoscale(kind: string, spec: Partial<HorizontalPodAutoscalerSpec>): Promise<void> {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind, name: 'web' };
  await world.client.create(horizontalPodAutoscalers, {
    metadata: { ...name },
    spec: { scaleTargetRef, maxReplicas: 5, ...spec },
  });
}

it('brings a deployment within its bounds, and says when nothing can be measured', async () => {
  await autoscale('Deployment', { minReplicas: 3 });
  await world.until('three', async () => (await world.client.get(deployments, name)).status?.availableReplicas === 3);
  expect(await status()).toMatchObject({ desiredReplicas: 3 });
  expect(await condition('AbleToScale')).toMatchObject({ status: 'True', reason: 'SucceededRescale' });
  await world.until('a look', async () => (await condition('ScalingActive')) !== undefined);
  expect(await condition('ScalingActive')).toMatchObject({ status: 'False', reason: 'FailedGetResourceMetric' });
  const told = (await world.list(events)).filter(
    ({ involvedObject }) => involvedObject.kind === 'HorizontalPodAutoscaler',
  );
  expect(told.map(({ message }) => message)).toContain(
    'New size: 3; reason: Current number of replicas below Spec.MinReplicas',
  );
  await world.client.patch(deployments, name, { kind: 'merge', document: { spec: { replicas: 9 } } });
  await world.until('five', async () => (await world.client.get(deployments, name)).spec?.replicas === 5);
});

it('says so of a target that cannot be scaled', async () => {
  await autoscale('Nothing', {});
  await world.until('a look', async () => (await condition('AbleToScale')) !== undefined);
  expect(await condition('AbleToScale')).toMatchObject({ status: 'False', reason: 'FailedGetScale' });
});
