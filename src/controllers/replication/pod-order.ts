import type { Pod } from '../../api/types/core-v1.ts';
import { isPodActive, isPodReady, parseTime, readySince } from '../pod-state.ts';

const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The pods to delete first when there are `count` too many, in the documented order: not assigned to a node,
 * pending, not ready, low deletion cost, many siblings on the same node, ready or created lately (ages compared by
 * their magnitude, so that among pods of about the same age the choice is spread), restarted often. `related` are
 * the active pods of all controllers with the same owner: they count as siblings.
 */
export function podsToDelete(options: {
  pods: readonly Pod[];
  related: readonly Pod[];
  count: number;
  now: number;
}): Pod[] {
  const { pods, related, count, now } = options;
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    if (isPodActive(pod)) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const siblings = (pod: Pod): number => perNode.get(pod.spec?.nodeName ?? '') ?? 0;
  return pods.toSorted((a, b) => compare(a, b, now, siblings)).slice(0, count);
}

function compare(a: Pod, b: Pod, now: number, siblings: (pod: Pod) => number): number {
  return (
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    rankOfPhase(a) - rankOfPhase(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    siblings(b) - siblings(a) ||
    (isPodReady(a) && isPodReady(b) ? compareAges(readySince(a), readySince(b), now, a, b) : 0) ||
    maxRestarts(b, false) - maxRestarts(a, false) ||
    maxRestarts(b, true) - maxRestarts(a, true) ||
    compareAges(parseTime(a.metadata.creationTimestamp), parseTime(b.metadata.creationTimestamp), now, a, b)
  );
}

/** The younger first; ages of the same power of two are told apart by uid, which is as good as drawing lots. */
function compareAges(startA: number, startB: number, now: number, a: Pod, b: Pod): number {
  if (startA === startB) return 0;
  if (startA === 0 || startB === 0) return startA === 0 ? -1 : 1;
  const difference = magnitude(now - startA) - magnitude(now - startB);
  if (difference !== 0) return difference;
  return (a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1;
}

function magnitude(ageMs: number): number {
  return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1e6)) : -1;
}

function rankOfPhase(pod: Pod): number {
  return phaseRank[pod.status?.phase ?? 'Pending'] ?? 0;
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[deletionCostAnnotation];
  return text !== undefined && /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

/** The highest restart count among the pod's containers, or among its sidecars (init containers that stay). */
function maxRestarts(pod: Pod, sidecars: boolean): number {
  const stays = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const statuses = sidecars
    ? pod.status?.initContainerStatuses?.filter((status) => stays.has(status.name))
    : pod.status?.containerStatuses;
  return Math.max(0, ...(statuses ?? []).map((status) => status.restartCount));
}
