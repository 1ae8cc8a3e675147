import type { Ingress } from '../../api/types/networking-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { endpointSlices, ingresses } from '../../client/resources.ts';
import { type Where, withCluster } from '../lb/connection.ts';
import { createOutput, table } from '../output.ts';

/** One route, as `timonel ingress list -o json` gives it. */
interface RouteReport {
  namespace: string;
  name: string;
  class: string | undefined;
  host: string;
  path: string;
  tls: boolean;
  service: string;
  /** Ready ones. */
  endpoints: number;
  /** `Pending`: nobody serves it yet; `Unavailable`: no endpoint is ready. */
  status: 'Pending' | 'Unavailable' | 'Active';
}

export async function list(options: Where & { output?: 'json' }): Promise<void> {
  const { namespace } = options;
  const where = namespace === undefined ? {} : { namespace };
  const routes = await withCluster(options, async (client) => {
    const [all, slices] = await Promise.all([client.list(ingresses, where), client.list(endpointSlices, where)]);
    return all.items.flatMap((ingress) => routesOf(ingress, slices.items));
  });
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(routes));
  if (routes.length === 0) return output.message('There are no ingresses.');
  const rows = routes.map((route) => [
    ...[route.namespace, route.name, route.class ?? '<none>', route.host, route.path, route.tls ? 'yes' : 'no'],
    ...[route.service, String(route.endpoints), route.status],
  ]);
  output.data(table(['NAMESPACE', 'NAME', 'CLASS', 'HOST', 'PATH', 'TLS', 'SERVICE', 'ENDPOINTS', 'STATUS'], rows));
}

function routesOf({ metadata, spec = {}, status }: Ingress, slices: readonly EndpointSlice[]): RouteReport[] {
  const { name = '', namespace = '' } = metadata;
  const isServed = (status?.loadBalancer?.ingress ?? []).length > 0;
  const hasTls = (host: string): boolean =>
    (spec.tls ?? []).some(({ hosts = [] }) => hosts.length === 0 || hosts.includes(host));
  const paths = (spec.rules ?? []).flatMap(({ host = '', http }) =>
    (http?.paths ?? []).map(({ path = '/', backend }) => ({ host, path, backend })),
  );
  const all = [...paths, ...(spec.defaultBackend ? [{ host: '', path: '/', backend: spec.defaultBackend }] : [])];
  return all.map(({ host, path, backend }) => {
    const { service } = backend;
    const endpoints = slices
      .filter((slice) => isOf(slice, namespace, service?.name))
      .flatMap((slice) => (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready ?? true)).length;
    return {
      ...{ namespace, name, class: spec.ingressClassName, host: host || '*', path, tls: hasTls(host) },
      service: service ? `${service.name}:${service.port?.name || service.port?.number}` : '<none>',
      endpoints,
      status: !isServed ? 'Pending' : endpoints > 0 ? 'Active' : 'Unavailable',
    };
  });
}

function isOf({ metadata }: EndpointSlice, namespace: string, service: string | undefined): boolean {
  return metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === service;
}
