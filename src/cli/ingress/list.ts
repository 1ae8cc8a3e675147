import { isApiError } from '../../api/status.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { endpointSlices, ingresses, services } from '../../client/resources.ts';
import { aliasedService } from '../../network/ingress/endpoints.ts';
import { type Where, withCluster } from '../lb/connection.ts';
import { createOutput, table } from '../output.ts';
import { routesOf, type ServicesAndSlices } from './routes.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

/** Of a cluster, in the namespaces that were asked for. */
export async function list(options: Where & { output?: 'json' }): Promise<void> {
  const { namespace } = options;
  const where = namespace === undefined ? {} : { namespace };
  const routes = await withCluster(options, async (client) => {
    const [all, own, slices] = await Promise.all([
      client.list(ingresses, where),
      client.list(services, where),
      client.list(endpointSlices, where),
    ]);
    // Of a namespace alone, what its external names lead to elsewhere has not been read.
    const elsewhere =
      namespace === undefined ? [] : aliases(own.items).filter((key) => !key.startsWith(`${namespace}/`));
    const others = await Promise.all(elsewhere.map((key) => readService(client, key)));
    return routesOf(all.items, {
      services: [...own.items, ...others.flatMap((other) => other.services)],
      slices: [...slices.items, ...others.flatMap((other) => other.slices)],
    });
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

function aliases(all: readonly Service[]): string[] {
  return [...new Set(all.flatMap((service) => aliasOf(service) ?? []))];
}

function aliasOf(service: Service): string | undefined {
  return service.spec?.type === 'ExternalName' ? aliasedService(service) : undefined;
}

/** Nothing where it is not there, or not for this user to see. */
async function readService(client: Client, key: string): Promise<ServicesAndSlices> {
  const [namespace = '', name = ''] = key.split('/');
  try {
    const [service, slices] = await Promise.all([
      client.get(services, { namespace, name }),
      client.list(endpointSlices, { namespace, labelSelector: `${serviceNameLabel}=${name}` }),
    ]);
    return { services: [service], slices: slices.items };
  } catch (error) {
    if (isApiError(error, 'NotFound') || isApiError(error, 'Forbidden')) return { services: [], slices: [] };
    throw error;
  }
}
