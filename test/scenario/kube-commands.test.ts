import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CertificateSigningRequest } from '../../src/api/types/certificates-v1.ts';
import { certificateSigningRequests, configMaps } from '../../src/client/resources.ts';
import { type Cluster, createCluster } from '../../src/library.ts';
import { installedKubectls } from '../support/kubectl.ts';
import { requestFor } from '../support/signing-request.ts';
import { createSideBySide, type SideBySide } from '../support/side-by-side.ts';

/** The same command line by kubectl and by timonel, in one cluster: output, messages and exit code are the same. */
const [path] = installedKubectls();
let cluster: Cluster;
let side: SideBySide;

beforeAll(async () => {
  cluster = await createCluster({ nodes: 2, seed: 1 });
  if (!path) return;
  side = createSideBySide(path, await cluster.kubeconfig());
  side.file(
    'invalid.yaml',
    'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: rich}\nspec: {clusterIP: 1.2.3.4, ports: [{port: 99999}]}\n',
  );
  side.file(
    'applied.yaml',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied, namespace: rich}\ndata: {a: "1"}\n',
  );
  side.file('plain.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: "1"}\n');
  side.file('nowhere.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nowhere}\n');
  for (const name of ['jane', 'mallory']) await cluster.client.create(certificateSigningRequests, requestOf(name));
  await side.kubectl.ok('apply', '-f', new URL('../fixtures/rich-objects.yaml', import.meta.url).pathname);
  const text =
    '{"apiVersion":"v1","data":{"a":"1"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"applied","namespace":"rich"}}\n';
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': text };
  const metadata = { name: 'applied', namespace: 'rich', annotations };
  await cluster.client.create(configMaps, { metadata, data: { a: '1' } });
  await cluster.client.create(configMaps, { metadata: { name: 'plain', namespace: 'default' } });
}, 120_000);
afterAll(async () => {
  side?.close();
  await cluster.stop();
});

interface Dumped {
  kind: string;
  apiVersion: string;
  items: { metadata: { uid: string } }[] | null;
}

function requestOf(name: string): CertificateSigningRequest {
  return {
    metadata: { name },
    spec: {
      request: requestFor(name, 'developers'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  };
}

it.skipIf(path === undefined && !process.env.CI)('finds a kubectl to compare with (skipped: none is installed)', () => {
  expect(path).toBeDefined();
});

describe.skipIf(path === undefined)('as kubectl answers', () => {
  it.each([
    'get pods -o wide',
    'get all -n rich',
    'get deploy/web svc/web -n rich',
    'get deploy/nope svc/web -n rich',
    'get svc web -n rich -o=yaml',
    'get -n rich svc,cm -o name',
    '-n rich get svc --no-headers=true',
    'get svc -n rich -L app,tier --show-labels=true',
    'get cm conf -n rich -o jsonpath={.data}',
    'get cm -n rich -o jsonpath={.items[*].data}',
    'get svc -n rich -o custom-columns=NAME:.metadata.name,SELECTOR:.spec.selector',
    'get svc -n rich -o custom-columns=NAME',
    'get svc -n rich -o template --template={{len(.items)}}',
    'get svc -n rich --template={{.kind}}',
    'get pods -n rich --field-selector=nope=1',
    'get --raw /healthz',
    'get --raw /nope',
    'get --raw /healthz pods',
    'get deploy web -n rich --subresource=status',
    'get deploy -n rich --subresource=status',
    'get pods//x',
    'get nopes.example.com',
    'get pods, -n rich',
    'get pods --output-watch-events',
    'get svc -n rich --as jane',
    'get widgets.v1.example.com,wd -n rich',
    'describe deploy,rs,sts,job,rc -n rich',
    'describe svc,ing,netpol,endpointslices,ep -n rich',
    'describe pv,sc,pc,ingressclass',
    'describe pvc,hpa,pdb,sa,quota -n rich',
    'describe role,rolebinding -n rich',
    'describe clusterrole big',
    'describe clusterrolebinding big',
    'describe clusterrole admin',
    'describe clusterrole system:discovery',
    'describe ns default',
    'describe crd widgets.example.com',
    'describe podtemplate,lease,controllerrevision -n rich',
    'describe pod nope -n rich',
    'label svc web app=zzz -n rich',
    'label svc web app=web -n rich',
    'label svc web k=v k- -n rich',
    'label cm conf -n rich',
    'label cm a=b -n rich',
    'annotate svc web note=1 --dry-run=server -n rich',
    'annotate svc web a=2 -n rich',
    'patch cm conf -n rich -p {"data":{"b":"x"}}',
    'patch cm conf -n rich -p {"data":{"b":"y"}} --dry-run=server -o yaml',
    'patch cm conf -n rich --type=json -p [{"op":"remove","path":"/data/nope"}]',
    'patch cm conf -n rich',
    'set image deploy/web web=nginx:1.26 -n rich --dry-run=server',
    'set image deploy/web nope=nginx:1.26 -n rich',
    'set env deploy/web A=b PLAIN- -n rich --dry-run=server',
    'set resources deploy/web --limits=cpu=1 -n rich --dry-run=server',
    'set serviceaccount',
    'set sa deploy/web robot -n rich --dry-run=server',
    'set sa deploy/web robot -n rich --dry-run=client -o jsonpath={.spec.template.spec.serviceAccountName}',
    'set selector',
    'set selector svc web -n rich',
    'set selector deploy web a=b -n rich',
    'set selector svc web a=b,c=d -n rich --dry-run=client -o jsonpath={.spec.selector}',
    'set subject clusterrolebinding big --user=u --group=g --serviceaccount=a:b --dry-run=server',
    'set subject clusterrolebinding big --user=u --dry-run=client -o jsonpath={.subjects}',
    'set subject clusterrolebinding big --serviceaccount=x',
    'set env deploy/web --list -n rich',
    'set env deploy/web --from=secret/sec --keys=user -n rich --dry-run=server',
    'set env deploy/web --from=cm/conf --keys=b --prefix=P_ -n rich --dry-run=client -o jsonpath={.spec.template.spec.containers[*].env}',
    'set env deploy/web --from=svc/web -n rich',
    'set env deploy/web PLAIN- NEW=1 MULTI=2 -n rich --dry-run=client -o jsonpath={.spec.template.spec.containers[*].env}',
    'scale deploy web -n rich --replicas=9 --dry-run=client -o jsonpath={.spec.replicas}',
    'rollout pause svc/web -n rich',
    'rollout undo svc/web -n rich',
    'rollout status job/once -n rich',
    'rollout restart svc/web -n rich',
    'autoscale cm conf -n rich --max=1',
    'expose deploy web -n rich --name=webx --port=80 --target-port=http --dry-run=client -o yaml',
    'expose deploy/web -n rich --port=80 --protocol=UDP --labels=a=b --session-affinity=ClientIP --cluster-ip=None --name=z --dry-run=client -o yaml',
    'expose pod pend -n rich --dry-run=client -o yaml',
    'expose sts/db -n rich --port=80',
    'expose cm conf -n rich --port=80',
    'run p --image=i --command --env=A=b --port=80 --labels=a=b --restart=Never --privileged --dry-run=client -o yaml -- a b',
    'run p --image=i --restart=Foo',
    'run p --image=i --env=A',
    'run p --image=i -i --dry-run=client',
    'run p --image=i --overrides={"spec":{"nodeName":"x"}} --dry-run=client -o yaml',
    'scale deploy/web sts/db -n rich --replicas=3 --dry-run=server',
    'scale deploy web -n rich --replicas=3 --dry-run=client',
    'scale deploy web -n rich --replicas=3 --current-replicas=9',
    'scale sts/db -n rich --replicas=2 -o name',
    'delete pod pend --all -n rich',
    'delete pod none -n rich --dry-run=client',
    'delete pod pend -n rich --now --force',
    'events -n rich --types=nope',
    'logs db-0 main -c other -n rich',
    'api-resources',
    'api-resources --namespaced=false -o wide --no-headers',
    'api-resources --verbs=list,get -o name',
    'api-versions',
    'explain pod.spec.tolerations',
    'explain deployment.spec.template.spec.containers.env',
    'explain svc.spec --recursive',
    'explain wd.spec',
    'auth can-i create pods',
    'auth can-i create pods --as jane',
    'auth can-i get /healthz',
    'auth can-i list nodes -q',
    'auth can-i get deploy/web -n rich',
    'auth can-i --list -n rich --no-headers',
    'auth can-i --list --as system:serviceaccount:kube-system:node-controller',
    'auth can-i --list create',
    'auth whoami',
    'auth whoami --as jane --as-group a',
    'cluster-info',
    'apply view-last-applied cm conf -n rich',
    'apply view-last-applied cm/conf svc/web -n rich -o json',
    'apply view-last-applied cm/nope -n rich',
    'apply view-last-applied cm -n rich',
    'apply view-last-applied cm/conf -n rich -o wide',
    'apply view-last-applied -f {applied.yaml}',
    'apply set-last-applied -f {applied.yaml} --dry-run=client',
    'apply set-last-applied -f {applied.yaml} --dry-run=server',
    'apply set-last-applied -f {applied.yaml} --dry-run=server -o name',
    'apply view-last-applied cm/plain',
    'apply set-last-applied -f {plain.yaml}',
    'apply set-last-applied -f {plain.yaml} --create-annotation --dry-run=server -o yaml',
    'apply set-last-applied -f {nowhere.yaml}',
    'apply set-last-applied',
    'certificate approve jane',
    'certificate approve jane -o name',
    'certificate deny jane',
    'certificate deny mallory',
    'certificate approve nope',
    'certificate approve',
    'autoscale deploy web -n rich --max=3',
    'autoscale deploy web -n rich --max=3 --name=other --dry-run=server',
    'replace -f {invalid.yaml}',
    'apply -f {invalid.yaml}',
    'apply -f {invalid.yaml} --server-side',
    'create -f {invalid.yaml}',
    'cordon node-1 --dry-run=server',
    'uncordon node-1',
    'taint nodes node-1 k-',
  ])('%s', async (line) => {
    const { theirs, ours } = await side.both(line);
    expect(ours).toEqual(theirs);
  });

  it('apply set-last-applied writes what kubectl writes', async () => {
    const { theirs, ours } = await side.both('apply set-last-applied -f {applied.yaml}');
    expect(theirs).toMatchObject({ code: 0, stdout: 'configmap/applied configured\n' });
    expect(ours).toMatchObject({ code: 0, stdout: 'set-last-applied applied: no changes required.\n' });
  });

  it.each([
    'apply edit-last-applied',
    'apply edit-last-applied cm applied -n rich',
    'apply edit-last-applied cm plain',
    'apply edit-last-applied cm nope',
  ])('%s with an editor that changes nothing', async (line) => {
    vi.stubEnv('KUBE_EDITOR', 'true');
    const { theirs, ours } = await side.both(line);
    vi.unstubAllEnvs();
    expect(ours).toEqual(theirs);
  });

  it('apply edit-last-applied changes what was applied, and nothing else', async () => {
    vi.stubEnv('KUBE_EDITOR', `sed -i 's/"1"/"2"/'`);
    const ours = await side.ours('apply edit-last-applied cm applied -n rich');
    vi.unstubAllEnvs();
    expect(ours).toEqual({ code: 0, stdout: 'configmap/applied edited\n', stderr: '' });
    const { metadata, data } = await cluster.client.get(configMaps, { name: 'applied', namespace: 'rich' });
    const applied = JSON.parse(metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '{}');
    expect([data, applied]).toMatchObject([{ a: '1' }, { kind: 'ConfigMap', data: { a: '2' } }]);
  });

  it('cluster-info dump makes the files that kubectl makes, of the same objects', async () => {
    const directories = ['theirs', 'ours'].map((name) => join(dirname(side.file(`${name}/.made`, '')), 'dump'));
    const [theirs = '', ours = ''] = directories;
    const line = 'cluster-info dump --namespaces rich,default --output-directory';
    await side.kubectl.ok(...line.split(' '), theirs);
    expect(await side.ours(`${line} ${ours}`)).toMatchObject({ code: 0, stderr: '' });
    const files = (directory: string): string[] => readdirSync(directory, { recursive: true }).map(String).toSorted();
    expect(files(ours)).toEqual(files(theirs));
    const read = (directory: string, name: string): string => readFileSync(join(directory, name), 'utf8');
    const identities = (directory: string, name: string): unknown => {
      const { kind, apiVersion, items } = JSON.parse(read(directory, name)) as Dumped;
      return [kind, apiVersion, items?.map(({ metadata }) => metadata.uid) ?? []];
    };
    const lists = files(ours).filter((name) => name.endsWith('.json') && !name.endsWith('events.json'));
    for (const name of lists) expect([name, identities(ours, name)]).toEqual([name, identities(theirs, name)]);
    const titles = (text: string): string[] => text.split('\n').filter((each) => each.startsWith('===='));
    const logs = files(ours).filter((name) => name.endsWith('.txt'));
    expect(logs.length).toBeGreaterThan(0);
    for (const name of logs) expect(titles(read(ours, name))).toEqual(titles(read(theirs, name)));
  });

  it('rollout undo goes back to the annotations of a revision, and keeps what is the deployment’s own', async () => {
    const { kubectl } = side;
    const annotationsAfter = async (name: string, undo: () => Promise<unknown>): Promise<unknown> => {
      await kubectl.ok('create', 'deployment', name, '--image=nginx:1', '--replicas=1');
      await kubectl.ok('annotate', 'deployment', name, 'kubernetes.io/change-cause=first', 'only-first=1');
      await kubectl.ok('rollout', 'status', `deployment/${name}`);
      await kubectl.ok('set', 'image', `deployment/${name}`, 'nginx=nginx:2');
      await kubectl.ok('annotate', '--overwrite', 'deployment', name, 'kubernetes.io/change-cause=second', 'other=2');
      await kubectl.ok('rollout', 'status', `deployment/${name}`);
      await undo();
      await kubectl.ok('rollout', 'status', `deployment/${name}`);
      const { stdout } = await kubectl.run(['get', 'deployment', name, '-o', 'jsonpath={.metadata.annotations}']);
      return JSON.parse(stdout);
    };
    const theirs = await annotationsAfter('undone-a', () => kubectl.ok('rollout', 'undo', 'deployment/undone-a'));
    const ours = await annotationsAfter('undone-b', () => side.ours('rollout undo deployment/undone-b'));
    expect(ours).toEqual(theirs);
    expect(theirs).toMatchObject({ 'kubernetes.io/change-cause': 'first', 'only-first': '1' });
  });
});
