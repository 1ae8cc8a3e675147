import { labelMatcher, type LabelMatcher } from '../api/label-selector.ts';
import type { Pod, TopologySpreadConstraint } from '../api/types/core-v1.ts';
import type { LabelSelector } from '../api/types/meta-v1.ts';
import { labelsByKeys } from './affinity-terms.ts';
import { toleratesTaints } from './filters/node-filters.ts';
import { nodeRequirement } from './pod-facts.ts';
import type { NodeInfo, PodQuestion } from './snapshot.ts';

/** A topology spread constraint of a pod, ready to be counted (KEP-895, KEP-3094, KEP-3243). */
export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Pods that count: of the same namespace, selected, not on their way out. */
  readonly question: PodQuestion;
  /** An empty selector counts nothing (as upstream). */
  readonly countsNothing: boolean;
  readonly matchesSelf: boolean;
  /** Do pods on this node count? */
  honours(node: NodeInfo): boolean;
}

export function spreadConstraint(pod: Pod, wire: TopologySpreadConstraint): SpreadConstraint {
  const selector = spreadSelector(pod, wire);
  const matcher = labelMatcher(selector);
  return {
    topologyKey: wire.topologyKey,
    maxSkew: wire.maxSkew,
    minDomains: wire.minDomains ?? 1,
    question: livePods(pod.metadata.namespace ?? '', JSON.stringify(selector), matcher),
    countsNothing: matcher.isEmpty,
    matchesSelf: matcher.matches(pod.metadata.labels ?? {}),
    honours: honouredNodes(pod, wire),
  };
}

/** The constraint's selector with what `matchLabelKeys` add. */
export function spreadSelector(pod: Pod, wire: TopologySpreadConstraint): LabelSelector | undefined {
  const selector = wire.labelSelector;
  if (!selector || !wire.matchLabelKeys?.length) return selector;
  return { ...selector, matchLabels: { ...selector.matchLabels, ...labelsByKeys(pod, wire.matchLabelKeys) } };
}

/** Pods of the namespace that `matcher` selects and that are not being deleted; `text` tells matchers apart. */
export function livePods(namespace: string, text: string | undefined, matcher: LabelMatcher): PodQuestion {
  return {
    key: `live ${namespace} ${text}`,
    namespaces: [namespace],
    matches: (other) => !other.metadata.deletionTimestamp && matcher.matches(other.metadata.labels ?? {}),
  };
}

function honouredNodes(pod: Pod, wire: TopologySpreadConstraint): (node: NodeInfo) => boolean {
  const byAffinity = (wire.nodeAffinityPolicy ?? 'Honor') === 'Honor' ? nodeRequirement(pod) : undefined;
  const byTaints = wire.nodeTaintsPolicy === 'Honor';
  if (!byAffinity && !byTaints) return () => true;
  return (node) => {
    if (byAffinity && !byAffinity(node.node)) return false;
    return !byTaints || node.hardTaints.length === 0 || toleratesTaints(pod, node.node);
  };
}

/** Does the node have the topology keys of all constraints? */
export function hasAllKeys(node: NodeInfo, constraints: readonly { topologyKey: string }[]): boolean {
  for (const { topologyKey } of constraints) if (node.labels[topologyKey] === undefined) return false;
  return true;
}
