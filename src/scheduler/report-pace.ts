import type { Clock } from '../base/clock.ts';

/** Upstream's scheduler may send so many requests at once, and then so many a second (`clientConnection.burst`, `.qps`). */
const burst = 100;
const perSecond = 50;

/**
 * Reports on pods that found no node, no faster than upstream's scheduler sends them: a thousand hopeless pods must not
 * keep the API server busy with their hopelessness. Of several reports on one pod only the newest is sent.
 */
export class ReportPace {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, () => void>();
  #tokens = burst;
  #refilledAt: number;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#refilledAt = clock.monotonic();
  }

  /** Sends at once when there is room, later otherwise. */
  add(uid: string, send: () => void): void {
    this.#waiting.delete(uid);
    this.#waiting.set(uid, send);
    this.#sendDue();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#waiting.clear();
  }

  #sendDue(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#refilledAt) * perSecond) / 1000);
    this.#refilledAt = now;
    for (const [uid, send] of this.#waiting) {
      if (this.#tokens < 1) break;
      this.#tokens--;
      this.#waiting.delete(uid);
      send();
    }
    if (this.#waiting.size === 0 || this.#cancelTimer) return;
    this.#cancelTimer = this.#clock.setTimer(1000 / perSecond, () => {
      this.#cancelTimer = undefined;
      this.#sendDue();
    });
  }
}
