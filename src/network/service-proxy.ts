import { type ApplyLoop, createApplyLoop } from './apply-loop.ts';
import type { Node, Service } from '../api/types/core-v1.ts';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { yieldToEventLoop } from '../base/yield.ts';
import { keyOf } from '../client/informer.ts';
import type { Informers } from '../client/informers.ts';
import { endpointSlices, nodes, serviceCidrs, services } from '../client/resources.ts';
import type { ConnectionBalancer } from './connection-balancer.ts';
import type { Dataplane } from './dataplane.ts';
import type { ProxyHealth } from './proxy-status.ts';
import { createHealthChecks } from './health-checks.ts';
import { createHostPorts, type HostPort, type HostPorts, type PortHolder } from './host-ports.ts';
import { type Family, leftAloneBy, localEndpointCount, nftFamilyOf } from './service-endpoints.ts';
import { type RenderPlace, renderService, type ServiceRules } from './service-rules.ts';
import { serviceNameLabel, zoneLabel } from '../api/well-known.ts';

export interface ServiceProxyOptions {
  informers: Informers;
  /** One for each address family of the cluster. */
  dataplanes: readonly Dataplane[];
  clock: Clock;
  log: Logger;
  /** Undefined on the host. */
  nodeName: string | undefined;
  /** The node's pods, whose calls do not come from outside; one range of a family. */
  podCidrs?: readonly string[] | undefined;
  /** On the host: counts connections of one family, at an address of its own. */
  balancer?: { address: string; open: (onChanged: (key: string) => void) => ConnectionBalancer };
  /** The cluster's ServiceCIDR objects tell of more ranges. */
  followsServiceCidrs?: boolean;
  /** Hears when somebody has taken the rules away; they are being made again. */
  onLost?: () => void;
  /** On the host: publishes ports there. `onRefused` hears of those that cannot be had. */
  hostPorts?: { holder: PortHolder; onRefused: (service: Service, port: HostPort, reason: string) => void };
}

export interface ServiceProxy {
  /** Resolves when the first rules are in the kernel. */
  start(): Promise<void>;
  /** Stops following; the rules stay, so that services answer while the process restarts. */
  stop(): void;
  health(): ProxyHealth;
}

const retryMs = 1_000;
/** As often as kube-proxy looks whether its rules are still there (its sync period). */
const lookAgainMs = 30_000;
/** kube-proxy's: longer than this no change waits for its rules. */
const healthTimeoutMs = 60_000;
/** The cluster autoscaler's, on a node that it takes away. */
const leavingTaint = 'ToBeDeletedByClusterAutoscaler';
/** From so many services on, those that do not mind share rules; with fewer than the lower number no more. */
const crowd = { from: 500, until: 400 };
/** Services that are rendered before others have their turn. */
const slice = 200;

/**
 * Keeps the kernel's service rules in step with Services and EndpointSlices (kube-proxy's part). Services that changed
 * are rendered again; whatever changes while one transaction is under way goes into the next.
 */
export function createServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  return new RunningServiceProxy(options);
}

class RunningServiceProxy implements ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #dirty = new Set<string>();
  /** In the order of the data planes. */
  readonly #rules: readonly Map<string, ServiceRules>[];
  readonly #unsubscribe: (() => void)[] = [];
  readonly #hostPorts: HostPorts | undefined;
  readonly #balancer: ConnectionBalancer | undefined;
  readonly #healthChecks = createHealthChecks();
  #zone: string | undefined;
  #isCrowded = false;
  #isLookDue = false;
  /** Services that there are, as far as they were looked at. */
  readonly #known = new Set<string>();
  readonly #loop: ApplyLoop;
  /** Monotonic: since when a change waits for its rules. */
  #waitingSinceMs: number | undefined;
  /** Epoch milliseconds. */
  #lastUpdatedMs = 0;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#loop = createApplyLoop({
      clock,
      apply: () => this.#applyChanges(),
      onFailed: (error) => log.error('cannot apply service rules', { error }),
      pause: { firstMs: retryMs, mostMs: retryMs },
    });
    this.#rules = options.dataplanes.map(() => new Map());
    this.#balancer = options.balancer?.open((key) => this.#mark(key));
    this.#hostPorts =
      options.hostPorts && createHostPorts({ ...options.hostPorts, onGranted: (key) => this.#mark(key) });
  }

  async start(): Promise<void> {
    const { informers } = this.#options;
    const serviceInformer = informers.of(services);
    const sliceInformer = informers.of(endpointSlices);
    sliceInformer.addIndex('service', (slice) => [serviceKeyOf(slice)]);
    if (this.#options.nodeName !== undefined) informers.of(nodes);
    if (this.#options.followsServiceCidrs) informers.of(serviceCidrs);
    await informers.synced();
    const mark = (key: string): void => this.#mark(key);
    // What is there already comes as added: it makes the first rules.
    const applied = this.#loop.once();
    this.#followZone();
    this.#followRanges();
    this.#unsubscribe.push(
      serviceInformer.subscribe({
        added: (service: Service) => mark(keyOf(service)),
        updated: (service: Service) => mark(keyOf(service)),
        deleted: (service: Service) => mark(keyOf(service)),
      }),
      sliceInformer.subscribe({
        added: (slice) => mark(serviceKeyOf(slice)),
        updated: (slice) => mark(serviceKeyOf(slice)),
        deleted: (slice) => mark(serviceKeyOf(slice)),
      }),
    );
    await applied;
    this.#lookAgain();
  }

  /** Nobody tells of rules that somebody else has taken away. */
  #lookAgain(): void {
    const cancel = this.#options.clock.setTimer(lookAgainMs, () => {
      this.#isLookDue = true;
      this.#loop.request();
      this.#unsubscribe.splice(this.#unsubscribe.indexOf(cancel), 1);
      this.#lookAgain();
    });
    this.#unsubscribe.push(cancel);
  }

  stop(): void {
    this.#loop.stop();
    this.#healthChecks.close();
    this.#balancer?.stop();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  health(): ProxyHealth {
    const { informers, nodeName, clock } = this.#options;
    const node = nodeName === undefined ? undefined : informers.of(nodes).get(nodeName);
    const isLeaving =
      node?.metadata.deletionTimestamp !== undefined || node?.spec?.taints?.some(({ key }) => key === leavingTaint);
    const waitedMs = this.#waitingSinceMs === undefined ? 0 : clock.monotonic() - this.#waitingSinceMs;
    return {
      isHealthy: waitedMs < healthTimeoutMs,
      lastUpdatedMs: this.#lastUpdatedMs,
      isNodeEligible: isLeaving !== true,
    };
  }

  #mark(key: string): void {
    this.#dirty.add(key);
    this.#waitingSinceMs ??= this.#options.clock.monotonic();
    this.#loop.request();
  }

  /** Hints of endpoint slices name zones: everything is rendered again when the node's own changes. */
  #followZone(): void {
    const { informers, nodeName } = this.#options;
    if (nodeName === undefined) return;
    const look = (): void => {
      const zone = informers.of(nodes).get(nodeName)?.metadata.labels?.[zoneLabel];
      if (zone === this.#zone) return;
      this.#zone = zone;
      for (const service of informers.of(services).list()) this.#mark(keyOf(service));
    };
    look();
    const own = (node: Node): void => {
      if (node.metadata.name === nodeName) look();
    };
    this.#unsubscribe.push(informers.of(nodes).subscribe({ added: own, updated: own }));
  }

  /** New connections to what has no rules are refused in these ranges alone. */
  #followRanges(): void {
    if (!this.#options.followsServiceCidrs) return;
    const informer = this.#options.informers.of(serviceCidrs);
    const look = (): void => {
      const ranges = [...informer.list()].flatMap(({ spec }) => spec?.cidrs ?? []).sort();
      for (const dataplane of this.#options.dataplanes) dataplane.set({ moreRanges: ranges });
      this.#loop.request();
    };
    this.#unsubscribe.push(informer.subscribe({ added: look, deleted: look }));
  }

  async #applyChanges(): Promise<void> {
    const keys = [...this.#dirty];
    try {
      if (this.#isLookDue) await this.#look();
      await this.#apply();
    } catch (error) {
      for (const key of keys) this.#dirty.add(key);
      throw error;
    }
    const { clock } = this.#options;
    this.#lastUpdatedMs = clock.now();
    this.#waitingSinceMs = this.#dirty.size > 0 ? clock.monotonic() : undefined;
  }

  async #apply(): Promise<void> {
    const { dataplanes } = this.#options;
    this.#count();
    const changed = new Set(this.#dirty);
    this.#dirty.clear();
    let rendered = 0;
    for (const key of changed) {
      this.#renderOrForget(key);
      if (++rendered % slice === 0) await yieldToEventLoop();
    }
    const applied = dataplanes.map((dataplane, i) =>
      dataplane.apply(this.#rules[i] as Map<string, ServiceRules>, changed),
    );
    // Each to its end: the other family's rules are as good as they were.
    const failed = (await Promise.allSettled(applied)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #look(): Promise<void> {
    this.#isLookDue = false;
    const { dataplanes, log, onLost } = this.#options;
    const lost = await Promise.all(dataplanes.map((dataplane) => dataplane.isLost()));
    if (!lost.includes(true)) return;
    log.warn('the service rules were taken away, and are made again');
    onLost?.();
  }

  /** Whether services share rules depends on how many there are: when that changes, all are rendered again. */
  #count(): void {
    const { informers } = this.#options;
    for (const key of this.#dirty) {
      if (informers.of(services).get(key)) this.#known.add(key);
      else this.#known.delete(key);
    }
    const isCrowded = this.#known.size >= (this.#isCrowded ? crowd.until : crowd.from);
    if (isCrowded === this.#isCrowded) return;
    this.#isCrowded = isCrowded;
    for (const dataplane of this.#options.dataplanes) dataplane.set({ isCrowded });
    for (const key of this.#known) this.#dirty.add(key);
  }

  #renderOrForget(key: string): void {
    const service = this.#options.informers.of(services).get(key);
    if (service && leftAloneBy(service) === undefined) {
      this.#render(key, service);
      return;
    }
    for (const rules of this.#rules) rules.delete(key);
    this.#hostPorts?.set(key, undefined);
    this.#balancer?.set(key, undefined);
    this.#healthChecks.set(key, undefined);
  }

  #render(key: string, service: Service): void {
    const { informers, nodeName, dataplanes, podCidrs = [] } = this.#options;
    const slices = informers.of(endpointSlices).byIndex('service', key);
    this.#hostPorts?.set(key, service);
    this.#balancer?.set(key, { service, slices });
    const hostPorts = this.#hostPorts?.granted(key) ?? [];
    const place = { nodeName, zone: this.#zone, hostPorts, isCrowded: this.#isCrowded };
    dataplanes.forEach(({ family }, i) => {
      const podCidr = podCidrs.find((cidr) => nftFamilyOf(cidr) === family);
      const balanced = this.#balancedAt(key, family);
      this.#rules[i]?.set(key, renderService({ service, slices }, { ...place, ...balanced, family, podCidr }));
    });
    const port = service.spec?.healthCheckNodePort;
    if (nodeName === undefined) return;
    const { name = '', namespace = '' } = service.metadata;
    const localEndpoints = localEndpointCount(slices, nodeName);
    this.#healthChecks.set(key, port ? { port, namespace, name, localEndpoints } : undefined);
  }

  #balancedAt(key: string, family: Family): Pick<RenderPlace, 'balancer'> {
    const ports = this.#balancer?.portsOf(key);
    const address = this.#options.balancer?.address;
    if (!ports?.size || address === undefined || nftFamilyOf(address) !== family) return {};
    return { balancer: { address, ports } };
  }
}

function serviceKeyOf(slice: EndpointSlice): string {
  return `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`;
}
