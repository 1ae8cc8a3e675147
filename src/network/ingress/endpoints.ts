import { isIPv4, isIPv6 } from 'node:net';
import { algorithmOf } from '../../api/load-balancing.ts';
import type { Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Endpoint as SliceEndpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { ServiceBackendPort } from '../../api/types/networking-v1.ts';
import { sharesOf } from '../balancing.ts';
import type { Endpoint } from './model.ts';

/** The port of a service that an ingress means, by name or number. */
export function findPort(service: Service, wanted: ServiceBackendPort | undefined): ServicePort | undefined {
  return (service.spec?.ports ?? []).find((port) => {
    if (wanted?.name) return port.name === wanted.name;
    return port.port === wanted?.number && (port.protocol ?? 'TCP') === 'TCP';
  });
}

/**
 * The endpoints of a service's port that are ready; if none is, those that still serve while they end. Sorted, and
 * weighted as the service says (`timonel.dev/weights`).
 */
export function endpointsOf(service: Service, port: ServicePort, slices: readonly EndpointSlice[]): Endpoint[] {
  const all = slices.flatMap((slice) => addressesOf(slice, port));
  const ready = all.filter(({ endpoint }) => endpoint.conditions?.ready ?? true);
  const chosen = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions?.serving);
  const unique = new Map(chosen.map((found) => [`${found.address} ${found.port}`, found]));
  const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
  const weights = weightsOf(service, sorted);
  return sorted.map(({ address, port: number }, index) => ({ address, port: number, weight: weights[index] ?? 1 }));
}

/** `namespace/name` of the service of the cluster that an ExternalName is another name for. */
export function aliasedService({ spec }: Service): string | undefined {
  const pattern = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?\.?$/i;
  const [, name, namespace] = pattern.exec(spec?.externalName ?? '') ?? [];
  return name === undefined ? undefined : `${namespace}/${name}`.toLowerCase();
}

/** The address of the service itself, as its only endpoint. */
export function ownEndpoint(service: Service, { port }: ServicePort): Endpoint[] {
  const { clusterIP = '' } = service.spec ?? {};
  return isReachable(clusterIP) ? [{ address: clusterIP, port, weight: 1 }] : [];
}

const maxWeight = 256;

/** Whole numbers in the proportion of the shares; who has any share has at least one part. */
function weightsOf(service: Service, found: readonly Found[]): number[] {
  if (algorithmOf(service) !== 'weighted') return found.map(() => 1);
  const shares = sharesOf(
    service,
    found.map(({ endpoint }) => (endpoint.targetRef?.kind === 'Pod' ? endpoint.targetRef.name : undefined)),
  );
  const largest = Math.max(...shares);
  return shares.map((share) => (share > 0 ? Math.max(1, Math.round((share / largest) * maxWeight)) : 0));
}

interface Found {
  address: string;
  port: number;
  endpoint: SliceEndpoint;
}

function addressesOf(slice: EndpointSlice, wanted: ServicePort): Found[] {
  const port = (slice.ports ?? []).find(({ name }) => (name ?? '') === (wanted.name ?? ''))?.port;
  if (port === undefined || !(port >= 1 && port <= 65_535)) return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    // By specification all addresses of an endpoint are the same place; the first will do.
    const [address = ''] = endpoint.addresses;
    return isReachable(address) ? [{ address, port, endpoint }] : [];
  });
}

/** The proxy runs on the host: what listens on its loopback is nobody's endpoint. */
function isReachable(address: string): boolean {
  if (isIPv4(address)) return !/^(?:127|0)\.|^169\.254\./.test(address);
  return isIPv6(address) && !/^(?:::1?$|fe[89ab]|::ffff:)/i.test(address);
}
