import type { Call } from './connection.ts';

/** Nodes for the scheduler to choose from. */
const nodes = 20;
/** Pods stay for this many rounds. */
const lifetime = 50;
const namespace = '/api/v1/namespaces/default';

/** What must be there before the first round. */
export function preparation(): Call[] {
  const resources = { cpu: '1000', memory: '1000Gi', pods: '10000' };
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }];
  const status = { conditions, capacity: resources, allocatable: resources };
  const ofNode = (name: string): Call[] => [
    { method: 'POST', path: '/api/v1/nodes', body: { metadata: { name, labels: { zone: 'a' } } } },
    { method: 'PATCH', path: `/api/v1/nodes/${name}/status`, body: { status } },
  ];
  return Array.from({ length: nodes }, (_, i) => ofNode(`node-${i}`)).flat();
}

/** The calls of one round: a pod's life as clients see it, now and then another kind, and the end of an older pod. */
export function round(i: number): Call[] {
  const path = `${namespace}/pods/pod-${i}`;
  const calls: Call[] = [
    { method: 'POST', path: `${namespace}/pods`, body: pod(i) },
    { method: 'GET', path },
    { method: 'PATCH', path, body: { metadata: { annotations: { round: `${i}` } } } },
  ];
  if (i % 4 === 0) {
    const contentType = 'application/strategic-merge-patch+json';
    const condition = { type: 'Ready', status: i % 8 === 0 ? 'True' : 'False' };
    calls.push({ method: 'PATCH', path: `${path}/status`, body: { status: { conditions: [condition] } }, contentType });
  }
  if (i % 4 === 1) calls.push(...another(i));
  if (i % 20 === 0) calls.push({ method: 'GET', path: `${namespace}/pods?labelSelector=shard%3D3` });
  if (i >= lifetime) {
    calls.push({ method: 'DELETE', path: `${namespace}/pods/pod-${i - lifetime}?gracePeriodSeconds=0` });
  }
  return calls;
}

const requests = { cpu: '10m', memory: '16Mi' };
const httpGet = { path: '/', port: 80 };

/** Pods as different people write them: V8 must not take one form for all that there is. */
const podSpecs = [
  { containers: [{ name: 'c', image: 'x', env: [{ name: 'A', value: 'B' }], resources: { requests } }] },
  { containers: [{ image: 'x', name: 'web', resources: {} }], dnsPolicy: 'ClusterFirst', restartPolicy: 'Always' },
  {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [{ name: 'c', image: 'x', command: ['true'], volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
  },
  {
    nodeSelector: { zone: 'a' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    containers: [{ name: 'c', image: 'x', imagePullPolicy: 'IfNotPresent', readinessProbe: { httpGet } }],
  },
  {
    nodeSelector: { zone: 'nowhere' },
    containers: [{ name: 'c', image: 'x', resources: { requests }, ports: [{ containerPort: 80 }] }],
  },
];

function pod(i: number): object {
  const name = `pod-${i}`;
  const labels = { app: 'web', shard: `${i % 10}` };
  const spec = podSpecs[i % podSpecs.length];
  if (i % 2 === 0) return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec };
  return { kind: 'Pod', apiVersion: 'v1', metadata: { labels, name, namespace: 'default' }, spec };
}

function another(i: number): Call[] {
  const metadata = { name: `object-${i}` };
  // Nobody else's pods: otherwise each change of a pod would be a matter for all of these.
  const labels = { app: `app-${i}` };
  const deployment = {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpecs[0] },
  };
  const lease = { holderIdentity: 'x', leaseDurationSeconds: 40, renewTime: '2026-01-02T03:04:05.000006Z' };
  const kinds: [string, object][] = [
    ['/api/v1/namespaces', { metadata }],
    [`${namespace}/configmaps`, { metadata, data: { key: 'value' } }],
    [`${namespace}/services`, { metadata, spec: { selector: labels, ports: [{ port: 80 }] } }],
    [`${namespace}/secrets`, { metadata, stringData: { key: 'value' } }],
    ['/apis/apps/v1/namespaces/default/deployments', { metadata, spec: deployment }],
    ['/apis/coordination.k8s.io/v1/namespaces/default/leases', { metadata, spec: lease }],
  ];
  const [path, body] = kinds[(i >> 2) % kinds.length] as [string, object];
  return [
    { method: 'POST', path, body },
    { method: 'PATCH', path: `${path}/${metadata.name}`, body: { metadata: { annotations: { round: `${i}` } } } },
  ];
}
