import { formatTime } from '../../base/clock.ts';
import { mapMatcher } from '../../api/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { availableInMs, isPodReady, isPodTerminating } from '../pod-state.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { podsToDelete } from './pod-order.ts';

/** Pods that one reconcile creates or deletes at most. */
const burstReplicas = 500;

/** The condition that both replica sets and replication controllers have. */
export interface ReplicaFailure {
  type: string;
  status: string;
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

/** What replica sets and replication controllers have in common in their status. */
export interface ReplicationStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  terminatingReplicas?: number;
  observedGeneration?: number;
  conditions?: ReplicaFailure[];
}

export type ReplicationPlan =
  { kind: 'none' } | { kind: 'create'; count: number } | { kind: 'delete'; pods: readonly Pod[] };

/** How the number of active pods gets to the number asked for. */
export function planReplicas(options: {
  active: readonly Pod[];
  related: () => readonly Pod[];
  replicas: number;
  now: number;
}): ReplicationPlan {
  const { active, related, replicas, now } = options;
  const surplus = active.length - replicas;
  if (surplus < 0) return { kind: 'create', count: Math.min(-surplus, burstReplicas) };
  if (surplus === 0) return { kind: 'none' };
  const count = Math.min(surplus, burstReplicas);
  return { kind: 'delete', pods: podsToDelete({ pods: active, related: related(), count, now }) };
}

export interface StatusInput {
  status: ReplicationStatus | undefined;
  generation: number | undefined;
  templateLabels: Record<string, string> | undefined;
  minReadySeconds: number;
  /** Pods that belong to the controller and are neither finished nor terminating. */
  active: readonly Pod[];
  /** All pods that belong to it. */
  owned: readonly Pod[];
  /** Replication controllers have no `terminatingReplicas`. */
  countTerminating: boolean;
  /** What went wrong with creating or deleting. `null`: nothing; undefined: nothing was tried, the old stays. */
  failure: { reason: 'FailedCreate' | 'FailedDelete'; message: string } | null | undefined;
  now: number;
}

/** The status that the controller should have now. */
export function replicationStatus(input: StatusInput): ReplicationStatus {
  const { status, active, now } = input;
  const available = active.filter((pod) => availableInMs(pod, input.minReadySeconds, now) === 0).length;
  const template = mapMatcher(input.templateLabels ?? {});
  const conditions = failureConditions(status?.conditions ?? [], input.failure, now);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => template.matches(pod.metadata.labels)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: available,
    ...(input.countTerminating && { terminatingReplicas: input.owned.filter(isPodTerminating).length }),
    observedGeneration: input.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  };
}

/** False when a write would change nothing. Numbers that are missing count as zero. */
export function statusChanged(old: ReplicationStatus | undefined, next: ReplicationStatus): boolean {
  const fields = [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'terminatingReplicas',
    'observedGeneration',
  ] as const;
  return (
    fields.some((field) => (old?.[field] ?? 0) !== (next[field] ?? 0)) ||
    !semanticallyEqual(old?.conditions, next.conditions)
  );
}

/** Milliseconds until the next ready pod becomes available, if one is on its way there. */
export function nextAvailableInMs(active: readonly Pod[], minReadySeconds: number, now: number): number | undefined {
  const waits = active.flatMap((pod) => availableInMs(pod, minReadySeconds, now) || []);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

function failureConditions(old: ReplicaFailure[], failure: StatusInput['failure'], now: number): ReplicaFailure[] {
  if (failure === undefined) return old;
  const others = old.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure === null) return others;
  const before = old.find((condition) => condition.type === 'ReplicaFailure');
  if (before) return old;
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: formatTime(now), ...failure }];
}
