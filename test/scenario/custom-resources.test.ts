import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster } from '../../src/library.ts';
import { cronTabDefinition } from '../support/custom-resources.ts';
import { createKubectl, installedKubectls, type Kubectl } from '../support/kubectl.ts';

const kubectls = installedKubectls();
let cluster: Cluster;

beforeAll(async () => {
  cluster = await createCluster({ nodes: 1, seed: 1 });
});
afterAll(() => cluster.stop());

const crontab = (name: string, spec: object, more: object = {}): string =>
  JSON.stringify({ apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name, ...more }, spec });

const definition = JSON.stringify(cronTabDefinition());
const crd = 'crd/crontabs.stable.example.com';

describe.skipIf(kubectls.length === 0 && !process.env.CI).each(kubectls)('custom resources with %s', (path) => {
  let kubectl: Kubectl;
  beforeAll(async () => {
    kubectl = createKubectl(path, await cluster.kubeconfig());
    await kubectl.okWith(definition, 'apply', '-f', '-');
    await kubectl.ok('wait', '--for=condition=established', crd, '--timeout=10s');
  });
  afterAll(async () => {
    await kubectl.run(['delete', crd]);
    kubectl.close();
  });

  it('are found, explained and listed', async () => {
    expect(await kubectl.ok('get', 'crd')).toMatch(/^crontabs\.stable\.example\.com +\d{4}-/m);
    expect(await kubectl.ok('api-resources')).toMatch(/^crontabs +ct +stable\.example\.com\/v1 +true +CronTab$/m);
    expect(await kubectl.ok('explain', 'crontabs.spec.cronSpec')).toMatch(/When it runs\./);
    expect(await kubectl.ok('get', 'ct', '-A')).toBe('');
    expect(await kubectl.okWith(crontab('one', { cronSpec: 'a' }), 'apply', '-f', '-')).toBe(
      'crontab.stable.example.com/one created\n',
    );
    expect(await kubectl.ok('get', 'ct')).toMatch(/^NAME +SPEC +REPLICAS +AGE\none +a +1 +\d+m?s\n$/);
    expect(await kubectl.ok('get', 'all')).toContain('crontab.stable.example.com/one');
    expect(await kubectl.ok('get', 'crontab', 'one', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
  }, 20_000);

  it('are applied again, patched, edited, labelled, scaled and deleted', async () => {
    await kubectl.okWith(crontab('two', { cronSpec: 'a', mode: 'fast' }), 'apply', '-f', '-');
    const again = await kubectl.okWith(crontab('two', { cronSpec: 'b' }), 'apply', '-f', '-');
    expect(again).toBe('crontab.stable.example.com/two configured\n');
    expect(await kubectl.ok('get', 'ct', 'two', '-o', 'jsonpath={.spec}')).toBe('{"cronSpec":"b","replicas":1}');
    await kubectl.ok('patch', 'ct', 'two', '--type=merge', '-p', '{"spec":{"mode":"slow"}}');
    await kubectl.ok('label', 'ct', 'two', 'a=b');
    expect(await kubectl.ok('scale', 'ct', 'two', '--replicas=3')).toBe('crontab.stable.example.com/two scaled\n');
    expect(await kubectl.ok('get', 'ct', 'two', '-o', 'jsonpath={.spec.replicas}')).toBe('3');
    expect(await kubectl.failsWith(crontab('bad', { cronSpec: 1 }), 'create', '-f', '-')).toContain(
      'spec.cronSpec in body must be of type string',
    );
    expect(await kubectl.fails('patch', 'ct', 'two', '-p', '{}')).toContain(
      'strategic-merge-patch+json is not supported',
    );
    expect(await kubectl.ok('delete', 'ct', 'two')).toContain('"two" deleted');
  }, 20_000);

  it('are applied on the server', async () => {
    const apply = ['apply', '--server-side', '-f', '-'];
    await kubectl.okWith(crontab('three', { cronSpec: 'a', tags: ['x'] }), ...apply);
    await kubectl.okWith(crontab('three', { tags: ['y'] }), ...apply, '--field-manager=other');
    expect(await kubectl.ok('get', 'ct', 'three', '-o', 'jsonpath={.spec}')).toBe(
      '{"cronSpec":"a","replicas":1,"tags":["x","y"]}',
    );
    const refused = await kubectl.failsWith(crontab('three', { cronSpec: 'b' }), ...apply, '--field-manager=other');
    expect(refused).toContain('conflict with "kubectl": .spec.cronSpec');
  }, 20_000);

  it('are garbage of their owners and of their namespace', async () => {
    await kubectl.ok('create', 'namespace', 'custom');
    const uid = await kubectl.ok('create', 'configmap', 'owner', '-n', 'custom', '-o', 'jsonpath={.metadata.uid}');
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
    await kubectl.okWith(crontab('owned', { cronSpec: 'a' }, { ownerReferences }), 'create', '-n', 'custom', '-f', '-');
    await kubectl.okWith(crontab('free', { cronSpec: 'a' }), 'create', '-n', 'custom', '-f', '-');
    await kubectl.ok('delete', 'configmap', 'owner', '-n', 'custom');
    await kubectl.ok('wait', '--for=delete', 'ct/owned', '-n', 'custom', '--timeout=10s');
    await kubectl.ok('delete', 'namespace', 'custom');
    expect(await kubectl.ok('get', 'ct', '-A', '-o', 'name')).not.toContain('free');
  }, 30_000);

  it('may be touched by those whose role says so', async () => {
    await kubectl.ok('create', 'serviceaccount', 'reader');
    await kubectl.ok('create', 'role', 'reads', '--verb=get,list', '--resource=crontabs.stable.example.com');
    await kubectl.ok('create', 'rolebinding', 'reads', '--role=reads', '--serviceaccount=default:reader');
    const as = '--as=system:serviceaccount:default:reader';
    expect(await kubectl.ok('auth', 'can-i', 'list', 'crontabs', as)).toBe('yes\n');
    await kubectl.ok('get', 'crontabs', as);
    expect(await kubectl.fails('delete', 'crontab', 'one', as)).toContain(
      'cannot delete resource "crontabs" in API group "stable.example.com" in the namespace "default"',
    );
  }, 20_000);

  it('go with their definition', async () => {
    await kubectl.ok('delete', crd);
    // What kubectl remembers of discovery may still have the kind.
    expect(await kubectl.fails('get', 'ct')).toMatch(/doesn't have a resource type|could not find the requested/);
    await kubectl.okWith(definition, 'apply', '-f', '-');
    await kubectl.ok('wait', '--for=condition=established', crd, '--timeout=10s');
    expect(await kubectl.ok('get', 'ct', '-o', 'name')).toBe('');
  }, 20_000);
});
