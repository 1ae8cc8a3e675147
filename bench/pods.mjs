// Times real pods: the first of a deployment, scaling out, a rolling update, deleting.
import { until } from './client.mjs';

const namespace = 'podbench';
const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments`;

export async function benchPods(client, { image, command, replicas = 30 }) {
  await client.namespace(namespace);
  const container = { name: 'web', image, imagePullPolicy: 'Never', command, ports: [{ containerPort: 5000 }] };
  const isReady = async (count, updated) => {
    const { metadata, status = {} } = await client.call('GET', `${deployment}/web`);
    if ((status.observedGeneration ?? 0) < metadata.generation) return false;
    if ((status.readyReplicas ?? 0) !== count || (status.replicas ?? 0) !== count) return false;
    return !updated || status.updatedReplicas === count;
  };
  const podCount = async () => (await client.call('GET', `/api/v1/namespaces/${namespace}/pods`)).items.length;
  await client.call('POST', deployment, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { terminationGracePeriodSeconds: 1, containers: [container] },
      },
    },
  });
  const first = await until(() => isReady(1), 'the first pod');
  await client.call('PATCH', `${deployment}/web`, { spec: { replicas } });
  const scaleOut = await until(() => isReady(replicas), 'all pods');
  await client.call('PATCH', `${deployment}/web`, { spec: { template: { metadata: { annotations: { v: '2' } } } } });
  const update = await until(() => isReady(replicas, true), 'the update');
  await until(async () => (await podCount()) === replicas, 'the old pods to go');
  await client.call('DELETE', `${deployment}/web?propagationPolicy=Background`);
  const remove = await until(async () => (await podCount()) === 0, 'the pods to go');
  await client.call('DELETE', `/api/v1/namespaces/${namespace}`);
  return { first, scaleOut, update, delete: remove };
}
