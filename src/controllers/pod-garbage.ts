import type { Node, Pod } from '../api/types/core-v1.ts';
import { readiness } from './node-lifecycle/health.ts';
import { isPodTerminating, parseTime } from './pod-state.ts';

export const outOfService = 'node.kubernetes.io/out-of-service';

/** The finished pods beyond the threshold: evicted ones first, then the oldest. */
export function surplusFinishedPods(pods: readonly Pod[], threshold: number): Pod[] {
  if (threshold <= 0 || pods.length <= threshold) return [];
  const evicted = (pod: Pod): number => (pod.status?.phase === 'Failed' && pod.status.reason === 'Evicted' ? 0 : 1);
  return pods
    .toSorted(
      (a, b) =>
        evicted(a) - evicted(b) ||
        parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp) ||
        ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
    )
    .slice(0, pods.length - threshold);
}

export type Verdict = 'keep' | 'unscheduled' | 'out-of-service' | 'orphaned';

/** Whether nobody will ever end this pod but us. */
export function judgePod(pod: Pod, node: Node | undefined): Verdict {
  if (!pod.spec?.nodeName) return pod.metadata.deletionTimestamp === undefined ? 'keep' : 'unscheduled';
  if (!node) return 'orphaned';
  const isLost = readiness(node) !== 'True' && node.spec?.taints?.some((taint) => taint.key === outOfService);
  return isLost && isPodTerminating(pod) ? 'out-of-service' : 'keep';
}
