// A 1 KB answer through the cluster's ingress, through HAProxy with a configuration by hand, and through nginx, all to
// one origin (nginx in a node's network namespace), measured in turns by wrk.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './client.mjs';

const host = 'bench.localhost';
const originPort = 18_080;
const haproxyPort = 18_081;
const nginxPort = 18_082;

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

/** What one would write for one host and one service, with a log and the headers that a service expects. */
const handWritten = (directory, address) => `
global
  maxconn 4096
  log ${directory}/log.sock local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:${haproxyPort}
  http-request set-header X-Forwarded-Proto http
  use_backend app if { req.hdr(host) ${host} }
backend app
  balance roundrobin
  server s1 ${address}:${originPort}
`;

/** Requests a second of each, medians of `rounds`; and how long a route took from the API's answer to its first request. */
export async function benchIngress(client, { node, address, urls, rounds = 5, seconds = 4 }) {
  const directory = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  chmodSync(directory, 0o755);
  const children = [];
  const start = (...command) => children.push(spawn(command[0], command.slice(1), { stdio: 'ignore' }));
  try {
    mkdirSync(join(directory, 'www'));
    writeFileSync(join(directory, 'www/1k'), 'x'.repeat(1024));
    writeFileSync(
      join(directory, 'origin.conf'),
      nginxFrame(directory, 'origin', `access_log off; server { listen ${originPort}; root ${directory}/www; }`),
    );
    writeFileSync(
      join(directory, 'proxy.conf'),
      nginxFrame(
        directory,
        'proxy',
        `upstream app { server ${address}:${originPort}; keepalive 64; }
         server { listen 127.0.0.1:${nginxPort}; server_name ${host};
           location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
             proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
             proxy_set_header X-Forwarded-Proto $scheme; } }`,
      ),
    );
    writeFileSync(join(directory, 'haproxy.cfg'), handWritten(directory, address));
    start('nsenter', `--net=${node}`, 'nginx', '-c', join(directory, 'origin.conf'));
    start('nginx', '-c', join(directory, 'proxy.conf'));
    start('haproxy', '-f', join(directory, 'haproxy.cfg'));
    await route(client, address);
    await until(() => urls().length > 0, 'the ingress', { intervalMs: 50 });
    const at = {
      ours: urls()[0].replace('localhost', '127.0.0.1'),
      haproxy: `http://127.0.0.1:${haproxyPort}`,
      nginx: `http://127.0.0.1:${nginxPort}`,
    };
    for (const url of Object.values(at)) await until(() => isServed(url), url, { intervalMs: 20 });
    const figures = { ours: [], haproxy: [], nginx: [] };
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.keys(at)) figures[name].push(measure(at[name], seconds));
    }
    const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
    return Object.fromEntries(Object.entries(figures).map(([name, all]) => [name, median(all)]));
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

function measure(url, seconds) {
  const command = ['-t1', '-c32', `-d${seconds}s`, '-H', `Host: ${host}`, `${url}/1k`];
  const output = execFileSync('wrk', command, { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(output);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]);
}
