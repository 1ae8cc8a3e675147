import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, run, TestCluster } from './support.ts';
import {
  applyAll,
  ask,
  askDatagram,
  askInPod,
  askOnceUp,
  bothFamiliesProgram,
  makeWebImage,
  type PodObject,
  type ServiceObject,
  webContainer,
  webDeployment,
  webService,
} from './web-app.ts';

const ports = [
  { name: 'tcp', port: 80, targetPort: 5000 },
  { name: 'udp', port: 81, targetPort: 5001, protocol: 'UDP' },
  { name: 'http', port: 82, targetPort: 5002 },
];
const service = (name: string, spec: object = {}, annotations: Record<string, string> = {}): unknown =>
  webService(name, { ports, ...spec }, { annotations });
/** Somebody beyond the host who knows no way to the cluster, and answers with the address that he sees. */
async function makeOutside(cluster: TestCluster): Promise<{ address: string; port: number; hostAddress: string }> {
  const namespace = `timonel-${cluster.name}.outside`;
  const link = `out-${cluster.name}`;
  const [hostAddress, address, port] = ['2001:db8:77::1', '2001:db8:77::2', 5000];
  for (const command of [
    `ip netns add ${namespace}`,
    `ip link add ${link} type veth peer name eth0 netns ${namespace}`,
    `ip addr add ${hostAddress}/64 dev ${link} nodad`,
    `ip link set ${link} up`,
    `ip -n ${namespace} addr add ${address}/64 dev eth0 nodad`,
    `ip -n ${namespace} link set eth0 up`,
  ]) {
    expect(await run(command.split(' ')), command).toMatchObject({ code: 0 });
  }
  const program = `require('net').createServer((s) => s.end(s.remoteAddress)).listen(${port}, '${address}', () => console.log('up'))`;
  const server = cluster.background('nsenter', `--net=/run/netns/${namespace}`, process.execPath, '-e', program);
  await eventually(() => Promise.resolve(server.output().includes('up')), 'the outside');
  return { address, port, hostAddress };
}

const ownAddress = /^fd[\da-f]{2}:1[\da-f]{3}:1[\da-f]{3}:/;

describe.each([
  { families: 'ipv6', name: 'e2esix', all: ['IPv6'] },
  { families: 'ipv6,ipv4', name: 'e2esixf', all: ['IPv6', 'IPv4'] },
])('a cluster of --ip-families $families', ({ families, name, all }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-ipv6-'));
  const cluster = new TestCluster(name, join(scratch, 'kubeconfig'));
  const isAlone = all.length === 1;
  const get = (service: string): Promise<ServiceObject> => cluster.json<ServiceObject>('get', 'service', service);
  const pods = async (): Promise<PodObject[]> =>
    (await cluster.json<{ items: PodObject[] }>('get', 'pods', '-l', 'app=web')).items;
  const inPod = (pod: PodObject | undefined, program: string): Promise<string> =>
    cluster.kubectl('exec', pod?.metadata.name ?? '', '--', 'python3', '-c', program);

  beforeAll(async () => {
    await cluster.tryTimonel('delete');
    await cluster.timonel('up', '--nodes', '2', '--ip-families', families);
    await makeWebImage(cluster);
    await applyAll(cluster, [
      webDeployment('web', {
        program: bothFamiliesProgram,
        replicas: 3,
        pod: {
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { app: 'web' } },
            },
          ],
        },
      }),
      service('web', { type: 'LoadBalancer' }, { 'timonel.dev/host-ports': '18180:80,18182:82' }),
      service('headless', { clusterIP: 'None' }),
    ]);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  }, 240_000);

  afterAll(async () => {
    cluster.endAll();
    await cluster.timonel('delete');
    rmSync(scratch, { recursive: true, force: true });
    expect(await remains(name)).toEqual([]);
  });

  it('has IPv6 first everywhere: nodes, pods, services, the API server', async () => {
    const nodes = await cluster.json<{
      items: { spec: { podCIDR: string; podCIDRs: string[] }; status: { addresses: { address: string }[] } }[];
    }>('get', 'nodes');
    for (const { spec, status } of nodes.items) {
      expect(status.addresses[0]?.address).toMatch(ownAddress);
      expect(spec.podCIDR).toMatch(ownAddress);
      expect(spec.podCIDRs).toHaveLength(all.length);
    }
    for (const { status } of await pods()) {
      expect(status.podIP).toMatch(ownAddress);
      expect(status.podIPs.map(({ ip }) => ip.includes(':'))).toEqual(all.map((family) => family === 'IPv6'));
      expect(status.hostIP).toMatch(ownAddress);
    }
    expect((await get('web')).spec.ipFamilies).toEqual(['IPv6']);
    expect((await get('kubernetes')).spec).toMatchObject({ ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' });
    const endpoints = await cluster.kubectl(
      'get',
      'endpoints',
      'kubernetes',
      '-o',
      'jsonpath={.subsets[0].addresses[0].ip}',
    );
    expect(endpoints).toMatch(ownAddress);
    expect(readFileSync(join(scratch, 'kubeconfig'), 'utf8')).toMatch(
      isAlone ? /server: https:\/\/\[::1\]:\d+/ : /server: https:\/\/127\.0\.0\.1:\d+/,
    );
  });

  it('gives services the families that it has, and no others', async () => {
    await applyAll(cluster, [service('prefer', { ipFamilyPolicy: 'PreferDualStack' })]);
    expect((await get('prefer')).spec.ipFamilies).toEqual(all);
    const required = JSON.stringify(service('required', { ipFamilyPolicy: 'RequireDualStack' }));
    const fourth = JSON.stringify(service('fourth', { ipFamilies: ['IPv4'] }));
    if (!isAlone) {
      await cluster.kubectlWith(required, 'create', '-f', '-');
      await cluster.kubectlWith(fourth, 'create', '-f', '-');
      expect((await get('required')).spec.clusterIPs.map((ip) => ip.includes(':'))).toEqual([true, false]);
      expect(await askOnceUp((await get('fourth')).spec.clusterIP, 80)).toMatch(/^web-/);
      return;
    }
    await expect(cluster.kubectlWith(required, 'create', '-f', '-')).rejects.toThrow(
      'this cluster is not configured for dual-stack services',
    );
    await expect(cluster.kubectlWith(fourth, 'create', '-f', '-')).rejects.toThrow('not configured on this cluster');
  });

  it('answers for names, and leads pods to the API server by IPv6', async () => {
    const [client] = await pods();
    const settings = await cluster.kubectl('exec', client?.metadata.name ?? '', '--', 'cat', '/etc/resolv.conf');
    expect([...settings.matchAll(/^nameserver (\S+)$/gm)].map(([, server = '']) => server.includes(':'))).toEqual(
      all.map((family) => family === 'IPv6'),
    );
    const lookUp = (host: string): string =>
      `import socket; print(sorted({a[4][0] for a in socket.getaddrinfo("${host}", 80)}))`;
    const { clusterIP } = (await get('web')).spec;
    expect((await inPod(client, lookUp('web'))).trim()).toBe(`['${clusterIP}']`);
    const ips = (await pods()).map(({ status }) => status.podIP).toSorted();
    expect((await inPod(client, lookUp('headless.default.svc.cluster.local'))).trim()).toBe(
      `[${ips.map((ip) => `'${ip}'`).join(', ')}]`,
    );
    const version = await inPod(
      client,
      `
import os, socket, ssl
host = os.environ["KUBERNETES_SERVICE_HOST"]
context = ssl.create_default_context(cafile="/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
for name in (host, "kubernetes.default.svc"):
    with context.wrap_socket(socket.create_connection((name, 443), 3), server_hostname=name) as s:
        s.sendall(b"GET /version HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        print(host, s.recv(20).decode().split()[1])
`,
    );
    expect(version.trim().split('\n')).toEqual([
      expect.stringMatching(/^fd.*::1 200$/) as unknown,
      expect.stringMatching(/^fd.*::1 200$/) as unknown,
    ]);
    expect(await cluster.timonel('dns', 'web.default')).toContain(clusterIP);
  });

  it('leads connections and datagrams to pods at every address of a service', async () => {
    const { spec, status } = await eventually(async () => {
      const found = await get('web');
      return found.status.loadBalancer.ingress && found;
    }, 'an address of the balancer');
    const [client] = await pods();
    const balancer = status.loadBalancer.ingress?.[0]?.ip ?? '';
    for (const address of [spec.clusterIP, balancer]) {
      expect(address).toMatch(ownAddress);
      await askOnceUp(address, 80);
      const names = await Promise.all(Array.from({ length: 30 }, async () => (await ask(address, 80)).split(' ')[0]));
      expect(new Set(names).size).toBe(3);
      expect(await askInPod(cluster, client?.metadata.name ?? '', address, 80)).toMatch(/^web-/);
      expect(await askDatagram(address, 81)).toMatch(/^web-/);
    }
    const nodePort = spec.ports[0]?.nodePort ?? 0;
    for (const pod of await pods()) expect(await askOnceUp(pod.status.hostIP, nodePort)).toMatch(/^web-/);
    for (const host of ['localhost', '127.0.0.1', '::1']) expect(await askOnceUp(host, 18180)).toMatch(/^web-/);
    expect(await (await fetch('http://localhost:18182/')).text()).toMatch(/^web-/);
    // Pods see each other's own addresses.
    for (const pod of await pods()) {
      const answer = await askInPod(cluster, client?.metadata.name ?? '', pod.status.podIP, 5000);
      expect(answer).toBe(`${pod.metadata.name} ${client?.status.podIP}`);
    }
    // One that is sent to itself.
    await cluster.kubectl('scale', 'deployment/web', '--replicas=1');
    const [last] = await eventually(async () => {
      const left = await pods();
      return left.length === 1 && left;
    }, 'one pod');
    const itself = (): Promise<string> => askInPod(cluster, last?.metadata.name ?? '', spec.clusterIP, 80);
    expect(await eventually(() => itself().catch(() => ''), 'the pod to reach itself')).toMatch(/^web-/);
    await cluster.kubectl('scale', 'deployment/web', '--replicas=3');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  });

  it('leads pods to the outside under the address of the host', async () => {
    const [client] = await pods();
    const outside = await makeOutside(cluster);
    const seen = await inPod(
      client,
      `
import socket
with socket.create_connection(("${outside.address}", ${outside.port}), 5) as s: print(s.recv(100).decode())
`,
    );
    expect(seen.trim()).toBe(outside.hostAddress);
  });

  it('keeps to policies, opens host ports and counts connections', async () => {
    const [server, ...others] = await pods();
    const neighbour = others.find(({ spec }) => spec.nodeName === server?.spec.nodeName);
    const stranger = others.find(({ spec }) => spec.nodeName !== server?.spec.nodeName);
    const address = server?.status.podIP ?? '';
    const reach = (pod: PodObject | undefined): Promise<boolean> =>
      askInPod(cluster, pod?.metadata.name ?? '', address, 5000).then(
        () => true,
        () => false,
      );
    const policy = (spec: object): unknown => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'judges' },
      spec: { podSelector: { matchLabels: { app: 'web' } }, ...spec },
    });
    const from = { ipBlock: { cidr: 'fd00::/8', except: [`${address.replace(/::[\da-f]+$/, '::')}/64`] } };
    await applyAll(cluster, [policy({ ingress: [{ from: [from], ports: [{ port: 5000, endPort: 5001 }] }] })]);
    if (neighbour) await eventually(async () => !(await reach(neighbour)), 'the except block to deny');
    if (stranger) expect(await reach(stranger)).toBe(true);
    await applyAll(cluster, [policy({ ingress: [{ from: [{ podSelector: {} }] }] })]);
    await eventually(async () => (await reach(neighbour ?? stranger)) && (await reach(stranger ?? neighbour)), 'all');
    // The host is no pod; the node's probes come through in any case.
    await eventually(async () => (await ask(address, 5000).catch(() => '')) === '', 'the host to be denied');
    await cluster.kubectl('delete', 'networkpolicy', 'judges');
    await askOnceUp(address, 5000);
    const published = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'published' },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ ...webContainer(bothFamiliesProgram), ports: [{ containerPort: 5000, hostPort: 18190 }] }],
      },
    };
    await applyAll(cluster, [published, service('least', {}, { 'timonel.dev/load-balancing': 'least-connections' })]);
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/published', '--timeout=60s');
    const pod = await cluster.json<PodObject>('get', 'pod', 'published');
    expect(await askOnceUp(pod.status.hostIP, 18190)).toMatch(/^published /);
    await cluster.kubectl('delete', 'pod', 'published');
    const least = (await get('least')).spec.clusterIP;
    // Through the balancer, pods see the host.
    await eventually(async () => / fd.*::1$/.test(await ask(least, 80).catch(() => '')), 'the balancer to count');
  });

  it('serves kubectl: exec, logs, port-forward, proxy, and says the way of a connection', async () => {
    const [client] = await pods();
    const pod = client?.metadata.name ?? '';
    expect(await cluster.kubectl('logs', pod)).toBe('listening\n');
    const page = ['get', '--raw', '/api/v1/namespaces/default/services/web:http/proxy/'];
    expect(await cluster.kubectl(...page)).toMatch(/^web-\S+ fd.*::1$/);
    expect(await cluster.kubectl('get', '--raw', `/api/v1/namespaces/default/pods/${pod}:5002/proxy/`)).toContain(pod);
    const forward = cluster.background('kubectl', 'port-forward', `pod/${pod}`, ':5000');
    const [, local = ''] = await eventually(
      () => Promise.resolve(/127\.0\.0\.1:(\d+) ->/.exec(forward.output()) ?? undefined),
      'the port to be forwarded',
    );
    expect(await ask('127.0.0.1', Number(local))).toContain(pod);
    cluster.endAll();
    const trace = await cluster.timonel('net', 'trace', pod, 'web:80');
    expect(trace).toContain((await get('web')).spec.clusterIP);
    expect(await cluster.timonel('net', 'trace', 'host', 'svc/web:80')).toContain('It works');
  });

  it('keeps its addresses over a restart', async () => {
    const before = (await get('web')).spec.clusterIPs;
    await cluster.timonel('down');
    await cluster.timonel('up');
    expect((await get('web')).spec.clusterIPs).toEqual(before);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await askOnceUp(before[0] ?? '', 80);
  }, 90_000);
});
