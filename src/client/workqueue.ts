import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

export interface WorkqueueOptions {
  clock: Clock;
  random: Random;
  /** Wait after a key's first failure. Default 5 ms; doubles with each further one. */
  baseDelayMs?: number;
  /** Default 1000 s. */
  maxDelayMs?: number;
  /** Share of a wait that is added at random, so that keys which failed together part. Default 0, as upstream. */
  jitter?: number;
}

/**
 * Keys that wait for work, after client-go's workqueue: a key waits once however often it is added; it is never handed
 * out twice at once; one that is added while it is worked on comes back when `done` is called.
 */
export interface Workqueue {
  add(key: string): void;
  /** Adds after `delayMs`. Of several delays for one key the shortest counts. */
  addAfter(key: string, delayMs: number): void;
  /** Adds after the key's backoff, which grows with each call until {@link forget}. */
  addRateLimited(key: string): void;
  /** The key's work succeeded (or was given up): its next failure starts the backoff anew. */
  forget(key: string): void;
  /** How often the key was added rate-limited since it was forgotten. */
  failures(key: string): number;
  /**
   * The next key, for the caller alone until {@link done}. Undefined when the queue is shut down and empty. Rejects
   * with the signal's reason when it is aborted while waiting.
   */
  get(signal?: AbortSignal): Promise<string | undefined>;
  /** Every key from {@link get} must come back here. */
  done(key: string): void;
  /** Takes no more keys; those that wait are still handed out, delayed ones are dropped. */
  shutDown(): void;
  /** Keys that are ready to be handed out. */
  readonly length: number;
}

export function createWorkqueue(options: WorkqueueOptions): Workqueue {
  return new RateLimitedQueue(options);
}

class RateLimitedQueue implements Workqueue {
  readonly #options: Required<WorkqueueOptions>;
  /** Keys in the order in which they are handed out. A Set drops from its front in constant time. */
  readonly #ready = new Set<string>();
  readonly #working = new Set<string>();
  /** Added while being worked on. */
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #getters = new Set<(key: string | undefined) => void>();
  #isShutDown = false;

  constructor(options: WorkqueueOptions) {
    this.#options = { baseDelayMs: 5, maxDelayMs: 1_000_000, jitter: 0, ...options };
  }

  get length(): number {
    return this.#ready.size;
  }

  add(key: string): void {
    if (this.#isShutDown) return;
    if (this.#working.has(key)) {
      this.#dirty.add(key);
      return;
    }
    this.#ready.add(key);
    this.#handOut();
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#isShutDown) return;
    if (delayMs <= 0) return this.add(key);
    const { clock } = this.#options;
    const at = clock.monotonic() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier && earlier.at <= at) return;
    earlier?.cancel();
    const cancel = clock.setTimer(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  addRateLimited(key: string): void {
    const { baseDelayMs, maxDelayMs, jitter, random } = this.#options;
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(baseDelayMs * 2 ** failures, maxDelayMs);
    this.addAfter(key, jitter > 0 ? delayMs * (1 + jitter * random.float()) : delayMs);
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  get(signal?: AbortSignal): Promise<string | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const key = this.#take();
    if (key !== undefined || this.#isShutDown) return Promise.resolve(key);
    return new Promise((resolve, reject) => {
      const getter = (taken: string | undefined): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve(taken);
      };
      const onAbort = (): void => {
        this.#getters.delete(getter);
        reject(signal?.reason as Error);
      };
      this.#getters.add(getter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  done(key: string): void {
    this.#working.delete(key);
    if (!this.#dirty.delete(key)) return;
    this.#ready.add(key);
    this.#handOut();
  }

  shutDown(): void {
    this.#isShutDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    // Whoever waits now waits because nothing is ready.
    for (const getter of this.#getters) getter(undefined);
    this.#getters.clear();
  }

  #handOut(): void {
    for (const getter of this.#getters) {
      const key = this.#take();
      if (key === undefined) return;
      this.#getters.delete(getter);
      getter(key);
    }
  }

  #take(): string | undefined {
    const [key] = this.#ready;
    if (key === undefined) return undefined;
    this.#ready.delete(key);
    this.#working.add(key);
    return key;
  }
}
