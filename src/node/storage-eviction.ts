import type { Pod } from '../api/types/core-v1.ts';
import { logDirectoryOf, podDirectoryOf, type AgentContext } from './agent-context.ts';
import { emptyDirPath } from './pod-volumes.ts';
import type { PodWorker } from './pod-worker.ts';
import type { ContainerStats } from './runtime.ts';
import { hasStorageLimits, lastingContainers, storageExcess, type StorageUse } from './storage-limits.ts';

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
      const message = storageExcess(worker.pod, await this.#useOf(worker.pod, stats));
      if (message !== undefined) worker.evict(message);
    }
  }

  async #useOf(pod: Pod, stats: readonly ContainerStats[]): Promise<StorageUse> {
    const { files } = this.#context.system;
    const emptyDirs = (pod.spec?.volumes ?? []).filter(({ emptyDir }) => emptyDir).map(({ name }) => name);
    const names = lastingContainers(pod).map(({ name }) => name);
    const podDirectory = podDirectoryOf(this.#context, pod);
    const logs = logDirectoryOf(this.#context, pod);
    const used = await files.usedBytes([
      ...emptyDirs.map((name) => emptyDirPath(podDirectory, name)),
      ...names.map((name) => `${logs}/${name}`),
    ]);
    const written = (name: string): number =>
      stats.find((each) => each.podUid === pod.metadata.uid && each.name === name)?.writableLayerBytes ?? 0;
    return {
      volumes: new Map(emptyDirs.map((name, i) => [name, used[i] ?? 0])),
      containers: new Map(names.map((name, i) => [name, (used[emptyDirs.length + i] ?? 0) + written(name)])),
    };
  }
}
