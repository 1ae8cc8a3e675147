// A 1 KB answer through the cluster's ingress, through HAProxy with a configuration by hand (with and without another try
// for what a closed connection lost), and through nginx, all to one origin (nginx in a node's network namespace), measured
// in turns by wrk. All write an access log to a file.
// The proxy's processor time for each request says more than its rate where wrk and origin share the processors.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, readdirSync, readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './client.mjs';

const host = 'bench.localhost';
const originPort = 18_080;
const haproxyPort = 18_081;
const nginxPort = 18_082;
const retryingPort = 18_083;

const nginxFrame = (directory, name, http) => `
pid ${directory}/${name}.pid;
error_log ${directory}/${name}.error.log;
worker_processes auto;
daemon off;
events { worker_connections 4096; }
http {
  access_log ${directory}/${name}.access.log;
  client_body_temp_path ${directory}/${name}-body;
  proxy_temp_path ${directory}/${name}-proxy;
  fastcgi_temp_path ${directory}/${name}-fastcgi;
  uwsgi_temp_path ${directory}/${name}-uwsgi;
  scgi_temp_path ${directory}/${name}-scgi;
  keepalive_requests 1000000;
  ${http}
}`;

/**
 * What one would write by hand for the same: routes by host and path from a map, a log, and the headers that services
 * behind an ingress are promised. What it does not do is to try again when an endpoint closes a kept connection.
 */
const handWritten = (address, directory, port, more = '') => `
global
  maxconn 4096
  log fd@3 format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${more}
frontend web
  bind 127.0.0.1:${port}
  unique-id-format %[uuid]
  unique-id-header X-Request-ID
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Scheme http
  http-request set-header X-Scheme http
  use_backend %[base,map_beg(${directory}/routes.map)]
backend app
  balance roundrobin
  server s1 ${address}:${originPort}
`;

const nginxProxy = (directory, address) =>
  nginxFrame(
    directory,
    'proxy',
    `upstream app { server ${address}:${originPort}; keepalive 64; }
     server { listen 127.0.0.1:${nginxPort}; server_name ${host};
       location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
         proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
         proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Port $server_port;
         proxy_set_header X-Forwarded-Scheme $scheme; proxy_set_header X-Scheme $scheme;
         proxy_set_header X-Request-ID $request_id; } }`,
  );

/** By contender, medians of `rounds`: requests a second, our share of its, and its processor time for a request. */
export async function benchIngress(client, { node, address, urls, rounds = 9, seconds = 2 }) {
  const directory = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  chmodSync(directory, 0o755);
  const children = [];
  const log = openSync(join(directory, 'haproxy.log'), 'a');
  const stdio = ['ignore', 'ignore', 'ignore', log];
  // In a session of its own, as a service is: the kernel divides processors among sessions (sched(7), autogroup).
  const start = (...command) => {
    const child = spawn(command[0], command.slice(1), { stdio, detached: true });
    children.push(child);
    return child;
  };
  try {
    mkdirSync(join(directory, 'www'));
    writeFileSync(join(directory, 'www/1k'), 'x'.repeat(1024));
    writeFileSync(
      join(directory, 'origin.conf'),
      nginxFrame(directory, 'origin', `access_log off; server { listen ${originPort}; root ${directory}/www; }`),
    );
    writeFileSync(join(directory, 'proxy.conf'), nginxProxy(directory, address));
    writeFileSync(join(directory, 'haproxy.cfg'), handWritten(address, directory, haproxyPort));
    const retries = 'retry-on conn-failure empty-response';
    writeFileSync(join(directory, 'retrying.cfg'), handWritten(address, directory, retryingPort, retries));
    writeFileSync(join(directory, 'routes.map'), `${host}/ app\n`);
    start('nsenter', `--net=${node}`, 'nginx', '-c', join(directory, 'origin.conf'));
    const proxy = start('nginx', '-c', join(directory, 'proxy.conf'));
    for (const name of ['haproxy', 'retrying']) start('haproxy', '-db', '-f', join(directory, `${name}.cfg`));
    await route(client, address);
    await until(() => urls().length > 0, 'the ingress', { intervalMs: 50 });
    const at = {
      ours: urls()[0].replace('localhost', '127.0.0.1'),
      haproxy: `http://127.0.0.1:${haproxyPort}`,
      retrying: `http://127.0.0.1:${retryingPort}`,
      nginx: `http://127.0.0.1:${nginxPort}`,
    };
    for (const url of Object.values(at)) await until(() => isServed(url), url, { intervalMs: 20 });
    const processes = {
      ours: () => processesWith('haproxy', '/bench/'),
      haproxy: () => processesWith('haproxy', join(directory, 'haproxy.cfg')),
      retrying: () => processesWith('haproxy', join(directory, 'retrying.cfg')),
      // Its master and its workers, which do not name the configuration.
      nginx: () => [proxy.pid, ...childrenOf(proxy.pid)],
    };
    const figures = { ours: [], haproxy: [], retrying: [], nginx: [] };
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.keys(at))
        figures[name].push(measure(at[name], { seconds, processes: processes[name]() }));
    }
    const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
    const [of, cpuOf] = ['perSecond', 'cpuUs'].map((key) => (name) => median(figures[name].map((each) => each[key])));
    // Of the same round: what else the machine does is then much the same.
    const shareOf = (name) =>
      median(figures.ours.map(({ perSecond }, round) => perSecond / figures[name][round].perSecond));
    const each = (value) => Object.fromEntries(Object.keys(at).map((name) => [name, value(name)]));
    return { perSecond: each(of), share: each(shareOf), cpuUs: each(cpuOf) };
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(children.map((child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve))));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function route(client, address) {
  const base = '/api/v1/namespaces/default/services';
  const ports = [{ name: 'http', port: 80, targetPort: originPort }];
  await client.call('POST', base, { metadata: { name: 'bench-ingress' }, spec: { ports } });
  await client.call('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    metadata: { name: 'bench-ingress', labels: { 'kubernetes.io/service-name': 'bench-ingress' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: originPort }],
    endpoints: [{ addresses: [address] }],
  });
  const backend = { service: { name: 'bench-ingress', port: { number: 80 } } };
  await client.call('POST', '/apis/networking.k8s.io/v1/namespaces/default/ingresses', {
    metadata: { name: 'bench-ingress' },
    spec: {
      ingressClassName: 'timonel',
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  });
}

function isServed(url) {
  try {
    const answer = execFileSync('curl', ['-sf', '-H', `Host: ${host}`, `${url}/1k`], { encoding: 'utf8' });
    return answer.length === 1024;
  } catch {
    return false;
  }
}

/** Processes whose command line has both texts. */
function processesWith(program, text) {
  return readdirSync('/proc').filter((pid) => {
    try {
      const command = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') : '';
      return command.includes(program) && command.includes(text);
    } catch {
      return false;
    }
  });
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((child) => child !== '');
}

/** Processor time of processes, in microseconds (proc(5), stat: ticks of 10 ms). */
function processorTime(pids) {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return 10_000 * ticks.reduce((sum, each) => sum + each, 0);
}

function measure(url, { seconds, processes }) {
  const command = ['-t1', '-c32', `-d${seconds}s`, '-H', `Host: ${host}`, `${url}/1k`];
  const before = processorTime(processes);
  const output = execFileSync('wrk', command, { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(output);
  const requests = Number(/(\d+) requests in/.exec(output)[1]);
  const cpuUs = (processorTime(processes) - before) / requests;
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]), cpuUs };
}
