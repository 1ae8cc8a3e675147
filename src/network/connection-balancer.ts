import { type ApplyLoop, createApplyLoop } from './apply-loop.ts';
import { algorithmOf } from '../api/load-balancing.ts';
import type { Service } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ServiceInput } from './dataplane.ts';
import type { TcpListener } from './ingress/model.ts';
import type { IngressProxy } from './ingress/proxy.ts';
import { renderIngress } from './ingress/render.ts';
import { nftFamilyOf, protocolOf, targetsOf } from './service-endpoints.ts';

/** Counts the connections of services that ask for `least-connections`: HAProxy does, at ports of its own. */
export interface ConnectionBalancer {
  /** Undefined: the service is gone. */
  set(key: string, input: ServiceInput | undefined): void;
  /** By the service's TCP port: where its connections are to go. Only what the proxy has taken. */
  portsOf(key: string): ReadonlyMap<number, number>;
  stop(): void;
}

export interface ConnectionBalancerOptions {
  /** Of the host: where the proxy listens, and the family whose connections it counts. */
  address: string;
  /** Called when the first service asks; again after it has rejected. `onLost`: the proxy has ended by itself. */
  openProxy(onLost: () => void): Promise<IngressProxy>;
  /** A port of the address that nobody has. */
  freePort(): Promise<number>;
  /** The ports of a service are others now. */
  onChanged(key: string): void;
  /** The service's connections are spread in turn meanwhile. */
  onFailed(service: Service, reason: string): void;
  clock: Clock;
  log: Logger;
}

type Endpoints = TcpListener['endpoints'];

interface Wanted {
  service: Service;
  /** By service port. */
  endpoints: ReadonlyMap<number, Endpoints>;
}

const retryMs = 5_000;
const nothing = { service: () => undefined, slices: () => [], secret: () => undefined, configMap: () => undefined };

export function createConnectionBalancer(options: ConnectionBalancerOptions): ConnectionBalancer {
  return new ProxiedBalancer(options);
}

class ProxiedBalancer implements ConnectionBalancer {
  readonly #options: ConnectionBalancerOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** Ports of the proxy, by service and port: a listener keeps its own as long as it is there. */
  readonly #ports = new Map<string, number>();
  readonly #granted = new Map<string, ReadonlyMap<number, number>>();
  #proxy: Promise<IngressProxy> | undefined;
  readonly #loop: ApplyLoop;

  constructor(options: ConnectionBalancerOptions) {
    this.#options = options;
    this.#loop = createApplyLoop({
      clock: options.clock,
      apply: () => this.#apply(this.#wanted),
      onFailed: (error) => this.#failed(error),
      pause: { firstMs: retryMs, mostMs: retryMs },
    });
  }

  set(key: string, input: ServiceInput | undefined): void {
    const endpoints = input ? endpointsOf(input, this.#options.address) : new Map<number, Endpoints>();
    const before = this.#wanted.get(key);
    if (endpoints.size === 0 || !input) {
      if (!this.#wanted.delete(key)) return;
    } else {
      this.#wanted.set(key, { service: input.service, endpoints });
      if (before && textOf(before.endpoints) === textOf(endpoints)) return;
    }
    this.#loop.request();
  }

  portsOf(key: string): ReadonlyMap<number, number> {
    return this.#granted.get(key) ?? new Map<number, number>();
  }

  stop(): void {
    this.#loop.stop();
  }

  async #apply(all: ReadonlyMap<string, Wanted>): Promise<void> {
    const wanted = new Map(all);
    if (wanted.size === 0 && !this.#proxy) return;
    const granted = new Map<string, Map<number, number>>();
    const tcp = new Map<string, TcpListener>();
    for (const [key, { endpoints }] of wanted) {
      const ports = new Map<number, number>();
      for (const [servicePort, list] of endpoints) {
        const name = `balance.${key.replace('/', '.')}.${servicePort}`;
        const port = this.#ports.get(name) ?? (await this.#options.freePort());
        this.#ports.set(name, port);
        ports.set(servicePort, port);
        tcp.set(name, { address: this.#options.address, port, balance: 'least-connections', endpoints: list });
      }
      granted.set(key, ports);
    }
    for (const name of this.#ports.keys()) if (!tcp.has(name)) this.#ports.delete(name);
    this.#proxy ??= this.#options.openProxy(() => this.#lost());
    const proxy = await this.#proxy;
    const { model } = renderIngress({ ingresses: [], objects: nothing, defaultCertificate: '', tcp });
    await proxy.apply(model);
    this.#grant(granted);
  }

  #grant(granted: ReadonlyMap<string, ReadonlyMap<number, number>>): void {
    const changed = [...new Set([...this.#granted.keys(), ...granted.keys()])].filter(
      (key) => JSON.stringify([...this.portsOf(key)]) !== JSON.stringify([...(granted.get(key) ?? [])]),
    );
    this.#granted.clear();
    for (const [key, ports] of granted) this.#granted.set(key, ports);
    for (const key of changed) this.#options.onChanged(key);
  }

  /** Connections go to endpoints again, in turn, until the proxy is back. */
  #lost(): void {
    this.#proxy = undefined;
    this.#grant(new Map());
    this.#loop.request();
  }

  #failed(error: Error): void {
    this.#options.log.warn('connections are not counted', { error });
    this.#proxy = undefined;
    this.#grant(new Map());
    for (const { service } of this.#wanted.values()) this.#options.onFailed(service, error.message);
  }
}

/** By the ports of a service whose connections are to be counted. A client's affinity goes before. */
function endpointsOf({ service, slices }: ServiceInput, address: string): Map<number, Endpoints> {
  const found = new Map<number, Endpoints>();
  if (algorithmOf(service) !== 'least-connections' || service.spec?.sessionAffinity === 'ClientIP') return found;
  const family = nftFamilyOf(address);
  for (const port of service.spec?.ports ?? []) {
    if (protocolOf(port) !== 'tcp') continue;
    const { cluster } = targetsOf(slices, port, { nodeName: undefined, family });
    if (cluster.length === 0) continue;
    const endpoints = cluster.map(({ ip, port: number }) => ({ address: ip, port: number, weight: 1 }));
    found.set(port.port, endpoints);
  }
  return found;
}

function textOf(endpoints: ReadonlyMap<number, Endpoints>): string {
  return JSON.stringify([...endpoints]);
}
