import { isApiError } from '../../api/status.ts';
import type { Job } from '../../api/types/batch-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { jobs as jobResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import { parseTime } from '../pod-state.ts';
import { done, type Outcome } from '../reconciler.ts';
import { holdsCondition } from './assess.ts';

/** Deletes jobs, and their pods before them, `ttlSecondsAfterFinished` after their end. (KEP-592.) */
export class TtlAfterFinishedReconciler implements Controller {
  readonly name = 'ttl-after-finished-controller';
  readonly #context: ControllerContext;
  readonly #jobs: Informer<Job>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#jobs = context.informers.of(jobResource);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (job: Job): void => {
      if (expiryOf(job) !== undefined) enqueue(keyOf(job));
    };
    return this.#jobs.subscribe({ added: look, updated: look });
  }

  async reconcile(key: string): Promise<Outcome> {
    const { client, clock } = this.#context;
    const cached = this.#jobs.get(key);
    const due = cached && expiryOf(cached);
    if (!cached || due === undefined) return done;
    if (due > clock.now()) return { kind: 'requeue', afterMs: due - clock.now() };
    try {
      // The time to live may have been changed: the last word is the server's.
      const job = await client.get(jobResource, nameOf(cached));
      const expiry = expiryOf(job);
      if (expiry === undefined) return done;
      if (expiry > clock.now()) return { kind: 'requeue', afterMs: expiry - clock.now() };
      const { uid = '', resourceVersion = '' } = job.metadata;
      const preconditions = { uid, resourceVersion };
      await client.delete(jobResource, nameOf(job), { propagationPolicy: 'Foreground', preconditions });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    return done;
  }
}

/** Epoch milliseconds at which the job may go; undefined for one that stays. */
function expiryOf(job: Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const end = holdsCondition(job, 'Complete') ?? holdsCondition(job, 'Failed');
  if (ttl === undefined || !end || job.metadata.deletionTimestamp !== undefined) return undefined;
  return parseTime(end.lastTransitionTime) + ttl * 1000;
}
