import { formatTime } from '../../base/clock.ts';
import { mapMatcher } from '../../api/label-selector.ts';
import { isApiError } from '../../api/status.ts';
import type { EndpointAddress, Endpoints, EndpointSubset, Pod, Service } from '../../api/types/core-v1.ts';
import { splitKey, type Informer } from '../../client/informer.ts';
import { endpoints as endpointsResource, pods as podResource, services } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import { isPodReady } from '../pod-state.ts';
import { done, type Outcome } from '../reconciler.ts';
import { canonicalJson, semanticallyEqual } from '../semantic-equality.ts';
import {
  canBeEndpoint,
  endpointHostname,
  endpointPorts,
  familiesOf,
  inheritedLabels,
  isHeadless,
  podAddresses,
  podReference,
  selectsPods,
  triggerTimeAnnotation,
} from './pod-endpoint.ts';
import { enqueueChanged, enqueueServicesOfPods } from './service-events.ts';
import { indexServices } from './service-index.ts';
import { isTerminatingNamespace } from './slice-writer.ts';
import { TriggerTimes } from './trigger-time.ts';

const maxAddresses = 1000;
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';

/** The subsets of a service: its pods in its first family, grouped by the ports they serve. */
export function desiredSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishAll = service.spec?.publishNotReadyAddresses ?? false;
  const family = familiesOf(service)[0] ?? 'IPv4';
  const subsets = new Map<string, Required<EndpointSubset>>();
  for (const pod of pods) {
    const ip = podAddresses(pod, family)[0];
    if (ip === undefined || !canBeEndpoint(pod, publishAll)) continue;
    const ports = endpointPorts(service, pod).map(({ name, port = 0, ...rest }) => ({
      ...(name && { name }),
      port,
      ...rest,
    }));
    if (ports.length === 0 && !(isHeadless(service) && (service.spec?.ports ?? []).length === 0)) continue;
    const key = canonicalJson(ports);
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports };
    (publishAll || isPodReady(pod) ? subset.addresses : subset.notReadyAddresses).push(addressOf(ip, pod, service));
    subsets.set(key, subset);
  }
  return [...subsets]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { addresses, notReadyAddresses, ports }]) => ({
      ...(addresses.length > 0 && { addresses: addresses.toSorted(byIp) }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses: notReadyAddresses.toSorted(byIp) }),
      ...(ports.length > 0 && { ports }),
    }));
}

/** At most a thousand addresses go into one object, ready ones first; `truncated` says that some were left out. */
export function truncateSubsets(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const count = (field: 'addresses' | 'notReadyAddresses'): number =>
    subsets.reduce((sum, subset) => sum + (subset[field]?.length ?? 0), 0);
  const ready = count('addresses');
  if (ready + count('notReadyAddresses') <= maxAddresses) return { subsets, truncated: false };
  let readyRoom = Math.min(maxAddresses, ready);
  let notReadyRoom = maxAddresses - readyRoom;
  const cut = subsets.map((subset) => {
    const addresses = (subset.addresses ?? []).slice(0, readyRoom);
    const notReadyAddresses = (subset.notReadyAddresses ?? []).slice(0, notReadyRoom);
    readyRoom -= addresses.length;
    notReadyRoom -= notReadyAddresses.length;
    return {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ...(subset.ports && { ports: subset.ports }),
    };
  });
  return { subsets: cut.filter((subset) => subset.addresses ?? subset.notReadyAddresses), truncated: true };
}

/** Publishes the pods of services as Endpoints, for readers that do not know endpoint slices. */
export class EndpointsReconciler implements Controller {
  readonly name = 'endpoint-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #servicesOf: (pod: Pod) => string[];
  readonly #times = new TriggerTimes();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#services = context.informers.of(services);
    this.#pods = context.informers.of(podResource);
    this.#endpoints = context.informers.of(endpointsResource);
    this.#servicesOf = indexServices(this.#services);
    this.#pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
  }

  watch(enqueue: Enqueue): () => void {
    const ends = [
      enqueueChanged(this.#services, enqueue),
      enqueueServicesOfPods({ pods: this.#pods, servicesOf: this.#servicesOf, enqueue }),
      enqueueChanged(this.#endpoints, enqueue),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const service = this.#services.get(key);
    const current = this.#endpoints.get(key);
    if (!service) {
      this.#times.forget(key);
      // Only what this controller made: hand-made Endpoints may exist without a service.
      if (current?.metadata.labels?.[managedByLabel] === this.name) await this.#remove(key);
      return done;
    }
    if (!selectsPods(service) || service.metadata.deletionTimestamp !== undefined) return done;
    const next = this.#desired(key, service, current);
    if (current && isSame(current, next)) return done;
    await this.#write(current, next);
    return done;
  }

  #desired(key: string, service: Service, current: Endpoints | undefined): Endpoints {
    const selector = mapMatcher(service.spec?.selector ?? {});
    const selected = this.#pods
      .byIndex('namespace', service.metadata.namespace ?? '')
      .filter((pod) => selector.matches(pod.metadata.labels));
    const { subsets, truncated } = truncateSubsets(desiredSubsets(service, selected));
    const time = this.#times.next(key, service, selected);
    const { [overCapacityAnnotation]: _, ...annotations } = current?.metadata.annotations ?? {};
    if (truncated) annotations[overCapacityAnnotation] = 'truncated';
    if (time !== undefined) annotations[triggerTimeAnnotation] = formatTime(time);
    const labels = { ...inheritedLabels(service, isHeadless(service)), [managedByLabel]: this.name };
    const { name, namespace } = splitKey(key);
    return {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...current?.metadata, name, ...(namespace && { namespace }), labels, annotations },
      ...(subsets.length > 0 && { subsets }),
    };
  }

  async #write(current: Endpoints | undefined, next: Endpoints): Promise<void> {
    const { client } = this.#context;
    try {
      await (current ? client.update(endpointsResource, next) : client.create(endpointsResource, next));
    } catch (error) {
      if (!isTerminatingNamespace(error)) throw error;
    }
  }

  async #remove(key: string): Promise<void> {
    const { name, namespace } = splitKey(key);
    try {
      await this.#context.client.delete(
        endpointsResource,
        nameOf({ metadata: { name, ...(namespace && { namespace }) } }),
      );
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}

/** The same for readers: the trigger time alone is no reason to write. */
function isSame(current: Endpoints, next: Endpoints): boolean {
  const truncated = (object: Endpoints): string | undefined => object.metadata.annotations?.[overCapacityAnnotation];
  return (
    semanticallyEqual(current.subsets, next.subsets) &&
    semanticallyEqual(current.metadata.labels, next.metadata.labels) &&
    truncated(current) === truncated(next)
  );
}

function addressOf(ip: string, pod: Pod, service: Service): EndpointAddress {
  const hostname = endpointHostname(pod, service);
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: podReference(pod),
  };
}

function byIp(a: EndpointAddress, b: EndpointAddress): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
}
