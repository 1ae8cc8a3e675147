import { createServer, type AddressInfo } from 'node:net';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventRecorder } from '../client/event-recorder.ts';
import { type ConnectionBalancer, createConnectionBalancer } from '../network/connection-balancer.ts';
import { createHaproxy, findHaproxy } from '../network/haproxy/haproxy.ts';
import { files } from '../network/ingress/config-text.ts';
import { createIngressProxy, type IngressProxy } from '../network/ingress/proxy.ts';
import { readProcessFile, removeProcessFile, writeProcessFile } from '../node/process-file.ts';
import type { Surroundings } from './control-plane.ts';
import { mostConnections } from './open-files.ts';
import { hostAddressOf } from './network-plan.ts';
import { type ClusterState, clusterPaths } from './state.ts';

/**
 * Counts connections of services that ask for it, by an HAProxy at the host's address on the cluster's bridge. It is
 * started with the first such service, outlives the server, and ends with the cluster.
 */
export function createLocalBalancer(
  state: ClusterState,
  { clock, log }: Surroundings,
  options: { recorder: EventRecorder; onChanged: (key: string) => void },
): ConnectionBalancer {
  const address = hostAddressOf(state.network);
  return createConnectionBalancer({
    ...{ address, clock, log, onChanged: options.onChanged },
    freePort: () => freePort(address),
    openProxy: (onLost) => openProxy(state, { clock, log }, onLost),
    onFailed({ metadata }, reason) {
      const object = { apiVersion: 'v1', kind: 'Service', metadata };
      const message = `connections are spread in turn: ${reason}`;
      options.recorder.record(object, 'Warning', 'LeastConnectionsUnavailable', message);
    },
  });
}

async function openProxy(
  state: ClusterState,
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
  onLost: () => void,
): Promise<IngressProxy> {
  const program = await findHaproxy();
  if (program === undefined) {
    throw new Error('HAProxy, which counts connections, is not installed. Install it: apt-get install -y haproxy');
  }
  const { data, run } = clusterPaths(state.name).directories;
  const directory = join(data, 'balancer');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const paths = {
    directory,
    accessLog: join(directory, 'access.log'),
    runtimeSocket: join(run, 'balancer.sock'),
    jail: join(run, 'balancer-root'),
  };
  const haproxy = createHaproxy(program, {
    ...{ paths, onLost, configFile: files.config },
    onStarted: (pid) => rememberProcess(run, pid),
  });
  const place = { ...paths, entrances: [], threads: 1, maxConnections: mostConnections() };
  return createIngressProxy({ haproxy, place, clock, log });
}

/** Has a file for each process, by which it is ended with the cluster: those that were replaced go on for a while. */
function rememberProcess(directory: string, pid: number): void {
  const known = existsSync(directory) ? readdirSync(directory) : [];
  for (const name of known.filter((each) => /^balancer-\d+\.pid$/.test(each))) {
    const file = join(directory, name);
    if (readProcessFile(file) === undefined) removeProcessFile(file);
  }
  writeProcessFile(join(directory, `balancer-${pid}.pid`), pid);
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0 }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
