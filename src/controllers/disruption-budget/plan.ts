import { formatTime } from '../../base/clock.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Condition } from '../../api/types/meta-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/types/policy-v1.ts';
import { scaledValue } from '../int-or-percent.ts';
import { isPodReady, parseTime } from '../pod-state.ts';

/** An evicted pod that is still there after this long was not deleted after all: it counts again. */
const evictionTimeoutMs = 2 * 60_000;

export interface BudgetView {
  budget: PodDisruptionBudget;
  /** Those that its selector matches. */
  pods: readonly Pod[];
  /** How many pods their controllers want; only asked for where a share of them is meant. */
  expectedScale: number;
  now: number;
}

/** Does the budget speak of a share of all, for which the pods' controllers have to be asked? */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

/** How much disruption the pods can take now, and when to look again. (KEP-85.) */
export function budgetStatus(view: BudgetView): { status: PodDisruptionBudgetStatus; afterMs?: number } {
  const { budget, pods, now } = view;
  const { expected, desired } = expectations(view);
  const { disrupted, afterMs } = stillDisrupted(view);
  const healthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined && !(disrupted[pod.metadata.name ?? ''] ?? '') && isPodReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const verdict: Verdict = allowed > 0 ? ['True', 'SufficientPods', ''] : ['False', 'InsufficientPods', ''];
  const status: PodDisruptionBudgetStatus = {
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: conditionsOf(budget, verdict, now),
  };
  return { status, ...(afterMs !== undefined && { afterMs }) };
}

/** The status of a budget that could not be reckoned: nothing may be disrupted. */
export function failedStatus(budget: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus {
  return {
    disruptionsAllowed: 0,
    currentHealthy: budget.status?.currentHealthy ?? 0,
    desiredHealthy: budget.status?.desiredHealthy ?? 0,
    expectedPods: budget.status?.expectedPods ?? 0,
    observedGeneration: budget.metadata.generation ?? 0,
    ...(budget.status?.disruptedPods && { disruptedPods: budget.status.disruptedPods }),
    conditions: conditionsOf(budget, ['False', 'SyncFailed', message], now),
  };
}

function expectations({ budget, pods, expectedScale }: BudgetView): { expected: number; desired: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    const desired = expectedScale - scaledValue(maxUnavailable, expectedScale, 'up');
    return { expected: expectedScale, desired: Math.max(0, desired) };
  }
  if (typeof minAvailable === 'string') {
    return { expected: expectedScale, desired: scaledValue(minAvailable, expectedScale, 'up') };
  }
  return { expected: pods.length, desired: minAvailable ?? 0 };
}

/** Pods that were evicted and have not been seen to go yet. */
function stillDisrupted({ budget, pods, now }: BudgetView): { disrupted: Record<string, string>; afterMs?: number } {
  const disrupted: Record<string, string> = {};
  const before = budget.status?.disruptedPods ?? {};
  const waits: number[] = [];
  for (const { metadata } of pods) {
    const since = before[metadata.name ?? ''];
    if (since === undefined || metadata.deletionTimestamp !== undefined) continue;
    const leftMs = parseTime(since) + evictionTimeoutMs - now;
    if (leftMs <= 0) continue;
    disrupted[metadata.name ?? ''] = since;
    waits.push(leftMs);
  }
  return { disrupted, ...(waits.length > 0 && { afterMs: Math.min(...waits) }) };
}

type Verdict = [status: string, reason: string, message: string];

function conditionsOf(budget: PodDisruptionBudget, [status, reason, message]: Verdict, now: number): Condition[] {
  const before = budget.status?.conditions ?? [];
  const old = before.find(({ type }) => type === 'DisruptionAllowed');
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(now);
  const observedGeneration = budget.metadata.generation ?? 0;
  const condition = { type: 'DisruptionAllowed', status, reason, message, lastTransitionTime, observedGeneration };
  return [...before.filter((other) => other !== old), condition];
}
