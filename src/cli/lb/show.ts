import { algorithmOf, isOwnLoadBalancer } from '../../api/load-balancing.ts';
import { endpointSlices, services } from '../../client/resources.ts';
import { createOutput, table } from '../output.ts';
import { existingService, type Where, withCluster } from './connection.ts';
import { type BalancerReport, reportOf } from './report.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

type Options = Where & { output?: 'json' };

/** Services of type LoadBalancer, and others that were given a way of spreading. */
export async function list(options: Options): Promise<void> {
  const { namespace } = options;
  const where = namespace === undefined ? {} : { namespace };
  const reports = await withCluster(options, async (client) => {
    const [all, slices] = await Promise.all([client.list(services, where), client.list(endpointSlices, where)]);
    return all.items
      .filter((service) => isOwnLoadBalancer(service) || algorithmOf(service) !== 'round-robin')
      .map((service) => {
        const own = slices.items.filter(({ metadata }) => {
          const owner = metadata.labels?.[serviceNameLabel];
          return metadata.namespace === service.metadata.namespace && owner === service.metadata.name;
        });
        return reportOf(service, own);
      });
  });
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(reports));
  if (reports.length === 0) return output.message('There are no load balancers.');
  const header = ['NAMESPACE', 'NAME', 'CREATED', 'ADDRESS', 'HOST', 'STATUS', 'ALGORITHM', 'ENDPOINTS'];
  const rows = reports.map((report) => [
    report.namespace,
    report.name,
    report.created,
    report.address ?? '<none>',
    report.hostPorts.join(',') || '<none>',
    report.status,
    report.algorithm,
    shares(report),
  ]);
  output.data(table(header, rows));
}

export async function show(name: string, options: Options): Promise<void> {
  const report = await withCluster(options, async (client, namespace) => {
    const service = await existingService(client, namespace, name);
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const { items } = await client.list(endpointSlices, { namespace, labelSelector });
    return reportOf(service, items);
  });
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(report));
  const lines = [
    ['Name', `${report.namespace}/${report.name}`],
    ['Created', report.created],
    ['Address', report.address ?? '<none>'],
    ['Host', report.hostPorts.join(', ') || '<none>'],
    ['Status', report.status],
    ['Algorithm', report.algorithm],
  ] as const;
  for (const [label, value] of lines) output.data(`${`${label}:`.padEnd(12)}${value}`);
  if (report.endpoints.length === 0) return;
  const rows = report.endpoints.map(({ port, pod = '<none>', address, share }) => [
    String(port),
    pod,
    address,
    percent(share),
  ]);
  output.data('');
  output.data(table(['PORT', 'POD', 'ENDPOINT', 'SHARE'], rows));
}

function shares({ endpoints }: BalancerReport): string {
  const shown = endpoints.slice(0, 4).map(({ pod, address, share }) => `${pod ?? address}=${percent(share)}`);
  const more = endpoints.length - shown.length;
  return [...shown, ...(more > 0 ? [`+ ${more} more`] : [])].join(',') || '<none>';
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}
