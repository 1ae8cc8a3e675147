import type { Service } from '../../api/types/core-v1.ts';
import { wantedHostPorts } from '../host-ports.ts';
import { findDestination, isLocalhost } from './ends.ts';
import { portOf } from './plan.ts';
import type { Destination, Entry, Source, TraceFacts } from './facts.ts';

/** What a connection is to, and by which port of it. */
export interface Way {
  destination: Destination;
  port: string | undefined;
  entry?: Entry;
}

interface Published extends Entry {
  service: Service;
  /** The service's own. */
  servicePort: number;
}

/** Like {@link findDestination}, and through the ports that services have on the host and on nodes. */
export function findWay(
  { host, port }: { host: string; port: string | undefined },
  source: Source,
  facts: TraceFacts,
  namespace: string,
): Way {
  if (isLocalhost(host) && source.kind === 'pod') {
    const entry = { ip: '127.0.0.1', port: Number(port), how: 'inside of the pod' };
    return { destination: { kind: 'pod', pod: source.pod }, port, entry };
  }
  const ip = host === 'localhost' ? '127.0.0.1' : host;
  const destination = findDestination(ip, source, facts, namespace);
  if (destination.kind === 'service') {
    const how = destination.name === undefined ? howAt(ip, destination.service) : undefined;
    const asked = how && portOf(destination.service, port, undefined);
    return { destination, port, ...(asked && { entry: { ip, port: asked.port, how } }) };
  }
  if (destination.kind !== 'address') return { destination, port };
  const published = publishedAt(ip, Number(port), facts.services);
  if (!published) return { destination, port };
  const { service, servicePort, ...entry } = published;
  return { destination: { kind: 'service', service, name: undefined }, port: String(servicePort), entry };
}

/** What an address of a service is to it, besides its own. */
function howAt(ip: string, { spec, status }: Service): string | undefined {
  if ((status?.loadBalancer?.ingress ?? []).some((each) => each.ip === ip)) return "its load balancer's address";
  return (spec?.externalIPs ?? []).includes(ip) ? 'an external address of it' : undefined;
}

function publishedAt(ip: string, port: number, services: readonly Service[]): Published | undefined {
  for (const service of services) {
    const onHost = wantedHostPorts(service).find((each) => each.hostPort === port);
    if (onHost && isLocalhost(ip)) {
      return { ip, port, how: 'published on the host', service, servicePort: onHost.port };
    }
    const onNodes = service.spec?.ports?.find(({ nodePort }) => nodePort === port);
    if (onNodes) return { ip, port, how: 'its port on the nodes', service, servicePort: onNodes.port };
  }
  return undefined;
}

/** Every port that a service has on the host: `18080 (default/web)`. */
export function publishedPorts(services: readonly Service[]): string[] {
  return services.flatMap((service) => {
    const name = `${service.metadata.namespace}/${service.metadata.name}`;
    const nodePorts = (service.spec?.ports ?? []).flatMap(({ nodePort }) => nodePort ?? []);
    return [...wantedHostPorts(service).map(({ hostPort }) => hostPort), ...nodePorts].map(
      (port) => `${port} (${name})`,
    );
  });
}
