import type { Pod } from '../api/types/core-v1.ts';
import { ClusterCache, uidOf } from './cluster-cache.ts';
import { fits } from './decide.ts';
import type { Filter } from './plugin.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export interface Preemption {
  nodeName: string;
  victims: Pod[];
}

/**
 * Pods of lower priority whose removal from one of `candidates` lets `pod` run there (upstream: DefaultPreemption): the node
 * whose highest victim has the lowest priority, then with the lowest sum of priorities, then with the fewest victims.
 * Undefined when there are none, when the pod's policy forbids it, or when victims on its nominated node are still going.
 */
export function findVictims(
  pod: Pod,
  candidates: readonly NodeInfo[],
  snapshot: Snapshot,
  filters: readonly Filter[],
): Preemption | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return undefined;
  const priority = pod.spec?.priority ?? 0;
  const nominated = snapshot.nodes.get(pod.status?.nominatedNodeName ?? '');
  if (nominated && lowerPods(nominated, priority).some((other) => other.metadata.deletionTimestamp)) return undefined;
  const worthwhile = candidates.filter((node) => lowerPods(node, priority).length > 0).slice(0, maxCandidates);
  if (worthwhile.length === 0) return undefined;
  const whatIf = copyOf(snapshot);
  let best: (Preemption & { cost: readonly number[] }) | undefined;
  for (const node of worthwhile) {
    const victims = victimsOn(node, pod, whatIf, filters);
    if (victims.length === 0) continue;
    const priorities = victims.map((victim) => victim.spec?.priority ?? 0);
    const cost = [Math.max(...priorities), priorities.reduce((sum, p) => sum + p, 0), victims.length];
    if (!best || isLess(cost, best.cost)) best = { nodeName: node.name, victims, cost };
  }
  return best && { nodeName: best.nodeName, victims: best.victims };
}

/** On a large cluster a good node among some is enough. */
const maxCandidates = 100;

function lowerPods(node: NodeInfo, priority: number): Pod[] {
  return [...node.pods.values()].filter((other) => (other.spec?.priority ?? 0) < priority);
}

function copyOf(snapshot: Snapshot): ClusterCache {
  const copy = new ClusterCache();
  for (const node of snapshot.nodes.values()) {
    copy.setNode(node.node);
    for (const pod of node.pods.values()) copy.setPod(pod, node.name);
  }
  return copy;
}

/**
 * The fewest pods that must go: all lower ones leave, then come back one by one, the most important first, while the pod still
 * fits. Empty: it would not fit even so. `whatIf` is left as it was.
 */
function victimsOn(node: NodeInfo, pod: Pod, whatIf: ClusterCache, filters: readonly Filter[]): Pod[] {
  const lower = lowerPods(node, pod.spec?.priority ?? 0).sort(
    (a, b) => (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0),
  );
  const isFitting = (): boolean => fits(pod, whatIf.nodes.get(node.name) as NodeInfo, whatIf, filters);
  for (const other of lower) whatIf.removePod(uidOf(other));
  const canFit = isFitting();
  const victims: Pod[] = [];
  for (const other of lower) {
    whatIf.setPod(other, node.name);
    if (!canFit || isFitting()) continue;
    whatIf.removePod(uidOf(other));
    victims.push(other);
  }
  for (const victim of victims) whatIf.setPod(victim, node.name);
  return victims;
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value < (b[i] ?? 0);
  return false;
}
