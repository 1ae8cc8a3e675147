// `npm run bench`: starts clusters, loads them, and prints our figures beside upstream's and the goals. Needs root.
//   node bench/run.mjs [--json] [--only cold,pods,api,scheduler,charts,dns,network,ingress]
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchApi } from './api.mjs';
import { benchList, benchTemplates } from './charts.mjs';
import { connect, until } from './client.mjs';
import { benchDns } from './dns.mjs';
import { benchClusterIp, benchPropagation } from './network.mjs';
import { benchIngress } from './ingress.mjs';
import { benchPods } from './pods.mjs';
import { benchScheduler } from './scheduler.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const program = join(root, 'dist/timonel.js');
const cluster = 'bench';
const image = 'timonel-bench-busybox';
const { values: flags } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } });
const wanted = (part) => !flags.only || flags.only.split(',').includes(part);

const timonel = (...args) =>
  execFileSync(process.execPath, [program, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const kubeconfig = () => timonel('kubeconfig', '--path', '--name', cluster).trim();
// Nodes that exist only in the API send no signs of life: they must count as alive for as long as upstream lets them.
const up = () => timonel('up', '--name', cluster, '--nodes', '1', '--node-grace', '40', '-o', 'json');
const pod = (name) => ({
  metadata: { name },
  spec: {
    containers: [{ name: 'c', image, imagePullPolicy: 'Never', command: ['sleep', '3600'] }],
    terminationGracePeriodSeconds: 0,
  },
});

/** The second start of a cluster whose image is present: until the API answers, and until a new pod runs. */
async function cold() {
  timonel('down', '--name', cluster);
  const client = connect(kubeconfig());
  const start = performance.now();
  const starting = spawnDetached();
  await until(() => client.call('GET', '/readyz', undefined, { sizeOnly: true }).catch(() => false), 'the API', {
    intervalMs: 2,
  });
  const api = performance.now() - start;
  const name = `cold-${Date.now()}`;
  await until(
    () => client.call('POST', '/api/v1/namespaces/default/pods', pod(name)).catch(() => false),
    'a pod to be taken',
    { intervalMs: 5 },
  );
  const path = `/api/v1/namespaces/default/pods/${name}`;
  await until(async () => (await client.call('GET', path)).status.phase === 'Running', 'the pod', { intervalMs: 5 });
  const running = performance.now() - start;
  await starting;
  await client.call('DELETE', path);
  return { api, pod: running };
}

async function spawnDetached() {
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [program, 'up', '--name', cluster], { stdio: 'ignore' });
  return new Promise((resolve) => child.on('exit', resolve));
}

/** Resident memory of the cluster's server and agent, in MB, some seconds after the last work. */
async function memory() {
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const sizes = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (
          !command.some((word) => word.includes(`/${cluster}/`)) ||
          !command.some((word) => /\/(?:timonel\.js|(?:server|agent)\.cjs)$/.test(word))
        )
          return 0;
        return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
      } catch {
        return 0;
      }
    });
  return sizes.reduce((sum, size) => sum + size, 0);
}

function versionTime() {
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    spawnSync(process.execPath, [program, 'version']);
    return performance.now() - start;
  });
  return Math.min(...times);
}

const rows = [];
const row = (what, upstream, goal, ours) => rows.push({ what, upstream, goal, ours });
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const ms = (value) => `${value.toFixed(1)} ms`;

spawnSync(process.execPath, [program, 'delete', '--name', cluster], { stdio: 'ignore' });
try {
  row('timonel version', '', '150 ms', ms(versionTime()));
  up();
  timonel('image', 'base', image, '--busybox', '--name', cluster);
  if (wanted('cold')) {
    const { api, pod: first } = await cold();
    row('cold start: API ready', '2.97 s', '0.4 s', seconds(api));
    row('cold start: first pod Running', '14.9 s', '1.2 s', seconds(first));
    row('memory of server and one agent, idle', '614 MB', '180 MB', `${Math.round(await memory())} MB`);
  }
  const client = connect(kubeconfig());
  if (wanted('pods')) {
    const command = ['/bin/busybox', 'httpd', '-f', '-p', '5000'];
    const pods = await benchPods(client, { image, command });
    row('first pod on a warm cluster', '1.0 s', '0.35 s', seconds(pods.first));
    row('1 → 30 pods', '3.8 s', '2.5 s', seconds(pods.scaleOut));
    row('rolling update of 30 pods', '5.2 s', '4 s', seconds(pods.update));
    row('delete 30 pods (grace 1 s)', '38 s', '3 s', seconds(pods.delete));
  }
  if (wanted('api')) {
    // Enough for the server's warm-up, which waits until it is quiet.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const api = await benchApi(client);
    row('create pods, 32 clients', '1,397/s', '4,000/s', `${api.create.perSecond}/s, p99 ${ms(api.create.p99)}`);
    row('… again', '', '', `${api.createWarm.perSecond}/s, p99 ${ms(api.createWarm.p99)}`);
    row('get', '3,782/s', '9,000/s', `${api.get.perSecond}/s, p99 ${ms(api.get.p99)}`);
    row('merge patch', '1,339/s', '4,000/s', `${api.patch.perSecond}/s, p99 ${ms(api.patch.p99)}`);
    row('list 2,000 pods', '127 ms', '25 ms', ms(api.list));
    row('list 200 of 2,000 by label', '49 ms', '', ms(api.select));
    row('watch delivery p50', '22.8 ms', '6 ms', `${ms(api.watch.p50)} (${api.watch.delivered} events)`);
    row('delete', '1,026/s', '', `${api.delete.perSecond}/s`);
  }
  if (wanted('scheduler')) {
    for (const [variant, upstream, goal] of [
      ['plain', '577/s', '1,500/s'],
      ['spread', '527/s', ''],
      ['anti-affinity', '410/s', ''],
    ]) {
      const { bound, perSecond } = await benchScheduler(client, { variant });
      row(`schedule 2,000 pods on 100 nodes (${variant})`, upstream, goal, `${perSecond}/s (${bound} bound)`);
    }
  }
  if (wanted('charts')) {
    const { small, large } = benchTemplates(program);
    row('chart template, small (whole process)', '100 ms', '200 ms', ms(small));
    row('chart template, 5,000 objects (beyond the small one)', '', '400 ms', ms(large));
    const list = await benchList(client, { program, kubeconfig: kubeconfig(), count: 1000 });
    row('chart list, 1,000 releases', '', '1,000 ms', ms(list));
  }
  if (wanted('dns')) {
    const service = await client.call('GET', '/api/v1/namespaces/kube-system/services/kube-dns');
    const node = `/run/netns/timonel-${cluster}.${cluster}-1`;
    const dns = await benchDns(client, { node, server: service.spec.clusterIP });
    const { p50, p99, lost } = dns.latency;
    row('DNS on the node, p99', '', '1 ms', `${ms(p99)} (p50 ${p50.toFixed(2)} ms, ${lost} lost)`);
    row('DNS on the node, answers', '', '30,000/s', `${dns.perSecond}/s`);
    const change = (part) => dns.change[Math.floor(dns.change.length * part)];
    row('endpoint accepted → in the answer', '', '10 ms', `p50 ${ms(change(0.5))}, p99 ${ms(change(0.99))}`);
  }
  if (wanted('network')) {
    const { kept, fresh } = await benchClusterIp(client, { image });
    const cost = ({ cost: share, direct, service }) =>
      `${(share * 100).toFixed(1)} % (${Math.round(service)} and ${Math.round(direct)}/s)`;
    row('processor time: service over pod address, kept connections', '', '5 %', cost(kept));
    row('… a connection for each request', '', '', cost(fresh));
    const namespace = `/run/netns/timonel-${cluster}.${cluster}-1`;
    const { loadedMs, times } = await benchPropagation(client, { namespace, table: `timonel-${cluster}` });
    const at = (part) => ms(times[Math.floor(times.length * part)]);
    row('10,000 services, 100,000 endpoints: created and in the kernel', '', '', seconds(loadedMs));
    row('endpoint accepted → in the kernel, among them', '', '10 ms', `p50 ${at(0.5)}, p99 ${at(0.99)}`);
  }
  if (wanted('ingress')) {
    const node = `/run/netns/timonel-${cluster}.${cluster}-1`;
    const state = () => JSON.parse(timonel('status', '--name', cluster, '-o', 'json'));
    const { perSecond, share, cpuUs } = await benchIngress(client, {
      ...{ node, address: state().nodes[0].address },
      urls: () => state().ingress?.urls ?? [],
    });
    const rate = (name) => `${Math.round(perSecond[name])}/s`;
    const percent = (value) => `${(100 * value).toFixed(0)} %`;
    row('1 KB through the ingress, 32 connections', '', '', rate('ours'));
    row('… HAProxy and nginx, configured by hand', '', '', `${rate('haproxy')}, ${rate('nginx')}`);
    row('… the ingress, of theirs', '', '95 % and 100 %', `${percent(share.haproxy)} and ${percent(share.nginx)}`);
    row('… of HAProxy by hand that tries again, too', '', '', percent(share.retrying));
    const { ours, haproxy, retrying, nginx } = cpuUs;
    const cost = [ours, haproxy, retrying, nginx].map((each) => `${each.toFixed(1)} µs`).join(', ');
    row('… processor time of a request: ours, HAProxy, HAProxy that tries again, nginx', '', '', cost);
  }
} finally {
  spawnSync(process.execPath, [program, 'delete', '--name', cluster], { stdio: 'ignore' });
}

if (flags.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
else {
  const width = (key) => Math.max(...rows.map((r) => r[key].length), key.length);
  for (const r of [{ what: 'what', upstream: 'upstream', goal: 'goal', ours: 'timonel' }, ...rows]) {
    const cells = ['what', 'upstream', 'goal', 'ours'].map((key) => r[key].padEnd(width(key)));
    process.stdout.write(`${cells.join('   ').trimEnd()}\n`);
  }
}
process.exit(0);
