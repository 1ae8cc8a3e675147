/** A stream that one side pushes into and the other iterates: nothing is dropped while the reader is slow. */
export interface PushStream<T> extends AsyncIterable<T> {
  readonly push: (value: T) => void;
  /** Ends the iteration after what was pushed before; with an error, the iteration throws it. The first end counts. */
  readonly end: (error?: Error) => void;
}

/** Values pushed before the first `next()` are kept. An abort of `signal` ends it without an error. */
export function createPushStream<T>(signal: AbortSignal): PushStream<T> {
  const waiting: T[] = [];
  let ended: { error: Error | undefined } | undefined;
  let wake: (() => void) | undefined;
  const end = (error?: Error): void => {
    ended ??= { error };
    wake?.();
  };
  const onAbort = (): void => end();
  if (signal.aborted) end();
  else signal.addEventListener('abort', onAbort, { once: true });

  async function* iterate(): AsyncGenerator<T> {
    try {
      for (;;) {
        while (waiting.length > 0 && !signal.aborted) yield waiting.shift() as T;
        if (ended?.error) throw ended.error;
        if (ended) return;
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      ended ??= { error: undefined };
    }
  }
  return {
    push(value) {
      if (ended) return;
      waiting.push(value);
      wake?.();
    },
    end,
    [Symbol.asyncIterator]: iterate,
  };
}
