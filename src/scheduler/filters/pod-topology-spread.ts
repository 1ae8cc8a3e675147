import { labelMatcher } from '../../api/label-selector.ts';
import type { Pod, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import type { ClusterEvent, Filter } from '../plugin.ts';
import type { Snapshot } from '../snapshot.ts';
import { hasAllKeys, type SpreadConstraint, spreadConstraint, spreadSelector } from '../topology-counts.ts';

/** Keeps the DoNotSchedule constraints of the pod (upstream: PodTopologySpread). */
export const podTopologySpread: Filter = {
  name: 'PodTopologySpread',
  prepare(pod, snapshot) {
    const wires = hardConstraints(pod);
    if (wires.length === 0) return undefined;
    const constraints = wires.map((wire) => spreadConstraint(pod, wire));
    const counts = constraints.map((constraint) => countDomains(constraint, constraints, snapshot));
    const limits = constraints.map((constraint, i) => limitOf(constraint, counts[i] as Map<string, number>));
    return (node) => {
      for (let i = 0; i < constraints.length; i++) {
        const domain = node.labels[(constraints[i] as SpreadConstraint).topologyKey];
        if (domain === undefined) return missingLabel;
        if ((counts[i]?.get(domain) ?? 0) > (limits[i] as number)) return tooUneven;
      }
      return null;
    };
  },
  couldHelp(pod, event) {
    const wires = hardConstraints(pod);
    return wires.some((wire) => couldHelpConstraint(pod, wire, event));
  },
};

function hardConstraints(pod: Pod): TopologySpreadConstraint[] {
  const all = pod.spec?.topologySpreadConstraints ?? [];
  return all.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule');
}

const missingLabel = {
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  unresolvable: true,
};
const tooUneven = { reasons: ["node(s) didn't match pod topology spread constraints"] };

/** How many pods each domain holds, over the nodes that have the keys of all constraints and that this one honours. */
function countDomains(
  constraint: SpreadConstraint,
  all: readonly SpreadConstraint[],
  snapshot: Snapshot,
): Map<string, number> {
  const domains = new Map<string, number>();
  const byNode = constraint.countsNothing ? undefined : snapshot.count(constraint.question);
  for (const node of snapshot.nodes) {
    if (!hasAllKeys(node, all) || !constraint.honours(node)) continue;
    const domain = node.labels[constraint.topologyKey] as string;
    domains.set(domain, (domains.get(domain) ?? 0) + (byNode?.get(node.name) ?? 0));
  }
  return domains;
}

/** The most pods a domain may hold already: the emptiest one's (none, while there are too few domains) plus the skew. */
function limitOf({ minDomains, maxSkew, matchesSelf }: SpreadConstraint, domains: Map<string, number>): number {
  let least = domains.size > 0 && domains.size >= minDomains ? Infinity : 0;
  if (least > 0) for (const count of domains.values()) least = Math.min(least, count);
  return least + maxSkew - (matchesSelf ? 1 : 0);
}

function couldHelpConstraint(pod: Pod, wire: TopologySpreadConstraint, event: ClusterEvent): boolean {
  const domainOf = (node: { metadata: { labels?: Record<string, string> } }): string | undefined =>
    node.metadata.labels?.[wire.topologyKey];
  switch (event.kind) {
    case 'volumesChanged':
      return false;
    case 'nodeAdded':
    case 'nodeDeleted':
      return domainOf(event.node) !== undefined;
    case 'nodeUpdated':
      // A changed taint or label may also change which nodes count.
      return domainOf(event.node) !== undefined || domainOf(event.old) !== undefined;
    case 'podAdded':
    case 'podDeleted':
    case 'podUpdated': {
      if (event.pod.metadata.namespace !== pod.metadata.namespace) return false;
      const matcher = labelMatcher(spreadSelector(pod, wire));
      if (matcher.matches(event.pod.metadata.labels ?? {})) return true;
      return event.kind === 'podUpdated' && matcher.matches(event.old.metadata.labels ?? {});
    }
  }
}
