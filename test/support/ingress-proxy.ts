/** HAProxy of its own for a test, that does what ingresses say. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { createAuthority, issueCertificate } from '../../src/cluster/certificates.ts';
import type { ConfigMap, Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress, IngressClass } from '../../src/api/types/networking-v1.ts';
import { createHaproxy, findHaproxy } from '../../src/network/haproxy/haproxy.ts';
import { files, type ProxyPlace } from '../../src/network/ingress/config-text.ts';
import type { ProxyModel } from '../../src/network/ingress/model.ts';
import { createIngressProxy, type IngressProxy } from '../../src/network/ingress/proxy.ts';
import { renderIngress } from '../../src/network/ingress/render.ts';
import { classesAmong, clusterObjects } from './ingress-objects.ts';

export interface TestProxy {
  clearPort: number;
  tlsPort: number;
  directory: string;
  proxy: IngressProxy;
  /** Of the running process. */
  pid(): number;
  /** Renders and applies; answers what the ingresses' owners would be told. */
  serve(
    ingresses: readonly Ingress[],
    ...objects: readonly (Service | EndpointSlice | Secret | ConfigMap | IngressClass)[]
  ): Promise<string[]>;
  stop(): void;
}

const now = (): number => systemClock.now();
const authority = createAuthority('test', now());

/** A certificate and its key, for the given host. */
export function certificateFor(host: string): { certificate: string; key: string; authority: string } {
  const request = { commonName: host, usages: ['server' as const], hosts: [host] };
  return { ...issueCertificate(authority, request, now()), authority: authority.certificate };
}

/** In tests, endpoints are on the loopback, which ingresses must not lead to: they are written as 10.9.9.1. */
export const standIn = '10.9.9.1';

/**
 * A port that nobody has, and that nobody gets by chance before it is used: it lies below those that the kernel hands
 * out (`ip_local_port_range`), and each is answered once.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + randomInt(8_000);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

const handedOut = new Set<number>();

export async function startTestProxy(): Promise<TestProxy> {
  const program = await findHaproxy();
  if (program === undefined) throw new Error('HAProxy is not installed: apt-get install -y haproxy');
  const directory = mkdtempSync(join(tmpdir(), 'timonel-ingress-'));
  const paths = {
    directory: join(directory, 'proxy'),
    runtimeSocket: join(directory, 'runtime.sock'),
    jail: join(directory, 'jail'),
    accessLog: join(directory, 'access.log'),
  };
  const [clearPort, tlsPort] = [await freePort(), await freePort()];
  const place: ProxyPlace = {
    ...{ directory: paths.directory, runtimeSocket: paths.runtimeSocket, jail: paths.jail },
    ...{ threads: 2, maxConnections: 1000, entrances: [{ address: '127.0.0.1', clearPort, tlsPort }] },
  };
  const pids = new Set<number>();
  let pid = 0;
  const haproxy = createHaproxy(program, {
    ...{ paths, configFile: files.config },
    onStarted: (started) => pids.add((pid = started)),
    onLost: () => {},
  });
  const proxy = createIngressProxy({ haproxy, place, clock: systemClock, log: silentLogger });
  const fallback = certificateFor('fallback.example');
  return {
    ...{ clearPort, tlsPort, directory, proxy, pid: () => pid },
    async serve(ingresses, ...objects) {
      const { model, problems } = renderIngress({
        ingresses,
        objects: clusterObjects(...objects),
        classOf: classesAmong(objects),
        defaultCertificate: fallback.certificate + fallback.key,
      });
      await proxy.apply(onLoopback(model));
      return problems.map(({ about, reason, message }) => `${about.metadata.name} ${reason}: ${message}`);
    },
    stop() {
      haproxy.release();
      for (const each of pids) endProcess(each);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended already.
  }
}

function onLoopback(model: ProxyModel): ProxyModel {
  const backends = [...model.backends].map(([name, backend]) => {
    const endpoints = backend.endpoints.map((each) => ({
      ...each,
      address: each.address === standIn ? '127.0.0.1' : each.address,
    }));
    return [name, { ...backend, endpoints }] as const;
  });
  return { ...model, backends: new Map(backends) };
}
