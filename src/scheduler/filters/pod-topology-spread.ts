import { labelMatcher, type LabelMatcher } from '../../api/label-selector.ts';
import { matchesNodeAffinity } from '../../api/node-selector.ts';
import { isTolerated } from '../../api/taints.ts';
import type { Pod, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import type { Filter } from '../plugin.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';

/** One constraint, counted: how many matching pods each topology domain holds (KEP-895, KEP-3094, KEP-3243). */
export interface CountedConstraint {
  constraint: TopologySpreadConstraint;
  matcher: LabelMatcher;
  counts: Map<string, number>;
  matchesSelf: boolean;
}

export const podTopologySpread: Filter = {
  name: 'PodTopologySpread',
  retryOn: ['nodeAdded', 'nodeUpdated', 'podDeleted', 'podAdded'],
  prepare(pod, snapshot) {
    const counted = countConstraints(pod, snapshot, 'DoNotSchedule');
    if (counted.length === 0) return undefined;
    const minima = counted.map(({ constraint, counts }) => {
      const enoughDomains = counts.size >= (constraint.minDomains ?? 1);
      return enoughDomains && counts.size > 0 ? Math.min(...counts.values()) : 0;
    });
    return (node) => {
      for (const [i, { constraint, counts, matchesSelf }] of counted.entries()) {
        const domain = node.node.metadata.labels?.[constraint.topologyKey];
        if (domain === undefined) return missingLabel;
        const skew = (counts.get(domain) ?? 0) + (matchesSelf ? 1 : 0) - (minima[i] ?? 0);
        if (skew > constraint.maxSkew) return tooUneven;
      }
      return null;
    };
  },
};

const missingLabel = {
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  unresolvable: true,
};
const tooUneven = { reasons: ["node(s) didn't match pod topology spread constraints"] };

/** Counts matching pods for each constraint of `pod` with this whenUnsatisfiable, over the nodes that the constraint honours. */
export function countConstraints(pod: Pod, snapshot: Snapshot, whenUnsatisfiable: string): CountedConstraint[] {
  const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter(
    (constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable,
  );
  if (constraints.length === 0) return [];
  const counted = constraints.map((constraint) => {
    const matcher = matcherOf(constraint, pod);
    const counts = new Map<string, number>();
    return { constraint, matcher, counts, matchesSelf: matcher.matches(pod.metadata.labels) };
  });
  for (const node of snapshot.nodes.values()) {
    const labels = node.node.metadata.labels ?? {};
    if (constraints.some((constraint) => labels[constraint.topologyKey] === undefined)) continue;
    for (const { constraint, matcher, counts } of counted) {
      if (!isHonoured(constraint, pod, node)) continue;
      const domain = labels[constraint.topologyKey] ?? '';
      counts.set(domain, (counts.get(domain) ?? 0) + countMatching(node, pod, matcher));
    }
  }
  return counted;
}

function matcherOf(constraint: TopologySpreadConstraint, pod: Pod): LabelMatcher {
  const extra: Record<string, string> = {};
  for (const key of constraint.matchLabelKeys ?? []) {
    const value = pod.metadata.labels?.[key];
    if (value !== undefined) extra[key] = value;
  }
  const selector = constraint.labelSelector;
  return labelMatcher(selector && { ...selector, matchLabels: { ...selector.matchLabels, ...extra } });
}

function isHonoured(constraint: TopologySpreadConstraint, pod: Pod, node: NodeInfo): boolean {
  if ((constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesNodeAffinity(pod, node.node)) return false;
  if ((constraint.nodeTaintsPolicy ?? 'Ignore') !== 'Honor') return true;
  return (node.node.spec?.taints ?? []).every(
    (taint) => taint.effect === 'PreferNoSchedule' || isTolerated(taint, pod.spec?.tolerations),
  );
}

function countMatching(node: NodeInfo, pod: Pod, matcher: LabelMatcher): number {
  let count = 0;
  for (const other of node.pods.values()) {
    if (other.metadata.namespace !== pod.metadata.namespace || other.metadata.deletionTimestamp) continue;
    if (matcher.matches(other.metadata.labels)) count++;
  }
  return count;
}
