import { matchesNodeSelectorTerm } from '../../api/node-selector.ts';
import { isTolerated } from '../../api/taints.ts';
import type { PodTerm } from '../affinity-terms.ts';
import type { Score } from '../plugin.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';

/** Prefers nodes with fewer PreferNoSchedule taints that the pod does not tolerate (upstream: TaintToleration). */
export const taintPreference: Score = {
  name: 'TaintToleration',
  weight: 3,
  score(pod, nodes) {
    if (nodes.every((node) => node.softTaints.length === 0)) return undefined;
    const counts = nodes.map(
      (node) => node.softTaints.filter((taint) => !isTolerated(taint, pod.spec?.tolerations)).length,
    );
    const most = Math.max(...counts);
    return most > 0 ? counts.map((count) => 100 - Math.floor((100 * count) / most)) : undefined;
  },
};

/** Adds up the weights of the preferred node affinity terms that the node meets (upstream: NodeAffinity). */
export const nodeAffinityPreference: Score = {
  name: 'NodeAffinity',
  weight: 2,
  score(pod, nodes) {
    const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
    if (!terms?.length) return undefined;
    const sums = nodes.map((node) => {
      let sum = 0;
      for (const { weight, preference } of terms) if (matchesNodeSelectorTerm(preference, node.node)) sum += weight;
      return sum;
    });
    const most = Math.max(...sums);
    return most > 0 ? sums.map((sum) => Math.floor((sum * 100) / most)) : undefined;
  },
};

/**
 * Preferred pod affinity and anti-affinity of the pod, and of those that run already towards the pod; theirs that is
 * required counts as a preference of weight 1 (upstream: InterPodAffinity).
 */
export const interPodPreference: Score = {
  name: 'InterPodAffinity',
  weight: 2,
  score(pod, nodes, snapshot) {
    const byKey = new Map<string, Map<string, number>>();
    for (const { term, weight } of snapshot.affinityOf(pod).preferred) {
      addWeights(byKey, { term, weight, byNode: snapshot.count(term) }, snapshot);
    }
    for (const { use, term, weight, nodes: byNode } of snapshot.terms) {
      if (use !== 'requiredAnti' && term.isAbout(pod)) addWeights(byKey, { term, weight, byNode }, snapshot);
    }
    if (byKey.size === 0) return undefined;
    const sums = new Float64Array(nodes.length);
    for (const [key, weights] of byKey) {
      for (let i = 0; i < nodes.length; i++) {
        const domain = (nodes[i] as NodeInfo).labels[key];
        if (domain !== undefined) sums[i] = (sums[i] ?? 0) + (weights.get(domain) ?? 0);
      }
    }
    const [least, most] = extremes(sums);
    return most === least ? undefined : sums.map((sum) => Math.floor((100 * (sum - least)) / (most - least)));
  },
};

function addWeights(
  byKey: Map<string, Map<string, number>>,
  { term, weight, byNode }: { term: PodTerm; weight: number; byNode: ReadonlyMap<string, number> },
  snapshot: Snapshot,
): void {
  for (const [name, count] of byNode) {
    const domain = snapshot.node(name)?.labels[term.topologyKey];
    if (domain === undefined) continue;
    let weights = byKey.get(term.topologyKey);
    if (!weights) byKey.set(term.topologyKey, (weights = new Map()));
    weights.set(domain, (weights.get(domain) ?? 0) + count * weight);
  }
}

function extremes(values: Float64Array): [least: number, most: number] {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
