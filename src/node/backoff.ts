/** Delays by key that double from `initialMs` to `maxMs`, as client-go's `flowcontrol.Backoff` keeps them. */
export interface Backoff {
  /**
   * How long still to wait, counted from `sinceMs` (what the back-off is about: the container's end); 0: go ahead.
   * A key that was not touched for twice `maxMs` before `sinceMs` starts anew.
   */
  remainingMs(key: string, nowMs: number, sinceMs?: number): number;
  /** The delay that is in force for the key: for messages. */
  delayMs(key: string): number;
  /** Takes the next delay: call it when going ahead (restart) or when the attempt failed (pull). */
  next(key: string, nowMs: number, sinceMs?: number): void;
  /** Forgets every key with this prefix. */
  reset(prefix: string): void;
}

export function createBackoff(options: { initialMs: number; maxMs: number }): Backoff {
  const { initialMs, maxMs } = options;
  const entries = new Map<string, { delayMs: number; updatedMs: number }>();
  const live = (key: string, sinceMs: number): { delayMs: number; updatedMs: number } | undefined => {
    const entry = entries.get(key);
    return entry && sinceMs - entry.updatedMs <= 2 * maxMs ? entry : undefined;
  };
  return {
    remainingMs(key, nowMs, sinceMs) {
      const entry = live(key, sinceMs ?? nowMs);
      return entry ? Math.max(0, entry.delayMs - (nowMs - (sinceMs ?? entry.updatedMs))) : 0;
    },
    delayMs: (key) => entries.get(key)?.delayMs ?? 0,
    next(key, nowMs, sinceMs) {
      const entry = live(key, sinceMs ?? nowMs);
      const delayMs = entry ? Math.min(entry.delayMs * 2, maxMs) : Math.min(initialMs, maxMs);
      entries.set(key, { delayMs, updatedMs: nowMs });
    },
    reset(prefix) {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
  };
}
