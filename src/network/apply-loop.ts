import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';

/** Brings the outside in step with what is wanted, whenever that has changed: one attempt at a time. */
export interface ApplyLoop {
  /** Something has changed. What changes in one go, or while an attempt is under way, goes into the next one. */
  request: () => void;
  /** Something will have changed by then; the last of such calls counts. */
  requestIn: (delayMs: number) => void;
  /**
   * The first attempt, after what the caller does in the same go, before anything was requested. Rejects when it fails,
   * and it is not made again.
   */
  once: () => Promise<void>;
  /** No attempt begins any more. */
  stop: () => void;
}

export interface ApplyLoopOptions {
  clock: Clock;
  apply: () => Promise<void>;
  /** Told of every attempt that failed; another one follows. */
  onFailed: (error: Error) => void;
  /** The pause after a failure; it doubles with each that follows, up to `mostMs`. */
  pause: { firstMs: number; mostMs: number };
}

export function createApplyLoop({ clock, apply, onFailed, pause }: ApplyLoopOptions): ApplyLoop {
  let isDirty = false;
  let isBusy = false;
  let isStopped = false;
  let failures = 0;
  let cancelTimer = (): void => {};
  const attempt = async (): Promise<void> => {
    assert(!isBusy, 'one attempt at a time');
    isBusy = true;
    await Promise.resolve();
    isDirty = false;
    try {
      if (!isStopped) await apply();
      failures = 0;
    } finally {
      isBusy = false;
    }
    if (isDirty) request();
  };
  const failed = (error: Error): void => {
    requestIn(Math.min(pause.mostMs, pause.firstMs * 2 ** failures++));
    onFailed(error);
  };
  const request = (): void => {
    isDirty = true;
    if (!isBusy && !isStopped) void attempt().catch(failed);
  };
  const requestIn = (delayMs: number): void => {
    cancelTimer();
    if (!isStopped) cancelTimer = clock.setTimer(delayMs, request);
  };
  return {
    request,
    requestIn,
    once: attempt,
    stop() {
      isStopped = true;
      cancelTimer();
    },
  };
}
