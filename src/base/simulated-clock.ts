import type { Clock } from './clock.ts';

/** A clock that stands still until it is told to go on. */
export interface SimulatedClock extends Clock {
  /**
   * Goes on by `ms`, running every timer that falls due in order; whatever a timer sets off is settled before the
   * next.
   */
  advance(ms: number): Promise<void>;
  /** Lets everything that needs no time settle. */
  settle(): Promise<void>;
  /**
   * Goes on from timer to timer until none is set. Rejects when that takes more than a simulated day: something
   * repeats.
   */
  runUntilIdle(): Promise<void>;
  /** Timers that are set. */
  readonly pendingTimers: number;
}

interface Timer {
  at: number;
  sequence: number;
  callback: () => void;
}

/** Turns of the event loop that a chain of promises gets to come to rest: each turn runs all microtasks. */
const settlingTurns = 10;

const longestRunMs = 86_400_000;

export function createSimulatedClock(startEpochMs = Date.UTC(2026, 0, 1)): SimulatedClock {
  let elapsed = 0;
  let sequence = 0;
  const timers = new Set<Timer>();
  const settle = async (): Promise<void> => {
    for (let i = 0; i < settlingTurns; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.at > until) continue;
      if (!next || timer.at < next.at || (timer.at === next.at && timer.sequence < next.sequence)) next = timer;
    }
    return next;
  };
  const clock: SimulatedClock = {
    // Waits with jitter end between two milliseconds; wall clocks tell whole ones.
    now: () => Math.floor(startEpochMs + elapsed),
    monotonic: () => elapsed,
    setTimer(delayMs, callback) {
      const timer = { at: elapsed + Math.max(0, delayMs), sequence: sequence++, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          cancel();
          reject(signal?.reason as Error);
        };
        const cancel = clock.setTimer(delayMs, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let timer = nextDue(until); timer; timer = nextDue(until)) {
        elapsed = Math.max(elapsed, timer.at);
        timers.delete(timer);
        timer.callback();
        await settle();
      }
      elapsed = until;
    },
    settle,
    async runUntilIdle() {
      const limit = elapsed + longestRunMs;
      await settle();
      for (let timer = nextDue(Infinity); timer; timer = nextDue(Infinity)) {
        if (timer.at > limit) throw new Error('timers are set anew without end: advance the clock by a time instead');
        await clock.advance(timer.at - elapsed);
      }
    },
    get pendingTimers() {
      return timers.size;
    },
  };
  return clock;
}
