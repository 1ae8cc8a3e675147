import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StatefulSet, StatefulSetSpec } from '../../src/api/types/apps-v1.ts';
import {
  controllerRevisions,
  events,
  persistentVolumeClaims as claims,
  pods,
  statefulSets,
  storageClasses,
} from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const name = { name: 'db', namespace: 'default' };
const labels = { app: 'db' };

function template(image: string) {
  return { metadata: { labels }, spec: { containers: [{ name: 'main', image }], terminationGracePeriodSeconds: 1 } };
}

function db(replicas: number, spec: Partial<StatefulSetSpec> = {}): StatefulSet {
  const selector = { matchLabels: labels };
  return {
    metadata: { ...name },
    spec: { replicas, serviceName: 'db', selector, template: template('db:1'), ...spec },
  };
}

const volumeClaimTemplates = [
  {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'local' },
  },
];

const patch = (spec: Record<string, unknown>) =>
  world.client.patch(statefulSets, name, { kind: 'merge', document: { spec } });
const current = () => world.client.get(statefulSets, name);
const status = async () => (await current()).status ?? { replicas: 0 };
const names = async () => (await world.list(pods)).map(({ metadata }) => metadata.name);
const readyIs = (count: number) => async () =>
  (await status()).availableReplicas === count && (await world.list(pods)).length === count;
const isUpdated = (count: number) => async () => {
  const { metadata, status: s } = await current();
  const isSettled = s?.currentRevision === s?.updateRevision && s?.observedGeneration === metadata.generation;
  return isSettled && s?.updatedReplicas === count && s.availableReplicas === count;
};
const imageOf = async (podName: string) =>
  (await world.list(pods)).find(({ metadata }) => metadata.name === podName)?.spec?.containers[0]?.image;

/** What existed or went, in the order it did. */
async function history(until: () => Promise<boolean>): Promise<string[]> {
  const seen: string[] = [];
  const byUid = async () => new Map((await world.list(pods)).map(({ metadata }) => [metadata.uid, metadata.name]));
  let before = await byUid();
  await world.until(
    'the end of the history',
    async () => {
      const now = await byUid();
      for (const [uid, one] of before) if (!now.has(uid)) seen.push(`-${one}`);
      for (const [uid, one] of now) if (!before.has(uid)) seen.push(`+${one}`);
      before = now;
      return until();
    },
    60_000,
  );
  return seen;
}

describe('a stateful set', () => {
  it('comes up one pod after the other, each with a name of its own', async () => {
    await world.client.create(statefulSets, db(3));
    expect(await history(readyIs(3))).toEqual(['+db-0', '+db-1', '+db-2']);
    const pod = await world.client.get(pods, { name: 'db-1', namespace: 'default' });
    const { updateRevision = '' } = await status();
    expect(pod).toMatchObject({
      metadata: {
        labels: {
          ...labels,
          'statefulset.kubernetes.io/pod-name': 'db-1',
          'apps.kubernetes.io/pod-index': '1',
          'controller-revision-hash': updateRevision,
        },
        ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }],
      },
      spec: { hostname: 'db-1', subdomain: 'db' },
    });
    const counts = { replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 3, updatedReplicas: 3 };
    expect(await status()).toMatchObject({ ...counts, currentRevision: updateRevision });
    const told = (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);
    expect(told).toContain('SuccessfulCreate: create Pod db-1 in StatefulSet db successful');
  });

  it('waits for a pod that does not become ready, unless it may go ahead in parallel', async () => {
    world.runner.broken.add('db:1');
    await world.client.create(statefulSets, db(3));
    await world.clock.advance(5_000);
    expect(await names()).toEqual(['db-0']);
    await world.client.delete(statefulSets, name);
    await world.until('nothing', async () => (await world.list(pods)).length === 0);
    await world.client.create(statefulSets, db(3, { podManagementPolicy: 'Parallel' }));
    await world.clock.advance(500);
    expect(await names()).toEqual(['db-0', 'db-1', 'db-2']);
  });

  it('scales down from the highest, one after the other', async () => {
    await world.client.create(statefulSets, db(4));
    await world.until('four', readyIs(4));
    await patch({ replicas: 1 });
    expect(await history(readyIs(1))).toEqual(['-db-3', '-db-2', '-db-1']);
  });

  it('starts counting where it is told to', async () => {
    await world.client.create(statefulSets, db(2, { ordinals: { start: 5 } }));
    await world.until('two', readyIs(2));
    expect(await names()).toEqual(['db-5', 'db-6']);
  });

  it('updates from the highest down, waiting for each', async () => {
    await world.client.create(statefulSets, db(3));
    await world.until('three', readyIs(3));
    await patch({ template: template('db:2') });
    const order = (await history(isUpdated(3))).filter((step) => step.startsWith('-'));
    expect(order).toEqual(['-db-2', '-db-1', '-db-0']);
    expect((await world.list(controllerRevisions)).map(({ revision }) => revision).toSorted((a, b) => a - b)).toEqual([
      1, 2,
    ]);
  });

  it('updates several at a time where that is allowed', async () => {
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } };
    await world.client.create(statefulSets, db(4, { updateStrategy, podManagementPolicy: 'Parallel' }));
    await world.until('four', readyIs(4));
    await patch({ template: template('db:2') });
    let fewest = 4;
    await world.until('updated', async () => {
      const ready = (await world.list(pods)).filter(
        ({ metadata, status: s }) => !metadata.deletionTimestamp && s?.conditions?.some((c) => c.status === 'True'),
      );
      fewest = Math.min(fewest, ready.length);
      return isUpdated(4)();
    });
    expect(fewest).toBe(2);
  });

  it('leaves what is below the partition as it is, and makes it anew like that', async () => {
    const rollingUpdate = { partition: 2 };
    await world.client.create(statefulSets, db(3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate } }));
    await world.until('three', readyIs(3));
    await patch({ template: template('db:2') });
    await world.until('one updated', async () => (await imageOf('db-2')) === 'db:2' && (await readyIs(3)()));
    await world.client.delete(pods, { name: 'db-0', namespace: 'default' });
    await world.clock.advance(2_000);
    expect([await imageOf('db-0'), await imageOf('db-1')]).toEqual(['db:1', 'db:1']);
    expect(await status()).toMatchObject({ updatedReplicas: 1, currentReplicas: 2 });
    await patch({ updateStrategy: { rollingUpdate: { partition: 0 } } });
    await world.until('all updated', isUpdated(3));
  });

  it('updates a pod only when somebody deletes it, where it is told so', async () => {
    await world.client.create(statefulSets, db(2, { updateStrategy: { type: 'OnDelete' } }));
    await world.until('two', readyIs(2));
    await patch({ template: template('db:2') });
    await world.clock.advance(2_000);
    expect(await imageOf('db-1')).toBe('db:1');
    await world.client.delete(pods, { name: 'db-1', namespace: 'default' });
    await world.until('the new one', async () => (await imageOf('db-1')) === 'db:2');
    expect(await imageOf('db-0')).toBe('db:1');
  });

  it('goes back to an old template with its old revision, and forgets the oldest', async () => {
    await world.client.create(statefulSets, db(1, { revisionHistoryLimit: 1 }));
    for (const image of ['db:1', 'db:2', 'db:3', 'db:2']) {
      await patch({ template: template(image) });
      await world.until(image, async () => (await imageOf('db-0')) === image && (await isUpdated(1)()));
    }
    const left = (await world.list(controllerRevisions)).map(({ revision }) => revision);
    expect(left.toSorted((a, b) => a - b)).toEqual([3, 4]);
  });

  it('replaces a pod that has ended', async () => {
    await world.client.create(statefulSets, db(1));
    await world.until('one', readyIs(1));
    const first = await world.client.get(pods, { name: 'db-0', namespace: 'default' });
    const ended = { ...first, status: { ...first.status, phase: 'Failed' } };
    await world.client.update(pods, ended, { subresource: 'status' });
    await world.until('another', async () => (await world.list(pods))[0]?.metadata.uid !== first.metadata.uid);
    const told = (await world.list(events)).map(({ message }) => message);
    expect(told).toContain('StatefulSet default/db is recreating failed Pod db-0');
  });

  it('counts a pod as available when it has been ready for long enough', async () => {
    await world.client.create(statefulSets, db(1, { minReadySeconds: 10 }));
    await world.until('ready', async () => (await status()).readyReplicas === 1);
    expect((await status()).availableReplicas ?? 0).toBe(0);
    expect(await world.until('available', readyIs(1), 15_000)).toBeGreaterThan(8_000);
  });
});

describe('a stateful set with claims', () => {
  beforeEach(async () => {
    await world.client.create(storageClasses, { metadata: { name: 'local' }, provisioner: 'timonel.dev/local' });
  });
  const claimNames = async () => (await world.list(claims)).map(({ metadata }) => metadata.name);

  it('makes them before its pods, and keeps them', async () => {
    await world.client.create(statefulSets, db(2, { volumeClaimTemplates }));
    await world.until('two', readyIs(2));
    expect(await claimNames()).toEqual(['data-db-0', 'data-db-1']);
    const pod = await world.client.get(pods, { name: 'db-1', namespace: 'default' });
    expect(pod.spec?.volumes?.[0]).toMatchObject({ name: 'data', persistentVolumeClaim: { claimName: 'data-db-1' } });
    await patch({ replicas: 0 });
    await world.until('none', readyIs(0));
    await world.client.delete(statefulSets, name);
    await world.clock.advance(1_000);
    expect(await claimNames()).toEqual(['data-db-0', 'data-db-1']);
    expect((await world.list(claims))[0]?.metadata.labels).toEqual(labels);
  });

  it('lets them go with pods beyond its size, and with itself, where it is told so', async () => {
    const persistentVolumeClaimRetentionPolicy = { whenScaled: 'Delete', whenDeleted: 'Delete' };
    await world.client.create(statefulSets, db(3, { volumeClaimTemplates, persistentVolumeClaimRetentionPolicy }));
    await world.until('three', readyIs(3));
    await patch({ replicas: 1 });
    await world.until('one claim', async () => (await claimNames()).length === 1, 30_000);
    await patch({ replicas: 2 });
    await world.until('two', readyIs(2), 30_000);
    await world.client.delete(statefulSets, name);
    await world.until('no claim', async () => (await claimNames()).length === 0, 30_000);
  });
});
