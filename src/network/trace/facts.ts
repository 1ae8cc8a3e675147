import { hostAndPort } from '../../base/ip-address.ts';
import type { Namespace, Pod, Service, ServicePort } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { NetworkPolicy } from '../../api/types/networking-v1.ts';
import type { DnsReply } from '../dns/ask.ts';

/** What the API says, that a trace is made from. */
export interface TraceFacts {
  /** `cluster.local` */
  domain: string;
  pods: readonly Pod[];
  services: readonly Service[];
  slices: readonly EndpointSlice[];
  policies: readonly NetworkPolicy[];
  namespaces: readonly Namespace[];
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** Where the packet starts. A host may have no address in the cluster's network (another machine's cluster). */
export type Source = { kind: 'host'; ip: string | undefined } | { kind: 'pod'; pod: Pod };

export type Destination =
  /** `name`: as it was typed, when that is a name that is looked up. `through`: the aliases that lead to the service. */
  | { kind: 'service'; service: Service; name: string | undefined; through?: readonly Service[] }
  | { kind: 'pod'; pod: Pod }
  | { kind: 'address'; ip: string }
  /** No service that is there. `wanted`: the one that it would be. */
  | { kind: 'name'; name: string; wanted: { namespace: string; name: string } | undefined };

/** Where a service is reached that is not its own address. */
export interface Entry {
  ip: string;
  port: number;
  /** `published on the host` */
  how: string;
}

/** An endpoint that the connection may go to. */
export interface TraceTarget {
  ip: string;
  port: number;
  pod: Pod | undefined;
  /** Of new connections, between 0 and 1. */
  share: number;
}

/** What is going to be looked at, and what the API's objects alone say. */
export interface TracePlan {
  source: Source;
  destination: Destination;
  protocol: Protocol;
  /** What the client connects to; undefined: that is not known without the name's answer. */
  port: number | undefined;
  servicePort: ServicePort | undefined;
  /** The service's own address; headless services have none. */
  serviceIp: string | undefined;
  entry?: Entry;
  targets: readonly TraceTarget[];
}

export interface Listener {
  protocol: Protocol;
  /** `*` for all, `0.0.0.0` for all of IPv4, `::` for all of IPv6. */
  address: string;
  port: number;
  process: string | undefined;
}

export type Attempt = {
  ip: string;
  port: number;
  /** What answered: `answered` of UDP means that nothing refused it. */
  outcome: 'connected' | 'answered' | 'refused' | 'timedOut' | 'unreachable' | 'failed';
  /** Milliseconds. */
  tookMs: number;
};

export interface DnsObservation {
  server: string;
  /** In the order in which the resolver asks; a missing reply is no answer within the time. */
  asked: readonly { name: string; reply: DnsReply | undefined }[];
}

/** What was seen from inside; whatever could not be looked at is undefined. */
export interface Observations {
  /** Why nothing could be looked at, where that is so. */
  blind?: string;
  dns?: DnsObservation;
  attempts: readonly Attempt[];
  /** By pod, `namespace/name`. */
  listeners: ReadonlyMap<string, readonly Listener[]>;
  /** From hop to hop: where, and the route that is taken there. */
  routes: readonly { where: string; route: string }[];
  /** Whether the rules of the source's node know the service's address and port. */
  hasRules?: boolean;
}

export type StepStatus = 'ok' | 'warning' | 'failed' | 'unknown';

export interface TraceStep {
  title: string;
  status: StepStatus;
  lines: readonly string[];
}

/** Something that is wrong, and what to do about it: sentences. */
export interface TraceProblem {
  what: string;
  fix?: string;
}

export interface StepResult {
  step: TraceStep;
  problems: readonly TraceProblem[];
}

export interface Trace {
  from: string;
  to: string;
  /** Whether the connection came about; undefined: nobody tried, and the objects show nothing against it. */
  works: boolean | undefined;
  steps: readonly TraceStep[];
  /** Causes first. With a connection that works they are remarks. */
  problems: readonly TraceProblem[];
}

/** `default/web-0` */
export function titleOf({ metadata }: { metadata: { namespace?: string; name?: string } }): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

export function isPodReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
}

export function isPodOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** All addresses of a pod, its first family's first. */
export function podIpsOf({ status }: Pod): string[] {
  const ips = (status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
  return ips.length > 0 || status?.podIP === undefined ? ips : [status.podIP];
}

/** A pod of the host's network has its node's address, which many share. */
export function podWithIp(pods: readonly Pod[], ip: string): Pod | undefined {
  return pods.find((pod) => podIpsOf(pod).includes(ip) && !pod.spec?.hostNetwork && !isPodOver(pod));
}

/** `10.0.0.1:80`, `[fd00::1]:80` */
export function endpointText({ ip, port }: { ip: string; port: number }): string {
  return hostAndPort(ip, port);
}
