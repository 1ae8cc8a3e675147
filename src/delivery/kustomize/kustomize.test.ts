import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../api/object.ts';
import { buildKustomization } from './build-kustomization.ts';

function build(texts: Record<string, string>, directory = '/k'): AnyObject[] {
  const files = new Map(Object.entries(texts).map(([path, text]) => [`/k/${path}`, Buffer.from(text)]));
  return buildKustomization(directory, {
    environment: { HOME: '/root' },
    files: {
      read: (path) => files.get(path),
      isDirectory: (path) => [...files.keys()].some((each) => each.startsWith(`${path}/`)),
      realPath: (path) => path.replace('/k/link', '/etc/passwd'),
    },
  });
}
const problem = (texts: Record<string, string>): string => {
  try {
    build(texts);
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
};
const named = (objects: AnyObject[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`);
const one = (objects: AnyObject[], kind: string): AnyObject =>
  objects.find((object) => object.kind === kind) as AnyObject;

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
      - name: web
        image: acme/web:1
        envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: login}}, {configMapRef: {name: others}}]
      volumes: [{name: s, secret: {secretName: login}}]
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: web}, {kind: ServiceAccount, name: stranger}]
`;
const base = {
  'base/web.yaml': web,
  'base/kustomization.yaml': `
resources: [web.yaml]
configMapGenerator: [{name: settings, literals: [COLOR=red, SIZE=1]}]
secretGenerator: [{name: login, literals: [password=hush]}]
`,
};

describe('generators', () => {
  it('name what they make by its content, as kubectl kustomize does', () => {
    const texts = {
      'kustomization.yaml': `
configMapGenerator:
- {name: example-configmap-1, files: [application.properties]}
- {name: example-configmap-2, literals: [FOO=Bar]}
secretGenerator:
- {name: example-secret-2, literals: [username=admin, password=secret]}
`,
      'application.properties': 'FOO=Bar\n',
    };
    // What `kubectl kustomize` of 1.32 prints for the documentation's own example.
    expect(named(build(texts))).toEqual([
      'ConfigMap example-configmap-1-g4hk9g2ff8',
      'ConfigMap example-configmap-2-42cfbf598f',
      'Secret example-secret-2-8c5228dkb9',
    ]);
  });

  it('take literals, files and env files, with the options of all and of one', () => {
    const [map, secret] = build({
      'kustomization.yaml': `
generatorOptions: {disableNameSuffixHash: true, labels: {team: a}}
configMapGenerator:
- {name: m, literals: ['Q="quoted"'], files: [a.txt, key=bin], envs: [x.env], options: {immutable: true}}
secretGenerator: [{name: s, type: kubernetes.io/basic-auth, literals: [password=a=b]}]
`,
      'a.txt': 'text',
      'x.env': '# no\nONE=1\nHOME\n',
      bin: 'more',
    });
    expect(map).toMatchObject({
      metadata: { name: 'm', labels: { team: 'a' } },
      data: { Q: 'quoted', 'a.txt': 'text', key: 'more', ONE: '1', HOME: '/root' },
      immutable: true,
    });
    expect(secret).toMatchObject({ type: 'kubernetes.io/basic-auth', data: { password: 'YT1i' } });
  });

  it('merge into and replace what a base made', () => {
    const overlay = (behavior: string): Record<string, string> => ({
      ...base,
      'kustomization.yaml': `resources: [base]\nconfigMapGenerator: [{name: settings, behavior: ${behavior}, literals: [COLOR=blue]}]\n`,
    });
    expect(one(build(overlay('merge')), 'ConfigMap')['data']).toEqual({ COLOR: 'blue', SIZE: '1' });
    expect(one(build(overlay('replace')), 'ConfigMap')['data']).toEqual({ COLOR: 'blue' });
    expect(problem(overlay('create'))).toBe(
      'k/kustomization.yaml: configMapGenerator[0]: there is a ConfigMap settings already: behavior must be merge or replace',
    );
  });
});

describe('an overlay', () => {
  const objects = build({
    ...base,
    'kustomization.yaml': `
resources: [base]
namespace: prod
namePrefix: a-
nameSuffix: -z
commonAnnotations: {note: nn}
labels: [{pairs: {tier: t}, includeTemplates: true}]
commonLabels: {env: prod}
images: [{name: acme/web, newName: ghcr.io/acme/web, newTag: "2"}]
replicas: [{name: web, count: 5}]
`,
  });
  const deployment = one(objects, 'Deployment');
  const pod = (deployment['spec'] as { template: { metadata: object; spec: AnyObject } }).template;
  const settings = one(objects, 'ConfigMap').metadata.name;
  const login = one(objects, 'Secret').metadata.name;

  it('places and names what it has, cluster-wide kinds in no namespace', () => {
    expect(named(objects).slice(0, 5)).toEqual([
      'Deployment prod/a-web-z',
      'Service prod/a-web-z',
      'ServiceAccount prod/a-web-z',
      'Ingress prod/a-web-z',
      'ClusterRoleBinding a-web-z',
    ]);
    expect(settings).toMatch(/^a-settings-z-[a-z0-9]{10}$/);
  });

  it('follows names wherever they are used, and leaves those of others', () => {
    const [container] = pod.spec['containers'] as AnyObject[];
    expect(container).toMatchObject({
      image: 'ghcr.io/acme/web:2',
      envFrom: [
        { configMapRef: { name: settings } },
        { secretRef: { name: login } },
        { configMapRef: { name: 'others' } },
      ],
    });
    expect(pod.spec).toMatchObject({ serviceAccountName: 'a-web-z', volumes: [{ secret: { secretName: login } }] });
    expect(one(objects, 'Ingress')).toMatchObject({
      spec: { rules: [{ http: { paths: [{ backend: { service: { name: 'a-web-z', port: { number: 80 } } } }] } }] },
    });
    expect(one(objects, 'ClusterRoleBinding')).toMatchObject({
      roleRef: { name: 'view' },
      subjects: [
        { name: 'a-web-z', namespace: 'prod' },
        { kind: 'ServiceAccount', name: 'stranger' },
      ],
    });
  });

  it('labels objects, templates and selectors as it was asked to', () => {
    expect(deployment).toMatchObject({
      metadata: { labels: { tier: 't', env: 'prod' }, annotations: { note: 'nn' } },
      spec: { replicas: 5, selector: { matchLabels: { app: 'web', env: 'prod' } } },
    });
    expect((deployment['spec'] as { selector: object }).selector).toEqual({ matchLabels: { app: 'web', env: 'prod' } });
    expect(pod.metadata).toEqual({ labels: { app: 'web', tier: 't', env: 'prod' }, annotations: { note: 'nn' } });
    expect(one(objects, 'Service')['spec']).toEqual({ selector: { app: 'web', env: 'prod' } });
  });
});

describe('two overlays of one base', () => {
  it('keep their own names', () => {
    const objects = build({
      ...base,
      'a/kustomization.yaml': 'namePrefix: a-\nresources: [../base]\n',
      'b/kustomization.yaml': 'namePrefix: b-\nresources: [../base]\n',
      'kustomization.yaml': 'resources: [a, b]\n',
    });
    const pods = objects.filter(({ kind }) => kind === 'Deployment').map((each) => JSON.stringify(each));
    expect(pods[0]).toContain('"a-settings-');
    expect(pods[0]).not.toContain('"b-settings-');
    expect(pods[1]).toContain('"b-settings-');
  });
});

describe('patches', () => {
  const patched = (patches: string, more: Record<string, string> = {}): AnyObject[] =>
    build({ ...base, ...more, 'kustomization.yaml': `resources: [base]\nnamePrefix: p-\n${patches}` });

  it('merge by the keys of lists, from files and in place, and take objects away', () => {
    const merge = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, env: [{name: A, value: b}]}, {name: side, image: s}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, $patch: delete}
`;
    const objects = patched('patches: [{path: merge.yaml}]\n', { 'merge.yaml': merge });
    expect(one(objects, 'Service')).toBeUndefined();
    const { containers } = (one(objects, 'Deployment')['spec'] as { template: { spec: { containers: AnyObject[] } } })
      .template.spec;
    expect(containers.map(({ name, image, env }) => [name, image, env])).toEqual([
      ['web', 'acme/web:1', [{ name: 'A', value: 'b' }]],
      ['side', 's', undefined],
    ]);
  });

  it('change by operations whatever their target matches', () => {
    const objects = patched(`
patches:
- target: {kind: Deployment|Service, name: w.*}
  patch: '[{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}]'
- target: {labelSelector: x=y}
  patch: |-
    kind: any
    metadata: {name: ignored, annotations: {seen: "yes"}}
`);
    const seen = objects.filter(({ metadata }) => metadata.annotations?.['seen'] === 'yes');
    expect(named(seen)).toEqual(['Deployment p-web', 'Service p-web']);
  });

  it('that meet nothing are mistakes', () => {
    const texts = (patches: string): Record<string, string> => ({
      ...base,
      'kustomization.yaml': `resources: [base]\n${patches}`,
    });
    expect(problem(texts('patches: [{patch: "{apiVersion: v1, kind: Pod, metadata: {name: x}}"}]\n'))).toBe(
      'k/kustomization.yaml: patches[0]: there is nothing to patch: Pod x',
    );
    expect(problem(texts('patches: [{patch: "[]"}]\n'))).toContain('a list of operations needs a target');
  });
});

describe('components', () => {
  it('change what the kustomization that names them has', () => {
    const objects = build({
      ...base,
      'c/kustomization.yaml': `
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
secretGenerator: [{name: login, behavior: merge, literals: [user=ana]}]
patches: [{target: {kind: Deployment}, patch: '[{"op": "add", "path": "/spec/replicas", "value": 9}]'}]
`,
      'kustomization.yaml': 'resources: [base]\ncomponents: [c]\n',
    });
    expect(one(objects, 'Deployment')['spec']).toMatchObject({ replicas: 9 });
    expect(one(objects, 'Secret')['data']).toEqual({ password: 'aHVzaA==', user: 'YW5h' });
  });
});

describe('mistakes', () => {
  it('are told with file and field', () => {
    expect(problem({ 'kustomization.yaml': 'resource: [a]\n' })).toBe(
      'k/kustomization.yaml: resource: there is no such field (resources?)',
    );
    expect(problem({ 'kustomization.yaml': 'transformers: [a]\n' })).toBe(
      'k/kustomization.yaml: transformers: is not supported',
    );
    expect(problem({ 'kustomization.yaml': 'images: [{nam: a}]\n' })).toContain(
      'images[0].nam: there is no such field (name?)',
    );
    expect(problem({ 'kustomization.yaml': 'resources: [x.yaml]\n' })).toBe(
      'k/kustomization.yaml: resources[0]: there is no file x.yaml',
    );
    expect(problem({ 'kustomization.yaml': 'resources: ["https://x/y"]\n' })).toContain(
      'remote bases are not supported',
    );
    expect(
      problem({ 'kustomization.yaml': 'resources: [a]\n', 'a/kustomization.yaml': 'resources: [..]\n' }),
    ).toContain('leads back to itself');
    expect(problem({ 'kustomization.yaml': 'replicas: [{name: x, count: 1}]\n' })).toContain('there is no workload x');
    expect(problem({ 'x.yaml': '' })).toContain('there is no kustomization.yaml');
  });

  it('are files outside of the directory, by dots or by links', () => {
    const text = (path: string): string => `configMapGenerator: [{name: a, files: [${path}]}]\n`;
    expect(problem({ 'kustomization.yaml': text('../../etc/shadow') })).toContain('lies outside of its directory');
    expect(problem({ 'kustomization.yaml': text('link'), link: 'x' })).toContain('lies outside of its directory');
  });

  it('never quote a secret', () => {
    expect(problem({ 'kustomization.yaml': 'secretGenerator: [{name: a, literals: [hunter2]}]\n' })).toBe(
      'k/kustomization.yaml: secretGenerator[0]: a literal must be KEY=VALUE',
    );
  });
});
