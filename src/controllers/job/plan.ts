import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isPodTerminating } from '../pod-state.ts';
import { podsToDelete } from '../replication/pod-order.ts';
import { nextPodInMs, type Assessment } from './assess.ts';
import { indexBackoffMs } from './backoff.ts';
import { Intervals } from './intervals.ts';
import { completionIndex, isIndexed, replacesFailedOnly } from './job-pods.ts';

/** Pods that one reconcile creates or deletes at most. */
const burst = 500;

export type JobPlan =
  | { kind: 'none' }
  | { kind: 'delete'; pods: readonly Pod[] }
  /** `indexes` in an indexed job. */
  | { kind: 'create'; count: number; indexes?: readonly number[] }
  /** Pods are missing, and it is too early to make them. */
  | { kind: 'wait'; afterMs: number };

/** How a job that goes on gets to the number of pods that it should have. Pure. */
export function planPods(job: Job, pods: readonly Pod[], assessment: Assessment, now: number): JobPlan {
  const { active, terminating } = assessment;
  const remove = (count: number): readonly Pod[] => podsToRemove({ job, active, count, now });
  if (job.spec?.suspend) return active.length > 0 ? { kind: 'delete', pods: remove(active.length) } : { kind: 'none' };
  const wanted = wantedPods(job, assessment);
  const surplus = remove(Math.max(0, active.length - wanted)).slice(0, burst);
  // Both at once could be called for where an index runs twice: the deletion comes first.
  if (surplus.length > 0) return { kind: 'delete', pods: surplus };
  const missing = wanted - active.length - (replacesFailedOnly(job) ? terminating : 0);
  if (missing <= 0) return { kind: 'none' };
  const afterMs = nextPodInMs(assessment, job, now);
  if (afterMs > 0) return { kind: 'wait', afterMs };
  const count = Math.min(missing, burst);
  return isIndexed(job) ? planIndexes({ job, pods, assessment, count, now }) : { kind: 'create', count };
}

function wantedPods({ spec }: Job, { active, succeeded }: Assessment): number {
  const parallelism = spec?.parallelism ?? 1;
  // Without a number of completions the first success lets the others run out.
  if (spec?.completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, spec.completions - succeeded));
}

function planIndexes(options: {
  job: Job;
  pods: readonly Pod[];
  assessment: Assessment;
  count: number;
  now: number;
}): JobPlan {
  const { job, pods, assessment, count, now } = options;
  const { indexes, active } = assessment;
  const indexOf = (pod: Pod): number | never[] => completionIndex(pod, job) ?? [];
  const leaving = replacesFailedOnly(job) ? pods.filter(isPodTerminating) : [];
  const taken = Intervals.of([...active, ...leaving].flatMap(indexOf))
    .union(indexes?.succeeded ?? Intervals.none)
    .union(indexes?.failed ?? Intervals.none);
  const pending = taken.firstMissing(count, job.spec?.completions ?? 0);
  if (pending.length === 0) return { kind: 'none' };
  const waits = pending.map((index) => indexBackoffMs(indexes?.awaitingReplacement.get(index), now));
  const ready = pending.filter((_, i) => waits[i] === 0);
  if (ready.length === 0) return { kind: 'wait', afterMs: Math.min(...waits) };
  return { kind: 'create', count: ready.length, indexes: ready };
}

/** `count` pods at least: those without an index of the job, those whose index runs twice, then the least useful. */
function podsToRemove(options: { job: Job; active: readonly Pod[]; count: number; now: number }): Pod[] {
  const { job, active, count, now } = options;
  const removed: Pod[] = [];
  let left = [...active];
  if (isIndexed(job)) {
    const byIndex = new Map<number, Pod[]>();
    left = [];
    for (const pod of active) {
      const index = completionIndex(pod, job);
      if (index === undefined) removed.push(pod);
      else byIndex.set(index, [...(byIndex.get(index) ?? []), pod]);
    }
    for (const group of byIndex.values()) {
      const surplus = podsToDelete({ pods: group, related: active, count: group.length - 1, now });
      removed.push(...surplus);
      left.push(...group.filter((pod) => !surplus.includes(pod)));
    }
  }
  if (removed.length >= count) return removed;
  return [...removed, ...podsToDelete({ pods: left, related: active, count: count - removed.length, now })];
}
