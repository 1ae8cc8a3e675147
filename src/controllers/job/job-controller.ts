import { formatTime } from '../../base/clock.ts';
import { labelMatcher } from '../../api/label-selector.ts';
import { isApiError } from '../../api/status.ts';
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { jobs as jobResource, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { Dependents, watchOwners, type OwnerKind } from '../dependents.ts';
import { Outdated } from '../outdated.ts';
import { controllerOf, nameOf } from '../owner-references.ts';
import { isPodReady } from '../pod-state.ts';
import { done, type Outcome } from '../reconciler.ts';
import { doubtAfterMs, Expectations } from '../replication/expectations.ts';
import { PodControl } from '../replication/pod-control.ts';
import { slowStart } from '../replication/slow-start.ts';
import { assess, deadlineInMs, isJobFinished, jobCondition, type Assessment } from './assess.ts';
import type { BackoffRecord } from './backoff.ts';
import { isTracked, newJobPod, trackingFinalizer } from './job-pods.ts';
import { planPods } from './plan.ts';
import { finishJob, suspensionOf } from './status.ts';
import { countReleased, track, trackedUids, type Tracking } from './track.ts';

/** Jobs whose `spec.managedBy` names somebody else are theirs. */
const controllerName = 'kubernetes.io/job-controller';
/** Keys of pods that have a job's finalizer and nobody who would take it away. */
const strayPrefix = 'stray pod ';

const jobKind: OwnerKind<Job> = {
  resource: jobResource,
  apiVersion: 'batch/v1',
  selector: (job) => labelMatcher(job.spec?.selector),
};

/** What became of a job's pods in one reconcile. */
interface Movement {
  active: number;
  ready: number;
  terminating: number;
  /** The job's end, when all that it asks for has been done. */
  verdict?: JobCondition;
  /** The number of pods was looked after: suspension may be told. */
  managed: boolean;
  afterMs?: number;
  error?: unknown;
}

/**
 * Runs pods to completion. Each end of a pod is counted exactly once, by way of a finalizer on the pod and of
 * `status.uncountedTerminatedPods`. (batch/v1; KEPs 2307, 2214, 3329, 3850, 3939, 3998, 4368.)
 */
export class JobReconciler implements Controller {
  readonly name = 'job-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #outdated = new Outdated<Job>();
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly #ownPods: Dependents<Job, Pod>;
  readonly #expectations: Expectations;
  readonly #podControl: PodControl;
  /** Uids of pods that have lost their finalizer, until the cache shows it; by job. */
  readonly #untracked = new Map<string, Set<string>>();
  readonly #backoff = new Map<string, BackoffRecord>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#jobs = context.informers.of(jobResource);
    this.#ownPods = new Dependents(context, jobKind, podResource);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('tracked by job', (pod) => (isTracked(pod) ? [this.#ownPods.ownerKey(pod) ?? ''] : []));
    this.#expectations = new Expectations(context.clock);
    this.#podControl = new PodControl(context, this.#expectations);
  }

  watch(enqueue: Enqueue): () => void {
    const stray = (pod: Pod): void => {
      if (isTracked(pod) && !controllerOf(pod)) enqueue(strayPrefix + keyOf(pod));
    };
    const ends = [
      watchOwners(this.#jobs, enqueue, (key) => this.#forget(key)),
      this.#ownPods.watch(enqueue, {
        seen: (key, pod) => {
          this.#expectations.seen(key, pod);
          if (!isTracked(pod)) this.#untracked.get(key)?.delete(pod.metadata.uid ?? '');
        },
        gone: (key, pod) => {
          this.#expectations.gone(key, pod);
          this.#untracked.get(key)?.delete(pod.metadata.uid ?? '');
        },
      }),
      this.#pods.subscribe({ added: stray, updated: stray }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (key.startsWith(strayPrefix)) return this.#releaseStray(key.slice(strayPrefix.length));
    const job = this.#jobs.get(key);
    if (!job) this.#forget(key);
    await this.#releaseLeftBehind(key, job);
    if (!job || this.#outdated.has(job) || isManagedElsewhere(job) || isJobFinished(job)) return done;
    const { clock } = this.#context;
    const now = clock.now();
    const maySync = this.#expectations.satisfied(key) || (await this.#podControl.isConfirmed(key));
    const pods = await this.#ownPods.claim(job, { finalizers: [trackingFinalizer] });
    const untracked = this.#untracked.get(key) ?? new Set();
    const started = withStart(job, now);
    const assessment = assess({ job: started, pods, untracked, backoff: this.#backoff.get(key), now });
    const moved = await this.#move({ key, job: started, pods, assessment, maySync });
    await this.#outdated.unless(job, this.#track(key, started, pods, assessment, moved));
    if (moved.error) throw moved.error;
    const waits = [moved.afterMs, deadlineInMs(started, now), ...(maySync ? [] : [doubtAfterMs])];
    const afterMs = Math.min(...waits.filter((wait) => wait !== undefined && wait > 0).map(Number));
    return moved.verdict || afterMs === Infinity ? done : { kind: 'requeue', afterMs };
  }

  #forget(key: string): void {
    this.#expectations.forget(key);
    this.#untracked.delete(key);
    this.#backoff.delete(key);
  }

  /** A pod that its job was taken away from (`--cascade=orphan`) is nobody's to count. */
  async #releaseStray(podKey: string): Promise<Outcome> {
    const pod = this.#pods.get(podKey);
    if (pod && isTracked(pod) && !controllerOf(pod)) await this.#removeFinalizer(pod);
    return done;
  }

  /** Pods of a job that is gone, replaced by another of its name, or finished. */
  async #releaseLeftBehind(key: string, job: Job | undefined): Promise<void> {
    const left = this.#pods.byIndex('tracked by job', key).filter((pod) => {
      if (!job || controllerOf(pod)?.uid !== job.metadata.uid) return true;
      return isJobFinished(job) && !isManagedElsewhere(job);
    });
    await Promise.all(left.map((pod) => this.#removeFinalizer(pod)));
  }

  /** Makes and deletes pods. */
  async #move(options: {
    key: string;
    job: Job;
    pods: readonly Pod[];
    assessment: Assessment;
    maySync: boolean;
  }): Promise<Movement> {
    const { key, job, pods, assessment, maySync } = options;
    const { active, ready, terminating, verdict } = assessment;
    const counts = { active: active.length, ready, terminating, managed: false };
    if (verdict) {
      const removed = await this.#deletePods(key, job, active, false);
      // Pods that are on their way into the cache have to go as well before the job can be said to have ended.
      const ended = removed.deleted === active.length && maySync;
      return { ...subtract(counts, removed), ...(ended && { verdict }) };
    }
    if (!maySync || job.metadata.deletionTimestamp !== undefined) return this.#complete(job, assessment, counts);
    const managed = { ...counts, managed: true };
    const now = this.#context.clock.now();
    const plan = planPods(job, pods, assessment, now);
    switch (plan.kind) {
      case 'none':
        return this.#complete(job, assessment, managed);
      case 'wait':
        return { ...managed, afterMs: plan.afterMs };
      case 'delete':
        return this.#complete(job, assessment, subtract(managed, await this.#deletePods(key, job, plan.pods, true)));
      case 'create': {
        const { succeeded, error } = await this.#createPods({ key, job, assessment, ...plan });
        return { ...managed, active: managed.active + succeeded, ...(error !== undefined && { error }) };
      }
    }
  }

  /** Enough have succeeded and nobody runs any more. */
  #complete(job: Job, { succeeded }: Assessment, moved: Movement): Movement {
    const enough = job.spec?.completions === undefined ? succeeded > 0 : succeeded >= job.spec.completions;
    if (!enough || moved.active > 0) return moved;
    const message = 'Reached expected number of succeeded pods';
    const why = { reason: 'CompletionsReached', message };
    return { ...moved, verdict: jobCondition(this.#context.clock.now(), 'SuccessCriteriaMet', why) };
  }

  async #createPods(options: {
    key: string;
    job: Job;
    assessment: Assessment;
    count: number;
    indexes?: readonly number[];
  }): Promise<{ succeeded: number; error?: unknown }> {
    const { key, job, assessment, count, indexes } = options;
    return slowStart(count, async (i) => {
      const index = indexes?.[i];
      const replaced = index === undefined ? undefined : assessment.indexes?.awaitingReplacement.get(index);
      const { random } = this.#context;
      const pod = newJobPod({ job, random, ...(index !== undefined && { index }), ...(replaced && { replaced }) });
      await this.#podControl.create(key, typed(job), pod);
    });
  }

  /** With `uncounted` the pods' ends are not to be counted: they lose their finalizer first. */
  async #deletePods(key: string, job: Job, pods: readonly Pod[], uncounted: boolean): Promise<Removed> {
    const removed: Removed = { deleted: 0, ready: 0 };
    const results = await Promise.allSettled(
      pods.map(async (pod) => {
        if (uncounted) await this.#removeFinalizer(pod, key);
        await this.#podControl.delete(key, typed(job), pod);
        removed.deleted++;
        if (isPodReady(pod)) removed.ready++;
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    return failed ? { ...removed, error: failed.reason } : removed;
  }

  /** Writes the status, lets the counted pods go, and writes what follows from that. */
  async #track(key: string, job: Job, pods: readonly Pod[], assessment: Assessment, moved: Movement): Promise<void> {
    const { clock, recorder } = this.#context;
    const untracked = this.#untracked.get(key) ?? new Set();
    const now = clock.now();
    const tracking = track({ job, pods, untracked, assessment, verdict: moved.verdict, now });
    const suspension = moved.managed && !moved.verdict ? suspensionOf(job, tracking.status, now) : undefined;
    const status = withCounts(suspension?.status ?? tracking.status, moved);
    const { active = 0, ready, terminating } = job.status ?? {};
    const recounted = active !== moved.active || ready !== moved.ready || terminating !== moved.terminating;
    let current = { ...job, status };
    if (tracking.changed || suspension || recounted) {
      current = await this.#write(current);
      this.#backoff.set(key, assessment.backoff);
      if (suspension) recorder.record(typed(job), 'Normal', suspension.reason, suspension.message);
    }
    const failed = await this.#release(key, tracking.release);
    const after = structuredClone(current.status ?? {});
    const counted = countReleased(after, trackedUids({ pods, untracked: this.#untracked.get(key) ?? new Set() }));
    const ended = !failed && !tracking.truncated && finishJob(after, tracking.final);
    if (counted || ended) current = await this.#write({ ...current, status: after });
    if (ended) this.#tellEnd(current, tracking);
    if (failed) throw failed.reason;
  }

  #tellEnd(job: Job, { final }: Tracking): void {
    const { recorder } = this.#context;
    if (final?.type !== 'Complete') {
      recorder.record(typed(job), 'Warning', final?.reason ?? '', final?.message ?? '');
      return;
    }
    if (job.spec?.completions !== undefined && (job.status?.succeeded ?? 0) > job.spec.completions) {
      const message = 'Too many succeeded pods running after completion count reached';
      recorder.record(typed(job), 'Warning', 'TooManySucceededPods', message);
    }
    recorder.record(typed(job), 'Normal', 'Completed', 'Job completed');
  }

  async #write(job: Job): Promise<Job & { status: JobStatus }> {
    const written = await this.#context.client.update(jobResource, job, { subresource: 'status' });
    return { ...written, status: written.status ?? {} };
  }

  async #release(key: string, pods: readonly Pod[]): Promise<PromiseRejectedResult | undefined> {
    const results = await Promise.allSettled(pods.map((pod) => this.#removeFinalizer(pod, key)));
    return results.find((result) => result.status === 'rejected');
  }

  /** `key`: the job that remembers it until the cache shows it. */
  async #removeFinalizer(pod: Pod, key?: string): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const untracked = key === undefined ? undefined : (this.#untracked.get(key) ?? new Set());
    if (key !== undefined && untracked) this.#untracked.set(key, untracked.add(uid));
    const document = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
    try {
      await this.#context.client.patch(podResource, nameOf(pod), { kind: 'strategic', document });
    } catch (error) {
      // Gone, or another pod of its name: it counts as let go.
      if (isApiError(error, 'NotFound', 'Conflict')) return;
      untracked?.delete(uid);
      throw error;
    }
  }
}

interface Removed {
  deleted: number;
  ready: number;
  error?: unknown;
}

function subtract(moved: Movement, { deleted, ready, error }: Removed): Movement {
  return {
    ...moved,
    active: moved.active - deleted,
    ready: moved.ready - ready,
    terminating: moved.terminating + deleted,
    ...(error !== undefined && { error }),
  };
}

function withCounts(status: JobStatus, { active, ready, terminating }: Movement): JobStatus {
  const { active: _, ...rest } = status;
  return { ...rest, ...(active > 0 && { active }), ready, terminating };
}

/** A job that is not suspended starts with the first look at it. */
function withStart(job: Job, now: number): Job {
  if (job.spec?.suspend || job.status?.startTime) return job;
  return { ...job, status: { ...job.status, startTime: formatTime(now) } };
}

function isManagedElsewhere({ spec }: Job): boolean {
  return spec?.managedBy !== undefined && spec.managedBy !== controllerName;
}

/** Events name their object's kind, which objects from a list may lack. */
function typed({ metadata }: Job): Job {
  return { apiVersion: 'batch/v1', kind: 'Job', metadata };
}
