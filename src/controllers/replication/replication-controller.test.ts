import { expect, it } from 'vitest';
import type { KubeObject } from '../../api/object.ts';
import { ApiError } from '../../api/status.ts';
import type { ReplicaSet } from '../../api/types/apps-v1.ts';
import { seededRandom } from '../../base/random.ts';
import { silentLogger } from '../../base/log.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { keyOf } from '../../client/informer.ts';
import type { ControllerContext } from '../controller.ts';
import { localControllerSettings } from '../settings.ts';
import { doubtAfterMs } from './expectations.ts';
import { ReplicationReconciler } from './replication-controller.ts';
import { replicaSetKind } from './replicated.ts';

const web: ReplicaSet = {
  metadata: { name: 'web', namespace: 'shop', uid: 'old', generation: 1 },
  spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } } } },
};

/** A cluster whose server has no replica set any more, while the cache still has `cached`. */
function behind(cached: ReplicaSet) {
  const created: KubeObject[] = [];
  const clock = createSimulatedClock();
  const objects = new Map([[keyOf(cached), cached]]);
  const informer = {
    ...{ hasSynced: true, synced: () => Promise.resolve(), addIndex: () => undefined, byIndex: () => [] },
    ...{ get: (key: string) => objects.get(key), list: () => objects.values(), subscribe: () => () => undefined },
  };
  const client = {
    create: (_: unknown, pod: KubeObject) => (created.push(pod), Promise.resolve(pod)),
    update: () => Promise.reject(ApiError.of('NotFound', 'replicasets.apps "web" not found')),
    // The garbage collector takes its pods at once.
    list: () => Promise.resolve({ metadata: {}, items: [] }),
  };
  const context = {
    ...{ client, informers: { of: () => informer }, recorder: { record: () => undefined } },
    ...{ clock, random: seededRandom(1), log: silentLogger, settings: localControllerSettings },
  } as unknown as ControllerContext;
  return { clock, created, objects, reconciler: new ReplicationReconciler(replicaSetKind, context) };
}

it('makes no more pods for a set that the server does not have, until the cache shows another', async () => {
  const { created, objects, reconciler, clock } = behind(web);
  await reconciler.reconcile('shop/web');
  expect(created).toHaveLength(2);
  // Nobody waits for the cache to show them any longer.
  await clock.advance(2 * doubtAfterMs);
  await reconciler.reconcile('shop/web');
  expect(created).toHaveLength(2);
  objects.set('shop/web', { ...web, spec: { ...web.spec!, replicas: 3 } });
  await reconciler.reconcile('shop/web');
  expect(created).toHaveLength(5);
});
