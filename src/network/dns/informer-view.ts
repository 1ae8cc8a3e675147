import { keyOf } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { endpointSlices, namespaces, services } from '../../client/resources.ts';
import type { ClusterView } from './cluster-zone.ts';

/** The zone's view over shared informers: look-ups only, nothing is copied. */
export function createInformerView(informers: Informers): ClusterView {
  const byService = informers.of(services);
  const bySlice = informers.of(endpointSlices);
  const byNamespace = informers.of(namespaces);
  byService.addIndex('ip', (service) => service.spec?.clusterIPs ?? []);
  bySlice.addIndex('service', (slice) => [
    `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
  ]);
  bySlice.addIndex('ip', (slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses));
  return {
    service: (namespace, name) => byService.get(keyOf({ metadata: { namespace, name } })),
    slices: (namespace, name) => bySlice.byIndex('service', `${namespace}/${name}`),
    hasNamespace: (namespace) => byNamespace.get(namespace) !== undefined,
    servicesByIp: (ip) => byService.byIndex('ip', ip),
    slicesByIp: (ip) => bySlice.byIndex('ip', ip),
  };
}
