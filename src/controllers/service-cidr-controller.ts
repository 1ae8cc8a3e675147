import type { Service } from '../api/types/core-v1.ts';
import type { Condition } from '../api/types/meta-v1.ts';
import type { ServiceCIDR } from '../api/types/networking-v1.ts';
import { formatTime } from '../base/clock.ts';
import { isIpInBlock } from '../base/ip-address.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import { serviceCidrs, services } from '../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from './controller.ts';
import { done, type Outcome } from './reconciler.ts';
import { unlessGone } from './unless-gone.ts';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';

/**
 * Says that ServiceCIDRs are ready, and keeps those that are being deleted while services have addresses that no other
 * range has (KEP-1880). Addresses are given out by the API server.
 */
export class ServiceCidrReconciler implements Controller {
  readonly name = 'service-cidrs-controller';
  readonly #context: ControllerContext;
  readonly #cidrs: Informer<ServiceCIDR>;
  readonly #services: Informer<Service>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#cidrs = context.informers.of(serviceCidrs);
    this.#services = context.informers.of(services);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (): void => {
      for (const cidr of this.#cidrs.list()) if (cidr.metadata.deletionTimestamp) enqueue(keyOf(cidr));
    };
    const ends = [
      this.#cidrs.subscribe({
        added: (cidr) => {
          enqueue(keyOf(cidr));
          look();
        },
        updated: (cidr) => enqueue(keyOf(cidr)),
        deleted: look,
      }),
      this.#services.subscribe({ updated: look, deleted: look }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(name: string): Promise<Outcome> {
    const object = this.#cidrs.get(name);
    if (!object) return done;
    const { finalizers = [], deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined) {
      if (!finalizers.includes(finalizer)) await this.#setFinalizers(object, [...finalizers, finalizer]);
      await this.#setReady(object, { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' });
      return done;
    }
    if (!finalizers.includes(finalizer)) return done;
    if ([...this.#services.list()].some((service) => this.#needs(service, object))) {
      const message =
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
      await this.#setReady(object, { status: 'False', reason: 'Terminating', message });
      return done;
    }
    await this.#setFinalizers(
      object,
      finalizers.filter((other) => other !== finalizer),
    );
    return done;
  }

  /** Whether the service has an address that lies in this range alone. */
  #needs({ spec }: Service, object: ServiceCIDR): boolean {
    const others = [...this.#cidrs.list()].filter(
      ({ metadata }) => metadata.name !== object.metadata.name && metadata.deletionTimestamp === undefined,
    );
    return (spec?.clusterIPs ?? [])
      .filter((address) => address !== 'None' && address !== '')
      .some((address) => contains(object, address) && !others.some((other) => contains(other, address)));
  }

  async #setFinalizers({ metadata }: ServiceCIDR, finalizers: readonly string[]): Promise<void> {
    const document = { metadata: { uid: metadata.uid, resourceVersion: metadata.resourceVersion, finalizers } };
    await unlessGone(
      this.#context.client.patch(serviceCidrs, { name: metadata.name ?? '' }, { kind: 'merge', document }),
    );
  }

  async #setReady(object: ServiceCIDR, ready: Pick<Condition, 'status' | 'reason' | 'message'>): Promise<void> {
    const { metadata, status } = object;
    const known = status?.conditions?.find(({ type }) => type === 'Ready');
    if (known?.status === ready.status && known.reason === ready.reason) return;
    const { client, clock } = this.#context;
    const conditions = [{ type: 'Ready', lastTransitionTime: formatTime(clock.now()), ...ready }];
    const document = { metadata: { uid: metadata.uid }, status: { conditions } };
    await unlessGone(
      client.patch(serviceCidrs, { name: metadata.name ?? '' }, { kind: 'merge', document }, { subresource: 'status' }),
    );
  }
}

function contains({ spec }: ServiceCIDR, address: string): boolean {
  return (spec?.cidrs ?? []).some((cidr) => isIpInBlock(address, cidr));
}
