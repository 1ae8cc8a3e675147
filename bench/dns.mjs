// Times the DNS of a node: its answers under load, and how soon an endpoint's change is in them.
import { execFileSync, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const namespace = 'dnsbench';
const here = dirname(fileURLToPath(import.meta.url));
const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
const endpoint = (address) => ({ addresses: [address], conditions: { ready: true } });

/** `node`: the network namespace of a node; `server`: where it answers. */
export async function benchDns(client, { node, server }) {
  await client.namespace(namespace);
  for (const name of ['web', 'db']) {
    const spec = { ports: [{ port: 80 }], ...(name === 'db' && { clusterIP: 'None' }) };
    await client.call('POST', `/api/v1/namespaces/${namespace}/services`, { metadata: { name }, spec });
  }
  await client.call('POST', slices, {
    metadata: { name: 'db-x', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: [endpoint('10.244.0.1')],
  });
  const names = ['web', 'db'].map((name) => `${name}.${namespace}.svc.cluster.local`);
  const inNode = (script, ...args) => [`--net=${node}`, process.execPath, join(here, script), server, ...args];
  const load = JSON.parse(execFileSync('nsenter', inNode('dns-load.mjs', ...names)));
  const watcher = spawn('nsenter', inNode('dns-change.mjs', names[1]), { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    return { ...load, change: await timeChanges(client, createInterface({ input: watcher.stdout })) };
  } finally {
    watcher.kill();
    await client.call('DELETE', `/api/v1/namespaces/${namespace}`);
  }
}

/** From the moment at which the API has accepted an endpoint to the first answer that has it, in milliseconds, sorted. */
async function timeChanges(client, lines) {
  const seen = new Map();
  const waiting = new Map();
  lines.on('line', (line) => {
    const { address, at } = JSON.parse(line);
    seen.set(address, at);
    waiting.get(address)?.();
  });
  const appears = (address) => seen.has(address) || new Promise((resolve) => waiting.set(address, resolve));
  await appears('10.244.0.1');
  const times = [];
  for (let i = 2; i < 52; i++) {
    const address = `10.244.0.${i}`;
    await client.call('PATCH', `${slices}/db-x`, { endpoints: [endpoint(address)] });
    const accepted = performance.timeOrigin + performance.now();
    await appears(address);
    times.push(Math.max(0, seen.get(address) - accepted));
  }
  return times.sort((a, b) => a - b);
}
