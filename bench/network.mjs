// Times the way to services: what a service's address costs over the pod's own, and how long a changed endpoint takes to the
// kernel of a node among many services. Needs `wrk` and `haproxy`; all traffic stays in the cluster's namespaces.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { load, until } from './client.mjs';

const pods = '/api/v1/namespaces/default/pods';
const services = '/api/v1/namespaces/default/services';
const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

/**
 * Requests through a service's address, and straight to its pod: a second, and the processor time of both ends for each
 * (which says more on a machine that does other things too). Medians of rounds that take turns, at a port each: a
 * client's two connections to one port of a pod, straight and translated, may not have the same source port, and with
 * tens of thousands that are remembered (TIME_WAIT) the kernel searches long for a free one.
 */
export async function benchClusterIp(client, { image, rounds = 9 }) {
  const server = await startPod(client, { image, name: 'net-server', seconds: '98701' });
  const caller = await startPod(client, { image, name: 'net-client', seconds: '98702' });
  const directory = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  const config = join(directory, 'haproxy.cfg');
  writeFileSync(
    config,
    'defaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n' +
      'frontend web\n  bind :8080\n  bind :8081\n  http-request return status 200 content-type text/plain string ok\n',
  );
  const proxy = spawn('nsenter', [`--net=/proc/${server.pid}/ns/net`, 'haproxy', '-db', '-f', config], {
    stdio: 'ignore',
  });
  try {
    const spec = { selector: { app: 'net-server' }, ports: [{ port: 80, targetPort: 8080 }] };
    const { clusterIP } = (await client.call('POST', services, { metadata: { name: 'net-server' }, spec })).spec;
    const results = {};
    for (const [kind, headers] of [
      ['kept', []],
      ['fresh', ['-H', 'Connection: close']],
    ]) {
      const once = (url) => measured(proxy.pid, () => wrk(caller.pid, url, headers));
      await until(() => once(`http://${clusterIP}/`).catch(() => 0), 'the service to answer');
      const [direct, service] = [[], []];
      for (let i = 0; i < rounds; i++) {
        direct.push(await once(`http://${server.ip}:8081/`));
        service.push(await once(`http://${clusterIP}/`));
      }
      const ratio = median(service.map((each, n) => each.cpuUs / direct[n].cpuUs));
      const perSecond = (rounds) => median(rounds.map((each) => each.perSecond));
      results[kind] = { cost: ratio - 1, direct: perSecond(direct), service: perSecond(service) };
    }
    return results;
  } finally {
    proxy.kill();
    rmSync(directory, { recursive: true });
    for (const name of ['net-server', 'net-client']) await client.call('DELETE', `${pods}/${name}`);
    await client.call('DELETE', `${services}/net-server`);
  }
}

async function startPod(client, { image, name, seconds }) {
  await client.call('POST', pods, {
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image, imagePullPolicy: 'Never', command: ['sleep', seconds] }],
    },
  });
  let ip;
  await until(async () => (ip = (await client.call('GET', `${pods}/${name}`)).status.podIP), name);
  await until(async () => processWith(seconds), `the process of ${name}`);
  return { ip, pid: processWith(seconds) };
}

function processWith(argument) {
  return readdirSync('/proc').find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${argument}\0`;
    } catch {
      return false;
    }
  });
}

/** With the processor time that server and client took for each request, in microseconds. */
async function measured(serverPid, work) {
  const before = ticks(serverPid, 14) + ticks('self', 16);
  const { perSecond, requests } = await work();
  return { perSecond, cpuUs: ((ticks(serverPid, 14) + ticks('self', 16) - before) * 10_000) / requests };
}

/** Hundredths of a second: fields 14 and 15 are the process's own, 16 and 17 those of children that have ended (proc_pid_stat(5)). */
function ticks(pid, first) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  return Number(fields[first - 1]) + Number(fields[first]);
}

/** Resolves when a process has done nothing for two seconds. */
async function atRest(pid) {
  let [before, idle] = [-1, 0];
  await until(
    () => {
      const now = ticks(pid, 14);
      idle = now === before ? idle + 1 : 0;
      before = now;
      return idle === 4;
    },
    'the monitor',
    { intervalMs: 500 },
  );
}

async function wrk(pid, url, headers) {
  const args = [`--net=/proc/${pid}/ns/net`, 'wrk', '-t', '1', '-c', '16', '-d', '2s', ...headers, url];
  const { stdout } = await promisify(execFile)('nsenter', args);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!(perSecond > 0) || /Non-2xx|Socket errors: connect [^0]/.test(stdout)) throw new Error(stdout);
  return { perSecond, requests: Number(/(\d+) requests in/.exec(stdout)?.[1]) };
}

/**
 * From the API's answer to a change of an endpoint until the kernel of the node `namespace` tells of the new rules,
 * among `count` services of ten endpoints; in milliseconds, sorted.
 */
export async function benchPropagation(client, { namespace, table, count = 10_000, changes = 50 }) {
  const address = (i, n) => `10.${200 + n}.${i >> 8}.${i & 255}`;
  const slice = (i, extra) => ({
    metadata: { name: `many-${i}`, labels: { 'kubernetes.io/service-name': `many-${i}` } },
    addressType: 'IPv4',
    ports: [{ port: 8080, protocol: 'TCP' }],
    endpoints: [...Array.from({ length: 10 }, (_, n) => address(i, n)), ...(extra ? [extra] : [])].map((ip) => ({
      addresses: [ip],
      conditions: { ready: true },
    })),
  });
  const created = performance.now();
  await load(count, 32, async (i) => {
    const spec = { ports: [{ port: 80, targetPort: 8080 }] };
    await client.call('POST', services, { metadata: { name: `many-${i}` }, spec }, { sizeOnly: true });
    await client.call('POST', slices, slice(i), { sizeOnly: true });
  });
  const inside = [`--net=${namespace}`, 'nft'];
  await until(() => {
    const listed = execFileSync('nsenter', [...inside, 'list', 'map', 'ip', table, 'shared/10'], { maxBuffer: 1e9 });
    return listed.toString().split(' . tcp . 80 . 9 : ').length > count;
  }, 'all services in the kernel');
  const loadedMs = performance.now() - created;
  const heard = new Map();
  const monitor = spawn('nsenter', [...inside, 'monitor', 'new', 'elements'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  monitor.stdout.on('data', (chunk) => {
    text = (text + chunk).slice(-100_000);
    for (const [ip, tell] of heard) if (text.includes(`${ip} . 8080`)) tell(performance.now());
  });
  /** From the API's answer to the change of a slice until the monitor tells of it; undefined when it does not. */
  const change = async (i, extra) => {
    const seen = new Promise((resolve) => heard.set(extra, resolve));
    await client.call('PATCH', `${slices}/many-${i}`, { endpoints: slice(i, extra).endpoints });
    const accepted = performance.now();
    const at = await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 5_000))]);
    heard.delete(extra);
    return at && Math.max(0, at - accepted);
  };
  const times = [];
  try {
    // The monitor reads all that there is before it tells of anything, and anew when something changes meanwhile.
    await atRest(monitor.pid);
    for (let i = 0; i < changes; i++) {
      const time = await change(i * 7, `10.250.0.${i}`);
      if (time === undefined) throw new Error(`change ${i} was not seen`);
      times.push(time);
    }
  } finally {
    monitor.kill();
  }
  return { loadedMs, times: times.sort((a, b) => a - b) };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
