import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../src/api/types/apps-v1.ts';
import { deployments, events, pods, replicaSets, replicationControllers } from '../../src/client/resources.ts';
import { startControllerWorld, type ControllerWorld } from '../support/controller-world.ts';

let world: ControllerWorld;
beforeEach(async () => {
  world = await startControllerWorld();
});
afterEach(async () => {
  await world.stop();
  expect(world.warnings).toEqual([]);
});

const name = { name: 'web', namespace: 'default' };
const labels = { app: 'web' };

function web(replicas: number, spec: Partial<Deployment['spec']> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...name, labels },
    spec: { replicas, selector: { matchLabels: labels }, template: template('web:1'), ...spec },
  };
}

function template(image: string): NonNullable<Deployment['spec']>['template'] {
  return { metadata: { labels }, spec: { containers: [{ name: 'main', image }], terminationGracePeriodSeconds: 1 } };
}

const patch = (document: Record<string, unknown>) => world.client.patch(deployments, name, { kind: 'merge', document });
const setImage = (image: string) => patch({ spec: { template: template(image) } });
const status = async () => (await world.client.get(deployments, name)).status ?? {};
const condition = async (type: string) => (await status()).conditions?.find((c) => c.type === type);

async function isRolledOut(replicas: number): Promise<boolean> {
  const current = await world.client.get(deployments, name);
  const { observedGeneration, updatedReplicas, availableReplicas, replicas: total } = current.status ?? {};
  const counts = [updatedReplicas, availableReplicas, total].every((count) => count === replicas);
  return observedGeneration === current.metadata.generation && counts;
}

async function setOf(image: string): Promise<ReplicaSet | undefined> {
  const sets = await world.list(replicaSets);
  return sets.find((set) => set.spec?.template?.spec?.containers[0]?.image === image);
}

describe('a deployment', () => {
  it('comes up with one replica set, as many pods as asked for, and says so', async () => {
    await world.client.create(deployments, web(3));
    await world.until('three available', () => isRolledOut(3));
    const [set, ...others] = await world.list(replicaSets);
    expect(others).toEqual([]);
    expect(set?.metadata.name).toMatch(/^web-[a-z0-9]{10}$/);
    expect(set?.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    expect(await condition('Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    const created = await world.list(pods);
    expect(created.map((pod) => pod.metadata.generateName)).toEqual(created.map(() => `${set?.metadata.name}-`));
    const messages = (await world.list(events)).map((event) => event.message);
    expect(messages).toContain(`Scaled up replica set ${set?.metadata.name} from 0 to 3`);
    expect(messages).toContain(`Created pod: ${created[0]?.metadata.name}`);
    expect(world.warnings).toEqual([]);
  });

  it('creates each pod once, thirty at a stroke', async () => {
    await world.client.create(deployments, web(1));
    await world.until('one available', () => isRolledOut(1));
    await patch({ spec: { replicas: 30 } });
    const took = await world.until('thirty created', async () => (await world.list(pods)).length >= 30);
    await world.until('thirty available', () => isRolledOut(30));
    expect(took).toBeLessThan(100);
    expect(await world.list(pods)).toHaveLength(30);
  });

  it('rolls to a new template without ever having too few or too many', async () => {
    await world.client.create(deployments, web(10));
    await world.until('ten available', () => isRolledOut(10));
    await setImage('web:2');
    let [fewest, most] = [Infinity, 0];
    await world.until('the new ones available', async () => {
      const all = (await world.list(pods)).filter((pod) => !pod.metadata.deletionTimestamp);
      const ready = all.filter((pod) => pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
      fewest = Math.min(fewest, ready.length);
      most = Math.max(most, all.length);
      return (await isRolledOut(10)) && (await setOf('web:1'))?.spec?.replicas === 0;
    });
    expect([fewest >= 8, most <= 13]).toEqual([true, true]);
    expect((await setOf('web:2'))?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    const current = await world.client.get(deployments, name);
    expect(current.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
  });

  it('goes back to an old template by giving its replica set a new revision', async () => {
    await world.client.create(deployments, web(2));
    await world.until('the first', () => isRolledOut(2));
    const first = await setOf('web:1');
    await setImage('web:2');
    await world.until('the second', async () => (await isRolledOut(2)) && (await setOf('web:1'))?.spec?.replicas === 0);
    await setImage('web:1');
    await world.until(
      'the first again',
      async () => (await isRolledOut(2)) && (await setOf('web:2'))?.spec?.replicas === 0,
    );
    const again = await setOf('web:1');
    expect(again?.metadata.uid).toBe(first?.metadata.uid);
    expect(again?.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
  });

  it('undoes by the old rollbackTo as well', async () => {
    await world.client.create(deployments, web(1));
    await world.until('the first', () => isRolledOut(1));
    await setImage('web:2');
    await world.until('the second', () => isRolledOut(1));
    await patch({ metadata: { annotations: { 'deprecated.deployment.rollback.to': '1' } } });
    await world.until('the first again', async () => (await setOf('web:1'))?.spec?.replicas === 1);
    const current = await world.client.get(deployments, name);
    expect(current.spec?.template.spec?.containers[0]?.image).toBe('web:1');
    expect(current.metadata.annotations).not.toHaveProperty('deprecated.deployment.rollback.to');
  });

  it('stands still while paused, but scales', async () => {
    await world.client.create(deployments, web(2));
    await world.until('two', () => isRolledOut(2));
    await patch({ spec: { paused: true } });
    await setImage('web:2');
    await patch({ spec: { replicas: 4 } });
    await world.until('four old ones', async () => (await setOf('web:1'))?.status?.availableReplicas === 4);
    expect(await setOf('web:2')).toBeUndefined();
    expect(await condition('Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    await patch({ spec: { paused: false } });
    await world.until('four new ones', () => isRolledOut(4));
  });

  it('recreates: the last old pod is gone before the first new one comes', async () => {
    await world.client.create(deployments, web(3, { strategy: { type: 'Recreate' } }));
    await world.until('three', () => isRolledOut(3));
    await setImage('web:2');
    let mixed = false;
    await world.until('three new', async () => {
      const images = new Set((await world.list(pods)).map((pod) => pod.spec?.containers[0]?.image));
      mixed ||= images.size > 1;
      return (await isRolledOut(3)) && images.has('web:2');
    });
    expect(mixed).toBe(false);
  });

  it('says when it makes no progress within the deadline', async () => {
    await world.client.create(deployments, web(2, { progressDeadlineSeconds: 30 }));
    await world.until('two', () => isRolledOut(2));
    world.runner.broken.add('web:2');
    await setImage('web:2');
    await world.clock.advance(20_000);
    expect(await condition('Progressing')).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
    await world.clock.advance(15_000);
    expect(await condition('Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
    expect(await condition('Available')).toMatchObject({ status: 'True' });
  });

  it('keeps as many old replica sets as its history allows', async () => {
    await world.client.create(deployments, web(1, { revisionHistoryLimit: 1 }));
    for (const image of ['web:1', 'web:2', 'web:3', 'web:4']) {
      await setImage(image);
      await world.until(
        image,
        async () => (await isRolledOut(1)) && (await setOf(image))?.status?.availableReplicas === 1,
      );
    }
    await world.until('old sets to go', async () => (await world.list(replicaSets)).length === 2);
    expect(await setOf('web:3')).toBeDefined();
  });

  it('writes nothing more once everything is as it should be', async () => {
    await world.client.create(deployments, web(3));
    await world.until('three', () => isRolledOut(3));
    await world.clock.advance(3_000);
    const before = await world.client.get(deployments, name);
    await world.clock.advance(60_000);
    expect((await world.client.get(deployments, name)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });
});

describe('a replication controller', () => {
  it('adopts pods that match, replaces what is deleted, and releases what no longer matches', async () => {
    const container = { name: 'main', image: 'web:1' };
    await world.client.create(pods, {
      metadata: { name: 'found', namespace: 'default', labels },
      spec: { containers: [container] },
    });
    await world.client.create(replicationControllers, {
      metadata: name,
      spec: { replicas: 2, selector: labels, template: { metadata: { labels }, spec: { containers: [container] } } },
    });
    const ready = async () => (await world.client.get(replicationControllers, name)).status?.readyReplicas === 2;
    await world.until('two ready', ready);
    expect(await world.list(pods)).toHaveLength(2);
    const found = await world.client.get(pods, { name: 'found', namespace: 'default' });
    expect(found.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'ReplicationController', controller: true });
    const document = { metadata: { labels: { app: 'other' } } };
    await world.client.patch(pods, { name: 'found', namespace: 'default' }, { kind: 'merge', document });
    await world.until('a replacement', async () => (await world.list(pods)).length === 3 && (await ready()));
    const released = await world.client.get(pods, { name: 'found', namespace: 'default' });
    expect(released.metadata.ownerReferences ?? []).toEqual([]);
  });
});
