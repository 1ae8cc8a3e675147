import { formatTime } from '../../base/clock.ts';
import type { Job, JobCondition } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isPodActive, isPodReady, isPodTerminating, parseTime } from '../pod-state.ts';
import { backoffMs, nextBackoff, type BackoffRecord } from './backoff.ts';
import { Intervals } from './intervals.ts';
import { allIndexFailures, completionIndex, finishTime, indexFailures, isFailed, isIndexed } from './job-pods.ts';
import { isTracked } from './job-pods.ts';
import { matchPodFailurePolicy } from './pod-failure-policy.ts';

/** What one look at a job starts from. */
export interface JobView {
  job: Job;
  /** All pods that belong to it. */
  pods: readonly Pod[];
  /** Uids whose finalizer is gone, though the cache still shows it. */
  untracked: ReadonlySet<string>;
  backoff: BackoffRecord | undefined;
  /** Epoch milliseconds. */
  now: number;
}

export interface IndexState {
  /** As the status had them. */
  previous: Intervals;
  succeeded: Intervals;
  /** With limits by index only. */
  failed?: Intervals;
  /** Failed pods that keep their finalizer until a replacement carries their count on, by index. */
  awaitingReplacement: ReadonlyMap<number, Pod>;
}

/** How a job stands. */
export interface Assessment {
  active: Pod[];
  ready: number;
  terminating: number;
  succeeded: number;
  failed: number;
  indexes?: IndexState;
  backoff: BackoffRecord;
  /** The job comes to its end: FailureTarget, SuccessCriteriaMet, or Failed where the first was written before. */
  verdict?: JobCondition;
}

/** Where a job stands: pods counted, indexes sorted, and whether it has come to an end. Pure. */
export function assess(view: JobView): Assessment {
  const { job, pods, now } = view;
  const { status } = job;
  const fresh = pods.filter((pod) => isUncounted(pod, view));
  const counted = new Set([
    ...(status?.uncountedTerminatedPods?.succeeded ?? []),
    ...(status?.uncountedTerminatedPods?.failed ?? []),
  ]);
  const newPods = fresh.filter(({ metadata }) => !counted.has(metadata.uid ?? ''));
  const newSucceeded = newPods.filter((pod) => pod.status?.phase === 'Succeeded');
  const newFailed = newPods.filter((pod) => isFailed(pod, job));
  const policy = job.spec?.podFailurePolicy;
  const failed =
    (status?.failed ?? 0) +
    newFailed.filter((pod) => matchPodFailurePolicy(policy, pod).counts).length +
    (status?.uncountedTerminatedPods?.failed?.length ?? 0);
  const indexes = isIndexed(job) ? assessIndexes(view, fresh) : undefined;
  const succeeded =
    indexes?.succeeded.size ??
    (status?.succeeded ?? 0) + newSucceeded.length + (status?.uncountedTerminatedPods?.succeeded?.length ?? 0);
  const active = pods.filter(isPodActive);
  const verdict = standingVerdict(job, now) ?? failure({ job, pods, failed, now }) ?? indexVerdict(job, indexes, now);
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    succeeded,
    failed,
    ...(indexes && { indexes }),
    backoff: nextBackoff(view.backoff, newSucceeded, newFailed),
    ...(verdict && { verdict }),
  };
}

/** Milliseconds until the job may make its next pod. */
export function nextPodInMs({ backoff }: Assessment, job: Job, now: number): number {
  return job.spec?.backoffLimitPerIndex === undefined ? backoffMs(backoff, now) : 0;
}

/** Milliseconds until the job has been active too long; undefined without a deadline or while it is suspended. */
export function deadlineInMs({ spec, status }: Job, now: number): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || spec.suspend || !status?.startTime) return undefined;
  return parseTime(status.startTime) + spec.activeDeadlineSeconds * 1000 - now;
}

export function jobCondition(
  now: number,
  type: string,
  { reason, message }: { reason?: string | undefined; message?: string | undefined },
): JobCondition {
  const time = formatTime(now);
  return {
    type,
    status: 'True',
    lastProbeTime: time,
    lastTransitionTime: time,
    ...(reason && { reason }),
    ...(message && { message }),
  };
}

export function holdsCondition({ status }: Job, type: string): JobCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
}

export function isJobFinished(job: Job): boolean {
  return holdsCondition(job, 'Complete') !== undefined || holdsCondition(job, 'Failed') !== undefined;
}

/** Its end is not in the counters yet, and in an indexed job its index is one of the job's. */
function isUncounted(pod: Pod, { job, untracked }: JobView): boolean {
  if (!isTracked(pod) || untracked.has(pod.metadata.uid ?? '')) return false;
  return !isIndexed(job) || completionIndex(pod, job) !== undefined;
}

/** What an earlier look has written down already. */
function standingVerdict(job: Job, now: number): JobCondition | undefined {
  const success = holdsCondition(job, 'SuccessCriteriaMet');
  if (success) return success;
  const target = holdsCondition(job, 'FailureTarget');
  return target && jobCondition(now, 'Failed', target);
}

function failure(found: { job: Job; pods: readonly Pod[]; failed: number; now: number }): JobCondition | undefined {
  const { job, pods, failed, now } = found;
  const fail = (reason: string, message: string) => jobCondition(now, 'FailureTarget', { reason, message });
  for (const pod of job.spec?.podFailurePolicy ? pods : []) {
    const { jobFailure } = matchPodFailurePolicy(job.spec?.podFailurePolicy, pod);
    if (isFailed(pod, job) && jobFailure !== undefined) return fail('PodFailurePolicy', jobFailure);
  }
  if (failed > (job.spec?.backoffLimit ?? 6) || hasRestartedTooOften(job, pods)) {
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  if ((deadlineInMs(job, now) ?? 1) <= 0) {
    return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  return undefined;
}

/** Containers that restart in place (restartPolicy OnFailure) count towards the limit too. */
function hasRestartedTooOften(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const { restartCount } of status.initContainerStatuses ?? []) restarts += restartCount;
    for (const { restartCount } of status.containerStatuses ?? []) restarts += restartCount;
  }
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function indexVerdict(job: Job, indexes: IndexState | undefined, now: number): JobCondition | undefined {
  if (!indexes) return undefined;
  const { maxFailedIndexes, completions = 0, successPolicy } = job.spec ?? {};
  const failed = indexes.failed?.size ?? 0;
  const fail = (reason: string, message: string) => jobCondition(now, 'FailureTarget', { reason, message });
  if (maxFailedIndexes !== undefined && failed > maxFailedIndexes) {
    return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  if (failed > 0 && failed + indexes.succeeded.size >= completions)
    return fail('FailedIndexes', 'Job has failed indexes');
  for (const [index, rule] of (successPolicy?.rules ?? []).entries()) {
    const required = rule.succeededIndexes ? Intervals.parse(rule.succeededIndexes, completions) : undefined;
    const met = required ? indexes.succeeded.countOf(required) : indexes.succeeded.size;
    if (met < (rule.succeededCount ?? required?.size ?? Infinity)) continue;
    const message = `Matched rules at index ${index}`;
    return jobCondition(now, 'SuccessCriteriaMet', { reason: 'SuccessPolicy', message });
  }
  return undefined;
}

function assessIndexes(view: JobView, fresh: readonly Pod[]): IndexState {
  const { job, pods } = view;
  const completions = job.spec?.completions ?? 0;
  const indexOf = (pod: Pod): number | never[] => completionIndex(pod, job) ?? [];
  const previous = Intervals.parse(job.status?.completedIndexes, completions);
  const newlySucceeded = fresh.filter((pod) => pod.status?.phase === 'Succeeded').flatMap(indexOf);
  const succeeded = previous.union(Intervals.of(newlySucceeded));
  const state = { previous, succeeded, awaitingReplacement: new Map<number, Pod>() };
  if (job.spec?.backoffLimitPerIndex === undefined) return state;
  const newlyFailed = fresh.filter((pod) => hasFailedIndex(pod, job)).flatMap(indexOf);
  const failed = Intervals.parse(job.status?.failedIndexes, completions).union(Intervals.of(newlyFailed));
  const active = Intervals.of(pods.filter(isPodActive).flatMap(indexOf));
  for (const pod of fresh.filter((candidate) => isFailed(candidate, job))) {
    const index = completionIndex(pod, job);
    if (index === undefined || succeeded.has(index) || failed.has(index) || active.has(index)) continue;
    const last = state.awaitingReplacement.get(index);
    if (!last || isLaterFailure(pod, last)) state.awaitingReplacement.set(index, pod);
  }
  return { ...state, failed };
}

function isLaterFailure(pod: Pod, last: Pod): boolean {
  return allIndexFailures(pod) >= allIndexFailures(last) && finishTime(pod) >= finishTime(last);
}

/** The index is beyond its limit with this pod, or the policy gives it up. */
function hasFailedIndex(pod: Pod, job: Job): boolean {
  if (!isFailed(pod, job)) return false;
  const { action, counts } = matchPodFailurePolicy(job.spec?.podFailurePolicy, pod);
  return action === 'FailIndex' || (counts && indexFailures(pod) >= (job.spec?.backoffLimitPerIndex ?? 0));
}
