// `npm run bench`: starts clusters, loads them, and prints our figures beside upstream's and the goals. Needs root.
//   node bench/run.mjs [--json] [--rounds 3] [--only cold,pods,api,scheduler,charts,dns,network,ingress]
// Of several rounds the median is told, and each begins when the cluster is at rest.
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
const { values: flags } = parseArgs({
  options: { json: { type: 'boolean' }, only: { type: 'string' }, rounds: { type: 'string', default: '3' } },
});
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

/** The numbers of the processes of the cluster's server and agents. */
function processes() {
  return readdirSync('/proc').filter((pid) => {
    try {
      const command = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : [];
      return (
        command.some((word) => word.includes(`/${cluster}/`)) &&
        command.some((word) => /\/(?:server|agent)\.cjs$/.test(word))
      );
    } catch {
      return false;
    }
  });
}

/** Resident memory of the cluster's server and agent, in MB. */
async function memory() {
  await rest();
  const sizes = processes().map((pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return sizes.reduce((sum, kilobytes) => sum + kilobytes / 1024, 0);
}

/** Hundredths of a second of processor time that server and agents have used. */
const used = () =>
  processes().reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);

/**
 * Until server and agents have used less than a twentieth of a processor for some seconds. The server's warm-up begins
 * three seconds after the last request.
 */
async function rest() {
  for (let quiet = 0, passed = 0; quiet < 5 && passed < 120; passed++) {
    const before = used();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    quiet = used() - before < 5 ? quiet + 1 : 0;
  }
}

/** What `run` answers in each round. */
async function rounds(run) {
  const answers = [];
  for (let i = 0; i < Number(flags.rounds); i++) {
    await rest();
    answers.push(await run());
  }
  return answers;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

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
    const starts = await rounds(cold);
    row('cold start: API ready', '2.97 s', '0.4 s', seconds(median(starts.map(({ api }) => api))));
    row('cold start: first pod Running', '14.9 s', '1.2 s', seconds(median(starts.map((start) => start.pod))));
    row('memory of server and one agent, idle', '614 MB', '180 MB', `${Math.round(await memory())} MB`);
  }
  const client = connect(kubeconfig());
  if (wanted('pods')) {
    const command = ['/bin/busybox', 'httpd', '-f', '-p', '5000'];
    const pods = await rounds(() => benchPods(client, { image, command }));
    const of = (step) => seconds(median(pods.map((round) => round[step])));
    row('first pod on a warm cluster', '1.0 s', '0.35 s', of('first'));
    row('1 → 30 pods', '3.8 s', '2.5 s', of('scaleOut'));
    row('rolling update of 30 pods', '5.2 s', '4 s', of('update'));
    row('delete 30 pods (grace 1 s)', '38 s', '3 s', of('delete'));
  }
  if (wanted('api')) {
    const api = await rounds(() => benchApi(client));
    const of = (part, figure = 'perSecond') => median(api.map((round) => round[part][figure]));
    const rate = (part) => `${of(part)}/s, p99 ${ms(of(part, 'p99'))}`;
    const [first] = api;
    row('create pods, 32 clients', '1,397/s', '4,000/s', `${first.create.perSecond}/s, p99 ${ms(first.create.p99)}`);
    row('… again', '', '', rate('createWarm'));
    row('get', '3,782/s', '9,000/s', rate('get'));
    row('merge patch', '1,339/s', '4,000/s', rate('patch'));
    row('list 2,000 pods', '127 ms', '25 ms', ms(median(api.map(({ list }) => list))));
    row('list 200 of 2,000 by label', '49 ms', '', ms(median(api.map(({ select }) => select))));
    const { p50, delivered } = first.watch;
    row('watch delivery p50', '22.8 ms', '6 ms', `${ms(p50)} (${delivered} events); later ${ms(of('watch', 'p50'))}`);
    row('delete', '1,026/s', '', `${of('delete')}/s`);
  }
  if (wanted('scheduler')) {
    for (const [variant, upstream, goal] of [
      ['plain', '577/s', '1,500/s'],
      ['spread', '527/s', ''],
      ['anti-affinity', '410/s', ''],
    ]) {
      const runs = await rounds(() => benchScheduler(client, { variant }));
      const [perSecond, bound] = ['perSecond', 'bound'].map((key) => median(runs.map((run) => run[key])));
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
