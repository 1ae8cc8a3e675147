import { isIPv4, isIPv6 } from 'node:net';
import type { Service, ServicePort } from '../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../api/types/discovery-v1.ts';

/** An endpoint of one service port. */
export interface Target {
  ip: string;
  port: number;
  /** The pod behind it. */
  pod: string | undefined;
}

/** What nftables calls IPv4 and IPv6. */
export type Family = 'ip' | 'ip6';

export function nftFamilyOf(address: string): Family {
  return address.includes(':') ? 'ip6' : 'ip';
}

/** The label that makes a service another proxy's, or nobody's; its value says nothing. */
export function leftAloneBy({ metadata }: Service): string | undefined {
  const labels = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];
  return labels.find((label) => metadata.labels?.[label] !== undefined);
}

/** Where rules are rendered for. */
export interface Place {
  /** Undefined on the host, which runs no pods. */
  nodeName: string | undefined;
  zone?: string | undefined;
  /** Of the addresses looked at; `ip` when it is not said. */
  family?: Family | undefined;
}

interface Candidate extends Target {
  endpoint: Endpoint;
}

/** Endpoints of a service port, by who may send to them. */
export interface PortTargets {
  /** For clients that may go anywhere. */
  cluster: readonly Target[];
  /** On this node alone. */
  local: readonly Target[];
  /** Ready or not: connections that they have may go on. */
  known: readonly Target[];
  /** Of those known: not ready, and not on their way out. */
  failing: readonly Target[];
}

/**
 * Ready endpoints for a port, in a stable order; when none is ready, those that still serve while they terminate
 * (KEP-1669, for all and for the node's own alike). Hints of the slices narrow the choice for this node (KEP-4444).
 */
export function targetsOf(slices: readonly EndpointSlice[], port: ServicePort, place: Place): PortTargets {
  const ready = new Map<string, Candidate>();
  const serving = new Map<string, Candidate>();
  const known: Target[] = [];
  const failing: Target[] = [];
  for (const slice of slices) {
    if (slice.addressType !== (place.family === 'ip6' ? 'IPv6' : 'IPv4')) continue;
    const slicePort = slice.ports?.find(
      (p) => (p.name ?? '') === (port.name ?? '') && protocolOf(p) === protocolOf(port),
    );
    if (!slicePort?.port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const isReady = endpoint.conditions?.ready ?? true;
      const isServing = endpoint.conditions?.serving ?? isReady;
      const ip = endpoint.addresses[0] as string;
      const pod = endpoint.targetRef?.kind === 'Pod' ? endpoint.targetRef.name : undefined;
      const candidate = { ip, port: slicePort.port, pod, endpoint };
      known.push(candidate);
      if (isReady || isServing) (isReady ? ready : serving).set(`${ip}:${slicePort.port}`, candidate);
      else if (!endpoint.conditions?.terminating) failing.push(candidate);
    }
  }
  const isLocal = ({ endpoint }: Candidate): boolean => endpoint.nodeName === place.nodeName;
  const local =
    place.nodeName === undefined ? [] : firstNonEmpty(inOrder(ready).filter(isLocal), inOrder(serving).filter(isLocal));
  return {
    cluster: ready.size > 0 ? nearby(inOrder(ready), place) : inOrder(serving),
    local,
    known,
    failing,
  };
}

/** Addresses of the endpoints that are ready, whatever their ports; without any, of those that still serve. */
export function endpointIps(slices: readonly EndpointSlice[], family: Family): string[] {
  const endpoints = slices
    .filter(({ addressType }) => addressType === (family === 'ip6' ? 'IPv6' : 'IPv4'))
    .flatMap((slice) => slice.endpoints ?? []);
  const of = (is: (endpoint: Endpoint) => boolean | undefined): string[] =>
    [...new Set(endpoints.filter(is).map(({ addresses }) => addresses[0] as string))].toSorted();
  return firstNonEmpty(
    of(({ conditions }) => conditions?.ready ?? true),
    of(({ conditions }) => conditions?.serving),
  );
}

function inOrder(candidates: ReadonlyMap<string, Candidate>): Candidate[] {
  return [...candidates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate);
}

function firstNonEmpty<T>(first: T[], second: T[]): T[] {
  return first.length > 0 ? first : second;
}

/** Hints count when every endpoint has them and one at least names this node, or its zone. */
function nearby(candidates: Candidate[], { nodeName, zone }: Place): Candidate[] {
  const named = (kind: 'forNodes' | 'forZones', name: string | undefined): Candidate[] => {
    if (name === undefined || candidates.some(({ endpoint }) => !endpoint.hints?.[kind]?.length)) return [];
    return candidates.filter(({ endpoint }) => endpoint.hints?.[kind]?.some((hint) => hint.name === name));
  };
  return firstNonEmpty(named('forNodes', nodeName), firstNonEmpty(named('forZones', zone), candidates));
}

/** Ready endpoints on the node, over all ports: what a health check of an external load balancer asks for. */
export function localEndpointCount(slices: readonly EndpointSlice[], nodeName: string): number {
  // A pod with two addresses is in a slice of each family.
  const found = new Set<string>();
  for (const { endpoints } of slices) {
    for (const { addresses, targetRef, conditions, nodeName: node } of endpoints ?? []) {
      if (node === nodeName && (conditions?.ready ?? true)) found.add(targetRef?.uid ?? (addresses[0] as string));
    }
  }
  return found.size;
}

export function protocolOf(port: { protocol?: string }): string {
  return (port.protocol ?? 'TCP').toLowerCase();
}

/** The service's cluster addresses of this family. */
export function clusterIps(service: Service, family: Family): string[] {
  const spec = service.spec;
  const ips = spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? ''];
  return ips.filter(isOf(family));
}

/** Addresses that a load balancer answers at; those of mode `Proxy` are not the data plane's to catch. */
export function balancerIps(service: Service, family: Family): string[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return ingress.filter(({ ipMode }) => ipMode !== 'Proxy').flatMap(({ ip }) => (ip && isOf(family)(ip) ? [ip] : []));
}

/** Whether an address is of the family: headless services have `None`, and some have nothing. */
export function isOf(family: Family): (ip: string) => boolean {
  return family === 'ip' ? isIPv4 : isIPv6;
}
