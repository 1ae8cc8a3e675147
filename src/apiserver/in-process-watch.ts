import { deepFreeze, type KubeObject } from '../api/object.ts';
import type { WatchEvent } from '../client/client.ts';
import type { ApiResponse, ResponseBody, WatchResponseSink } from './handler.ts';

/** The events of a watch as they come, the objects shared. Begins when it is first asked for an event. */
export async function* watchStream<T extends KubeObject>(
  call: () => Promise<ApiResponse>,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  if (signal?.aborted) return;
  const { body } = await call();
  const queue = new EventQueue<T>();
  const watch = begin(body, queue);
  const stop = (): void => {
    watch.close();
    queue.end();
  };
  signal?.addEventListener('abort', stop, { once: true });
  // It may have been called off while it was asked for.
  if (signal?.aborted) stop();
  try {
    for (;;) {
      const events = await queue.take();
      if (events === undefined) return;
      for (const event of events) {
        if (signal?.aborted) return;
        yield event;
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    watch.close();
  }
}

function begin(body: ResponseBody, sink: WatchResponseSink): { close(): void } {
  if (body.kind === 'watch') return body.start(sink);
  if (body.kind === 'stream') return readLines(body, sink);
  throw new Error(`a watch was answered by a ${body.kind}`);
}

/** The watch of an extension server, which comes as bytes. What cannot be read ends it. */
function readLines(body: Extract<ResponseBody, { kind: 'stream' }>, sink: WatchResponseSink): { close(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  const take = (chunk: Uint8Array): void => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { type, object } = JSON.parse(line) as WatchEvent;
      sink.event(
        type,
        () => Buffer.from(line),
        () => deepFreeze(object),
      );
    }
  };
  const stream = body.pipe(
    (chunk) => {
      try {
        take(chunk);
      } catch {
        stream.close();
        sink.end();
      }
      return true;
    },
    () => sink.end(),
  );
  return stream;
}

/** Events that came and were not taken yet. */
class EventQueue<T extends KubeObject> implements WatchResponseSink {
  #waiting: WatchEvent<T>[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  event(type: WatchEvent<T>['type'], _bytes: () => Uint8Array, object: () => unknown): void {
    this.#waiting.push({ type, object: object() } as WatchEvent<T>);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** Memory is shared: nothing is copied for a slow consumer. */
  backlogBytes(): number {
    return 0;
  }

  async drained(): Promise<void> {
    // Nothing to wait for.
  }

  /** All that came since the last time, at least one; undefined at the end. */
  async take(): Promise<WatchEvent<T>[] | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    const events = this.#waiting;
    this.#waiting = [];
    return events;
  }
}
