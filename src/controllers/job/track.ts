import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { holdsCondition, jobCondition, type Assessment } from './assess.ts';
import { Intervals } from './intervals.ts';
import { completionIndex, isFailed, isIndexed, isTracked } from './job-pods.ts';
import { matchPodFailurePolicy } from './pod-failure-policy.ts';

/** Ends that one write of the status takes in at most: their uids are in it, and it must not grow too large. */
const maxUncounted = 500;

/**
 * Counting the ends of pods, exactly once each: their uids go into `uncountedTerminatedPods` with one write, then they
 * lose their finalizer, then they leave the list and are in the counters. (KEP-2307.)
 */
export interface Tracking {
  /** To be written before finalizers are removed. */
  status: JobStatus;
  /** Does it say anything new? */
  changed: boolean;
  /** Pods whose finalizer may go once the status is written. */
  release: Pod[];
  /** There is more to count after this. */
  truncated: boolean;
  /** Complete or Failed, due once nothing is uncounted and nobody terminates any more. */
  final?: JobCondition;
}

export interface TrackingInput {
  job: Job;
  pods: readonly Pod[];
  /** Uids whose finalizer is gone, though the cache still shows it. */
  untracked: ReadonlySet<string>;
  assessment: Assessment;
  /** The assessment's, unless it is too early to act on it. */
  verdict: JobCondition | undefined;
  now: number;
}

export function track(input: TrackingInput): Tracking {
  const { job, assessment, verdict, now } = input;
  const status = structuredClone(job.status ?? {});
  status.uncountedTerminatedPods ??= {};
  let changed = countReleased(status, trackedUids(input));
  const taken = takeIn(input, status);
  changed ||= taken.changed;
  if (assessment.indexes) {
    const succeeded = assessment.indexes.previous.union(Intervals.of(taken.succeededIndexes));
    const completedIndexes = succeeded.toString();
    changed ||= completedIndexes !== (status.completedIndexes ?? '');
    if (completedIndexes) status.completedIndexes = completedIndexes;
    else delete status.completedIndexes;
    status.succeeded = succeeded.size;
    const failedIndexes = assessment.indexes.failed?.toString();
    if (failedIndexes !== status.failedIndexes) changed = true;
    if (failedIndexes === undefined) delete status.failedIndexes;
    else status.failedIndexes = failedIndexes;
  }
  let final = verdict;
  const isTarget = verdict?.type === 'FailureTarget' || verdict?.type === 'SuccessCriteriaMet';
  if (verdict && isTarget) {
    if (!holdsCondition(job, verdict.type)) {
      status.conditions = [...(status.conditions ?? []), verdict];
      changed = true;
    }
    final = jobCondition(now, verdict.type === 'FailureTarget' ? 'Failed' : 'Complete', verdict);
  }
  const { release, truncated } = taken;
  return { status, changed, release, truncated, ...(final && { final }) };
}

/** Uids of pods that have the finalizer still. */
export function trackedUids({ pods, untracked }: Pick<TrackingInput, 'pods' | 'untracked'>): Set<string> {
  const uids = pods.filter(isTracked).map(({ metadata }) => metadata.uid ?? '');
  return new Set(uids.filter((uid) => !untracked.has(uid)));
}

/** Moves those that have lost their finalizer from the list into the counters, in place. True when there were any. */
export function countReleased(status: JobStatus, tracked: ReadonlySet<string>): boolean {
  const uncounted = (status.uncountedTerminatedPods ??= {});
  let changed = false;
  for (const outcome of ['succeeded', 'failed'] as const) {
    const uids = uncounted[outcome] ?? [];
    const left = uids.filter((uid) => tracked.has(uid));
    if (left.length === uids.length) continue;
    changed = true;
    status[outcome] = (status[outcome] ?? 0) + uids.length - left.length;
    if (left.length > 0) uncounted[outcome] = left;
    else delete uncounted[outcome];
  }
  return changed;
}

interface Taken {
  release: Pod[];
  succeededIndexes: number[];
  changed: boolean;
  truncated: boolean;
}

/** Takes ends into the status' list, in place. */
function takeIn(input: TrackingInput, status: JobStatus): Taken {
  const { job, assessment } = input;
  const uncounted = (status.uncountedTerminatedPods ??= {});
  const taken: Taken = { release: [], succeededIndexes: [], changed: false, truncated: false };
  const tracked = trackedUids(input);
  const indexOf = (pod: Pod): number => completionIndex(pod, job) ?? Infinity;
  const pods = isIndexed(job) ? input.pods.toSorted((a, b) => indexOf(a) - indexOf(b) || 0) : input.pods;
  for (const pod of pods) {
    const uid = pod.metadata.uid ?? '';
    if (!tracked.has(uid) || !mayRelease(pod, input)) continue;
    taken.release.push(pod);
    const outcome = outcomeOf(pod, input);
    if (outcome === undefined || uncounted.failed?.includes(uid) || uncounted.succeeded?.includes(uid)) continue;
    if (outcome === 'succeeded' && isIndexed(job)) {
      const index = indexOf(pod);
      if (index === Infinity || assessment.indexes?.previous.has(index)) continue;
      taken.succeededIndexes.push(index);
    } else {
      uncounted[outcome] = [...(uncounted[outcome] ?? []), uid];
    }
    taken.changed = true;
    const size = taken.succeededIndexes.length + (uncounted.succeeded?.length ?? 0) + (uncounted.failed?.length ?? 0);
    if (size >= maxUncounted) return { ...taken, truncated: true };
  }
  return taken;
}

function mayRelease(pod: Pod, { job, assessment, verdict }: TrackingInput): boolean {
  if (job.metadata.deletionTimestamp !== undefined || verdict || pod.status?.phase === 'Succeeded') return true;
  if (!isFailed(pod, job)) return false;
  const index = completionIndex(pod, job);
  return index === undefined || assessment.indexes?.awaitingReplacement.get(index)?.metadata.uid !== pod.metadata.uid;
}

/** How the pod's end counts; undefined: not at all. */
function outcomeOf(pod: Pod, { job, verdict }: TrackingInput): 'succeeded' | 'failed' | undefined {
  if (pod.status?.phase === 'Succeeded') return 'succeeded';
  // When a job has failed, those that still run have failed with it.
  const hasFailed = isFailed(pod, job) || (verdict !== undefined && verdict.type !== 'SuccessCriteriaMet');
  if (!hasFailed || (isIndexed(job) && completionIndex(pod, job) === undefined)) return undefined;
  return matchPodFailurePolicy(job.spec?.podFailurePolicy, pod).counts ? 'failed' : undefined;
}
