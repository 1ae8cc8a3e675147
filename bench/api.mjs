// Loads the API server: creates, gets, patches, lists, watches and deletes pods that no scheduler touches.
import { load, quantile } from './client.mjs';

const namespace = 'bench';
const path = `/api/v1/namespaces/${namespace}/pods`;

const pod = (i) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p-${i}`, labels: { app: 'bench', shard: String(i % 10) } },
  spec: {
    nodeSelector: { nowhere: 'x' },
    containers: [
      {
        name: 'c',
        image: 'bb',
        env: [{ name: 'A', value: 'B' }],
        resources: { requests: { cpu: '10m', memory: '16Mi' } },
        ports: [{ containerPort: 80 }],
      },
    ],
  },
});

export async function benchApi(client, { pods = 2000, workers = 32 } = {}) {
  await client.namespace(namespace);
  const sent = new Map();
  const delays = [];
  const stop = await client.watch(`${path}?watch=true&resourceVersion=0&allowWatchBookmarks=true`, (line) => {
    if (!line.startsWith('{"type":"ADDED"')) return;
    const name = /"name":"(p-\d+)"/.exec(line)?.[1];
    if (sent.has(name)) delays.push(performance.now() - sent.get(name));
  });
  const create = await load(pods, workers, (i) => {
    sent.set(`p-${i}`, performance.now());
    return client.call('POST', path, pod(i), { sizeOnly: true });
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  stop();
  const get = await load(pods, workers, (i) => client.call('GET', `${path}/p-${i}`, undefined, { sizeOnly: true }));
  const patch = await load(pods, workers, (i) => {
    return client.call('PATCH', `${path}/p-${i}`, { metadata: { annotations: { k: `v${i}` } } }, { sizeOnly: true });
  });
  const list = await repeat(10, () => client.call('GET', path, undefined, { sizeOnly: true }));
  const select = await repeat(10, () =>
    client.call('GET', `${path}?labelSelector=shard%3D3`, undefined, { sizeOnly: true }),
  );
  const remove = await load(pods, workers, (i) => {
    return client.call('DELETE', `${path}/p-${i}?gracePeriodSeconds=0`, undefined, { sizeOnly: true });
  });
  const createWarm = await load(pods, workers, (i) => client.call('POST', path, pod(i), { sizeOnly: true }));
  await client.call('DELETE', `/api/v1/namespaces/${namespace}`);
  return {
    create,
    createWarm,
    watch: { delivered: delays.length, p50: quantile(delays, 0.5), p99: quantile(delays, 0.99) },
    get,
    patch,
    list: quantile(list, 0.5),
    select: quantile(select, 0.5),
    delete: remove,
  };
}

async function repeat(count, task) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await task();
    times.push(performance.now() - start);
  }
  return times;
}
