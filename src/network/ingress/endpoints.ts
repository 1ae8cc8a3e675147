import { isIPv4, isIPv6 } from 'node:net';
import type { Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Endpoint as SliceEndpoint, EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { ServiceBackendPort } from '../../api/types/networking-v1.ts';
import type { Endpoint } from './model.ts';

/** The port of a service that an ingress means, by name or number. */
export function findPort(service: Service, wanted: ServiceBackendPort | undefined): ServicePort | undefined {
  return (service.spec?.ports ?? []).find((port) => {
    if (wanted?.name) return port.name === wanted.name;
    return port.port === wanted?.number && (port.protocol ?? 'TCP') === 'TCP';
  });
}

/**
 * The endpoints of a service's port that are ready; if none is, those that still serve while they end. Sorted.
 */
export function endpointsOf(port: ServicePort, slices: readonly EndpointSlice[]): Endpoint[] {
  const all = slices.flatMap((slice) => addressesOf(slice, port));
  const ready = all.filter(({ endpoint }) => endpoint.conditions?.ready ?? true);
  const chosen = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions?.serving);
  const unique = new Map(chosen.map((found) => [`${found.address} ${found.port}`, found]));
  return [...unique]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, found]) => ({ address: found.address, port: found.port, weight: 1 }));
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
