import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, TestCluster } from './support.ts';
import {
  applyAll,
  ask,
  askInPod,
  makeWebImage,
  type ServiceObject,
  webContainer,
  webDeployment,
  webService,
} from './web-app.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-services-'));
const cluster = new TestCluster('e2esvc', join(scratch, 'kubeconfig'));

/** Answers each connection with its name and the client's address, and each datagram with its name. */
const serverProgram = `
import os, socket, threading
name = os.uname().nodename
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 5001))
def datagrams():
    while True:
        _, client = udp.recvfrom(100)
        udp.sendto(name.encode(), client)
threading.Thread(target=datagrams, daemon=True).start()
tcp = socket.create_server(("", 5000), backlog=1000)
while True:
    connection, client = tcp.accept()
    connection.sendall(f"{name} {client[0]}".encode())
    connection.close()
`;

const deployment = (version: string, replicas: number): unknown =>
  webDeployment(version, { program: serverProgram, replicas, labels: { version } });

const apply = (...items: unknown[]): Promise<void> => applyAll(cluster, items);

const get = (name: string): Promise<ServiceObject> => cluster.json<ServiceObject>('get', 'service', name);

async function balancerAddress(name: string): Promise<string> {
  return eventually(async () => (await get(name)).status.loadBalancer.ingress?.[0]?.ip, `an address for ${name}`);
}

/** Connections by the pod that answered. */
async function tally(host: string, port: number, requests: number, keyOf = podOf): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let left = requests;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const key = keyOf(await ask(host, port));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return counts;
}

/** Whether a connection is not answered, with this message. */
const isRefused = (host: string, port: number, message = ''): Promise<boolean> =>
  ask(host, port).then(
    () => false,
    (error: Error) => error.message.includes(message),
  );

const podOf = (answer: string): string => answer.split(' ')[0] ?? '';
const clientOf = (answer: string): string => answer.split(' ')[1] ?? '';
const works = (host: string, port: number): Promise<unknown> =>
  eventually(() => ask(host, port).catch(() => undefined), `${host}:${port} to answer`);

const inPod = (pod: string, host: string, port: number): Promise<string> => askInPod(cluster, pod, host, port);

interface PodList {
  items: { metadata: { name: string }; spec: { nodeName: string }; status: { podIP: string } }[];
}
interface NodeList {
  items: { metadata: { name: string }; status: { addresses: { type: string; address: string }[] } }[];
}
const pods = async (label = 'app=web'): Promise<PodList['items']> =>
  (await cluster.json<PodList>('get', 'pods', '-l', label)).items;

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '3');
  await makeWebImage(cluster);
  await apply(deployment('v1', 3), deployment('v2', 1));
  await apply(webService('web', { type: 'LoadBalancer', ports: [{ port: 18080, targetPort: 5000 }] }));
  await cluster.kubectl('rollout', 'status', 'deployment/v1', '--timeout=60s');
  await cluster.kubectl('rollout', 'status', 'deployment/v2', '--timeout=60s');
}, 240_000);

afterAll(async () => {
  cluster.endAll();
  await cluster.timonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('e2esvc')).toEqual([]);
});

describe('a load balancer', () => {
  it('answers at its address and at the port of the host, and spreads in turn', async () => {
    const address = await balancerAddress('web');
    await works(address, 18080);
    await works('127.0.0.1', 18080);
    const counts = await tally(address, 18080, 400);
    expect([...counts.values()]).toEqual([100, 100, 100, 100]);
    const [pod] = await pods();
    expect(await inPod(pod?.metadata.name ?? '', address, 18080)).toMatch(/^v[12]-/);
  });

  it('sends 90 of 100 to one version and 10 to another, within 3 % over 10,000 connections', async () => {
    await cluster.kubectl('annotate', 'service', 'web', 'timonel.dev/weights=version=v1:90,version=v2:10');
    const address = await balancerAddress('web');
    await eventually(async () => {
      const few = await tally(address, 18080, 100, (answer) => answer.slice(0, 2));
      return Math.abs((few.get('v2') ?? 0) - 10) <= 2;
    }, 'the weights to be live');
    const counts = await tally(address, 18080, 10_000, (answer) => answer.slice(0, 2));
    expect((counts.get('v1') ?? 0) / 10_000).toBeCloseTo(0.9, 1);
    expect(Math.abs((counts.get('v2') ?? 0) - 1_000)).toBeLessThan(30);
  }, 90_000);

  it('keeps a client with its endpoint by the hash of its address', async () => {
    await cluster.kubectl('annotate', 'service', 'web', 'timonel.dev/load-balancing=source-ip-hash', '--overwrite');
    // A prime: no rotation over the endpoints gives two rounds alike.
    const clients = Array.from({ length: 41 }, (_, i) => `127.1.0.${i + 1}`);
    const owners = async (): Promise<string[]> =>
      Promise.all(clients.map(async (from) => podOf(await ask('127.0.0.1', 18080, { from }))));
    await eventually(async () => {
      const [once, again] = [await owners(), await owners()];
      return once.every((pod, i) => pod === again[i]);
    }, 'clients to stay');
    const before = await owners();
    expect(new Set(before).size).toBe(4);
    await cluster.kubectl('scale', 'deployment', 'v2', '--replicas=0');
    await eventually(async () => (await pods('version=v2')).length === 0, 'the endpoint to go');
    await eventually(async () => {
      const after = await owners();
      return before.every((pod, i) => pod.startsWith('v2-') || pod === after[i]);
    }, 'those whose endpoint is there to stay with it');
    await cluster.kubectl('scale', 'deployment', 'v2', '--replicas=1');
    await cluster.kubectl('rollout', 'status', 'deployment/v2', '--timeout=60s');
  });

  it('says so when the port of the host is taken, and gets it from the annotation instead', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(18081, '127.0.0.1', resolve));
    const ports = [{ port: 18081, targetPort: 5000 }];
    await apply(webService('late', { type: 'LoadBalancer', ports }));
    await eventually(
      async () => (await cluster.kubectl('get', 'events')).includes('another program listens there'),
      'the event',
    );
    await cluster.kubectl('annotate', 'service', 'late', 'timonel.dev/host-ports=127.0.0.1:18082:18081');
    await works('127.0.0.1', 18082);
    await new Promise((resolve) => void other.close(resolve));
    await cluster.kubectl('delete', 'service', 'late');
    await eventually(() => isRefused('127.0.0.1', 18082), 'the port to be free');
  });

  it('lets only the source ranges in', async () => {
    const ports = [{ port: 18083, targetPort: 5000 }];
    await apply(webService('guarded', { type: 'LoadBalancer', ports, loadBalancerSourceRanges: ['127.1.0.0/16'] }));
    await balancerAddress('guarded');
    await eventually(() => ask('127.0.0.1', 18083, { from: '127.1.0.1' }).catch(() => undefined), 'the allowed client');
    await expect(ask('127.0.0.1', 18083, { from: '127.2.0.1' })).rejects.toThrow('timeout');
  });
});

describe('traffic policies', () => {
  it('keep the client and the node with externalTrafficPolicy Local, and say where endpoints are', async () => {
    await apply(
      webService('local', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: { version: 'v2' } }),
    );
    const [only] = await pods('version=v2');
    await balancerAddress('local');
    const { spec } = await get('local');
    const nodes = await cluster.json<{
      items: { metadata: { name: string }; status: { addresses: { address: string }[] } }[];
    }>('get', 'nodes');
    for (const { metadata, status } of nodes.items) {
      const address = status.addresses[0]?.address ?? '';
      const hasIt = metadata.name === only?.spec.nodeName;
      const answer = await eventually(async () => {
        const got = await fetch(`http://${address}:${spec.healthCheckNodePort}/`).catch(() => undefined);
        return got?.status === (hasIt ? 200 : 503) && got;
      }, `the health check of ${metadata.name}`);
      expect(answer.headers.get('x-load-balancing-endpoint-weight')).toBe(hasIt ? '1' : '0');
      expect(await answer.json()).toMatchObject({ service: { name: 'local' }, localEndpoints: hasIt ? 1 : 0 });
      // What is said of the node itself, to balancers that send to all.
      const proxy = await fetch(`http://${address}:10256/healthz`);
      expect([proxy.status, await proxy.json()]).toMatchObject([200, { nodeEligible: true }]);
      const port = spec.ports[0]?.nodePort ?? 0;
      if (hasIt) {
        await works(address, port);
        expect(clientOf(await ask(address, port))).toMatch(/^10\.89\.\d+\.1$/);
      } else {
        await eventually(() => isRefused(address, port, 'timeout'), 'connections to be dropped');
      }
    }
  });

  it('keep to the node with internalTrafficPolicy Local and PreferSameNode, and hairpin to the pod itself', async () => {
    await apply(
      webService('inside', { internalTrafficPolicy: 'Local' }),
      webService('near', { trafficDistribution: 'PreferSameNode' }),
      webService('self', { selector: { version: 'v2' } }),
    );
    const all = await pods();
    const client = all.find(({ metadata }) => metadata.name.startsWith('v2-'));
    const here = all.filter(({ spec }) => spec.nodeName === client?.spec.nodeName).map(({ metadata }) => metadata.name);
    const name = client?.metadata.name ?? '';
    for (const each of ['inside', 'near']) {
      const { clusterIP } = (await get(each)).spec;
      for (let i = 0; i < 4; i++) {
        const answer = await eventually(() => inPod(name, clusterIP, 80).catch(() => undefined), each);
        expect(here).toContain(podOf(answer));
      }
    }
    expect(podOf(await inPod(name, (await get('self')).spec.clusterIP, 80))).toBe(name);
  });
});

describe('pods in the network of their node', () => {
  it('are reached through services, have the node’s name, and see its address', async () => {
    const { items: nodes } = await cluster.json<NodeList>('get', 'nodes');
    const [node] = nodes;
    const nodeName = node?.metadata.name ?? '';
    const inHostNetwork = (name: string): unknown => {
      const pod = { hostNetwork: true, nodeName };
      return webDeployment(name, { program: serverProgram, replicas: 1, labels: { version: name }, pod });
    };
    const spec = { selector: { version: 'hostly' }, internalTrafficPolicy: 'Local' };
    await apply(inHostNetwork('hostly'), webService('hostly', spec));
    await cluster.kubectl('rollout', 'status', 'deployment/hostly', '--timeout=60s');
    const [hostly] = await pods('version=hostly');
    const { clusterIP } = (await get('hostly')).spec;
    const fromNode = await eventually(() => inPod(hostly?.metadata.name ?? '', clusterIP, 80), 'the node itself');
    const own = node?.status.addresses.find(({ type }) => type === 'InternalIP')?.address;
    expect([podOf(fromNode), clientOf(fromNode)]).toEqual([nodeName, own]);
    const client = (await pods()).find(
      ({ metadata, spec }) => spec.nodeName === nodeName && !metadata.name.startsWith('hostly'),
    );
    const fromPod = await inPod(client?.metadata.name ?? '', clusterIP, 80);
    expect([podOf(fromPod), clientOf(fromPod)]).toEqual([nodeName, client?.status.podIP]);
    await cluster.kubectl('delete', 'deployment/hostly', 'service/hostly');
  });
});

describe('addresses and affinity', () => {
  it('stay with one endpoint with ClientIP affinity until the timeout', async () => {
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 2 } };
    await apply(webService('sticky', { sessionAffinity: 'ClientIP', sessionAffinityConfig }));
    const { clusterIP } = (await get('sticky')).spec;
    await works(clusterIP, 80);
    expect((await tally(clusterIP, 80, 30)).size).toBe(1);
    const first = podOf(await ask(clusterIP, 80));
    await eventually(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_200));
      return podOf(await ask(clusterIP, 80)) !== first;
    }, 'another endpoint after the timeout');
  });

  it('answer at external IPs', async () => {
    await apply(webService('external', { externalIPs: ['10.90.200.1'] }));
    const [pod] = await pods();
    const answer = await eventually(
      () => inPod(pod?.metadata.name ?? '', '10.90.200.1', 80).catch(() => undefined),
      'the external IP',
    );
    expect(answer).toMatch(/^v[12]-/);
    await apply(webService('unserved', { externalIPs: ['10.90.200.2'], selector: { app: 'nobody' } }));
    const refusal = (): Promise<string> =>
      inPod(pod?.metadata.name ?? '', '10.90.200.2', 80).catch((error: Error) => error.message);
    await eventually(
      async () => (await refusal()).includes('ConnectionRefusedError'),
      'one without endpoints to refuse',
    );
  });

  it('leave services alone that are another proxy’s, or headless by their label', async () => {
    const marks = ['service.kubernetes.io/service-proxy-name=other', 'service.kubernetes.io/headless='];
    await apply(webService('marked'));
    const { clusterIP } = (await get('marked')).spec;
    for (const mark of marks) {
      await works(clusterIP, 80);
      await cluster.kubectl('label', 'service', 'marked', mark);
      await eventually(() => isRefused(clusterIP, 80, 'ECONNREFUSED'), 'it to be left alone');
      await cluster.kubectl('label', 'service', 'marked', `${mark.split('=')[0]}-`);
    }
    await works(clusterIP, 80);
  });

  it('translate datagrams to a node port that came before the first endpoint', async () => {
    const ports = [{ port: 80, targetPort: 5001, protocol: 'UDP' }];
    await apply(webService('early', { type: 'NodePort', selector: { app: 'early' }, ports }));
    const nodePort = (await get('early')).spec.ports[0]?.nodePort ?? 0;
    const [node] = (await cluster.json<{ items: { status: { addresses: { address: string }[] } }[] }>('get', 'nodes'))
      .items;
    const heard: string[] = [];
    const client = createSocket('udp4').on('message', (message) => heard.push(message.toString()));
    client.on('error', () => undefined);
    const sending = setInterval(() => client.send('hello', nodePort, node?.status.addresses[0]?.address), 100);
    try {
      await apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'early', labels: { app: 'early' } },
        spec: { terminationGracePeriodSeconds: 0, containers: [webContainer(serverProgram)] },
      });
      await eventually(() => Promise.resolve(heard.includes('early')), 'an answer');
    } finally {
      clearInterval(sending);
      client.close();
    }
  });

  it('move datagrams of a client on when the service has other endpoints, though another service has the old ones', async () => {
    const ports = [{ port: 80, targetPort: 5001, protocol: 'UDP' }];
    await apply(webService('moving', { ports, selector: { version: 'v1' } }), webService('resting', { ports }));
    const { clusterIP } = (await get('moving')).spec;
    const heard: string[] = [];
    const client = createSocket('udp4').on('message', (message) => heard.push(message.toString()));
    client.on('error', () => undefined);
    const sending = setInterval(() => client.send('hello', 80, clusterIP), 50);
    try {
      await eventually(() => Promise.resolve(heard.at(-1)?.startsWith('v1-')), 'an answer of the first');
      await cluster.kubectl('set', 'selector', 'service', 'moving', 'version=v2');
      await eventually(() => Promise.resolve(heard.at(-1)?.startsWith('v2-')), 'an answer of the second');
    } finally {
      clearInterval(sending);
      client.close();
    }
  });
});

/**
 * Sends a client a segment far outside of its window, and then asks it whether it is there still: when the answer
 * comes, a reset for that segment would have come before it.
 */
const strayProgram = `
import socket, struct
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
server = socket.create_server(("", 5000))
while True:
    connection, (client, port) = server.accept()
    if connection.recv(5) != b"hello": continue
    own = socket.inet_aton(connection.getsockname()[0])
    segment = struct.pack("!HHIIBBHHH", 5000, port, 12345, 2000000000, 5 << 4, 0x10, 1024, 0, 0) + b"stray!"
    whole = own + socket.inet_aton(client) + struct.pack("!BBH", 0, 6, len(segment)) + segment
    raw.sendto(segment[:16] + struct.pack("!H", checksum(whole)) + segment[18:], (client, 0))
    connection.sendall(b"there?")
    connection.recv(100)
    raw.settimeout(0)
    resets = 0
    try:
        while True:
            packet = raw.recv(65535)
            tcp = packet[(packet[0] & 15) * 4:]
            resets += struct.unpack("!HH", tcp[:4]) == (port, 5000) and tcp[13] & 4 > 0
    except BlockingIOError: pass
    connection.sendall(b"%d resets" % resets)
    connection.close()
`;

describe('a segment that connection tracking cannot place', () => {
  it('does not reach the client past the service that it talks to', async () => {
    const [one, other] = (await cluster.json<NodeList>('get', 'nodes')).items.map(({ metadata }) => metadata.name);
    const pod = { nodeName: one };
    await apply(
      webDeployment('stray', { program: strayProgram, replicas: 1, labels: { version: 'stray' }, pod }),
      webService('stray', { selector: { version: 'stray' } }),
    );
    await cluster.kubectl('rollout', 'status', 'deployment/stray', '--timeout=60s');
    const { clusterIP } = (await get('stray')).spec;
    const talk = `
import socket
s = socket.create_connection(("${clusterIP}", 80), 5)
s.sendall(b"hello"); s.recv(100); s.sendall(b"yes"); print(s.recv(100).decode())`;
    // Whose node translates for it: each has a pod that may ask.
    for (const node of [one, other]) {
      const name = `caller-${node}`;
      const containers = [{ ...webContainer(serverProgram), readinessProbe: undefined }];
      const spec = { nodeName: node, terminationGracePeriodSeconds: 0, containers };
      await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
      await cluster.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
      const said = await eventually(
        () => cluster.kubectl('exec', name, '--', 'python3', '-c', talk).catch(() => undefined),
        'the conversation',
      );
      expect(said.trim()).toBe('0 resets');
    }
    await cluster.kubectl('delete', 'deployment/stray', 'service/stray');
  });
});
