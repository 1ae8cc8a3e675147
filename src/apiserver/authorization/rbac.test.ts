import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../admission/lookup.ts';
import type { Collection } from '../admission/lookup.ts';
import { createStoreLookup, putObject, storeKey } from '../admission/store-lookup.ts';
import type { Attributes } from '../authorization.ts';
import type { User } from '../handler.ts';
import { startAggregator } from './aggregator.ts';
import { bootstrap } from './bootstrap.ts';
import { createRbac } from './rbac.ts';

const random = seededRandom(1);
const ann: User = { name: 'ann', groups: ['dev', 'system:authenticated'] };
const account: User = {
  name: 'system:serviceaccount:web:builder',
  groups: ['system:serviceaccounts', 'system:authenticated'],
};

function wants(user: User, verb: string, what: string, where: { namespace?: string; name?: string } = {}): Attributes {
  const [path = '', group = ''] = what.split('@');
  const [resource = '', subresource = ''] = path.split('/');
  const { namespace = '', name = '' } = where;
  return { kind: 'resource', user, verb, group, version: 'v1', resource, subresource, namespace, name };
}

async function put(store: Store, collection: Collection, object: object): Promise<void> {
  const { metadata } = object as KubeObject;
  const key = storeKey(collection, metadata.namespace ?? '', metadata.name ?? '');
  const current = await store.get(key);
  const revision = current.kind === 'found' ? current.entry.revision : 0;
  const result = await store.commit([putObject(key, object as KubeObject, revision)]);
  expect(result.kind).toBe('committed');
}

async function start(): Promise<{
  store: Store;
  rbac: ReturnType<typeof createRbac>;
  get: (name: string) => Promise<ClusterRole>;
}> {
  const store = createMemoryStore();
  await bootstrap({ store, clock: systemClock, random });
  const lookup = createStoreLookup(store, systemClock);
  const rbac = createRbac(lookup);
  startAggregator({ store, lookup, log: silentLogger });
  await lookup.follow(clusterRoles, clusterRoleBindings, roles, roleBindings);
  const get = async (name: string): Promise<ClusterRole> => (await lookup.fresh(clusterRoles, '', name)) as ClusterRole;
  return { store, rbac, get };
}

const bind = (name: string, role: string, subject: object, namespace?: string): object => ({
  kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
  metadata: { name, ...(namespace && { namespace }) },
  subjects: [subject],
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
});

/** Until the watch has delivered what was committed. */
async function settled(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

describe('RBAC', () => {
  it('knows the default roles of a fresh cluster', async () => {
    const { rbac } = await start();
    const allowed = (attributes: Attributes): boolean => rbac.authorize(attributes).kind === 'allow';
    const scheduler: User = { name: 'system:kube-scheduler', groups: ['system:authenticated'] };
    expect(allowed(wants(scheduler, 'create', 'pods/binding', { namespace: 'web' }))).toBe(true);
    expect(allowed(wants(scheduler, 'create', 'pods', { namespace: 'web' }))).toBe(false);
    const controller: User = { name: 'system:serviceaccount:kube-system:replicaset-controller', groups: [] };
    expect(allowed(wants(controller, 'update', 'replicasets/status@apps', { namespace: 'web' }))).toBe(true);
    expect(allowed(wants(ann, 'create', 'selfsubjectaccessreviews@authorization.k8s.io'))).toBe(true);
    expect(allowed({ kind: 'nonResource', user: ann, verb: 'get', path: '/apis/apps/v1' })).toBe(true);
    expect(allowed({ kind: 'nonResource', user: ann, verb: 'get', path: '/metrics' })).toBe(false);
    const nobody: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
    expect(allowed({ kind: 'nonResource', user: nobody, verb: 'get', path: '/version' })).toBe(true);
    expect(allowed({ kind: 'nonResource', user: nobody, verb: 'get', path: '/apis' })).toBe(false);
  });

  it('follows bindings and roles as they change', async () => {
    const { store, rbac } = await start();
    const attributes = wants(account, 'create', 'deployments@apps', { namespace: 'web' });
    const allowed = (): boolean => rbac.authorize(attributes).kind === 'allow';
    expect(allowed()).toBe(false);
    await put(store, roleBindings, bind('b', 'edit', { kind: 'ServiceAccount', name: 'builder' }, 'web'));
    await settled(allowed);
    expect(rbac.authorize({ ...attributes, namespace: 'other' } as Attributes).kind).toBe('noOpinion');
    const key = storeKey(roleBindings, 'web', 'b');
    const found = await store.get(key);
    if (found.kind !== 'found') throw new Error('no binding');
    await store.commit([{ kind: 'delete', key, encode: () => ({ value: found.entry.value }) }]);
    await settled(() => !allowed());
  });

  it('keeps to resource names, subresources and groups', async () => {
    const { store, rbac } = await start();
    const rules: PolicyRule[] = [
      { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['one', 'two'] },
      { verbs: ['*'], apiGroups: ['apps'], resources: ['*/scale'] },
    ];
    await put(store, clusterRoles, { kind: 'ClusterRole', metadata: { name: 'narrow' }, rules });
    await put(store, clusterRoleBindings, bind('narrow', 'narrow', { kind: 'Group', name: 'dev' }));
    const allowed = (verb: string, what: string, name = ''): boolean =>
      rbac.authorize(wants(ann, verb, what, { namespace: 'x', name })).kind === 'allow';
    await settled(() => allowed('get', 'configmaps', 'one'));
    expect(allowed('get', 'configmaps', 'three')).toBe(false);
    expect(allowed('get', 'configmaps')).toBe(false);
    expect(allowed('list', 'configmaps', 'one')).toBe(false);
    expect(allowed('update', 'deployments/scale@apps', 'web')).toBe(true);
    expect(allowed('update', 'deployments@apps', 'web')).toBe(false);
  });

  it('aggregates roles by label, through levels', async () => {
    const { store, rbac, get } = await start();
    expect((await get('admin')).rules?.length).toBeGreaterThan((await get('edit')).rules?.length ?? 0);
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    const rules = [{ verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] }];
    await put(store, clusterRoles, { kind: 'ClusterRole', metadata: { name: 'widgets', labels }, rules });
    await put(store, roleBindings, bind('ann', 'admin', { kind: 'User', name: 'ann' }, 'x'));
    await settled(() => rbac.authorize(wants(ann, 'get', 'widgets@example.com', { namespace: 'x' })).kind === 'allow');
  });

  it('puts back what default roles have lost on a start, and leaves alone what is marked so', async () => {
    const { store, get } = await start();
    const view = await get('system:aggregate-to-view');
    const scheduler = await get('system:kube-scheduler');
    const extra = { verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] };
    await put(store, clusterRoles, { ...view, rules: [extra] });
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    await put(store, clusterRoles, { ...scheduler, metadata: { ...scheduler.metadata, annotations }, rules: [] });
    const before = store.revision;
    await bootstrap({ store, clock: systemClock, random });
    expect((await get('system:aggregate-to-view')).rules).toEqual([extra, ...(view.rules ?? [])]);
    expect((await get('system:kube-scheduler')).rules).toEqual([]);
    expect(store.revision).toBeGreaterThan(before);
  });

  it('changes nothing on a second start', async () => {
    const { store } = await start();
    const before = store.revision;
    await bootstrap({ store, clock: systemClock, random });
    expect(store.revision).toBe(before);
  });
});
