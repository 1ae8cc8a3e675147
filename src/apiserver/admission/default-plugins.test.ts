import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { ApiError } from '../../api/status.ts';
import type { Node, Pod, ResourceQuota } from '../../api/types/core-v1.ts';
import { createSigningKey } from '../../cluster/certificates.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { User } from '../handler.ts';
import { createSecurity } from '../security.ts';
import type { Security } from '../security.ts';
import { limitRanges, namespaces, nodes, pods, priorityClasses, resourceQuotas } from './lookup.ts';
import { roles, runtimeClasses, serviceAccounts, storageClasses } from './lookup.ts';
import type { Collection } from './lookup.ts';
import { putObject, storeKey } from './store-lookup.ts';

const serviceAccountKey = createSigningKey();
const admin: User = { name: 'admin', groups: ['system:masters'] };
const ann: User = { name: 'ann', groups: ['system:authenticated'] };
const node: User = { name: 'system:node:n1', groups: ['system:nodes'] };
let store: Store;
let security: Security;

beforeEach(async () => {
  store = createMemoryStore();
  const common = { store, clock: systemClock, log: silentLogger, serviceAccountKey };
  security = createSecurity({ ...common, random: seededRandom(1), issuer: 'https://x' });
  await security.bootstrap();
  await put(namespaces, { metadata: { name: 'web' }, status: { phase: 'Active' } });
  await put(serviceAccounts, { metadata: { name: 'default', namespace: 'web' }, imagePullSecrets: [{ name: 'pull' }] });
});

async function put(collection: Collection, object: object): Promise<void> {
  const { metadata } = object as KubeObject;
  const key = storeKey(collection, metadata.namespace ?? '', metadata.name ?? '');
  const current = await store.get(key);
  await store.commit([putObject(key, object as KubeObject, current.kind === 'found' ? current.entry.revision : 0)]);
  await delivered();
}

async function delivered(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

type Write = Partial<Omit<AdmissionRequest, 'object' | 'old' | 'kind'>> & {
  object?: object;
  old?: object;
  at?: Collection;
};

/** Mutates and validates as the registry does; answers the object. */
async function admit<T>(write: Write): Promise<T> {
  const { at = pods, ...rest } = write;
  const { group, plural } = at;
  const scope = ['nodes', 'namespaces', 'priorityclasses'].includes(plural) ? 'Cluster' : 'Namespaced';
  const request: AdmissionRequest = {
    operation: 'CREATE',
    kind: { group, plural, kind: '', singular: '', scope, versions: [] },
    subresource: '',
    namespace: scope === 'Cluster' ? '' : 'web',
    name: '',
    user: admin,
    dryRun: false,
    warn() {},
    ...rest,
    object: write.object as AnyObject | undefined,
    old: write.old as AnyObject | undefined,
  };
  for (const plugin of security.admission) if (plugin.mutate && plugin.handles(request)) await plugin.mutate(request);
  for (const plugin of security.admission)
    if (plugin.validate && plugin.handles(request)) await plugin.validate(request);
  return request.object as T;
}

function pod(name = 'p', spec: object = {}): { metadata: object; spec: object } {
  return { metadata: { name, namespace: 'web' }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } };
}

const sized = (requests: object, limits: object = {}): object => ({
  containers: [{ name: 'c', image: 'i', resources: { requests, limits } }],
});

describe('NamespaceLifecycle', () => {
  it('keeps new things out of namespaces that are not there or going', async () => {
    await expect(admit({ object: pod(), namespace: 'nope' })).rejects.toThrow('namespaces "nope" not found');
    await put(namespaces, { metadata: { name: 'web' }, status: { phase: 'Terminating' } });
    const error = (await admit({ object: pod() }).catch((reason: unknown) => reason)) as ApiError;
    expect(error.message).toBe(
      'pods "p" is forbidden: unable to create new content in namespace web because it is being terminated',
    );
    expect(error.status.details?.causes?.[0]?.reason).toBe('NamespaceTerminating');
    await admit({ operation: 'UPDATE', object: pod(), old: pod() });
  });

  it('does not wait for the cache to hear of a new namespace', async () => {
    await store.commit([putObject(storeKey(namespaces, '', 'new'), { metadata: { name: 'new' } }, 0)]);
    await store.commit([
      putObject(storeKey(serviceAccounts, 'new', 'default'), { metadata: { name: 'default', namespace: 'new' } }, 0),
    ]);
    await admit({ object: pod(), namespace: 'new' });
  });

  it('keeps the system namespaces', async () => {
    await expect(admit({ at: namespaces, operation: 'DELETE', name: 'kube-system' })).rejects.toThrow(
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    );
  });
});

describe('ServiceAccount', () => {
  it('gives pods an account, its pull secrets and its token', async () => {
    const { spec } = await admit<Pod>({ object: pod() });
    expect(spec).toMatchObject({ serviceAccountName: 'default', imagePullSecrets: [{ name: 'pull' }] });
    const [volume] = spec?.volumes ?? [];
    expect(volume?.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(volume?.projected?.sources?.[0]?.serviceAccountToken).toEqual({ expirationSeconds: 3607, path: 'token' });
    expect(spec?.containers[0]?.volumeMounts).toEqual([
      { name: volume?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ]);
  });

  it('mounts no token where it is unwanted', async () => {
    const { spec } = await admit<Pod>({ object: pod('p', { automountServiceAccountToken: false }) });
    expect(spec?.volumes).toBeUndefined();
  });

  it('refuses accounts that are not there', async () => {
    const object = pod('p', { serviceAccountName: 'nope' });
    const clock = { ...systemClock, setTimer: (_: number, callback: () => void) => systemClock.setTimer(0, callback) };
    const common = { store, clock, log: silentLogger, serviceAccountKey };
    security = createSecurity({ ...common, random: seededRandom(1), issuer: 'https://x' });
    await security.bootstrap();
    await expect(admit({ object })).rejects.toThrow(
      'pods "p" is forbidden: error looking up service account web/nope: serviceaccount "nope" not found',
    );
  });

  it('waits for the account of a namespace that was just made', async () => {
    const waiting = admit<Pod>({ object: pod('p', { serviceAccountName: 'late' }) });
    await put(serviceAccounts, { metadata: { name: 'late', namespace: 'web' } });
    expect((await waiting).spec?.serviceAccountName).toBe('late');
  });
});

describe('Priority, tolerations and classes', () => {
  it('resolve from what the cluster has', async () => {
    const plain = await admit<Pod>({ object: pod() });
    expect(plain.spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    expect(plain.spec?.tolerations?.map((toleration) => [toleration.key, toleration.tolerationSeconds])).toEqual([
      ['node.kubernetes.io/not-ready', 300],
      ['node.kubernetes.io/unreachable', 300],
    ]);
    const critical = await admit<Pod>({ object: pod('p', { priorityClassName: 'system-node-critical' }) });
    expect(critical.spec?.priority).toBe(2_000_001_000);
    await expect(admit({ object: pod('p', { priorityClassName: 'x' }) })).rejects.toThrow(
      'pods "p" is forbidden: no PriorityClass with name x was found',
    );
    await put(priorityClasses, { metadata: { name: 'usual' }, value: 7, globalDefault: true });
    expect((await admit<Pod>({ object: pod() })).spec).toMatchObject({ priority: 7, priorityClassName: 'usual' });
  });

  it('keep a pod’s priority when it is replaced by what it was made from', async () => {
    const old = await admit<Pod>({ object: pod('p', { priorityClassName: 'system-node-critical' }) });
    await put(priorityClasses, { metadata: { name: 'usual' }, value: 7, globalDefault: true });
    const spec = { priorityClassName: 'system-node-critical' };
    const replaced = await admit<Pod>({ operation: 'UPDATE', old, object: pod('p', spec) });
    expect(replaced.spec).toMatchObject({ priority: 2_000_001_000, preemptionPolicy: 'PreemptLowerPriority' });
  });

  it('give overhead, scheduling and storage defaults', async () => {
    const scheduling = { nodeSelector: { sandbox: 'yes' } };
    await put(runtimeClasses, { metadata: { name: 'gvisor' }, overhead: { podFixed: { cpu: '250m' } }, scheduling });
    const { spec } = await admit<Pod>({ object: pod('p', { runtimeClassName: 'gvisor' }) });
    expect(spec).toMatchObject({ overhead: { cpu: '250m' }, nodeSelector: { sandbox: 'yes' } });
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await put(storageClasses, { metadata: { name: 'local', annotations }, provisioner: 'x' });
    const at = { group: '', plural: 'persistentvolumeclaims' };
    const claim = await admit<AnyObject>({ at, object: { metadata: { name: 'd' }, spec: {} } });
    expect(claim).toMatchObject({
      metadata: { finalizers: ['kubernetes.io/pvc-protection'] },
      spec: { storageClassName: 'local' },
    });
  });
});

describe('PodTopologyLabels', () => {
  const zone = 'topology.kubernetes.io/zone';

  it('gives bindings and pods with a node the zone and the region of that node', async () => {
    const labels = { [zone]: 'z1', 'topology.kubernetes.io/region': 'r1', 'topology.kubernetes.io/rack': '7' };
    await put(nodes, { metadata: { name: 'n1', labels } });
    const binding = (kind: string, name: string): object => ({ metadata: { name: 'p' }, target: { kind, name } });
    const bound = (object: object): Promise<Pod> => admit<Pod>({ subresource: 'binding', object });
    const wanted = { [zone]: 'z1', 'topology.kubernetes.io/region': 'r1' };
    expect((await bound(binding('Node', 'n1'))).metadata.labels).toEqual(wanted);
    expect((await bound(binding('Node', 'gone'))).metadata.labels).toBeUndefined();
    expect((await bound(binding('', 'n1'))).metadata.labels).toBeUndefined();
    const own = { metadata: { name: 'p', namespace: 'web', labels: { [zone]: 'mine', app: 'web' } } };
    const placed = { ...pod('p', { nodeName: 'n1' }), ...own };
    expect((await admit<Pod>({ object: placed })).metadata.labels).toEqual({ ...wanted, app: 'web' });
    expect((await admit<Pod>({ object: pod() })).metadata.labels).toBeUndefined();
  });
});

describe('NodeRestriction and TaintNodesByCondition', () => {
  it('let a node register itself, not ready yet, and touch no other', async () => {
    const made = await admit<Node>({ at: nodes, object: { metadata: { name: 'n1' }, spec: {} }, user: node });
    expect(made.spec?.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
    const other = { metadata: { name: 'n2' }, spec: {} };
    await expect(admit({ at: nodes, object: other, user: node })).rejects.toThrow('not allowed to modify node "n2"');
    const labels = { 'node-restriction.kubernetes.io/secure': 'true', 'kubernetes.io/hostname': 'n1' };
    const labelled = { metadata: { name: 'n1', labels }, spec: {} };
    await expect(admit({ at: nodes, object: labelled, user: node })).rejects.toThrow(
      'following labels: node-restriction',
    );
    const untainted = { metadata: { name: 'n1' }, spec: {} };
    await expect(admit({ at: nodes, operation: 'UPDATE', object: untainted, old: made, user: node })).rejects.toThrow(
      'not allowed to modify taints',
    );
  });

  it('let a node write only what belongs to it', async () => {
    await expect(admit({ object: pod(), user: node })).rejects.toThrow('can only create mirror pods');
    const mine = pod('p', { nodeName: 'n1' });
    const theirs = pod('p', { nodeName: 'n2' });
    await admit({ operation: 'DELETE', old: mine, name: 'p', user: node });
    await expect(admit({ operation: 'DELETE', old: theirs, name: 'p', user: node })).rejects.toThrow(
      'only delete pods',
    );
    const status = { operation: 'UPDATE', subresource: 'status', user: node } as const;
    await admit({ ...status, object: mine, old: mine });
    await expect(admit({ ...status, object: theirs, old: theirs })).rejects.toThrow('only update pod status');
  });
});

describe('RBACEscalation', () => {
  it('lets nobody give away what he does not have', async () => {
    const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
    const object = { metadata: { name: 'r', namespace: 'web' }, rules };
    await admit({ at: roles, object });
    await expect(admit({ at: roles, object, user: ann })).rejects.toThrow(
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting ' +
        'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}',
    );
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    const at = { group: 'rbac.authorization.k8s.io', plural: 'rolebindings' };
    const binding = { metadata: { name: 'b', namespace: 'web' }, roleRef };
    await expect(admit({ at, object: binding, user: ann })).rejects.toThrow('not currently held');
    await admit({ at, operation: 'UPDATE', object: binding, old: binding, user: ann });
  });
});

describe('LimitRanger', () => {
  it('fills defaults and refuses what lies outside', async () => {
    const limits = [
      {
        type: 'Container',
        default: { cpu: '500m' },
        defaultRequest: { cpu: '100m' },
        max: { cpu: '1' },
        min: { cpu: '50m' },
      },
      { type: 'Pod', max: { memory: '1Gi' } },
    ];
    await put(limitRanges, { metadata: { name: 'l', namespace: 'web' }, spec: { limits } });
    const memory = { memory: '512Mi' };
    const made = await admit<Pod>({ object: pod('p', sized(memory, memory)) });
    expect(made.spec?.containers[0]?.resources).toEqual({
      requests: { memory: '512Mi', cpu: '100m' },
      limits: { memory: '512Mi', cpu: '500m' },
    });
    expect(made.metadata.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    );
    const big = sized({ cpu: '20m', memory: '2Gi' }, { cpu: '2', memory: '2Gi' });
    await expect(admit({ object: pod('p', big) })).rejects.toThrow(
      'pods "p" is forbidden: [minimum cpu usage per Container is 50m, but request is 20m, ' +
        'maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Pod is 1Gi, but limit is 2Gi]',
    );
  });
});

describe('resizes of pods', () => {
  it('stay within limit ranges and quotas', async () => {
    await put(limitRanges, {
      metadata: { name: 'l', namespace: 'web' },
      spec: { limits: [{ type: 'Container', max: { cpu: '2' }, default: { memory: '1Gi' } }] },
    });
    await put(resourceQuotas, { metadata: { name: 'q', namespace: 'web' }, spec: { hard: { 'requests.cpu': '1' } } });
    const old = pod('p', sized({ cpu: '500m' }, { cpu: '500m' }));
    await put(pods, old);
    const resize = (cpu: string): Promise<Pod> =>
      admit<Pod>({
        ...{ operation: 'UPDATE', subresource: 'resize', old },
        object: pod('p', sized({ cpu }, { cpu })),
      });
    expect((await resize('1')).spec?.containers[0]?.resources?.limits).toEqual({ cpu: '1' });
    await expect(resize('1500m')).rejects.toThrow('exceeded quota: q, requested: requests.cpu=1');
    await expect(resize('3')).rejects.toThrow('maximum cpu usage per Container is 2, but limit is 3');
  });
});

describe('ResourceQuota', () => {
  const quota = async (hard: object): Promise<void> =>
    put(resourceQuotas, { metadata: { name: 'q', namespace: 'web' }, spec: { hard } });
  const status = async (): Promise<ResourceQuota['status']> => {
    const found = await store.get(storeKey(resourceQuotas, 'web', 'q'));
    return found.kind === 'found' ? (found.entry.decoded as ResourceQuota).status : undefined;
  };

  it('counts what is stored and what is on its way', async () => {
    await quota({ pods: '2', 'requests.cpu': '1' });
    expect(await status()).toEqual({
      hard: { pods: '2', 'requests.cpu': '1' },
      used: { pods: '0', 'requests.cpu': '0' },
    });
    const half = (): object => sized({ cpu: '500m' });
    await put(pods, pod('stored', half()));
    const together = await Promise.allSettled(['a', 'b'].map((name) => admit({ object: pod(name, half()) })));
    expect(together.map((each) => each.status)).toEqual(['fulfilled', 'rejected']);
    expect((together[1] as PromiseRejectedResult).reason.message).toBe(
      'pods "b" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=500m, ' +
        'used: pods=2,requests.cpu=1, limited: pods=2,requests.cpu=1',
    );
    expect((await status())?.used).toEqual({ pods: '2', 'requests.cpu': '1' });
  });

  it('gives room back when pods go', async () => {
    await quota({ pods: '1' });
    await put(pods, pod('one'));
    await expect(admit({ object: pod('two') })).rejects.toThrow('exceeded quota: q, requested: pods=1, used: pods=1');
    const key = storeKey(pods, 'web', 'one');
    const found = await store.get(key);
    if (found.kind === 'found')
      await store.commit([{ kind: 'delete', key, encode: () => ({ value: found.entry.value }) }]);
    await delivered();
    expect((await status())?.used).toEqual({ pods: '0' });
    await admit({ object: pod('two') });
  });

  it('asks for what it counts, and looks at scopes', async () => {
    await quota({ 'limits.memory': '1Gi' });
    await expect(admit({ object: pod('p') })).rejects.toThrow('failed quota: q: must specify limits.memory for: c');
    const spec = { hard: { pods: '0' }, scopes: ['BestEffort'] };
    await put(resourceQuotas, { metadata: { name: 'q', namespace: 'web' }, spec });
    await expect(admit({ object: pod('p') })).rejects.toThrow('exceeded quota');
    await admit({ object: pod('p', sized({ cpu: '1' })) });
  });

  it('counts objects of any kind', async () => {
    await quota({ 'count/deployments.apps': '0', configmaps: '0' });
    const at = { group: 'apps', plural: 'deployments' };
    await expect(admit({ at, object: { metadata: { name: 'd' } } })).rejects.toThrow('count/deployments.apps=1');
    const maps = { group: '', plural: 'configmaps' };
    await expect(admit({ at: maps, object: { metadata: { name: 'm' } } })).rejects.toThrow('configmaps=1');
  });
});
