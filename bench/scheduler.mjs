// Times the scheduler: nodes and pods that exist only in the API; from the first POST until every pod has a node.
import { load, until } from './client.mjs';

const namespace = 'schedbench';
const path = `/api/v1/namespaces/${namespace}/pods`;

const node = (i, now) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: `fake-${i}`,
    labels: { fake: 'true', 'kubernetes.io/hostname': `fake-${i}`, 'topology.kubernetes.io/zone': `z${i % 3}` },
  },
  status: {
    capacity: { cpu: '32', memory: '64Gi', pods: '110' },
    allocatable: { cpu: '32', memory: '64Gi', pods: '110' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'simulated',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
  },
});

const spread = [
  {
    maxSkew: 1,
    topologyKey: 'topology.kubernetes.io/zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: 's' } },
  },
];
const antiAffinity = {
  podAntiAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 1,
        podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 's' } } },
      },
    ],
  },
};

export async function benchScheduler(client, { nodes = 100, pods = 2000, workers = 32, variant = 'plain' } = {}) {
  await client.namespace(namespace);
  const now = new Date().toISOString().replace(/\.\d+Z/, 'Z');
  await load(nodes, workers, async (i) => {
    await client.call('POST', '/api/v1/nodes', node(i, now));
    await client.call('PATCH', `/api/v1/nodes/fake-${i}/status`, { status: node(i, now).status });
  });
  await until(async () => {
    const { items } = await client.call('GET', '/api/v1/nodes?labelSelector=fake%3Dtrue');
    return items.every((item) => !item.spec?.taints?.length);
  }, 'the nodes to lose their taints');
  const bound = new Set();
  let finish;
  const allBound = new Promise((resolve) => (finish = resolve));
  const stop = await client.watch(`${path}?watch=true&resourceVersion=0`, (line) => {
    if (!line.includes('"nodeName":"')) return;
    bound.add(JSON.parse(line).object.metadata.name);
    if (bound.size === pods) finish();
  });
  const spec = {
    nodeSelector: { fake: 'true' },
    containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '100m', memory: '100Mi' } } }],
    ...(variant === 'spread' && { topologySpreadConstraints: spread }),
    ...(variant === 'anti-affinity' && { affinity: antiAffinity }),
  };
  const start = performance.now();
  await load(pods, workers, (i) => {
    const metadata = { name: `s-${i}`, labels: { app: 's' } };
    return client.call('POST', path, { apiVersion: 'v1', kind: 'Pod', metadata, spec }, { sizeOnly: true });
  });
  await Promise.race([allBound, new Promise((resolve) => setTimeout(resolve, 120_000))]);
  const seconds = (performance.now() - start) / 1000;
  stop();
  await load(pods, workers, (i) => client.call('DELETE', `${path}/s-${i}?gracePeriodSeconds=0`).catch(() => {}));
  await load(nodes, workers, (i) => client.call('DELETE', `/api/v1/nodes/fake-${i}`).catch(() => {}));
  return { bound: bound.size, perSecond: Math.round(bound.size / seconds) };
}
