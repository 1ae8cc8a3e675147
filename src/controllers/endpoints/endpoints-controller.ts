import { formatTime } from '../../base/clock.ts';
import { mapMatcher } from '../../api/label-selector.ts';
import { isApiError } from '../../api/status.ts';
import type { Endpoints, Pod, Service } from '../../api/types/core-v1.ts';
import { splitKey, type Informer } from '../../client/informer.ts';
import { endpoints as endpointsResource, pods as podResource, services } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { inheritedLabels, isHeadless, selectsPods, triggerTimeAnnotation } from './pod-endpoint.ts';
import { enqueueChanged, enqueueServicesOfPods } from './service-events.ts';
import { indexServices } from './service-index.ts';
import { desiredSubsets, truncateSubsets } from './subsets.ts';
import { isTerminatingNamespace } from './slice-writer.ts';
import { TriggerTimes } from './trigger-time.ts';

const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';

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
