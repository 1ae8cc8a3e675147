import type { IpFamily } from '../../base/ip-address.ts';
import { formatTime } from '../../base/clock.ts';
import { mapMatcher } from '../../api/label-selector.ts';
import type { Node, Pod, Service } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { endpointSlices, nodes, pods as podResource, services } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { controllerReference } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { familiesOf, inheritedLabels, isHeadless, selectsPods, triggerTimeAnnotation } from './pod-endpoint.ts';
import { enqueueChanged, enqueueServicesOfPods } from './service-events.ts';
import { indexServices } from './service-index.ts';
import { desiredGroups } from './slice-groups.ts';
import { type EndpointGroup, packSlices } from './slice-packing.ts';
import { SliceWriter } from './slice-writer.ts';
import { TriggerTimes } from './trigger-time.ts';
import { wantsZoneHints, withZoneHints, zoneShares, zoneWeight } from './zone-hints.ts';
import { serviceNameLabel, zoneLabel } from '../../api/well-known.ts';

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'endpointslice-controller.k8s.io';

/** Index function: the service of a slice that `managedBy` writes. */
export function serviceOfSlice(managedBy: string): (slice: EndpointSlice) => string[] {
  return ({ metadata: { labels, namespace } }) =>
    labels?.[managedByLabel] === managedBy ? [`${namespace}/${labels[serviceNameLabel]}`] : [];
}

/** Publishes the pods of services as endpoint slices. */
export class EndpointSliceReconciler implements Controller {
  readonly name = 'endpointslice-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #servicesOf: (pod: Pod) => string[];
  readonly #writer: SliceWriter;
  readonly #times = new TriggerTimes();
  /** Services with hints by topology (`enabled`), and why others that ask for them have none. */
  readonly #hinted = new Map<string, string>();
  /** Services that wait for a node to appear, by its name. */
  readonly #waiting = new Map<string, Set<string>>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#services = context.informers.of(services);
    this.#pods = context.informers.of(podResource);
    this.#nodes = context.informers.of(nodes);
    this.#slices = context.informers.of(endpointSlices);
    this.#servicesOf = indexServices(this.#services);
    this.#pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
    this.#slices.addIndex(manager, serviceOfSlice(manager));
    this.#writer = new SliceWriter(context, this.#slices);
  }

  watch(enqueue: Enqueue): () => void {
    const sliceSeen = (slice: EndpointSlice): void => serviceOfSlice(manager)(slice).forEach((key) => enqueue(key));
    const ends = [
      enqueueChanged(this.#services, enqueue),
      enqueueServicesOfPods({ pods: this.#pods, servicesOf: this.#servicesOf, enqueue }),
      this.#slices.subscribe({
        updated: sliceSeen,
        added: sliceSeen,
        deleted: (slice) => {
          for (const key of serviceOfSlice(manager)(slice)) {
            this.#writer.dropped(key, slice);
            enqueue(key);
          }
        },
      }),
      this.#nodes.subscribe({
        added: (node) => this.#nodeAdded(node, enqueue),
        updated: (node, old) => {
          const hasMoved = node.metadata.labels?.[zoneLabel] !== old.metadata.labels?.[zoneLabel];
          if (!hasMoved && semanticallyEqual(zoneWeight(node), zoneWeight(old))) return;
          for (const service of this.#services.list()) {
            if (hasMoved || wantsZoneHints(service)) enqueue(keyOf(service));
          }
        },
        deleted: () => {
          for (const service of this.#services.list()) if (wantsZoneHints(service)) enqueue(keyOf(service));
        },
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const service = this.#services.get(key);
    if (!service) {
      // The slices belong to the service: the garbage collector takes them.
      this.#times.forget(key);
      this.#hinted.delete(key);
      this.#writer.forget(key);
      return done;
    }
    if (!selectsPods(service) || service.metadata.deletionTimestamp !== undefined) return done;
    if (this.#writer.isBehind(key)) return done;
    const selector = mapMatcher(service.spec?.selector ?? {});
    const selected = this.#pods
      .byIndex('namespace', service.metadata.namespace ?? '')
      .filter((pod) => selector.matches(pod.metadata.labels));
    const time = this.#times.next(key, service, selected);
    const existing = this.#slices.byIndex(manager, key);
    const families = familiesOf(service);
    for (const family of families) {
      const { groups: found, missingNodes } = desiredGroups({
        service,
        pods: selected,
        nodeOf: (name) => this.#nodes.get(name),
        family,
      });
      for (const node of missingNodes) this.#waitFor(node, key);
      const groups = this.#withHints(key, service, found);
      const changes = packSlices({
        existing: existing.filter((slice) => slice.addressType === family),
        groups,
        maxEndpoints: this.#context.settings.maxEndpointsPerSlice,
        blank: blankSlice(service, family, time),
      });
      await this.#writer.apply(key, changes);
    }
    const obsolete = existing.filter((slice) => !families.some((family) => family === slice.addressType));
    await this.#writer.apply(key, { create: [], update: [], remove: obsolete });
    return done;
  }

  /** Hints by topology, where the service asks for them; they go before those of its traffic distribution. */
  #withHints(key: string, service: Service, groups: EndpointGroup[]): EndpointGroup[] {
    const all = groups.flatMap(({ endpoints }) => endpoints);
    const hinted = wantsZoneHints(service) ? withZoneHints(all, zoneShares(this.#nodes.list())) : undefined;
    this.#report(key, service, typeof hinted === 'string' ? hinted : hinted && 'enabled');
    if (hinted === undefined || typeof hinted === 'string') return groups;
    let next = 0;
    return groups.map(({ ports, endpoints }) => ({
      ports,
      endpoints: endpoints.map(() => hinted[next++] as Endpoint),
    }));
  }

  /** Upstream's events about hints, when something changed. */
  #report(key: string, service: Service, state: string | undefined): void {
    const before = this.#hinted.get(key);
    if (state === before) return;
    if (state === undefined) this.#hinted.delete(key);
    else this.#hinted.set(key, state);
    const object = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
    const { recorder } = this.#context;
    if (state === 'enabled') {
      recorder.record(object, 'Normal', 'TopologyAwareHintsEnabled', 'Topology Aware Hints has been enabled');
    } else if (state !== undefined) {
      recorder.record(object, 'Warning', 'TopologyAwareHintsDisabled', state);
    }
  }

  #waitFor(node: string, key: string): void {
    const keys = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, keys.add(key));
  }

  #nodeAdded(node: Node, enqueue: Enqueue): void {
    const name = node.metadata.name ?? '';
    this.#waiting.get(name)?.forEach((key) => enqueue(key));
    this.#waiting.delete(name);
  }
}

function blankSlice(service: Service, family: IpFamily, time: number | undefined): EndpointSlice {
  const { name = '', namespace } = service.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      ...(namespace && { namespace }),
      labels: { ...inheritedLabels(service, isHeadless(service)), [serviceNameLabel]: name, [managedByLabel]: manager },
      ...(time !== undefined && { annotations: { [triggerTimeAnnotation]: formatTime(time) } }),
      ownerReferences: [controllerReference(service, 'v1', 'Service')],
    },
    addressType: family,
  };
}
