import * as dnsPacket from 'dns-packet';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Ran, remains, root, run, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-dns-'));
const cluster = new TestCluster('e2edns', join(scratch, 'kubeconfig'));
const program = join(root, 'dist/timonel.js');
const busybox = '/bin/busybox';

function pod(name: string, spec: Record<string, unknown> = {}, command = ['sleep', '3600'], app = name): unknown {
  const container = { name: 'c', image: 'dnsbox', imagePullPolicy: 'IfNotPresent', command: [busybox, ...command] };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app } } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container], ...spec },
  };
}

function service(name: string, spec: Record<string, unknown>): unknown {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

const web = ['httpd', '-f', '-p', '5000'];
const http = [{ name: 'http', port: 80, targetPort: 5000 }];
const objects = [
  pod('client'),
  ...[1, 2].map((i) =>
    pod(`outside-${i}`, {
      ...{ nodeName: `e2edns-${i}`, hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
    }),
  ),
  pod('full', { hostname: 'full', subdomain: 'db', setHostnameAsFQDN: true }),
  pod('web-0', {}, web, 'web'),
  pod('db-0', { hostname: 'db-0', subdomain: 'db' }, web, 'db'),
  pod('db-1', {}, web, 'db'),
  service('web', { selector: { app: 'web' }, ports: http }),
  service('db', { clusterIP: 'None', selector: { app: 'db' }, ports: http }),
  service('near', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
  service('wrong', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] }),
  service('guarded', { selector: { app: 'db' }, ports: http }),
  {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'guard' } },
    spec: { podSelector: { matchLabels: { app: 'db' } }, ingress: [] },
  },
];

async function apply(...items: unknown[]): Promise<void> {
  await cluster.kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'apply', '-f', '-');
}

const inPod = (name: string, ...command: string[]): Promise<Ran> =>
  cluster.tryKubectl('exec', name, '--', busybox, ...command);

/** What `nslookup` says in a pod, without the server's own address. */
async function lookUp(type: string, name: string, from = 'client'): Promise<string> {
  const { stdout } = await inPod(from, 'nslookup', `-type=${type}`, name);
  return stdout.split('\n').slice(3).join('\n');
}

async function field(kind: string, name: string, path: string): Promise<string> {
  return cluster.kubectl('get', kind, name, '-o', `jsonpath={${path}}`);
}

const podIp = (name: string): Promise<string> => field('pod', name, '.status.podIP');
const reverse = (ip: string): string => `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
const full = (name: string): string => `${name}.default.svc.cluster.local`;

/** Runs commands with a resolv.conf of their own, so that the machine's is left alone. */
function withResolvConf(file: string, ...commands: string[]): Promise<Ran> {
  const script = [`mount --bind ${file} /etc/resolv.conf`, ...commands].join('\n');
  const env = { TIMONEL_CLUSTER: cluster.name };
  return run(['unshare', '--mount', 'sh', '-ec', script], { env });
}

interface TraceJson {
  works: boolean | null;
  steps: { title: string; status: string; lines: string[] }[];
  problems: { what: string; fix?: string }[];
}

async function trace(from: string, to: string): Promise<TraceJson & { code: number | null }> {
  const { code, stdout, stderr } = await cluster.tryTimonel('net', 'trace', from, to, '-o', 'json');
  if (stdout === '') throw new Error(stderr);
  return { ...(JSON.parse(stdout) as TraceJson), code };
}

describe('names and ways in a cluster', () => {
  beforeAll(async () => {
    await cluster.timonel('up', '--nodes', '2');
    await cluster.timonel('image', 'base', 'dnsbox', '--busybox');
    await apply(...objects);
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
    await eventually(
      async () => (await lookUp('a', full('db'))).match(/Address/g)?.length === 2,
      'both endpoints of db',
    );
  }, 120_000);

  afterAll(async () => {
    cluster.endAll();
    await cluster.tryTimonel('delete');
    rmSync(scratch, { recursive: true, force: true });
    expect(await remains(cluster.name)).toEqual([]);
  });

  it('answers pods for services, headless services, ports, addresses, aliases and pods', async () => {
    const clusterIp = await field('service', 'web', '.spec.clusterIP');
    const [first, second] = await Promise.all([podIp('db-0'), podIp('db-1')]);
    expect(await lookUp('a', full('web'))).toContain(`Address: ${clusterIp}`);
    expect(await lookUp('a', full('near'))).toContain(`Address: ${clusterIp}`);
    expect(await lookUp('a', full('db-0.db'))).toContain(`Address: ${first}`);
    expect(await lookUp('a', full(`${second.replaceAll('.', '-')}.db`))).toContain(`Address: ${second}`);
    expect(await lookUp('a', `${first.replaceAll('.', '-')}.default.pod.cluster.local`)).toContain(first);
    expect(await lookUp('srv', full('_http._tcp.web'))).toContain(`service = 0 100 80 ${full('web')}`);
    expect(await lookUp('srv', full('_http._tcp.db'))).toContain(`service = 0 50 5000 ${full('db-0.db')}`);
    expect(await lookUp('ptr', reverse(clusterIp))).toContain(`name = ${full('web')}`);
    expect(await lookUp('ptr', reverse(first))).toContain(`name = ${full('db-0.db')}`);
    expect(await lookUp('a', full('nothing'))).toContain('NXDOMAIN');
  });

  it('completes short names by the search domains of the pod', async () => {
    const { stdout } = await inPod('client', 'nslookup', 'web');
    expect(stdout).toContain(`Name:\t${full('web')}`);
    expect((await inPod('full', 'hostname')).stdout.trim()).toBe(full('full.db'));
  });

  it('answers over TCP', async () => {
    const query = dnsPacket.streamEncode({
      ...{ type: 'query', id: 7, flags: dnsPacket.RECURSION_DESIRED },
      questions: [{ type: 'A', name: full('web') }],
    });
    const dns = ['get', 'service', 'kube-dns', '-n', 'kube-system', '-o', 'jsonpath={.spec.clusterIP}'];
    const server = await cluster.kubectl(...dns);
    const uid = await field('pod', 'client', '.metadata.uid');
    const script = `
      const query = Buffer.from('${query.toString('hex')}', 'hex');
      const socket = require('node:net').connect(53, '${server}', () => socket.write(query));
      socket.once('data', (answer) => { console.log(answer.toString('hex')); process.exit(); });`;
    const { stdout, stderr } = await run([
      'nsenter',
      `--net=/proc/${processOf(uid)}/ns/net`,
      process.execPath,
      '-e',
      script,
    ]);
    expect(stderr).toBe('');
    const { answers } = dnsPacket.streamDecode(Buffer.from(stdout.trim(), 'hex'));
    expect(answers).toMatchObject([{ type: 'A', data: await field('service', 'web', '.spec.clusterIP') }]);
  });

  it('answers on each node itself, also pods in the network of their node', async () => {
    const clusterIp = await field('service', 'web', '.spec.clusterIP');
    for (const i of [1, 2]) {
      expect(await lookUp('a', full('web'), `outside-${i}`)).toContain(clusterIp);
      const sockets = await run(['nsenter', `--net=/run/netns/timonel-e2edns.e2edns-${i}`, 'ss', '-Hlntu']);
      expect(sockets.stdout.match(/:53\s/g), 'UDP and TCP').toHaveLength(2);
    }
  });

  it('asks the servers of stub domains from the moment they are set', async () => {
    const stub = await startServer('192.0.2.7');
    try {
      const stubDomains = JSON.stringify({ 'corp.example': [`127.0.0.1:${stub.address().port}`] });
      await apply({
        ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-dns', namespace: 'kube-system' } },
        data: { stubDomains, upstreamNameservers: 'not a list' },
      });
      const answer = async () => (await lookUp('a', 'www.corp.example')).includes('Address: 192.0.2.7');
      await eventually(answer, 'the stub domain');
      const events = () => cluster.kubectl('get', 'events', '-n', 'kube-system');
      await eventually(async () => (await events()).includes('InvalidUpstream'), 'an event about what cannot be read');
    } finally {
      stub.close();
      await cluster.kubectl('delete', 'configmap', 'kube-dns', '-n', 'kube-system');
    }
  });

  it('answers the host when it is asked, and lets it resolve names until that is taken back', async () => {
    const clusterIp = await field('service', 'web', '.spec.clusterIP');
    const asked = JSON.parse(await cluster.timonel('dns', 'web', '-o', 'json')) as { answers: unknown[] };
    expect(asked.answers).toMatchObject([{ name: full('web'), type: 'A', data: clusterIp }]);
    const missing = await cluster.tryTimonel('dns', 'nothing');
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('there is no name nothing')]);
    const before = 'nameserver 192.0.2.53\n';
    const file = join(scratch, 'resolv.conf');
    writeFileSync(file, before);
    const timonel = `${process.execPath} ${program}`;
    const { stdout, stderr } = await withResolvConf(
      file,
      ...[`${timonel} dns on`, `getent ahostsv4 ${full('web')}`],
      ...[`${timonel} dns off`, 'echo --', 'cat /etc/resolv.conf'],
    );
    const [resolved, after] = stdout.split('--\n');
    expect(resolved, stderr).toContain(clusterIp);
    expect(after).toBe(before);
  });

  it('traces a connection that works, from a pod and from the host', async () => {
    for (const from of ['client', 'host']) {
      const { works, steps, problems, code } = await trace(from, 'web');
      expect({ works, problems, code }).toEqual({ works: true, problems: [], code: 0 });
      expect(steps.filter(({ status }) => status !== 'ok')).toEqual([]);
      expect(steps.find(({ title }) => title === 'Process')?.lines[0]).toMatch(/web-0: busybox listens on \*:5000/);
    }
  });

  it('traces a denied one to its policy', async () => {
    const { works, steps, problems, code } = await trace('client', 'guarded');
    expect([works, code]).toEqual([false, 1]);
    expect(problems[0]?.what).toMatch(
      /^policy default\/guard denies what goes from default\/client into pod default\/db-/,
    );
    expect(steps.at(-1)?.lines[0]).toMatch(/no answer/);
  });

  it('traces broken ones to what is wrong', async () => {
    const wrong = await trace('client', 'wrong');
    expect(wrong).toMatchObject({
      works: false,
      problems: [{ what: expect.stringMatching(/nothing listens on port 8080/) }],
    });
    expect(wrong.problems[0]?.fix).toContain('It listens on 5000');
    const port = await trace('client', 'web:5000');
    expect(port.problems).toEqual([
      { what: 'service default/web has no port 5000', fix: expect.stringContaining('clients of the service use 80') },
    ]);
    expect((await trace('client', 'wbe')).problems[0]?.fix).toBe('Is web meant?');
  });
});

/** A process of the pod: busybox's own look-ups cannot do TCP. */
function processOf(uid: string): string | undefined {
  const isOfPod = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(uid);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').find((name) => /^\d+$/.test(name) && isOfPod(name));
}

/** A DNS server on the host that gives one address to every name. */
async function startServer(data: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (message, peer) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const answers = questions.map(({ name }) => ({ type: 'A' as const, name, ttl: 60, data }));
    socket.send(dnsPacket.encode({ type: 'response', id, questions, answers }), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}
