import type { Binding, Pod } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import { pods } from '../client/resources.ts';

/** Events about bound pods wait until no binding was under way for this long … */
const quietMs = 20;
/** … but not longer than this. */
const maxDelayMs = 1_000;

/** Writes bindings, many at once, and tells of those that succeeded when there is nothing more urgent to write. */
export class Binder {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #onBound: (pod: Pod, nodeName: string) => void;
  #inFlight = 0;
  #bound: { pod: Pod; nodeName: string }[] = [];
  #cancelTimer: (() => void) | undefined;
  #flushBy = 0;

  constructor(options: { client: Client; clock: Clock; onBound: (pod: Pod, nodeName: string) => void }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#onBound = options.onBound;
  }

  /** Rejects with the server's ApiError. */
  async bind(pod: Pod, nodeName: string): Promise<void> {
    const { name = '', namespace, uid } = pod.metadata;
    const binding: Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    this.#inFlight++;
    try {
      await this.#client.createSubresource(pods, { name, namespace }, 'binding', binding);
      this.#bound.push({ pod, nodeName });
    } finally {
      this.#inFlight--;
      if (this.#bound.length > 0) this.#flushSoon();
    }
  }

  #flushSoon(): void {
    const now = this.#clock.monotonic();
    if (this.#cancelTimer) return;
    if (this.#bound.length === 1) this.#flushBy = now + maxDelayMs;
    const before = this.#bound.length;
    this.#cancelTimer = this.#clock.setTimer(quietMs, () => {
      this.#cancelTimer = undefined;
      const isQuiet = this.#inFlight === 0 && this.#bound.length === before;
      if (isQuiet || this.#clock.monotonic() >= this.#flushBy) this.flush();
      else this.#flushSoon();
    });
  }

  /** Tells of everything that was bound so far. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const { pod, nodeName } of this.#bound.splice(0)) this.#onBound(pod, nodeName);
  }
}
