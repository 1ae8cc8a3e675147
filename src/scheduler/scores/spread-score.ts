import type { LabelMatcher } from '../../api/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Score } from '../plugin.ts';
import type { NodeInfo, Snapshot } from '../snapshot.ts';
import { hasAllKeys, livePods, type SpreadConstraint, spreadConstraint } from '../topology-counts.ts';
import { hostnameLabel, zoneLabel } from '../../api/well-known.ts';

/** The pods that belong with a pod: what its services and its controller select; undefined when it stands alone. */
export type Companions = (pod: Pod) => LabelMatcher | undefined;

/**
 * Spreads pods: by the pod's own ScheduleAnyway constraints, or, when it has no constraints at all, the pods of its
 * services and its controller over nodes and zones (upstream: PodTopologySpread with its system defaults).
 */
export function spread(companionsOf: Companions): Score {
  return {
    name: 'PodTopologySpread',
    weight: 2,
    score(pod, nodes, snapshot) {
      const own = pod.spec?.topologySpreadConstraints ?? [];
      const isOwn = own.length > 0;
      const constraints = isOwn
        ? own.filter((wire) => wire.whenUnsatisfiable === 'ScheduleAnyway').map((wire) => spreadConstraint(pod, wire))
        : defaultConstraints(pod, companionsOf(pod));
      if (constraints.length === 0) return undefined;
      // Nodes without the topology keys get nothing; by default, a cluster without zones is fine.
      const isJudged = nodes.map((node) => !isOwn || hasAllKeys(node, constraints));
      const costs = new Float64Array(nodes.length);
      for (const constraint of constraints)
        addCosts(costs, constraint, { nodes, isJudged, isOwn, constraints, snapshot });
      return normalized(costs, isJudged);
    },
  };
}

function defaultConstraints(pod: Pod, companions: LabelMatcher | undefined): SpreadConstraint[] {
  if (!companions || companions.isEmpty) return [];
  const question = livePods(pod.metadata.namespace ?? '', companions.toString(), companions);
  const common = { minDomains: 1, question, countsNothing: false, matchesSelf: true, honours: () => true };
  return [
    { ...common, topologyKey: hostnameLabel, maxSkew: 3 },
    { ...common, topologyKey: zoneLabel, maxSkew: 5 },
  ];
}

interface Scene {
  nodes: readonly NodeInfo[];
  isJudged: readonly boolean[];
  isOwn: boolean;
  constraints: readonly SpreadConstraint[];
  snapshot: Snapshot;
}

/** Adds what the pods in each node's domain cost; domains weigh more where there are few of them. */
function addCosts(costs: Float64Array, constraint: SpreadConstraint, scene: Scene): void {
  const { nodes, isJudged, snapshot } = scene;
  const { topologyKey, maxSkew } = constraint;
  const byNode = constraint.countsNothing ? noPods : snapshot.count(constraint.question);
  const inDomain = topologyKey === hostnameLabel ? undefined : countDomains(constraint, byNode, scene);
  const domains = inDomain?.size ?? isJudged.filter(Boolean).length;
  const weight = Math.log(domains + 2);
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as NodeInfo;
    const domain = node.labels[topologyKey];
    if (!isJudged[i] || domain === undefined) continue;
    const count = (inDomain ? inDomain.get(domain) : byNode.get(node.name)) ?? 0;
    costs[i] = (costs[i] ?? 0) + count * weight + (maxSkew - 1);
  }
}

const noPods: ReadonlyMap<string, number> = new Map();

/** Pods on all honoured nodes, feasible or not, by those domains that a feasible node is in. */
function countDomains(
  constraint: SpreadConstraint,
  byNode: ReadonlyMap<string, number>,
  { nodes, isJudged, isOwn, constraints, snapshot }: Scene,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < nodes.length; i++) {
    if (isJudged[i]) counts.set((nodes[i] as NodeInfo).labels[constraint.topologyKey] ?? '', 0);
  }
  for (const [name, pods] of byNode) {
    const node = snapshot.node(name);
    if (!node || (isOwn && !hasAllKeys(node, constraints)) || !constraint.honours(node)) continue;
    const domain = node.labels[constraint.topologyKey] ?? '';
    const known = counts.get(domain);
    if (known !== undefined) counts.set(domain, known + pods);
  }
  return counts;
}

function normalized(costs: Float64Array, isJudged: readonly boolean[]): Float64Array {
  let least = Infinity;
  let most = 0;
  for (let i = 0; i < costs.length; i++) {
    const cost = Math.round(costs[i] ?? 0);
    costs[i] = cost;
    if (!isJudged[i]) continue;
    if (cost < least) least = cost;
    if (cost > most) most = cost;
  }
  return costs.map((cost, i) => {
    if (!isJudged[i]) return 0;
    return most === 0 ? 100 : Math.floor((100 * (most + least - cost)) / most);
  });
}
