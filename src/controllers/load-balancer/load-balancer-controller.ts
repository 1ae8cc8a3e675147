import { labelMatcher } from '../../api/label-selector.ts';
import { algorithmOf, balancingAnnotations, isOwnLoadBalancer, parseWeights } from '../../api/load-balancing.ts';
import type { Pod, Service } from '../../api/types/core-v1.ts';
import { familyOf } from '../../base/ip-address.ts';
import { keyOf, splitKey, type Informer } from '../../client/informer.ts';
import { pods, services } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { done, type Outcome } from '../reconciler.ts';
import { unlessGone } from '../unless-gone.ts';
import { AddressPool } from './address-pool.ts';

/** Holds a service back until its address is given back: that of upstream's service controller. */
const cleanupFinalizer = 'service.kubernetes.io/load-balancer-cleanup';

/**
 * Gives every service of type LoadBalancer (without a class, or with ours) an address out of the cluster's pool, and
 * takes it back when the service goes or changes its type. What a status says stays, so that addresses survive
 * restarts. For services whose weights go by label it also keeps the annotation that says which pod has which.
 */
export class LoadBalancerReconciler implements Controller {
  readonly name = 'service-controller';
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  /** One for each address family; none: somebody else gives addresses. */
  readonly #pools: readonly AddressPool[];
  /** Services that found the pool empty. */
  readonly #waiting = new Set<string>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#services = context.informers.of(services);
    this.#pods = context.informers.of(pods);
    this.#pods.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    this.#services.addIndex('weighted', (service) =>
      labelWeights(service).length > 0 ? [service.metadata.namespace ?? ''] : [],
    );
    this.#pools = context.settings.loadBalancersCidrs.map((cidr) => new AddressPool(cidr));
  }

  watch(enqueue: Enqueue): () => void {
    // Before anybody new is given an address, those that have one keep it.
    for (const service of this.#services.list()) {
      if (!isOwnLoadBalancer(service)) continue;
      for (const ip of addressesOf(service)) for (const pool of this.#pools) pool.take(ip, keyOf(service));
    }
    const podChanged = ({ metadata }: Pod): void => {
      for (const service of this.#services.byIndex('weighted', metadata.namespace ?? '')) enqueue(keyOf(service));
    };
    const unsubscribe = [
      this.#services.subscribe({
        added: (service) => enqueue(keyOf(service)),
        updated: (service) => enqueue(keyOf(service)),
        deleted: (service) => {
          this.#waiting.delete(keyOf(service));
          const isFree = this.#pools.map((pool) => pool.release(keyOf(service))).includes(true);
          if (isFree) for (const key of this.#waiting) enqueue(key);
        },
      }),
      this.#pods.subscribe({
        added: podChanged,
        updated: (pod, old) => pod.metadata.labels !== old.metadata.labels && podChanged(pod),
        deleted: podChanged,
      }),
    ];
    return () => unsubscribe.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const service = this.#services.get(key);
    if (!service) return done;
    if (service.metadata.deletionTimestamp !== undefined) {
      if (this.#pools.length > 0 && mayFinalize(service) && isHeld(service)) await this.#letGo(service, []);
      return done;
    }
    await this.#writeGroups(service);
    if (this.#pools.length > 0) await this.#settleAddresses(key, service);
    return done;
  }

  async #settleAddresses(key: string, service: Service): Promise<void> {
    const had = addressesOf(service).filter((ip) => this.#pools.some((pool) => pool.has(ip)));
    const isOwn = isOwnLoadBalancer(service);
    const pools = isOwn ? this.#poolsOf(service) : [];
    const given = pools.map((pool) => this.#addressOf(service, had, pool));
    if (given.includes(undefined)) {
      this.#waiting.add(key);
      this.#record(service, 'Warning', 'SyncLoadBalancerFailed', 'no address of the pool of load balancers is free');
      return;
    }
    this.#waiting.delete(key);
    this.#pools.forEach((pool) => pool.release(key, given[pools.indexOf(pool)]));
    const addresses = given.flatMap((ip) => ip ?? []);
    const isSame = had.length === addresses.length && addresses.every((ip, i) => ip === had[i]);
    if (!isOwn) {
      if (!isSame || (mayFinalize(service) && isHeld(service))) await this.#letGo(service, had);
      return;
    }
    if (isSame && isHeld(service)) return;
    const ingress = addresses.map((ip) => ({ ip, ipMode: 'VIP' }));
    await this.#patch(service, {
      metadata: { finalizers: [cleanupFinalizer] },
      ...(!isSame && { status: { loadBalancer: { ingress } } }),
    });
    if (isSame) return;
    this.#record(service, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer at ${addresses.join(', ')}`);
  }

  /** A service that goes, or is no load balancer any more, has its address no longer and may go. */
  async #letGo(service: Service, had: readonly string[]): Promise<void> {
    this.#record(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    await this.#patch(service, {
      metadata: mayFinalize(service) ? { '$deleteFromPrimitiveList/finalizers': [cleanupFinalizer] } : {},
      ...(had.length > 0 && { status: { loadBalancer: { ingress: null } } }),
    });
    this.#record(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }

  /** Of the service's families, its own order first. */
  #poolsOf({ spec }: Service): AddressPool[] {
    const families = spec?.ipFamilies?.length ? spec.ipFamilies : ['IPv4'];
    return families.flatMap((family) => this.#pools.find((pool) => pool.family === family) ?? []);
  }

  /** An address that was asked for and cannot be had is no reason to take another. */
  #addressOf(service: Service, had: readonly string[], pool: AddressPool): string | undefined {
    const key = keyOf(service);
    const asked = service.spec?.loadBalancerIP;
    if (asked && familyOf(asked) === pool.family) return pool.take(asked, key) ? asked : undefined;
    const own = had.find((ip) => pool.take(ip, key));
    return own ?? pool.takeAny(key);
  }

  async #writeGroups(service: Service): Promise<void> {
    const labels = labelWeights(service);
    const known = service.metadata.annotations?.[balancingAnnotations.weightGroups];
    if (labels.length === 0 && known === undefined) return;
    const groups = labels.length === 0 ? null : JSON.stringify(this.#groupsOf(service, labels));
    if (groups === (known ?? null)) return;
    const annotations = { [balancingAnnotations.weightGroups]: groups };
    await this.#patch(service, { metadata: { annotations } });
  }

  #groupsOf(service: Service, labels: readonly string[]): Record<string, string> {
    const selector = labelMatcher({ matchLabels: service.spec?.selector ?? {} });
    const groups: [string, string][] = [];
    for (const { metadata } of this.#pods.byIndex('namespace', service.metadata.namespace ?? '')) {
      if (!selector.matches(metadata.labels ?? {})) continue;
      const group = labels.find((label) =>
        Object.entries(metadata.labels ?? {}).some(([k, v]) => `${k}=${v}` === label),
      );
      if (group !== undefined) groups.push([metadata.name ?? '', group]);
    }
    return Object.fromEntries(groups.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Of this very service, not of another of its name that came after it. */
  async #patch(service: Service, changes: { metadata: Record<string, unknown>; status?: object }): Promise<void> {
    const { namespace = '', name } = splitKey(keyOf(service));
    const document = { ...changes, metadata: { ...changes.metadata, uid: service.metadata.uid } };
    const patch = { kind: 'strategic', document } as const;
    await unlessGone(this.#context.client.patch(services, { namespace, name }, patch, { subresource: 'status' }));
  }

  #record(service: Service, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const object = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
    this.#context.recorder.record(object, type, reason, message);
  }
}

/** The `label=value` that a service gives weights to. */
function labelWeights(service: Service): string[] {
  if (algorithmOf(service) !== 'weighted') return [];
  const weights = parseWeights(service.metadata.annotations?.[balancingAnnotations.weights]);
  return weights.flatMap(({ of }) => (of.includes('=') ? [of] : []));
}

function isHeld({ metadata }: Service): boolean {
  return metadata.finalizers?.includes(cleanupFinalizer) ?? false;
}

/** Controllers of other classes have the same finalizer. */
function mayFinalize(service: Service): boolean {
  return isOwnLoadBalancer(service) || service.spec?.type !== 'LoadBalancer';
}

function addressesOf({ status }: Service): string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
}
