import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Ingress, IngressServiceBackend } from '../../api/types/networking-v1.ts';
import { aliasedService, endpointsOf, findPort } from '../../network/ingress/endpoints.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** One route, as `timonel ingress list -o json` gives it. */
interface RouteReport {
  namespace: string;
  name: string;
  class: string | undefined;
  host: string;
  path: string;
  tls: boolean;
  service: string;
  /** Those that requests are sent to. */
  endpoints: number;
  /** `Pending`: nobody serves it yet; `Unavailable`: there is no endpoint to send requests to. */
  status: 'Pending' | 'Unavailable' | 'Active';
}

export interface ServicesAndSlices {
  services: readonly Service[];
  slices: readonly EndpointSlice[];
}

/** Where ingresses lead, a report for each path. Pure. */
export function routesOf(ingresses: readonly Ingress[], { services, slices }: ServicesAndSlices): RouteReport[] {
  const known = new Map(services.map((service) => [keyOf(service), service]));
  const slicesOf = ({ metadata: { namespace, name } }: Service): EndpointSlice[] =>
    slices.filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === name);
  const count = (namespace: string, backend: IngressServiceBackend): number => {
    const found = leadsTo(`${namespace}/${backend.name}`, backend, known);
    return found ? endpointsOf(found.service, found.port, slicesOf(found.service)).length : 0;
  };
  return ingresses.flatMap((ingress) => reportsOf(ingress, count));
}

function keyOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** An external name that stands for another service of the cluster is that one, at the same port number. */
function leadsTo(key: string, { port: wanted }: IngressServiceBackend, known: ReadonlyMap<string, Service>) {
  const named = known.get(key);
  if (!named) return undefined;
  const isAlias = named.spec?.type === 'ExternalName';
  const service = isAlias ? known.get(aliasedService(named) ?? '') : named;
  const number = findPort(named, wanted)?.port ?? wanted?.number;
  const port = service && findPort(service, isAlias && number !== undefined ? { number } : wanted);
  return service && port && service.spec?.type !== 'ExternalName' ? { service, port } : undefined;
}

function reportsOf(
  { metadata, spec = {}, status }: Ingress,
  count: (namespace: string, backend: IngressServiceBackend) => number,
): RouteReport[] {
  const { name = '', namespace = '' } = metadata;
  const isServed = (status?.loadBalancer?.ingress ?? []).length > 0;
  const hasTls = (host: string): boolean =>
    (spec.tls ?? []).some(({ hosts = [] }) => hosts.length === 0 || hosts.includes(host));
  const paths = (spec.rules ?? []).flatMap(({ host = '', http }) =>
    (http?.paths ?? []).map(({ path = '/', backend }) => ({ host, path, backend })),
  );
  const all = [...paths, ...(spec.defaultBackend ? [{ host: '', path: '/', backend: spec.defaultBackend }] : [])];
  return all.map(({ host, path, backend: { service } }) => {
    const endpoints = service ? count(namespace, service) : 0;
    return {
      ...{ namespace, name, class: spec.ingressClassName, host: host || '*', path, tls: hasTls(host) },
      service: service ? `${service.name}:${service.port?.name || service.port?.number}` : '<none>',
      endpoints,
      status: !isServed ? 'Pending' : endpoints > 0 ? 'Active' : 'Unavailable',
    };
  });
}
