import { labelMatcher } from '../../api/label-selector.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types/networking-v1.ts';
import { isIpInBlock } from '../../base/ip-address.ts';
import {
  type Direction,
  isolates,
  type NamespaceView,
  type PolicyPod,
  type Protocol,
  protocolOf,
  rulesOf,
  selects,
} from '../policy/policy-view.ts';

/** One end of a connection, as policies see it: an address, and the pod that has it. */
export interface PolicyEnd {
  ip: string;
  pod?: PolicyPod | undefined;
}

export interface PolicyConnection {
  from: PolicyEnd;
  to: PolicyEnd;
  /** A protocol without ports (ICMP) is `other`. */
  protocol: Protocol | 'other';
  port: number;
}

export interface PolicyVerdict {
  allowed: boolean;
  /** `namespace/name` of the policies that isolate the pod in this direction; none: everything is allowed. */
  isolatedBy: readonly string[];
  /** What allowed it: a policy, and its rule's place in spec.ingress or spec.egress, from 0. */
  allowedBy?: { policy: string; rule: number };
  /** Of what is not allowed: the rules of the isolating policies that let this peer in or this port, but not both. */
  nearMisses: readonly NearMiss[];
}

export interface NearMiss {
  policy: string;
  rule: number;
  /** What does not fit. */
  misses: 'peer' | 'port';
}

/**
 * What the policies say of a connection, for the end that they are about (`ingress`: the receiver). Written from the
 * API's documentation and not from how the rules are rendered: tests hold one against the other.
 */
export function judge(
  direction: Direction,
  connection: PolicyConnection,
  namespaces: ReadonlyMap<string, NamespaceView>,
): PolicyVerdict {
  const subject = direction === 'ingress' ? connection.to : connection.from;
  const peer = direction === 'ingress' ? connection.from : connection.to;
  const { pod } = subject;
  const policies = pod ? (namespaces.get(pod.namespace)?.policies ?? []) : [];
  const isolating = policies.filter((policy) => pod && selects(policy, pod) && isolates(policy, direction));
  const isolatedBy = isolating.map(titleOf);
  const nearMisses: NearMiss[] = [];
  if (isolating.length === 0 || subject.ip === peer.ip) return { allowed: true, isolatedBy, nearMisses };
  for (const policy of isolating) {
    const { namespace = '' } = policy.metadata;
    for (const [i, { peers, ports }] of rulesOf(policy, direction).entries()) {
      const peerFits = peers.length === 0 || peers.some((each) => isPeer(each, peer, namespace, namespaces));
      const portFits = ports.length === 0 || ports.some((each) => isPort(each, connection));
      const allowedBy = { policy: titleOf(policy), rule: i };
      if (peerFits && portFits) return { allowed: true, isolatedBy, allowedBy, nearMisses: [] };
      if (peerFits || portFits) nearMisses.push({ ...allowedBy, misses: peerFits ? 'port' : 'peer' });
    }
  }
  return { allowed: false, isolatedBy, nearMisses };
}

function titleOf({ metadata }: NetworkPolicy): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isPeer(
  { ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer,
  { ip, pod }: PolicyEnd,
  namespace: string,
  namespaces: ReadonlyMap<string, NamespaceView>,
): boolean {
  if (ipBlock) return isIpInBlock(ip, ipBlock.cidr) && !(ipBlock.except ?? []).some((cidr) => isIpInBlock(ip, cidr));
  if (!pod || !labelMatcher(podSelector ?? {}).matches(pod.labels)) return false;
  return namespaceSelector
    ? labelMatcher(namespaceSelector).matches(namespaces.get(pod.namespace)?.labels ?? {})
    : pod.namespace === namespace;
}

function isPort(wanted: NetworkPolicyPort, { to, protocol, port }: PolicyConnection): boolean {
  if (protocolOf(wanted) !== protocol) return false;
  if (wanted.port === undefined) return true;
  if (typeof wanted.port === 'number') return port >= wanted.port && port <= (wanted.endPort ?? wanted.port);
  return (to.pod?.ports ?? []).some((p) => p.name === wanted.port && p.protocol === protocol && p.port === port);
}
