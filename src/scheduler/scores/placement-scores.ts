import { matchesNodeSelectorTerm } from '../../api/node-selector.ts';
import { isTolerated } from '../../api/taints.ts';
import type { Pod, WeightedPodAffinityTerm } from '../../api/types/core-v1.ts';
import { controllerUidOf } from '../cluster-cache.ts';
import { type NamespaceLabels, type PodTerm, podTerm } from '../filters/inter-pod-affinity.ts';
import { countConstraints } from '../filters/pod-topology-spread.ts';
import type { Score } from '../plugin.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';

const hostnameLabel = 'kubernetes.io/hostname';
const zoneLabel = 'topology.kubernetes.io/zone';

/** Prefers nodes with fewer PreferNoSchedule taints that the pod does not tolerate (upstream: TaintToleration). */
export const taintPreference: Score = {
  name: 'TaintToleration',
  weight: 3,
  score(pod, nodes) {
    const counts = nodes.map(
      (node) =>
        (node.node.spec?.taints ?? []).filter(
          (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, pod.spec?.tolerations),
        ).length,
    );
    return normalizeReversed(counts);
  },
};

/** Adds up the weights of the preferred node affinity terms that the node meets (upstream: NodeAffinity). */
export const nodeAffinityPreference: Score = {
  name: 'NodeAffinity',
  weight: 2,
  score(pod, nodes) {
    const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
    if (!terms?.length) return undefined;
    const sums = nodes.map((node) =>
      terms.reduce((sum, { weight, preference }) => {
        return matchesNodeSelectorTerm(preference, node.node) ? sum + weight : sum;
      }, 0),
    );
    const max = Math.max(...sums);
    return max > 0 ? sums.map((sum) => Math.floor((sum * 100) / max)) : undefined;
  },
};

/**
 * Spreads pods: by the pod's own ScheduleAnyway constraints where it has any, else the pods of one controller over nodes and
 * zones (upstream: PodTopologySpread with its system defaults).
 */
export const spread: Score = {
  name: 'PodTopologySpread',
  weight: 2,
  score(pod, nodes, snapshot) {
    if (pod.spec?.topologySpreadConstraints?.length) return scoreOwnConstraints(pod, nodes, snapshot);
    const owner = controllerUidOf(pod);
    if (!owner) return undefined;
    const inZone = new Map<string, number>();
    for (const node of snapshot.nodes.values()) {
      const count = node.podsByOwner.get(owner);
      const zone = node.node.metadata.labels?.[zoneLabel];
      if (count && zone !== undefined) inZone.set(zone, (inZone.get(zone) ?? 0) + count);
    }
    const counts = nodes.map((node) => {
      const zone = node.node.metadata.labels?.[zoneLabel];
      return (node.podsByOwner.get(owner) ?? 0) + (zone === undefined ? 0 : (inZone.get(zone) ?? 0));
    });
    return normalizeReversed(counts);
  },
};

function scoreOwnConstraints(pod: Pod, nodes: readonly NodeInfo[], snapshot: Snapshot): number[] | undefined {
  const counted = countConstraints(pod, snapshot, 'ScheduleAnyway');
  if (counted.length === 0) return undefined;
  const costs = nodes.map((node) =>
    counted.reduce((sum, { constraint, counts }) => {
      const domain = node.node.metadata.labels?.[constraint.topologyKey];
      // Domains weigh more where there are few of them: log(size + 2), as upstream.
      const weight = Math.log(counts.size + 2);
      return domain === undefined ? Infinity : sum + (counts.get(domain) ?? 0) * weight + (constraint.maxSkew - 1);
    }, 0),
  );
  const known = costs.filter(Number.isFinite);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return costs.map((cost) => {
    if (!Number.isFinite(cost)) return 0;
    return most === 0 ? 100 : Math.floor((100 * (most + least - cost)) / most);
  });
}

/** Preferred pod affinity and anti-affinity of the pod (upstream: InterPodAffinity). */
export function interPodPreference(namespaceLabels: NamespaceLabels): Score {
  return {
    name: 'InterPodAffinity',
    weight: 2,
    score(pod, nodes, snapshot) {
      const terms = [
        ...weighted(pod, pod.spec?.affinity?.podAffinity, namespaceLabels, 1),
        ...weighted(pod, pod.spec?.affinity?.podAntiAffinity, namespaceLabels, -1),
      ];
      if (terms.length === 0) return undefined;
      const byDomain = terms.map(({ term }) => countByDomain(term, snapshot));
      const sums = nodes.map((node) =>
        terms.reduce((sum, { term, weight }, i) => {
          const domain = node.node.metadata.labels?.[term.topologyKey];
          return domain === undefined ? sum : sum + weight * (byDomain[i]?.get(domain) ?? 0);
        }, 0),
      );
      const [least, most] = [Math.min(...sums), Math.max(...sums)];
      return most === least ? undefined : sums.map((sum) => Math.floor((100 * (sum - least)) / (most - least)));
    },
  };
}

function weighted(
  pod: Pod,
  affinity: { preferredDuringSchedulingIgnoredDuringExecution?: WeightedPodAffinityTerm[] } | undefined,
  namespaceLabels: NamespaceLabels,
  sign: 1 | -1,
): { term: PodTerm; weight: number }[] {
  return (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
    term: podTerm(pod, podAffinityTerm, namespaceLabels),
    weight: sign * weight,
  }));
}

function countByDomain(term: PodTerm, snapshot: Snapshot): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of snapshot.nodes.values()) {
    const labels = node.node.metadata.labels ?? {};
    const domain = labels[term.topologyKey] ?? (term.topologyKey === hostnameLabel ? node.name : undefined);
    if (domain === undefined) continue;
    for (const other of node.pods.values()) if (term.matches(other)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  return counts;
}

/** Most of something is worst: 0 to 100; undefined when all have alike. */
function normalizeReversed(counts: readonly number[]): number[] | undefined {
  const most = Math.max(...counts);
  if (counts.every((count) => count === most)) return undefined;
  return counts.map((count) => Math.floor((100 * (most - count)) / most));
}
