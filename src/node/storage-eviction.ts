import type { Pod } from '../api/types/core-v1.ts';
import type { AgentContext } from './agent-context.ts';
import type { PodWorker } from './pod-worker.ts';
import { hasStorageLimits, storageExcess } from './storage-limits.ts';
import { storageUseOf } from './storage-use.ts';

/** The kubelet's period: nothing tells of what is written. */
const periodMs = 10_000;

/** Ends pods that take more of the node's disk than they may; it looks while there are some with limits. */
export class StorageEviction {
  readonly #context: AgentContext;
  readonly #workers: () => Iterable<PodWorker>;
  readonly #stopped = new AbortController();
  #isLooking = false;

  constructor(context: AgentContext, workers: () => Iterable<PodWorker>) {
    this.#context = context;
    this.#workers = workers;
  }

  podAdded(pod: Pod): void {
    if (!this.#isLooking && hasStorageLimits(pod)) void this.#look();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = this.#stopped;
    this.#isLooking = true;
    while (!signal.aborted) {
      await clock.sleep(periodMs, signal).catch(() => undefined);
      if (signal.aborted) break;
      const limited = [...this.#workers()].filter((worker) => worker.isActive && hasStorageLimits(worker.pod));
      if (limited.length === 0) break;
      await this.#evict(limited).catch((error: unknown) => log.warn('cannot look at what pods store', { error }));
    }
    this.#isLooking = false;
  }

  async #evict(workers: readonly PodWorker[]): Promise<void> {
    const stats = await this.#context.runtime.containerStats();
    for (const worker of workers) {
      const message = storageExcess(worker.pod, await storageUseOf(this.#context, worker.pod, stats));
      if (message !== undefined) worker.evict(message, 'excess');
    }
  }
}
