import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Informers } from '../client/informers.ts';
import { createWorkqueue, type Workqueue } from '../client/workqueue.ts';
import { isApiError } from '../api/status.ts';
import type { ControllerSettings } from './settings.ts';
import type { Reconciler } from './reconciler.ts';

/** What every controller works with. `client` is the controller's own identity. */
export interface ControllerContext {
  client: Client;
  informers: Informers;
  recorder: EventRecorder;
  clock: Clock;
  random: Random;
  log: Logger;
  settings: ControllerSettings;
}

/** Puts a key into a controller's queue, at once or after a while. Doubled keys are reconciled once. */
export type Enqueue = (key: string, afterMs?: number) => void;

/** A reconciler that knows which events concern it. */
export interface Controller extends Reconciler {
  /** Subscribes to informers and maps their events to keys. The returned function ends the subscriptions. */
  watch(enqueue: Enqueue): () => void;
}

const maxBackoffMs = 60_000;

/**
 * Runs one controller: as many workers as it allows take keys from its queue. A reconcile that rejects puts its key
 * back with exponential backoff (5 ms doubling to one minute).
 */
export class ControllerRunner {
  readonly #controller: Controller;
  readonly #queue: Workqueue;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  #unwatch: (() => void) | undefined;
  #workers: Promise<void>[] = [];

  constructor(controller: Controller, context: { clock: Clock; random: Random; log: Logger }) {
    const { clock, random, log } = context;
    this.#controller = controller;
    this.#queue = createWorkqueue({ clock, random, maxDelayMs: maxBackoffMs });
    this.#log = log.with({ controller: controller.name });
  }

  start(): void {
    this.#unwatch = this.#controller.watch((key, afterMs = 0) => this.#queue.addAfter(key, afterMs));
    const count = this.#controller.concurrency ?? 1;
    this.#workers = Array.from({ length: count }, () => this.#work());
  }

  /** Ends the subscriptions, aborts what runs, and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#abort.abort(new Error('controller stopped'));
    this.#queue.shutDown();
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    for (;;) {
      const key = await this.#queue.get();
      if (key === undefined) return;
      if (!this.#abort.signal.aborted) await this.#reconcile(key);
      this.#queue.done(key);
    }
  }

  async #reconcile(key: string): Promise<void> {
    try {
      const outcome = await this.#controller.reconcile(key, this.#abort.signal);
      this.#queue.forget(key);
      if (outcome.kind === 'requeue') this.#queue.addAfter(key, Math.max(1, outcome.afterMs));
    } catch (error) {
      // A conflict says that the cache is behind: the event that brings it up to date is on its way.
      const isExpected = isApiError(error, 'Conflict') || this.#abort.signal.aborted;
      this.#log[isExpected ? 'debug' : 'warn']('reconcile failed and will be tried again', { key, error });
      this.#queue.addRateLimited(key);
    }
  }
}
