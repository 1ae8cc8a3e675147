import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { type InformerHandler, keyOf } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import type { KubeObject } from '../../api/object.ts';
import { endpointSlices, namespaces, services } from '../../client/resources.ts';
import { lookUps, type ObservedView } from './answer-cache.ts';
import { dnsNamesOf } from './cluster-zone.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** The zone's view over shared informers: look-ups only, nothing is copied. */
export function createInformerView(informers: Informers): ObservedView {
  const byService = informers.of(services);
  const bySlice = informers.of(endpointSlices);
  const byNamespace = informers.of(namespaces);
  byService.addIndex('ip', ipsOfService);
  byService.addIndex('alias', (service) => dnsNamesOf(service).map((name) => `${service.metadata.namespace}/${name}`));
  bySlice.addIndex('service', (slice) => [`${slice.metadata.namespace}/${serviceNameOf(slice)}`]);
  bySlice.addIndex('ip', ipsOfSlice);
  return {
    service: (namespace, name) => byService.get(keyOf({ metadata: { namespace, name } })),
    serviceByAlias: (namespace, alias) => byService.byIndex('alias', `${namespace}/${alias}`)[0],
    slices: (namespace, name) => bySlice.byIndex('service', `${namespace}/${name}`),
    hasNamespace: (namespace) => byNamespace.get(namespace) !== undefined,
    servicesByIp: (ip) => byService.byIndex('ip', ip),
    slicesByIp: (ip) => bySlice.byIndex('ip', ip),
    onChange(changed) {
      const services = everyVersion<Service>((service) => {
        changed(lookUps.service(service.metadata.namespace ?? '', service.metadata.name ?? ''));
        for (const ip of ipsOfService(service)) changed(lookUps.ip(ip));
        for (const name of dnsNamesOf(service)) changed(lookUps.alias(service.metadata.namespace ?? '', name));
      });
      const slices = everyVersion<EndpointSlice>((slice) => {
        changed(lookUps.service(slice.metadata.namespace ?? '', serviceNameOf(slice)));
        for (const ip of ipsOfSlice(slice)) changed(lookUps.ip(ip));
      });
      const stops = [byService.subscribe(services), bySlice.subscribe(slices)];
      const namespaceChanged = ({ metadata }: KubeObject): void => changed(lookUps.namespace(metadata.name ?? ''));
      stops.push(byNamespace.subscribe({ added: namespaceChanged, deleted: namespaceChanged }));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** Calls `touch` for what an object was and for what it is. */
function everyVersion<T extends KubeObject>(touch: (object: T) => void): InformerHandler<T> {
  return {
    added: touch,
    deleted: touch,
    updated(object, old) {
      touch(old);
      touch(object);
    },
  };
}

function ipsOfService({ spec }: Service): readonly string[] {
  return spec?.clusterIPs ?? [];
}

function ipsOfSlice({ endpoints }: EndpointSlice): string[] {
  return (endpoints ?? []).flatMap(({ addresses }) => addresses);
}

function serviceNameOf({ metadata }: EndpointSlice): string {
  return metadata.labels?.[serviceNameLabel] ?? '';
}
