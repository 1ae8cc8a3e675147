/**
 * Time, as everyone in the house sees it. Only the adapters in this room read the machine's clock; a whole cluster can
 * therefore run on a simulated one.
 */
export interface Clock {
  /** Wall-clock time in whole milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`; the returned function cancels it and may be called any number of times. */
  setTimer(delayMs: number, callback: () => void): () => void;
  /** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The second that was written last, and how: writes of the same second share it. */
const last = { second: Number.NaN, text: '' };

/** `2026-01-02T03:04:05Z`: metav1.Time's wire form (RFC 3339, whole seconds). */
export function formatTime(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== last.second) {
    last.text = `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
    last.second = second;
  }
  return last.text;
}

/** `2026-01-02T03:04:05.000006Z`: metav1.MicroTime's wire form. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}
