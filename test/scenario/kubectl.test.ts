import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster } from '../../src/library.ts';
import { createKubectl, installedKubectls, type Kubectl } from '../support/kubectl.ts';

const kubectls = installedKubectls();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await createCluster({ nodes: 2, seed: 1 });
});
afterAll(() => cluster.stop());

it.skipIf(kubectls.length === 0 && !process.env.CI)('finds a kubectl to test with (skipped: none is installed)', () => {
  expect(kubectls).not.toEqual([]);
});

const deployment = (changes: { image?: string; env?: object[]; label?: string } = {}): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'app', annotations: changes.label ? { note: changes.label } : {} },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'app' } },
      template: {
        metadata: { labels: { app: 'app' } },
        spec: { containers: [{ name: 'main', image: changes.image ?? 'web:1', env: changes.env ?? [] }] },
      },
    },
  });

const oldDeployment = `
apiVersion: apps/v1beta1
kind: Deployment
metadata: {name: web-deployment}
spec:
  replicas: 3
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example/web, ports: [{containerPort: 5000}]}]}
`;

describe.each(kubectls.map((path, i) => ({ path, suffix: `k${i}` })))('$path', ({ path, suffix }) => {
  let kubectl: Kubectl;
  const { ok, fails, okWith, failsWith } = {
    ok: (...args: string[]) => kubectl.ok(...args),
    fails: (...args: string[]) => kubectl.fails(...args),
    okWith: (input: string, ...args: string[]) => kubectl.okWith(input, ...args),
    failsWith: (input: string, ...args: string[]) => kubectl.failsWith(input, ...args),
  };
  /** A namespace for one test, with its service account. */
  const namespace = async (name: string): Promise<string> => {
    const full = `${name}-${suffix}`;
    await ok('create', 'namespace', full);
    return `--namespace=${full}`;
  };
  beforeAll(async () => {
    kubectl = createKubectl(path, await cluster.kubeconfig());
  });
  afterAll(() => kubectl.close());

  it('finds the cluster and what it serves', async () => {
    expect(await ok('version')).toMatch(/Server Version: .*v1\.36/);
    expect(await ok('cluster-info')).toContain('is running at');
    expect((await ok('api-versions')).split('\n')).toEqual(expect.arrayContaining(['apps/v1', 'apps/v1beta1', 'v1']));
    expect(await ok('api-resources')).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m);
    expect(await ok('explain', 'deploy.spec.replicas')).toMatch(/FIELD: +replicas <integer>/);
    expect(await ok('explain', 'deploy', '--api-version=apps/v1beta1')).toMatch(/VERSION: +(apps\/)?v1beta1/);
    expect(await ok('explain', 'pods', '--recursive')).toMatch(/^ +activeDeadlineSeconds\t<integer>$/m);
    expect(await fails('explain', 'pod.spec.nosuch')).toContain('field "nosuch" does not exist');
    expect(await fails('get', 'nosuch')).toBe('error: the server doesn\'t have a resource type "nosuch"\n');
    expect(await fails('top', 'nodes')).toBe('error: Metrics API not available\n');
  });

  it('lists every kind that can be listed', async () => {
    const kinds = (await ok('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n');
    expect(kinds.length).toBeGreaterThan(50);
    await ok('get', kinds.join(','), '-A', '-o', 'wide', '--chunk-size=5');
  }, 30_000);

  it('creates, exposes, scales, rolls out and rolls back', async () => {
    const n = await namespace('rollout');
    await ok('create', 'deployment', 'd', '--image=web:1', '--replicas=2', '--port=80', n);
    expect(await fails('create', 'deployment', 'd', '--image=x', n)).toMatch(/deployments\.apps "d" already exists$/m);
    expect(await ok('rollout', 'status', 'deployment/d', n)).toContain('deployment "d" successfully rolled out');
    await ok('expose', 'deployment', 'd', '--port=80', n);
    expect(await ok('get', 'endpointslices', '-o', 'jsonpath={.items[*].endpoints[*].conditions.ready}', n)).toBe(
      'true true',
    );
    await ok('set', 'image', 'deployment/d', '*=web:2', n);
    await ok('rollout', 'status', 'deployment/d', n);
    expect((await ok('rollout', 'history', 'deployment/d', n)).match(/^\d/gm)).toEqual(['1', '2']);
    await ok('rollout', 'undo', 'deployment/d', n);
    await ok('rollout', 'status', 'deployment/d', n);
    expect(await ok('get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[0].image}', n)).toMatch(/web:1 web:1/);
    expect(await fails('rollout', 'undo', 'deployment/d', '--to-revision=99', n)).toContain('revision 99');
    await ok('scale', 'deployment', 'd', '--replicas=3', n);
    expect(await fails('scale', 'deployment', 'd', '--replicas=1', '--current-replicas=9', n)).toMatch(
      /to be 9, was 3/,
    );
    await ok('rollout', 'pause', 'deployment/d', n);
    expect(await fails('rollout', 'pause', 'deployment/d', n)).toContain('is already paused');
    await ok('delete', 'deployment', 'd', '--cascade=foreground', n);
    expect(await ok('get', 'pods', '-o', 'name', '--field-selector=metadata.namespace=x', n)).toBe('');
  }, 40_000);

  it('applies on the server, and shows who owns what', async () => {
    const n = await namespace('server-side');
    const apply = ['apply', '--server-side', n, '-f', '-'];
    expect(await okWith(deployment(), ...apply)).toBe('deployment.apps/app serverside-applied\n');
    await ok('rollout', 'status', 'deployment/app', n);
    expect(await ok('get', 'deployment', 'app', '-o', 'yaml', n)).not.toContain('managedFields');
    const shown = await ok('get', 'deployment', 'app', '-o', 'yaml', '--show-managed-fields', n);
    expect(shown).toMatch(/manager: kubectl\n +operation: Apply/);
    await ok('scale', 'deployment', 'app', '--replicas=3', n);
    expect(await failsWith(deployment(), ...apply)).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
    );
    await okWith(deployment(), ...apply, '--force-conflicts');
    expect(await ok('get', 'deployment', 'app', '-o', 'jsonpath={.spec.replicas}', n)).toBe('2');
    await okWith(deployment({ image: 'web:2' }), 'apply', n, '-f', '-');
    expect(await okWith(deployment({ image: 'web:3' }), ...apply)).toContain('serverside-applied');
    expect(await okWith(deployment({ image: 'web:4' }), ...apply, '--dry-run=server')).toContain('(server dry run)');
    expect(await ok('get', 'deployment', 'app', '-o', 'jsonpath={..image}', n)).toBe('web:3');
    expect((await kubectl.run(['diff', '--server-side', n, '-f', '-'], deployment({ image: 'web:5' }))).code).toBe(1);
  }, 30_000);

  it('takes a deployment of 2017 with a warning', async () => {
    const n = await namespace('old');
    const created = await kubectl.run(['create', n, '-f', '-'], oldDeployment);
    expect(created).toMatchObject({ code: 0, stdout: 'deployment.apps/web-deployment created\n' });
    expect(created.stderr).toBe(
      'Warning: apps/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment\n',
    );
    expect(await ok('get', 'deployment', 'web-deployment', '-o', 'jsonpath={.spec.selector}', n)).toBe(
      '{"matchLabels":{"app":"web"}}',
    );
    expect(await okWith(oldDeployment, 'apply', n, '-f', '-')).toContain('configured');
    expect(await okWith(oldDeployment, 'apply', n, '-f', '-')).toContain('deployment.apps/web-deployment');
  });

  it('applies: what is new, what changed, what was taken away', async () => {
    const n = await namespace('apply');
    const first = { env: [{ name: 'A', value: '1' }, { name: 'B' }], label: 'x' };
    expect(await okWith(deployment(first), 'apply', n, '-f', '-')).toBe('deployment.apps/app created\n');
    expect(await okWith(deployment(first), 'apply', n, '-f', '-')).toBe('deployment.apps/app unchanged\n');
    await ok('annotate', 'deployment', 'app', 'theirs=kept', n);
    const second = { env: [{ name: 'A', value: '1' }], image: 'web:2' };
    const difference = await kubectl.run(['diff', n, '-f', '-'], deployment(second));
    expect(difference.code).toBe(1);
    expect(difference.stdout).toMatch(/^-\s+image: web:1$/m);
    expect(difference.stdout).toMatch(/^\+\s+image: web:2$/m);
    expect(await okWith(deployment(second), 'apply', n, '-f', '-')).toBe('deployment.apps/app configured\n');
    const containers = '-o=jsonpath={.spec.template.spec.containers[*].image} {.spec.template.spec.containers[0].env}';
    expect(await ok('get', 'deployment', 'app', containers, n)).toBe('web:2 [{"name":"A","value":"1"}]');
    expect(await ok('get', 'deployment', 'app', '-o', 'jsonpath={.metadata.annotations}', n)).toMatch(
      /"theirs":"kept"/,
    );
    expect(await ok('get', 'deployment', 'app', '-o', 'jsonpath={.metadata.annotations}', n)).not.toMatch(/"note"/);
    expect(await okWith(deployment(), 'apply', '--dry-run=server', n, '-f', '-')).toContain('(server dry run)');
    expect(await ok('get', 'deployment', 'app', containers, n)).toContain('web:2');
  });

  it('patches in three ways, and says what is wrong with a patch', async () => {
    const n = await namespace('patch');
    await okWith(deployment(), 'create', n, '-f', '-');
    const patch = (type: string, document: unknown): string[] => {
      return ['patch', 'deployment', 'app', n, '--type', type, '-p', JSON.stringify(document)];
    };
    const image = { spec: { template: { spec: { containers: [{ name: 'main', image: 'web:2' }] } } } };
    expect(await ok(...patch('strategic', image))).toBe('deployment.apps/app patched\n');
    expect(await ok(...patch('strategic', image))).toBe('deployment.apps/app patched (no change)\n');
    await ok(...patch('json', [{ op: 'replace', path: '/spec/replicas', value: 1 }]));
    await ok(...patch('merge', { metadata: { labels: { a: 'b' } } }));
    expect(await fails(...patch('json', [{ op: 'test', path: '/spec/replicas', value: 9 }]))).toMatch(
      /^The request is invalid(: the server rejected our request due to an error in our request)?\n$/,
    );
    expect(await fails(...patch('strategic', { spec: { replicas: 'x' } }))).toMatch(
      /^The request is invalid: patch: Invalid value: "map\[spec:map\[replicas:x\]\]": /,
    );
    expect(await fails(...patch('merge', { spec: { selector: { matchLabels: { a: 'b' } } } }))).toMatch(
      /^The Deployment "app" is invalid: [^]*spec\.selector: Invalid value: .*: field is immutable$/m,
    );
  });

  it('refuses what is wrong with the words of upstream', async () => {
    const n = await namespace('wrong');
    const pod = (spec: object): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec });
    expect(await failsWith(pod({ containers: [] }), 'create', n, '-f', '-')).toBe(
      'The Pod "x" is invalid: spec.containers: Required value\n',
    );
    const typed = pod({ containers: [{ name: 'a', image: 'b', env: [{ name: 'A', value: 3 }] }] });
    expect(await failsWith(typed, 'create', '--validate=false', n, '-f', '-')).toMatch(
      /^Error from server \(BadRequest\): .*cannot unmarshal number into Go struct field EnvVar\.spec\.containers\.env\.value of type string$/m,
    );
    const unknown = pod({ containers: [{ name: 'a', image: 'b' }], nosuch: 1 });
    expect(await failsWith(unknown, 'create', n, '-f', '-')).toMatch(/unknown field "(spec\.)?nosuch"/);
    const warned = await kubectl.run(['create', '--validate=false', '--dry-run=server', n, '-f', '-'], unknown);
    expect(warned.code).toBe(0);
    expect(await failsWith('{"apiVersion":"v1","kind":"Podd"}', 'create', n, '-f', '-')).toMatch(
      /no matches for kind "Podd"/,
    );
    expect(await failsWith('{"apiVersion":"v1",', 'create', n, '-f', '-')).toMatch(/^error: /);
    expect(await fails('create', 'configmap', 'Bad!', n)).toContain('a lowercase RFC 1123 subdomain must consist of');
    expect(await fails('create', 'configmap', 'x', '--namespace=nosuch')).toMatch(/namespaces "nosuch" not found$/m);
    expect(await fails('get', 'pod', 'nosuch', n)).toBe('Error from server (NotFound): pods "nosuch" not found\n');
    expect(await fails('get', 'pods', '-l', 'a in (b', n)).toMatch(/^Error from server \(BadRequest\)/);
    expect(await fails('get', 'pods', '--field-selector=spec.nosuch=1', n)).toContain('field label not supported');
    const big = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' }, data: { a: 'x'.repeat(3_500_000) } };
    expect(await failsWith(JSON.stringify(big), 'create', n, '-f', '-')).toMatch(
      /^Error from server \(RequestEntityTooLarge\): .*Request entity too large: limit is 3145728$/m,
    );
    expect(await fails('get', '--raw', '/api/v1/pods?resourceVersion=abc')).toMatch(/strconv\.ParseUint/);
    expect(await fails('delete', '--raw', '/api/v1/pods')).toContain('does not allow this method');
  });

  it('keeps out who may not, and lets nobody give away rights that they have not', async () => {
    const n = await namespace('rights');
    expect(await fails('get', 'pods', '--as=jane', n)).toMatch(
      /^Error from server \(Forbidden\): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace/,
    );
    await ok('create', 'role', 'binder', '--verb=*', '--resource=roles,rolebindings', n);
    await ok('create', 'rolebinding', 'binder', '--role=binder', '--user=jane', n);
    expect(await fails('create', 'rolebinding', 'more', '--clusterrole=admin', '--user=z', '--as=jane', n)).toMatch(
      /is attempting to grant RBAC permissions not currently held:$/m,
    );
    expect(await ok('auth', 'can-i', 'create', 'roles', '--as=jane', n)).toBe('yes\n');
    expect((await kubectl.run(['auth', 'can-i', 'get', 'pods', '--as=jane', n])).stdout).toBe('no\n');
    expect(await ok('auth', 'can-i', '--list', '--as=jane', n)).toMatch(/^selfsubjectaccessreviews/m);
    expect(await fails('delete', 'namespace', 'default')).toContain('this namespace may not be deleted');
  });

  it('holds to quotas and limit ranges', async () => {
    const n = await namespace('limits');
    await ok('create', 'quota', 'q', '--hard=pods=1', n);
    const limit = { type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' }, max: { cpu: '1' } };
    const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: { limits: [limit] } };
    await okWith(JSON.stringify(range), 'create', n, '-f', '-');
    await ok('run', 'a', '--image=x', n);
    expect(await ok('get', 'pod', 'a', '-o', 'jsonpath={.spec.containers[0].resources}', n)).toBe(
      '{"limits":{"cpu":"500m"},"requests":{"cpu":"100m"}}',
    );
    expect(await fails('run', 'b', '--image=x', n)).toBe(
      'Error from server (Forbidden): pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1\n',
    );
    expect(await ok('describe', 'quota', 'q', n)).toMatch(/^pods +1 +1$/m);
  });

  it('deletes with finalizers, orphans what it shall leave, and empties namespaces', async () => {
    const n = await namespace('gone');
    const held = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/x'] } };
    await okWith(JSON.stringify(held), 'create', n, '-f', '-');
    await ok('delete', 'configmap', 'held', '--wait=false', n);
    expect(await ok('get', 'configmap', 'held', '-o', 'jsonpath={.metadata.deletionTimestamp}', n)).toMatch(/Z$/);
    await ok('patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}', n);
    expect(await fails('get', 'configmap', 'held', n)).toContain('not found');
    await okWith(deployment(), 'create', n, '-f', '-');
    await ok('wait', '--for=condition=Available', 'deployment/app', '--timeout=10s', n);
    await ok('delete', 'deployment', 'app', '--cascade=orphan', n);
    expect(await ok('get', 'replicasets', '-o', 'name', n)).toMatch(/^replicaset\.apps\/app-/);
    const name = n.slice('--namespace='.length);
    await ok('delete', 'namespace', name, '--timeout=15s');
    expect(await fails('get', 'namespace', name)).toContain('not found');
  });

  it('drains nodes, and refuses what drain must ask for', async () => {
    const n = await namespace('drain');
    const spec = {
      nodeName: 'node-1',
      containers: [{ name: 'c', image: 'x' }],
      volumes: [{ name: 'v', emptyDir: {} }],
    };
    await okWith(
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'naked' }, spec }),
      'create',
      n,
      '-f',
      '-',
    );
    await ok('wait', '--for=condition=Ready', 'pod/naked', '--timeout=10s', n);
    expect(await fails('drain', 'node-1')).toMatch(/Pods with local storage|Pods that declare no controller/i);
    expect(await ok('get', 'node', 'node-1')).toMatch(/Ready,SchedulingDisabled/);
    await ok('drain', 'node-1', '--force', '--delete-emptydir-data', '--timeout=15s');
    expect(await fails('get', 'pod', 'naked', n)).toContain('not found');
    expect(await ok('uncordon', 'node-1')).toBe('node/node-1 uncordoned\n');
    await ok('taint', 'node', 'node-1', 'a=b:NoSchedule');
    expect(await fails('taint', 'node', 'node-1', 'a=b:NoSchedule')).toContain('--overwrite is false');
    await ok('taint', 'node', 'node-1', 'a-');
  }, 40_000);

  it('tells the story of a pod in the order in which it happened', async () => {
    const n = await namespace('story');
    await ok('run', 'p', '--image=x', n);
    await ok('wait', '--for=condition=Ready', 'pod/p', '--timeout=10s', n);
    const story = await ok('get', 'events', '-o', 'jsonpath={.items[*].reason}', n);
    // Simulated nodes hear of a pod as soon as the scheduler does: only what one of them does has an order.
    expect(story.replace(/ ?Scheduled ?/, ' ').trim()).toBe('Pulling Pulled Created Started');
    expect(await ok('describe', 'pod', 'p', n)).toMatch(/Pulling[^]*Pulled[^]*Created[^]*Started/);
    for (const command of [
      ['logs', 'p'],
      ['exec', 'p', '--', 'ls'],
      ['attach', 'p'],
      ['port-forward', 'p', '0:80'],
    ]) {
      expect(await fails(n, ...command)).toContain('simulated nodes run no programs to talk to');
    }
  });

  it('has a conflict for whoever writes over another’s work', async () => {
    const n = await namespace('conflict');
    await ok('create', 'configmap', 'c', '--from-literal=a=b', n);
    kubectl.file('c.json', await ok('get', 'configmap', 'c', '-o', 'json', n));
    await ok('label', 'configmap', 'c', 'x=y', n);
    expect(await fails('replace', '-f', 'c.json', n)).toMatch(
      /^Error from server \(Conflict\): .*Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again$/m,
    );
    await ok('replace', '--force', '-f', 'c.json', n);
    expect(await fails('label', 'configmap', 'c', 'x=1', '--resource-version=1', n)).toMatch(
      /^Error from server \(Conflict\)/,
    );
    expect(await ok('edit', 'configmap', 'c', n)).toBe('');
  });
});
