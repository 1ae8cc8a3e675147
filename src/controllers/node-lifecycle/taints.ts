import { formatTime } from '../../base/clock.ts';
import type { Node, Taint } from '../../api/types/core-v1.ts';
import { conditionOf } from './health.ts';
import { notReadyTaintKey } from '../../api/well-known.ts';

const unreachable = 'node.kubernetes.io/unreachable';

/** Conditions that keep pods from being scheduled, and the taint each stands for while it is True. */
const pressures: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const unschedulable = 'node.kubernetes.io/unschedulable';
const managed: ReadonlySet<string> = new Set([
  notReadyTaintKey,
  unreachable,
  unschedulable,
  ...Object.values(pressures),
]);

/** The key of the NoExecute taint that the node's readiness calls for; a node that never said anything has no pods. */
export function evictionTaintKey(node: Node): string | undefined {
  switch (conditionOf(node, 'Ready')?.status) {
    case undefined:
    case 'True':
      return undefined;
    case 'False':
      return notReadyTaintKey;
    default:
      return unreachable;
  }
}

export function hasTaint(node: Node, key: string, effect: string): boolean {
  return node.spec?.taints?.some((taint) => taint.key === key && taint.effect === effect) ?? false;
}

/**
 * The taints the node should have, undefined when it has them. `evict` says whether a node that is not ready may
 * lose its pods now; `false` leaves its NoExecute taints as they are, `never` takes them away.
 */
export function planTaints(node: Node, evict: boolean | 'never', now: number): Taint[] | undefined {
  const current = node.spec?.taints ?? [];
  const wanted = [...noScheduleKeys(node)].map((key) => ({ key, effect: 'NoSchedule' }));
  const key = evictionTaintKey(node);
  const isEviction = (taint: Taint): boolean =>
    taint.effect === 'NoExecute' && (taint.key === notReadyTaintKey || taint.key === unreachable);
  if (key !== undefined && evict === true) wanted.push({ key, effect: 'NoExecute' });
  // Waiting for its turn, a node keeps the eviction that is under way.
  if (key !== undefined && evict === false) wanted.push(...current.filter(isEviction));
  const isManaged = (taint: Taint): boolean =>
    isEviction(taint) || (taint.effect === 'NoSchedule' && managed.has(taint.key));
  const same = (a: { key: string; effect: string }, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
  const kept = current.filter((taint) => !isManaged(taint) || wanted.some((want) => same(want, taint)));
  const added = wanted.filter((want) => !current.some((taint) => same(want, taint)));
  if (added.length === 0 && kept.length === current.length) return undefined;
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: formatTime(now) }))];
}

function* noScheduleKeys(node: Node): Generator<string> {
  const ready = conditionOf(node, 'Ready')?.status;
  if (ready === 'False') yield notReadyTaintKey;
  if (ready === 'Unknown') yield unreachable;
  for (const [type, key] of Object.entries(pressures)) {
    if (conditionOf(node, type)?.status === 'True') yield key;
  }
  if (node.spec?.unschedulable) yield unschedulable;
}
