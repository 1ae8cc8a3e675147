/**
 * Ingresses of a local cluster: HAProxy on the host, at localhost and at the host's address on the cluster's bridge.
 * It is started with the first ingress, outlives the server, and ends with the cluster.
 */
import { availableParallelism, networkInterfaces } from 'node:os';
import { createServer } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostAddressOf } from '../network-plan.ts';
import type { Clock } from '../../base/clock.ts';
import { createEventRecorder } from '../../client/recorder.ts';
import { createHaproxy, findHaproxy, haproxyFeatures } from '../../network/haproxy/haproxy.ts';
import { createIngressController, type OpenedProxy } from '../../network/ingress/ingress-controller.ts';
import type { CertificateIssuer } from '../../network/ingress/certificates.ts';
import { type Entrance, files, type ProxyPlace } from '../../network/ingress/config-text.ts';
import { createIngressProxy } from '../../network/ingress/proxy.ts';
import { isCurrent, issueCertificate, type Authority } from '../certificates.ts';
import type { ControlPlane, Surroundings } from '../control-plane.ts';
import { ensureIngressPki } from '../pki.ts';
import { mostConnections } from '../open-files.ts';
import { type ClusterState, clusterPaths } from '../state.ts';
import { keepLogShort } from './access-log.ts';
import { ingressPaths, isIngressRunning, readPorts, rememberProcess, type Ports, urlsOf } from './ingress-files.ts';

/** Follows the cluster's ingresses from now on. */
export async function startIngress(
  state: ClusterState,
  { api, informers }: ControlPlane,
  { clock, random, log }: Surroundings,
): Promise<{ stop(): void }> {
  const client = api.clientFor({
    name: 'system:serviceaccount:kube-system:ingress-controller',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  });
  const hosts = ['localhost', '*.localhost', '127.0.0.1', '::1', hostAddressOf(state.network)];
  const pki = ensureIngressPki({ directory: clusterPaths(state.name).pki, hosts, now: clock.now() });
  const { defaultBackend } = state.ingress ?? {};
  const controller = createIngressController({
    ...{ informers, client, clock, log },
    recorder: createEventRecorder({ client, component: 'ingress-controller', clock, random, log }),
    issuer: issuerOf(pki.authority, clock),
    defaultCertificate: pki.fallback.certificate + pki.fallback.key,
    openProxy: (onLost) => openProxy(state, { clock, random, log }, onLost),
    ...(defaultBackend && {
      classDefault: {
        namespace: defaultBackend.namespace,
        service: { name: defaultBackend.name, port: { number: defaultBackend.port } },
      },
    }),
  });
  await controller.start();
  const accessLog = keepLogShort(ingressPaths(state.name).accessLog, { clock, log });
  return {
    stop() {
      accessLog.stop();
      controller.stop();
    },
  };
}

function issuerOf(authority: Authority, clock: Clock): CertificateIssuer {
  const request = (hosts: readonly string[]) => ({
    commonName: (hosts[0] ?? '').slice(0, 64),
    usages: ['server' as const],
    hosts,
  });
  return {
    issue: (hosts) => ({
      ...issueCertificate(authority, request(hosts), clock.now()),
      authority: authority.certificate,
    }),
    isCurrent: (pair, hosts) => isCurrent(pair, authority, request(hosts), clock.now()),
  };
}

async function openProxy(state: ClusterState, { clock, log }: Surroundings, onLost: () => void): Promise<OpenedProxy> {
  const program = await findHaproxy();
  if (program === undefined) {
    throw new Error('HAProxy, which serves ingresses, is not installed. Install it: apt-get install -y haproxy');
  }
  const paths = ingressPaths(state.name);
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 });
  const known = readPorts(state.name);
  const hasMetrics = (await haproxyFeatures(program)).has('PROMEX');
  const ports = known && isIngressRunning(state.name) ? known : await choosePorts(state, known, hasMetrics);
  const { entrances, metrics } = ports;
  writeFileSync(paths.portsFile, `${JSON.stringify(ports)}\n`, { mode: 0o600 });
  const place: ProxyPlace = {
    ...{ entrances, directory: paths.directory, runtimeSocket: paths.runtimeSocket, jail: paths.jail },
    threads: Math.min(8, availableParallelism()),
    maxConnections: mostConnections(),
    ...(metrics !== undefined && { metrics: `127.0.0.1:${metrics}` }),
  };
  const haproxy = createHaproxy(program, {
    ...{ paths, onLost, configFile: files.config },
    onStarted: (pid) => rememberProcess(state.name, pid),
  });
  const [local] = entrances;
  return {
    proxy: createIngressProxy({ haproxy, place, clock, log }),
    addresses: [{ ip: hostAddressOf(state.network) }],
    urls: local ? urlsOf(local) : [],
  };
}

const morePorts = Array.from({ length: 100 }, (_, index) => index);
const usualPairs = [
  { clearPort: 80, tlsPort: 443 },
  ...morePorts.map((index) => ({ clearPort: 8080 + index, tlsPort: 8443 + index })),
];
const metricsPorts = morePorts.map((index) => 9101 + index);

/**
 * Localhost at the usual ports, or the first free pair after 8080 and 8443, and the host's address on the bridge
 * likewise. Other machines do not get here.
 */
async function choosePorts(state: ClusterState, known: Ports | undefined, hasMetrics: boolean): Promise<Ports> {
  const { network, ingress } = state;
  const before = known?.entrances.find(({ address }) => address === '127.0.0.1');
  const wanted = [...(before ? [before] : []), ...usualPairs].map((pair) => ({
    clearPort: ingress?.httpPort ?? pair.clearPort,
    tlsPort: ingress?.httpsPort ?? pair.tlsPort,
  }));
  const local = await firstFree('127.0.0.1', wanted);
  if (!local) {
    const [pair] = wanted;
    throw new Error(`ports ${pair?.clearPort} and ${pair?.tlsPort} of localhost are in use by another program`);
  }
  const onBridge = await firstFree(hostAddressOf(network), usualPairs);
  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  const isIpv6Free = hasIpv6 && (await firstFree('::1', [local])) !== undefined;
  const metrics = hasMetrics ? await firstFreePort(known?.metrics) : undefined;
  const entrances = [local, ...(isIpv6Free ? [{ ...local, address: '::1' }] : []), ...(onBridge ? [onBridge] : [])];
  return { entrances, ...(metrics !== undefined && { metrics }) };
}

async function firstFreePort(known: number | undefined): Promise<number | undefined> {
  for (const port of [...(known === undefined ? [] : [known]), ...metricsPorts]) {
    if (await isFree('127.0.0.1', port)) return port;
  }
  return undefined;
}

async function firstFree(address: string, pairs: readonly Omit<Entrance, 'address'>[]): Promise<Entrance | undefined> {
  for (const { clearPort, tlsPort } of pairs) {
    if ((await isFree(address, clearPort)) && (await isFree(address, tlsPort))) return { address, clearPort, tlsPort };
  }
  return undefined;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
