import { isIPv6 } from 'node:net';
import { type LabelMatcher, labelMatcher } from '../../api/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types/networking-v1.ts';

/** What network policies look at in a pod. Never changed: a pod that changes gets another one. */
export interface PolicyPod {
  namespace: string;
  name: string;
  labels: Readonly<Record<string, string>>;
  /** The addresses that are this pod's and nobody else's. */
  ips: readonly string[];
  /** Named container ports. */
  ports: readonly { name: string; protocol: Protocol; port: number }[];
  /** Whether it runs on the node that is looked at. */
  isLocal: boolean;
}

/** One namespace with its pods and policies. Never changed: a change of anything in it makes another one. */
export interface NamespaceView {
  name: string;
  labels: Readonly<Record<string, string>>;
  pods: readonly PolicyPod[];
  policies: readonly NetworkPolicy[];
}

export type Protocol = 'tcp' | 'udp' | 'sctp';
export type Direction = 'ingress' | 'egress';
export const directions: readonly Direction[] = ['ingress', 'egress'];

/** A rule of either direction in one form. No peers: everybody; no ports: everything, also what has no ports. */
export interface PolicyRule {
  peers: readonly NetworkPolicyPeer[];
  ports: readonly NetworkPolicyPort[];
}

/**
 * Whether a policy isolates its pods in a direction. The default, for what an API server has left open: ingress always,
 * egress when there are egress rules (NetworkPolicySpec.policyTypes).
 */
export function isolates({ spec }: NetworkPolicy, direction: Direction): boolean {
  const types = spec?.policyTypes ?? [];
  if (types.length > 0) return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress');
  return direction === 'ingress' || (spec?.egress ?? []).length > 0;
}

export function rulesOf({ spec }: NetworkPolicy, direction: Direction): PolicyRule[] {
  return direction === 'ingress'
    ? (spec?.ingress ?? []).map(({ from = [], ports = [] }) => ({ peers: from, ports }))
    : (spec?.egress ?? []).map(({ to = [], ports = [] }) => ({ peers: to, ports }));
}

const matchers = new WeakMap<NetworkPolicy, LabelMatcher>();

/** Whether a pod of the policy's namespace is one of those that it is about. */
export function selects(policy: NetworkPolicy, pod: PolicyPod): boolean {
  let matcher = matchers.get(policy);
  if (!matcher) matchers.set(policy, (matcher = labelMatcher(policy.spec?.podSelector ?? {})));
  return matcher.matches(pod.labels);
}

export function protocolOf(port: { protocol?: string }): Protocol {
  const protocol = (port.protocol ?? 'TCP').toLowerCase();
  return protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp';
}

/**
 * A pod as policies see it; undefined for those that they do not: pods in the network of their host (which upstream
 * leaves alone, and knows as addresses only), pods without an address, and pods that have ended.
 */
export function policyPod(pod: Pod, ips: readonly string[], isLocal: boolean): PolicyPod | undefined {
  const { phase } = pod.status ?? {};
  if (pod.spec?.hostNetwork || ips.length === 0 || phase === 'Succeeded' || phase === 'Failed') return undefined;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers = [...(pod.spec?.containers ?? []), ...sidecars];
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name ?? '',
    labels: pod.metadata.labels ?? {},
    ips,
    isLocal,
    ports: containers.flatMap(({ ports = [] }) =>
      ports.flatMap((port) =>
        port.name ? [{ name: port.name, protocol: protocolOf(port), port: port.containerPort }] : [],
      ),
    ),
  };
}

export function familyOf(ip: string): 4 | 6 {
  return isIPv6(ip) ? 6 : 4;
}
