import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Informers } from '../client/informers.ts';
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

const baseBackoffMs = 5;
const maxBackoffMs = 60_000;

/**
 * Runs one controller: a queue in which a key waits once however often it is added, never runs twice at the same time, and
 * comes back with exponential backoff (5 ms doubling to one minute) when its reconcile rejects.
 */
export class ControllerRunner {
  readonly #controller: Controller;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ready = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { at: number; cancel: () => void }>();
  readonly #abort = new AbortController();
  #unwatch: (() => void) | undefined;
  #pumping = false;
  #idle: (() => void) | undefined;

  constructor(controller: Controller, context: { clock: Clock; log: Logger }) {
    this.#controller = controller;
    this.#clock = context.clock;
    this.#log = context.log.with({ controller: controller.name });
  }

  start(): void {
    this.#unwatch = this.#controller.watch((key, afterMs) => this.#add(key, afterMs ?? 0));
  }

  /** Ends the subscriptions, aborts what runs, and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#abort.abort(new Error('controller stopped'));
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#ready.clear();
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #add(key: string, afterMs: number): void {
    if (this.#abort.signal.aborted) return;
    if (afterMs > 0) return this.#addLater(key, afterMs);
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#ready.add(key);
    this.#pump();
  }

  #addLater(key: string, afterMs: number): void {
    const at = this.#clock.monotonic() + afterMs;
    const waiting = this.#timers.get(key);
    if (waiting && waiting.at <= at) return;
    waiting?.cancel();
    const cancel = this.#clock.setTimer(afterMs, () => {
      this.#timers.delete(key);
      this.#add(key, 0);
    });
    this.#timers.set(key, { at, cancel });
  }

  /** Starts waiting keys in a microtask, so that a burst of events on one object becomes one reconcile. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      const limit = this.#controller.concurrency ?? 1;
      for (const key of this.#ready) {
        if (this.#running.size >= limit) return;
        this.#ready.delete(key);
        void this.#run(key);
      }
    });
  }

  async #run(key: string): Promise<void> {
    this.#running.add(key);
    let backoffMs: number | undefined;
    try {
      const outcome = await this.#controller.reconcile(key, this.#abort.signal);
      this.#failures.delete(key);
      if (outcome.kind === 'requeue') backoffMs = outcome.afterMs;
    } catch (error) {
      backoffMs = this.#fail(key, error);
    }
    this.#running.delete(key);
    if (this.#abort.signal.aborted) {
      if (this.#running.size === 0) this.#idle?.();
      return;
    }
    if (backoffMs !== undefined) this.#addLater(key, Math.max(backoffMs, 1));
    if (this.#again.delete(key)) this.#ready.add(key);
    if (this.#ready.size > 0) this.#pump();
  }

  #fail(key: string, error: unknown): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    // A conflict says that the cache is behind: the event that brings it up to date is on its way.
    const expected = isApiError(error, 'Conflict') || this.#abort.signal.aborted;
    if (expected) this.#log.debug('reconcile will be tried again', { key, error });
    else this.#log.warn('reconcile failed', { key, error });
    return Math.min(baseBackoffMs * 2 ** failures, maxBackoffMs);
  }
}
