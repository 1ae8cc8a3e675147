import { AutoscalerReconciler } from '../../src/controllers/autoscaler/autoscaler-controller.ts';
import { localControllerSettings } from '../../src/controllers/settings.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HorizontalPodAutoscalerSpec } from '../../src/api/types/autoscaling-v2.ts';
import type { ControllerContext } from '../../src/controllers/controller.ts';
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

it('looks once for all autoscalers of a period, and has them come back together', async () => {
  for (const each of ['a', 'b', 'c']) {
    await world.client.create(horizontalPodAutoscalers, {
      metadata: { name: each, namespace: 'default' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 5 },
    });
  }
  await world.until('c', () => Promise.resolve([...world.informers.of(horizontalPodAutoscalers).list()].length === 3));
  const asked: string[] = [];
  const { client, clock, informers } = world;
  const raw = client.raw.bind(client);
  client.raw = (method, path, ...rest) => {
    asked.push(path);
    return raw(method, path, ...rest);
  };
  // The world's own controller writes what there is to write.
  client.update = (_, object) => Promise.resolve(object);
  const recorder = { record: () => {} };
  const context = { client, clock, informers, recorder, settings: localControllerSettings } as unknown;
  const reconciler = new AutoscalerReconciler(context as ControllerContext);
  const looks = () => asked.filter((path) => path === '/apis' || path.includes('metrics.k8s.io')).length;
  const period = localControllerSettings.autoscalerSyncPeriodMs;
  expect(await reconciler.reconcile('default/a')).toEqual({ kind: 'requeue', afterMs: period });
  expect(looks()).toBe(2);
  await clock.advance(2000);
  for (const each of ['b', 'c']) {
    expect(await reconciler.reconcile(`default/${each}`)).toEqual({ kind: 'requeue', afterMs: period - 2000 });
  }
  expect(looks()).toBe(2);
  await clock.advance(period - 2000);
  await reconciler.reconcile('default/b');
  expect(looks()).toBe(4);
});
