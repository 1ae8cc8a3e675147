import { formatTime } from '../../base/clock.ts';
import { CronSyntaxError, isTimeZone, type CronSchedule } from '../../api/cron-schedule.ts';
import { isApiError } from '../../api/status.ts';
import type { CronJob, CronJobStatus, Job } from '../../api/types/batch-v1.ts';
import type { ObjectReference } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { cronJobs as cronJobResource, jobs as jobResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { holdsCondition, isJobFinished } from '../job/assess.ts';
import { controllerOf, controllerReference, controllerUids, nameOf } from '../owner-references.ts';
import { parseTime } from '../pod-state.ts';
import { done, type Outcome } from '../reconciler.ts';
import { isNamespaceTerminating, messageOf } from '../replication/pod-control.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { unlessGone } from '../unless-gone.ts';
import { isTooLate, jobName, latestMissed, nextLookInMs, scheduleOf } from './plan.ts';

const forgotten = 'Saw a job that the controller did not create or forgot';
const timestampAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** Starts jobs at the times of a schedule (concepts/workloads/controllers/cron-jobs). */
export class CronJobReconciler implements Controller {
  readonly name = 'cronjob-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#cronJobs = context.informers.of(cronJobResource);
    this.#jobs = context.informers.of(jobResource);
    this.#jobs.addIndex('controller', controllerUids);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (cronJob: CronJob): void => enqueue(keyOf(cronJob));
    const jobChanged = (job: Job): void => {
      const owner = controllerOf(job);
      if (owner?.kind === 'CronJob') enqueue(`${job.metadata.namespace}/${owner.name}`);
    };
    const ends = [
      this.#cronJobs.subscribe({ added: look, updated: look }),
      this.#jobs.subscribe({ added: jobChanged, updated: jobChanged, deleted: jobChanged }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const cronJob = this.#cronJobs.get(key);
    if (!cronJob) return done;
    const jobs = this.#jobs.byIndex('controller', cronJob.metadata.uid ?? '');
    const status = await this.#recount(cronJob, jobs);
    const current = { ...cronJob, status };
    const afterMs = await this.#startDue(current);
    if (!semanticallyEqual(current.status, cronJob.status ?? {})) {
      await unlessGone(this.#context.client.update(cronJobResource, current, { subresource: 'status' }));
    }
    await this.#cleanUp(cronJob, jobs);
    return afterMs === undefined ? done : { kind: 'requeue', afterMs };
  }

  /** What has become of the jobs since the status was written. */
  async #recount(cronJob: CronJob, jobs: readonly Job[]): Promise<CronJobStatus> {
    const active = new Map((cronJob.status?.active ?? []).map((reference) => [reference.uid, reference]));
    let lastSuccess = cronJob.status?.lastSuccessfulTime;
    for (const job of jobs) {
      const { name, uid } = job.metadata;
      const isActive = active.has(uid);
      if (!isJobFinished(job)) {
        if (isActive) continue;
        // One that was started just before a crash is later than what the status tells of.
        const isNews = parseTime(cronJob.status?.lastScheduleTime) < scheduledTime(job);
        if (isNews) active.set(uid, referenceTo(job));
        else this.#tell(cronJob, 'Warning', 'UnexpectedJob', `${forgotten}: ${name}`);
        continue;
      }
      const complete = holdsCondition(job, 'Complete');
      if (isActive) {
        active.delete(uid);
        const condition = complete ? 'Complete' : 'Failed';
        this.#tell(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${condition}`);
      }
      const end = complete && job.status?.completionTime;
      if (end && parseTime(end) > parseTime(lastSuccess)) lastSuccess = end;
    }
    const known = new Set(jobs.map(({ metadata }) => metadata.uid));
    for (const [uid, reference] of active) {
      if (known.has(uid) || (await this.#isThere(reference))) continue;
      active.delete(uid);
      this.#tell(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${reference.name}`);
    }
    return {
      ...cronJob.status,
      active: [...active.values()],
      ...(lastSuccess !== undefined && { lastSuccessfulTime: lastSuccess }),
    };
  }

  /** The cache may not have the job yet. */
  async #isThere({ name = '', namespace = '', uid }: ObjectReference): Promise<boolean> {
    const job = await unlessGone(this.#context.client.get(jobResource, { name, namespace }));
    return job?.metadata.uid === uid;
  }

  /** Starts what is due, and puts that into the status, in place. Answers when to look again. */
  async #startDue(cronJob: CronJob & { status: CronJobStatus }): Promise<number | undefined> {
    const { spec, metadata, status } = cronJob;
    if (metadata.deletionTimestamp !== undefined) return undefined;
    if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
      const message = `invalid timeZone: ${JSON.stringify(spec.timeZone)}: unknown time zone ${spec.timeZone}`;
      return this.#tell(cronJob, 'Warning', 'UnknownTimeZone', message);
    }
    if (spec.suspend) return undefined;
    const schedule = this.#schedule(cronJob);
    if (!schedule) return undefined;
    const now = this.#context.clock.now();
    const missed = latestMissed(cronJob, schedule, now);
    const next = nextLookInMs(cronJob, schedule, { missed, now });
    if (missed.tooMany) {
      const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.#tell(cronJob, 'Warning', 'TooManyMissedTimes', `too many missed start times. ${advice}`);
    }
    if (missed.time === undefined) return next;
    if (isTooLate(cronJob, missed.time, now)) {
      const message = `Missed scheduled time to start a job: ${new Date(missed.time).toUTCString().replace('GMT', '+0000')}`;
      this.#tell(cronJob, 'Warning', 'MissSchedule', message);
      return next;
    }
    const active = status.active ?? [];
    if (active.some(({ name }) => name === jobName(cronJob, missed.time ?? 0))) return next;
    if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.#tell(cronJob, 'Normal', 'JobAlreadyActive', message);
      return next;
    }
    if (spec.concurrencyPolicy === 'Replace') {
      for (const reference of active) await this.#delete(cronJob, reference.name ?? '');
      status.active = [];
    }
    const job = await this.#start(cronJob, missed.time);
    if (!job) return next;
    if (!isJobFinished(job)) status.active = [...(status.active ?? []), referenceTo(job)];
    status.lastScheduleTime = formatTime(missed.time);
    return next;
  }

  #schedule(cronJob: CronJob): CronSchedule | undefined {
    try {
      const schedule = scheduleOf(cronJob);
      if (schedule.next(this.#context.clock.now()) !== undefined) return schedule;
      // A day that no month has. Upstream finds two times that are the same, and says so.
      const message = `invalid schedule: ${cronJob.spec.schedule} : time difference between two schedules is less than 1 second`;
      return this.#tell(cronJob, 'Warning', 'InvalidSchedule', message);
    } catch (error) {
      if (!(error instanceof CronSyntaxError)) throw error;
      const message = `unparseable schedule: ${JSON.stringify(cronJob.spec.schedule)} : ${error.message}`;
      this.#tell(cronJob, 'Warning', 'UnparseableSchedule', message);
      return undefined;
    }
  }

  async #start(cronJob: CronJob, time: number): Promise<Job | undefined> {
    const { metadata, spec } = cronJob;
    const { labels, annotations } = spec.jobTemplate.metadata ?? {};
    const job: Job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: jobName(cronJob, time),
        namespace: metadata.namespace ?? '',
        ...(labels && { labels: { ...labels } }),
        annotations: { ...annotations, [timestampAnnotation]: formatTime(time) },
        ownerReferences: [controllerReference(cronJob, 'batch/v1', 'CronJob')],
      },
      ...(spec.jobTemplate.spec && { spec: structuredClone(spec.jobTemplate.spec) }),
    };
    try {
      const created = await this.#context.client.create(jobResource, job);
      this.#tell(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${created.metadata.name}`);
      return created;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (isApiError(error, 'AlreadyExists')) {
        // Started before, and the status was not written: it counts, if it is ours.
        const found = await this.#context.client.get(jobResource, nameOf(job));
        if (controllerOf(found)?.uid === metadata.uid) return found;
      }
      this.#tell(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Finished jobs beyond the history limits go, the oldest first. */
  async #cleanUp(cronJob: CronJob, jobs: readonly Job[]): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
    for (const [type, limit] of [
      ['Complete', successfulJobsHistoryLimit],
      ['Failed', failedJobsHistoryLimit],
    ] as const) {
      if (limit === undefined) continue;
      const finished = jobs
        .filter((job) => holdsCondition(job, type) && job.metadata.deletionTimestamp === undefined)
        .toSorted((a, b) => startOf(a) - startOf(b) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
      for (const job of finished.slice(0, Math.max(0, finished.length - limit))) {
        await this.#delete(cronJob, job.metadata.name ?? '');
      }
    }
  }

  async #delete(cronJob: CronJob, name: string): Promise<void> {
    const { namespace = '' } = cronJob.metadata;
    try {
      await this.#context.client.delete(jobResource, { name, namespace }, { propagationPolicy: 'Background' });
      this.#tell(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      this.#tell(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Events name their object's kind, which objects from a list may lack. */
  #tell({ metadata }: CronJob, type: 'Normal' | 'Warning', reason: string, message: string): undefined {
    this.#context.recorder.record({ apiVersion: 'batch/v1', kind: 'CronJob', metadata }, type, reason, message);
  }
}

function scheduledTime({ metadata }: Job): number {
  return parseTime(metadata.annotations?.[timestampAnnotation]);
}

function startOf({ metadata, status }: Job): number {
  return parseTime(status?.startTime ?? metadata.creationTimestamp);
}

function referenceTo({ metadata }: Job): ObjectReference {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', namespace, name, uid, resourceVersion };
}
