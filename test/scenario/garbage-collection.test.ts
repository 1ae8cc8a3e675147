import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/api/types/core-v1.ts';
import type { ObjectMeta } from '../../src/api/types/meta-v1.ts';
import type { DeleteOptions } from '../../src/client/client.ts';
import {
  configMaps,
  deployments,
  events,
  namespaces,
  pods,
  replicaSets,
  serviceAccounts,
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

const labels = { app: 'web' };
const name = { name: 'web', namespace: 'default' };

async function deploy(replicas: number, namespace = 'default'): Promise<void> {
  await world.client.create(deployments, {
    metadata: { name: 'web', namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
    },
  });
  await world.until('available', async () => {
    const { status } = await world.client.get(deployments, { name: 'web', namespace });
    return status?.availableReplicas === replicas;
  });
}

const remove = (options: DeleteOptions) => world.client.delete(deployments, name, options);
const counts = async () => [
  (await world.list(deployments)).length,
  (await world.list(replicaSets)).length,
  (await world.list(pods)).length,
];

describe('deleting an owner', () => {
  it('takes thirty pods along in the background, in less than a second', async () => {
    await deploy(30);
    await remove({ propagationPolicy: 'Background' });
    const took = await world.until('everything gone', async () => (await counts()).every((count) => count === 0));
    expect(took).toBeLessThan(1000);
    expect(world.warnings).toEqual([]);
  });

  it('in the foreground goes after its dependents', async () => {
    await deploy(3);
    await remove({ propagationPolicy: 'Foreground' });
    let orderly = true;
    await world.until('everything gone', async () => {
      const [owners = 0, sets = 0, all = 0] = await counts();
      if (all > 0 && (sets === 0 || owners === 0)) orderly = false;
      return owners + sets + all === 0;
    });
    expect(orderly).toBe(true);
  });

  it('leaves orphans when told to', async () => {
    await deploy(2);
    await remove({ propagationPolicy: 'Orphan' });
    await world.until('the deployment gone', async () => (await counts())[0] === 0);
    await world.clock.advance(1000);
    expect(await counts()).toEqual([0, 1, 2]);
    expect((await world.list(replicaSets))[0]?.metadata.ownerReferences ?? []).toEqual([]);
  });
});

describe('an object with owners', () => {
  const map = (mapName: string, metadata: ObjectMeta = {}, namespace = 'default') =>
    world.client.create(configMaps, { metadata: { name: mapName, namespace, ...metadata } });
  const ownedBy = (...owners: ConfigMap[]): ObjectMeta => ({
    ownerReferences: owners.map(({ metadata }) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: metadata.name ?? '',
      uid: metadata.uid ?? '',
    })),
  });
  const exists = async (mapName: string) => (await world.list(configMaps)).some((m) => m.metadata.name === mapName);

  it('lives until the last of them is gone', async () => {
    const [one, two] = [await map('one'), await map('two')];
    await map('child', ownedBy(one, two));
    await world.client.delete(configMaps, { name: 'one', namespace: 'default' });
    await world.clock.advance(500);
    const child = await world.client.get(configMaps, { name: 'child', namespace: 'default' });
    expect(child.metadata.ownerReferences?.map((reference) => reference.name)).toEqual(['two']);
    await world.client.delete(configMaps, { name: 'two', namespace: 'default' });
    await world.until('the child gone', async () => !(await exists('child')));
  });

  it('goes when its owner was another object of the same name', async () => {
    const owner = await map('owner');
    await map('child', ownedBy({ ...owner, metadata: { ...owner.metadata, uid: 'another' } }));
    await world.until('the child gone', async () => !(await exists('child')));
    expect(await exists('owner')).toBe(true);
  });

  it('goes, with an event, when its owner is in another namespace', async () => {
    const owner = await map('owner', {}, 'kube-system');
    await world.clock.settle();
    await map('child', ownedBy(owner));
    await world.until('the child gone', async () => !(await exists('child')));
    await world.clock.settle();
    expect((await world.list(events)).map((event) => event.reason)).toContain('OwnerRefInvalidNamespace');
  });
});

describe('a namespace', () => {
  it('has an account and the CA while it lives', async () => {
    await world.client.create(namespaces, { metadata: { name: 'team' } });
    await world.until('both', async () => {
      const accounts = await world.list(serviceAccounts, { namespace: 'team' });
      return accounts.length === 1 && (await world.list(configMaps, { namespace: 'team' })).length === 1;
    });
    const ca = { name: 'kube-root-ca.crt', namespace: 'team' };
    expect((await world.client.get(configMaps, ca)).data).toEqual({ 'ca.crt': 'the CA' });
    await world.client.delete(configMaps, ca);
    await world.until('it again', async () => (await world.list(configMaps, { namespace: 'team' })).length === 1);
  });

  it('is emptied before it goes', async () => {
    await world.client.create(namespaces, { metadata: { name: 'team' } });
    await deploy(3, 'team');
    await world.client.delete(namespaces, { name: 'team' });
    await world.until('gone', async () => !(await world.list(namespaces)).some((n) => n.metadata.name === 'team'));
    expect(await world.list(pods, { namespace: 'team' })).toEqual([]);
    expect(await world.list(configMaps, { namespace: 'team' })).toEqual([]);
  });

  it('says what holds it up', async () => {
    await world.client.create(namespaces, { metadata: { name: 'team' } });
    await world.client.create(configMaps, {
      metadata: { name: 'held', namespace: 'team', finalizers: ['example.com/hold'] },
    });
    await world.client.delete(namespaces, { name: 'team' });
    await world.clock.advance(1000);
    const { status } = await world.client.get(namespaces, { name: 'team' });
    expect(status?.phase).toBe('Terminating');
    const found = status?.conditions?.find((condition) => condition.type === 'NamespaceFinalizersRemaining');
    expect(found?.message).toContain('example.com/hold in 1 resource instances');
    const document = { metadata: { finalizers: null } };
    await world.client.patch(configMaps, { name: 'held', namespace: 'team' }, { kind: 'merge', document });
    await world.until(
      'gone',
      async () => !(await world.list(namespaces)).some((n) => n.metadata.name === 'team'),
      20_000,
    );
  });
});
