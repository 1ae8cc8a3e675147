import type { IpFamily } from '../../base/ip-address.ts';
import type { Endpoints, Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Informer } from '../../client/informer.ts';
import { endpoints as endpointsResource, endpointSlices, services } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { controllerReference } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { headlessLabel, triggerTimeAnnotation } from './pod-endpoint.ts';
import { managedByLabel, serviceOfSlice } from './slice-controller.ts';
import { mirroredGroups, shouldMirror } from './mirror.ts';
import { enqueueChanged } from './service-events.ts';
import { packSlices } from './slice-packing.ts';
import { SliceWriter } from './slice-writer.ts';
import { lastAppliedAnnotation, serviceNameLabel } from '../../api/well-known.ts';

const manager = 'endpointslicemirroring-controller.k8s.io';
const notMirrored: ReadonlySet<string> = new Set([lastAppliedAnnotation, triggerTimeAnnotation]);
const families: readonly IpFamily[] = ['IPv4', 'IPv6'];

/** Copies hand-made Endpoints into endpoint slices, for readers that know only those. */
export class EndpointSliceMirroringReconciler implements Controller {
  readonly name = 'endpointslicemirroring-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #endpoints: Informer<Endpoints>;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #writer: SliceWriter;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#endpoints = context.informers.of(endpointsResource);
    this.#services = context.informers.of(services);
    this.#slices = context.informers.of(endpointSlices);
    this.#slices.addIndex(manager, serviceOfSlice(manager));
    this.#writer = new SliceWriter(context, this.#slices);
  }

  watch(enqueue: Enqueue): () => void {
    const sliceSeen = (slice: EndpointSlice): void => serviceOfSlice(manager)(slice).forEach((key) => enqueue(key));
    const ends = [
      enqueueChanged(this.#endpoints, enqueue),
      enqueueChanged(this.#services, enqueue),
      this.#slices.subscribe({
        added: sliceSeen,
        updated: sliceSeen,
        deleted: (slice) => {
          for (const key of serviceOfSlice(manager)(slice)) this.#writer.dropped(key, slice);
          sliceSeen(slice);
        },
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (this.#writer.isBehind(key)) return done;
    const existing = this.#slices.byIndex(manager, key);
    const object = this.#endpoints.get(key);
    if (!object || !shouldMirror(object, this.#services.get(key))) {
      await this.#writer.apply(key, { create: [], update: [], remove: [...existing] });
      return done;
    }
    for (const family of families) {
      const ofFamily = existing.filter((slice) => slice.addressType === family);
      const groups = mirroredGroups(object, family).filter((group) => group.endpoints.length > 0);
      const changes =
        groups.length === 0
          ? { create: [], update: [], remove: ofFamily }
          : packSlices({
              existing: ofFamily,
              groups,
              maxEndpoints: this.#context.settings.maxEndpointsPerSlice,
              blank: blankMirror(object, family),
            });
      await this.#writer.apply(key, changes);
    }
    return done;
  }
}

function blankMirror(object: Endpoints, family: IpFamily): EndpointSlice {
  const { name = '', namespace } = object.metadata;
  const { [headlessLabel]: _, ...labels } = object.metadata.labels ?? {};
  const annotations = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => !notMirrored.has(key));
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      ...(namespace && { namespace }),
      labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: manager },
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
      ownerReferences: [controllerReference(object, 'v1', 'Endpoints')],
    },
    addressType: family,
  };
}
