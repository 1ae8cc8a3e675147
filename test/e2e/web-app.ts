import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { eventually, type TestCluster } from './support.ts';

/** Image of the pods that answer here; made by `timonel image base`. */
const image = 'python';

/** Makes the image for {@link webDeployment} on the cluster's nodes. */
export async function makeWebImage(cluster: TestCluster): Promise<void> {
  await cluster.timonel('image', 'base', image, '--include', 'python3-minimal');
}

export interface WebDeployment {
  /** Python, run by each pod: it listens at port 5000, and sends something to whoever connects. */
  program: string;
  replicas: number;
  /** Besides `app: web`, by which {@link webService} finds the pods. */
  labels?: Record<string, string>;
  /** More of the pod's spec. */
  pod?: Record<string, unknown>;
}

/** A deployment of pods that run a small program, and are ready when it listens. */
export function webDeployment(name: string, { program, replicas, labels = {}, pod = {} }: WebDeployment): unknown {
  const matchLabels = { app: 'web', ...labels };
  const spec = { terminationGracePeriodSeconds: 1, containers: [webContainer(program)], ...pod };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels }, template: { metadata: { labels: matchLabels }, spec } },
  };
}

export function webContainer(program: string): Record<string, unknown> {
  return {
    name: 'server',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['python3', '-c', program],
    readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
  };
}

/**
 * Says its name and the client's address at 5000, to datagrams at 5001, and by HTTP at 5002, to clients of both IP
 * families.
 */
export const bothFamiliesProgram = `
import os, socket, threading
name = os.uname().nodename
def datagrams():
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(("::", 5001))
    while True:
        _, client = udp.recvfrom(100)
        udp.sendto(f"{name} {client[0]}".encode(), client)
def pages():
    http = socket.create_server(("::", 5002), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
    while True:
        connection, client = http.accept()
        connection.recv(10000)
        text = f"{name} {client[0]}"
        connection.sendall(f"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: {len(text)}\\r\\n\\r\\n{text}".encode())
        connection.close()
for each in (datagrams, pages): threading.Thread(target=each, daemon=True).start()
print("listening", flush=True)
tcp = socket.create_server(("::", 5000), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1000)
while True:
    connection, client = tcp.accept()
    connection.sendall(f"{name} {client[0]}".encode())
    connection.close()
`;

/** A service of the pods of {@link webDeployment}, at port 80 unless `spec` says otherwise. */
export function webService(
  name: string,
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, ...metadata },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 5000 }], ...spec },
  };
}

/** What services are looked at for. */
export interface ServiceObject {
  spec: {
    clusterIP: string;
    clusterIPs: string[];
    ipFamilies: string[];
    healthCheckNodePort?: number;
    ports: { nodePort?: number }[];
  };
  status: { loadBalancer: { ingress?: { ip: string }[] } };
}

/** What pods are looked at for. */
export interface PodObject {
  metadata: { name: string };
  spec: { nodeName: string };
  status: { podIP: string; podIPs: { ip: string }[]; hostIP: string; hostIPs: { ip: string }[] };
}

/** Applies objects, all together. */
export async function applyAll(cluster: TestCluster, items: readonly unknown[]): Promise<void> {
  await cluster.kubectlWith(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'apply', '-f', '-');
}

/** One connection: what the server says until it closes. `from`: the address to come from. */
export function ask(
  host: string,
  port: number,
  { from, timeoutMs = 2_000 }: { from?: string | undefined; timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs, ...(from !== undefined && { localAddress: from }) });
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => (text === '' ? reject(new Error('nothing')) : resolve(text)));
    socket.on('timeout', () => socket.destroy(new Error('timeout')));
    socket.on('error', reject);
  });
}

/** The same, as soon as somebody answers. */
export function askOnceUp(host: string, port: number): Promise<string> {
  return eventually(() => ask(host, port).catch(() => undefined), `${host}:${port} to answer`);
}

/** A datagram to an IPv6 address: what comes back within a second. */
export function askDatagram(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp6');
    const timer = setTimeout(() => socket.close(() => reject(new Error('timeout'))), 1_000);
    socket.on('message', (message) => {
      clearTimeout(timer);
      socket.close(() => resolve(message.toString()));
    });
    socket.on('error', reject);
    socket.send('hello', port, host);
  });
}

/** What {@link ask} hears from inside a pod. */
export async function askInPod(cluster: TestCluster, pod: string, host: string, port: number): Promise<string> {
  const program = `import socket; s=socket.create_connection(("${host}",${port}),3); print(s.recv(100).decode())`;
  return (await cluster.kubectl('exec', pod, '--', 'python3', '-c', program)).trim();
}
