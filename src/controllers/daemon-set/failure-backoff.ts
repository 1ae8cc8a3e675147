import type { Clock } from '../../base/clock.ts';

const firstMs = 1_000;
const longestMs = 15 * 60_000;

/**
 * How soon a failed daemon is replaced: at once, then after a second, doubling to a quarter of an hour; anew when
 * nothing failed for twice that long.
 */
export class FailureBackoff {
  readonly #clock: Clock;
  readonly #records = new Map<string, { waitMs: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: now, and the next time counts from here. Else the milliseconds to wait. */
  take(key: string): number {
    const now = this.#clock.monotonic();
    for (const [other, { at }] of this.#records) if (now - at > 2 * longestMs) this.#records.delete(other);
    const record = this.#records.get(key);
    const leftMs = record ? record.at + record.waitMs - now : 0;
    if (leftMs > 0) return leftMs;
    this.#records.set(key, { waitMs: record ? Math.min(record.waitMs * 2, longestMs) : firstMs, at: now });
    return 0;
  }
}
