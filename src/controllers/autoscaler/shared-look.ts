import type { Clock } from '../../base/clock.ts';

/**
 * What many ask for and one look answers: it counts for a period, and whoever comes in the meantime gets the same. A
 * look that fails counts for those alone who were waiting for it.
 */
export class SharedLook<T> {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #look: () => Promise<T>;
  #last: { at: number; result: Promise<T> } | undefined;

  constructor(clock: Clock, periodMs: number, look: () => Promise<T>) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#look = look;
  }

  get(): Promise<T> {
    if (this.#last && this.nextInMs() > 0) return this.#last.result;
    const look = { at: this.#clock.monotonic(), result: this.#look() };
    this.#last = look;
    look.result.catch(() => {
      if (this.#last === look) this.#last = undefined;
    });
    return look.result;
  }

  /** So long, the last look still counts; 0 when the next one to ask looks anew. */
  nextInMs(): number {
    return this.#last ? Math.max(0, this.#last.at + this.#periodMs - this.#clock.monotonic()) : 0;
  }

  /** The next one to ask looks anew. */
  forget(): void {
    this.#last = undefined;
  }
}
