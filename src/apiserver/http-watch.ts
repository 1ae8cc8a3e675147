import type { ServerResponse } from 'node:http';
import type { WatchResponseSink } from './handler.ts';
import { drained } from './drained.ts';

/** Below this a client counts as keeping up. */
const smallBacklog = 1024 * 1024;

/** A watch on its way to a client: events that come at once, which are those of one flush of the store, go out in one write. */
export class HttpWatch implements WatchResponseSink {
  readonly #response: ServerResponse;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isScheduled = false;
  #isEnding = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  event(_type: string, bytes: () => Uint8Array): void {
    if (this.#response.destroyed) return;
    const line = bytes();
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#schedule();
  }

  end(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  backlogBytes(): number {
    return this.#response.writableLength + this.#waitingBytes;
  }

  async drained(): Promise<void> {
    this.#flush();
    const response = this.#response;
    if (response.destroyed || response.writableLength < smallBacklog) {
      return new Promise((resolve) => setImmediate(resolve));
    }
    return drained(response);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Before the answers to the writes that these events tell of, whose promises were not settled yet.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const response = this.#response;
    if (this.#waiting.length > 0 && !response.destroyed) {
      response.write(this.#waiting.length === 1 ? (this.#waiting[0] as Uint8Array) : Buffer.concat(this.#waiting));
      // Node would keep it until all microtasks have run.
      response.socket?.uncork();
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#isEnding) response.end();
  }
}
