import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import schema from './generated/schema.json' with { type: 'json' };
import { kinds, virtualKinds } from './kinds.ts';

const all = [...kinds, ...virtualKinds];
const clientApis = fileURLToPath(new URL('../../node_modules/@kubernetes/client-node/dist/gen/apis', import.meta.url));

/** Paths of the client library for GA versions: `/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale`. */
function upstreamPaths(): Set<string> {
  const texts = readdirSync(clientApis)
    .filter((file) => /V\d+Api\.js$/.test(file))
    .map((file) => readFileSync(join(clientApis, file), 'utf8'));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/localVarPath = '([^']+)'/g)].map((match) => match[1] as string)),
  );
}

function ourPaths(): Set<string> {
  const paths = all.flatMap(({ plural, scope, subresources = [], versions, verbs }) =>
    versions.flatMap(({ group, version }) => {
      const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      const base = scope === 'Namespaced' ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
      const one =
        verbs?.length === 1 ? [] : [`${base}/{name}`, ...subresources.map(({ name }) => `${base}/{name}/${name}`)];
      return [base, ...one];
    }),
  );
  return new Set(paths);
}

describe('the catalogue of kinds', () => {
  it('serves every path that the client library knows of the GA versions', () => {
    const ours = ourPaths();
    const missing = [...upstreamPaths()]
      .filter((path) => !path.includes('/watch/') && !path.includes('{path}') && !path.endsWith('/'))
      // Lists over all namespaces, which every namespaced kind has.
      .filter((path) => !/^\/(api|apis\/[^/]+)\/v\d+\/[a-z]+$/.test(path) || ours.has(path))
      .filter((path) => !ours.has(path));
    expect(missing).toEqual([]);
  });

  it('serves no subresource that upstream does not have', () => {
    const upstream = upstreamPaths();
    const invented = [...ourPaths()].filter((path) => /\/v[12]\//.test(path) && !upstream.has(path));
    expect(invented).toEqual([]);
  });

  it('points every version at a type of the generated schema', () => {
    const types = all.flatMap(({ versions }) => versions.map(({ type }) => type));
    expect(types.filter((type) => !(type in schema))).toEqual([]);
  });

  it('serves each kind of a group and version once', () => {
    const keys = all.flatMap(({ kind, versions }) =>
      versions.map(({ group, version }) => `${group}/${version}/${kind}`),
    );
    expect(keys.length).toBe(new Set(keys).size);
  });

  it('lists subresources by name', () => {
    for (const { subresources = [] } of all) {
      const names = subresources.map(({ name }) => name);
      expect(names).toEqual(names.toSorted());
    }
  });

  it('gives the short names that people type', () => {
    const short = Object.fromEntries(
      kinds.flatMap(({ kind, shortNames = [] }) => shortNames.map((name) => [name, kind])),
    );
    expect(short).toMatchObject({
      po: 'Pod',
      svc: 'Service',
      deploy: 'Deployment',
      rs: 'ReplicaSet',
      rc: 'ReplicationController',
      ns: 'Namespace',
      no: 'Node',
      cm: 'ConfigMap',
      sa: 'ServiceAccount',
      ep: 'Endpoints',
      ev: 'Event',
      sts: 'StatefulSet',
      ds: 'DaemonSet',
      cj: 'CronJob',
      hpa: 'HorizontalPodAutoscaler',
      pdb: 'PodDisruptionBudget',
      ing: 'Ingress',
      netpol: 'NetworkPolicy',
      pv: 'PersistentVolume',
      pvc: 'PersistentVolumeClaim',
      sc: 'StorageClass',
      pc: 'PriorityClass',
      csr: 'CertificateSigningRequest',
      crd: 'CustomResourceDefinition',
      quota: 'ResourceQuota',
      limits: 'LimitRange',
    });
  });

  it('groups under "all" what upstream groups there', () => {
    const names = kinds.filter(({ categories }) => categories?.includes('all')).map(({ plural }) => plural);
    expect(names.toSorted()).toEqual([
      'cronjobs',
      'daemonsets',
      'deployments',
      'horizontalpodautoscalers',
      'jobs',
      'pods',
      'replicasets',
      'replicationcontrollers',
      'services',
      'statefulsets',
    ]);
  });

  it("names today's version in the warning of an old one", () => {
    const texts = kinds.flatMap(({ versions }) => versions.map(({ deprecation }) => deprecation ?? ''));
    expect(texts).toContain(
      'apps/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment',
    );
    expect(texts).toContain('v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice');
  });

  it('fills a row for the barest object of each kind without failing', () => {
    for (const { kind, columns = [], defaults } of kinds) {
      const object = { metadata: { name: 'x' }, ...bare[kind] };
      expect(() => defaults?.(object), kind).not.toThrow();
      for (const { name, value } of columns) expect(() => value(object, 0), `${kind} ${name}`).not.toThrow();
    }
  });
});

/** Fields without which the schema does not let an object in. */
const bare: Record<string, Record<string, unknown>> = {
  Event: { involvedObject: {} },
  CronJob: { spec: { schedule: '* * * * *', jobTemplate: {} } },
  Job: { spec: { template: {} } },
  HorizontalPodAutoscaler: { spec: { scaleTargetRef: { kind: 'Deployment', name: 'x' }, maxReplicas: 1 } },
  IPAddress: { spec: { parentRef: { resource: 'services', name: 'x' } } },
  ClusterRoleBinding: { roleRef: { kind: 'ClusterRole', name: 'x' } },
  RoleBinding: { roleRef: { kind: 'Role', name: 'x' } },
  CSIDriver: { spec: {} },
  CSINode: { spec: { drivers: [] } },
  VolumeAttachment: { spec: { attacher: 'x', nodeName: 'x', source: {} } },
  CertificateSigningRequest: { spec: { request: '', signerName: 'x' } },
  ValidatingAdmissionPolicyBinding: { spec: { policyName: 'x', validationActions: [] } },
  CustomResourceDefinition: { spec: { group: 'x.y', names: { plural: 'as', kind: 'A' }, scope: '', versions: [] } },
  DeviceClass: { spec: {} },
  ResourceClaim: { spec: {} },
  ResourceClaimTemplate: { spec: { spec: {} } },
  ResourceSlice: { spec: { driver: 'x', pool: { name: 'x', generation: 1, resourceSliceCount: 1 } } },
};
