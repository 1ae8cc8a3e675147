import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, TestCluster } from './support.ts';
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

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-dual-'));
const cluster = new TestCluster('e2edual', join(scratch, 'kubeconfig'));

const ports = [
  { name: 'tcp', port: 80, targetPort: 5000 },
  { name: 'udp', port: 81, targetPort: 5001, protocol: 'UDP' },
];
const service = (name: string, spec: Record<string, unknown> = {}): unknown => webService(name, { ports, ...spec });

const apply = (...items: unknown[]): Promise<void> => applyAll(cluster, items);

const get = (name: string): Promise<ServiceObject> => cluster.json<ServiceObject>('get', 'service', name);
const pods = async (): Promise<PodObject[]> =>
  (await cluster.json<{ items: PodObject[] }>('get', 'pods', '-l', 'app=web')).items;

const inPod = (pod: string, host: string, port: number): Promise<string> => askInPod(cluster, pod, host, port);

const sixth = (addresses: readonly string[]): string => addresses.find((address) => address.includes(':')) ?? '';

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '2', '--ip-families', 'ipv4,ipv6');
  await makeWebImage(cluster);
  await apply(
    webDeployment('web', { program: bothFamiliesProgram, replicas: 3 }),
    service('both', { type: 'LoadBalancer', ipFamilyPolicy: 'RequireDualStack' }),
  );
  await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
}, 240_000);

afterAll(async () => {
  cluster.endAll();
  await cluster.timonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('e2edual')).toEqual([]);
});

describe('a cluster of both families', () => {
  it('gives nodes, pods and services two addresses, out of a range that is its own', async () => {
    for (const { status } of await pods()) {
      expect(status.podIPs.map(({ ip }) => ip.replace(/[\da-f]+$/, ''))).toEqual([
        expect.stringMatching(/^10\./) as unknown,
        expect.stringMatching(/^fd[\da-f]{2}:1[\da-f]{3}:1[\da-f]{3}:10\d::$/) as unknown,
      ]);
      expect(status.hostIPs).toHaveLength(2);
    }
    const both = await get('both');
    expect(both.spec.ipFamilies).toEqual(['IPv4', 'IPv6']);
    expect(both.spec.clusterIPs[1]).toMatch(/^fd/);
    const ingress = await eventually(async () => (await get('both')).status.loadBalancer.ingress, 'addresses');
    expect(ingress.map(({ ip }) => ip.includes(':'))).toEqual([false, true]);
    const slices = await cluster.json<{ items: { addressType: string; endpoints: unknown[] }[] }>(
      ...['get', 'endpointslices', '-l', 'kubernetes.io/service-name=both'],
    );
    const counts = slices.items.map(({ addressType, endpoints }) => `${addressType}: ${endpoints.length}`);
    expect(counts.toSorted()).toEqual(['IPv4: 3', 'IPv6: 3']);
    await apply(service('single'), service('prefer', { ipFamilyPolicy: 'PreferDualStack' }));
    await apply(service('sixth', { ipFamilies: ['IPv6'] }));
    expect((await get('single')).spec.ipFamilies).toEqual(['IPv4']);
    expect((await get('prefer')).spec.ipFamilies).toEqual(['IPv4', 'IPv6']);
    expect((await get('sixth')).spec.clusterIPs[0]).toMatch(/^fd/);
  });

  it('reaches every pod from every pod and from the host, untranslated', async () => {
    const all = await pods();
    const [client] = all;
    for (const pod of all) {
      const address = sixth(pod.status.podIPs.map(({ ip }) => ip));
      expect(await ask(address, 5000)).toMatch(new RegExp(`^${pod.metadata.name} fd.*::1$`));
      const answer = await inPod(client?.metadata.name ?? '', address, 5000);
      expect(answer).toBe(`${pod.metadata.name} ${sixth(client?.status.podIPs.map(({ ip }) => ip) ?? [])}`);
    }
  });

  it('answers for names at an address of each family', async () => {
    const { spec } = await cluster.json<ServiceObject>('get', 'service', 'kube-dns', '-n', 'kube-system');
    expect(spec.ipFamilies).toEqual(['IPv4', 'IPv6']);
    const [client] = await pods();
    const inClient = (...command: string[]): Promise<string> =>
      cluster.kubectl('exec', client?.metadata.name ?? '', '--', ...command);
    const settings = await inClient('cat', '/etc/resolv.conf');
    const labels = ['both', 'default', 'svc', 'cluster', 'local']
      .map((label) => `\\x0${label.length}${label}`)
      .join('');
    const query = `b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0${labels}\\0\\0\\x1c\\0\\1"`;
    const { clusterIPs } = (await get('both')).spec;
    for (const server of spec.clusterIPs) {
      expect(settings).toContain(`nameserver ${server}\n`);
      const program = [
        'import socket',
        `s=socket.create_connection(("${server}",53),3)`,
        `q=${query}`,
        's.sendall(len(q).to_bytes(2,"big")+q)',
        'print(socket.inet_ntop(socket.AF_INET6,s.recv(600)[-16:]))',
      ].join('; ');
      expect((await inClient('python3', '-c', program)).trim()).toBe(sixth(clusterIPs));
    }
  });

  it('spreads connections and datagrams at cluster, balancer and node addresses', async () => {
    const { spec, status } = await get('both');
    const [client] = await pods();
    const name = client?.metadata.name ?? '';
    const clusterIp = sixth(spec.clusterIPs);
    const balancer = sixth((status.loadBalancer.ingress ?? []).map(({ ip }) => ip));
    for (const address of [clusterIp, balancer]) {
      await askOnceUp(address, 80);
      const names = await Promise.all(Array.from({ length: 30 }, async () => (await ask(address, 80)).split(' ')[0]));
      expect(new Set(names).size).toBe(3);
      expect(await inPod(name, address, 80)).toMatch(/^web-/);
      expect(await askDatagram(address, 81)).toMatch(/^web-/);
    }
    const nodes = await cluster.json<{ items: { status: { addresses: { address: string }[] } }[] }>('get', 'nodes');
    for (const node of nodes.items) {
      const address = sixth(node.status.addresses.map((each) => each.address));
      expect(await askOnceUp(address, spec.ports[0]?.nodePort ?? 0)).toMatch(/^web-/);
    }
    // A pod that is sent to itself.
    await cluster.kubectl('scale', 'deployment/web', '--replicas=1');
    await eventually(async () => (await pods()).length === 1, 'one pod');
    const [last] = await pods();
    await eventually(async () => (await inPod(last?.metadata.name ?? '', clusterIp, 80).catch(() => '')) !== '', 'it');
    expect(await inPod(last?.metadata.name ?? '', clusterIp, 80)).toMatch(`${last?.metadata.name} `);
    await cluster.kubectl('scale', 'deployment/web', '--replicas=0');
    await eventually(
      () =>
        ask(clusterIp, 80).then(
          () => false,
          (error: Error) => error.message.includes('ECONNREFUSED'),
        ),
      'the service without endpoints to refuse',
    );
    await cluster.kubectl('scale', 'deployment/web', '--replicas=2');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  });

  it('judges both families by its policies, and opens host ports of both', async () => {
    const [server, client] = await pods();
    const address = sixth(server?.status.podIPs.map(({ ip }) => ip) ?? []);
    const name = client?.metadata.name ?? '';
    expect(await inPod(name, address, 5000)).toContain(server?.metadata.name);
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'blocks' },
      spec: {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ from: [{ ipBlock: { cidr: 'fd00::/8', except: [`${address.replace(/[\da-f]+$/, '')}/64`] } }] }],
      },
    };
    await apply(policy);
    const isDenied = (): Promise<boolean> =>
      inPod(name, address, 5000).then(
        () => false,
        () => true,
      );
    const sameNode = server?.spec.nodeName === client?.spec.nodeName;
    if (sameNode) await eventually(isDenied, 'the except block to deny');
    else expect(await inPod(name, address, 5000)).toContain(server?.metadata.name);
    await cluster.kubectl('patch', 'networkpolicy', 'blocks', '--type=merge', '-p', '{"spec":{"ingress":[]}}');
    await eventually(isDenied, 'the policy to deny');
    await cluster.kubectl('delete', 'networkpolicy', 'blocks');
    const published = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'published' },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ ...webContainer(bothFamiliesProgram), ports: [{ containerPort: 5000, hostPort: 18090 }] }],
      },
    };
    await apply(published);
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/published', '--timeout=60s');
    const pod = await cluster.json<PodObject>('get', 'pod', 'published');
    expect(await askOnceUp(sixth(pod.status.hostIPs.map(({ ip }) => ip)), 18090)).toMatch(/^published /);
  });

  it('still is one after a restart, with the same addresses', async () => {
    const before = (await get('both')).spec.clusterIPs;
    await cluster.timonel('down');
    await cluster.timonel('up');
    expect((await get('both')).spec.clusterIPs).toEqual(before);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await askOnceUp(sixth(before), 80);
  }, 90_000);
});
