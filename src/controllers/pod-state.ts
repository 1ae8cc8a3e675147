import { isPodFinished } from '../api/pod-phase.ts';
import type { Pod, PodCondition } from '../api/types/core-v1.ts';

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Neither finished nor on its way out: one that counts for its controller. */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Being deleted and not finished yet: what `terminatingReplicas` counts. */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp !== undefined;
}

/** Epoch milliseconds of the last change of the Ready condition; 0 when it is not ready. */
export function readySince(pod: Pod): number {
  const ready = podCondition(pod, 'Ready');
  return ready?.status === 'True' ? parseTime(ready.lastTransitionTime) : 0;
}

/**
 * Milliseconds until a pod that stays ready counts as available: 0 when it does already, undefined when it is not
 * ready. (`minReadySeconds` of apps/v1.)
 */
export function availableInMs(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, readySince(pod) + minReadySeconds * 1000 - now);
}

/** Epoch milliseconds of an API time; 0 when there is none. */
export function parseTime(time: string | undefined | null): number {
  return time ? Date.parse(time) : 0;
}
