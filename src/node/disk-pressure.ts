import { quantityToNumber } from '../api/quantity.ts';
import { podRequests } from '../api/pod-resources.ts';
import type { AgentContext } from './agent-context.ts';
import {
  byEviction,
  evictionMessage,
  resourceOf,
  shortages,
  type DiskObservation,
  type DiskPolicy,
  type EvictionCandidate,
  type FileSystemUse,
  type Shortage,
} from './eviction-thresholds.ts';
import { ImageCollector } from './image-collector.ts';
import { recordForNode } from './node-status.ts';
import type { PodWorker } from './pod-worker.ts';
import { isCriticalPod } from './pod-spec.ts';
import { lastingContainers, totalUse, type StorageUse } from './storage-limits.ts';
import { storageUseOf } from './storage-use.ts';

/** The kubelet's period: nothing tells how full a disk is. */
const periodMs = 10_000;
/** The node counts as under pressure for this long after it was (the kubelet's `evictionPressureTransitionPeriod`). */
const transitionMs = 5 * 60_000;

export interface DiskPressureOptions {
  policy: DiskPolicy;
  workers: () => Iterable<PodWorker>;
  changed: (isUnderPressure: boolean) => void;
}

/**
 * Watches how full the node's disk is (node-pressure eviction, for disks): collects images, tells of pressure, and ends
 * pods one by one where there is too little room.
 */
export class DiskPressure {
  readonly #context: AgentContext;
  readonly #options: DiskPressureOptions;
  readonly #images: ImageCollector;
  readonly #stopped = new AbortController();
  #lastShortMs = -Infinity;
  #isUnderPressure = false;

  constructor(context: AgentContext, options: DiskPressureOptions) {
    this.#context = context;
    this.#options = options;
    this.#images = new ImageCollector(context, {
      policy: options.policy.images,
      pods: () => this.#activeWorkers().map(({ pod }) => pod),
      imageFileSystem: () => this.#imageFileSystem(),
    });
  }

  get isUnderPressure(): boolean {
    return this.#isUnderPressure;
  }

  start(): void {
    void this.#images.run(this.#stopped.signal);
    if (this.#options.policy.thresholds.length > 0) void this.#watch();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #watch(): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#look().catch((error: unknown) => log.warn('cannot look at the disk', { error }));
      await clock.sleep(periodMs, signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const [shortage] = await this.#shortages();
    const now = this.#context.clock.monotonic();
    if (shortage) this.#lastShortMs = now;
    const isUnderPressure = now - this.#lastShortMs < transitionMs;
    if (isUnderPressure !== this.#isUnderPressure) {
      this.#isUnderPressure = isUnderPressure;
      this.#options.changed(isUnderPressure);
    }
    if (shortage) await this.#reclaim(shortage);
  }

  async #shortages(): Promise<Shortage[]> {
    return shortages(this.#options.policy.thresholds, await this.#observe());
  }

  async #observe(): Promise<DiskObservation> {
    const { system, rootDirectory } = this.#context;
    const [nodefs, imagefs] = await Promise.all([system.files.fileSystem(rootDirectory), this.#imageFileSystem()]);
    return { nodefs, imagefs };
  }

  async #imageFileSystem(): Promise<FileSystemUse> {
    const { runtime, system, rootDirectory } = this.#context;
    return system.files.fileSystem((await runtime.imageDirectory()) ?? rootDirectory);
  }

  #activeWorkers(): PodWorker[] {
    return [...this.#options.workers()].filter((worker) => worker.isActive);
  }

  /** Images go before pods do; one pod at a time. */
  async #reclaim(found: Shortage): Promise<void> {
    const { log } = this.#context;
    recordForNode(this.#context, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resourceOf(found)}`);
    await this.#images.removeUnused().catch((error: unknown) => log.warn('cannot remove images', { error }));
    const [shortage] = await this.#shortages();
    if (!shortage) return;
    const [first] = await this.#ranked();
    first?.worker.evict(evictionMessage(shortage, first.containers), 'pressure');
  }

  async #ranked() {
    const stats = await this.#context.runtime.containerStats();
    const workers = this.#activeWorkers().filter(({ pod }) => !isCriticalPod(pod));
    const pods = workers.map(async (worker) => {
      const use = await storageUseOf(this.#context, worker.pod, stats);
      return { worker, containers: containerUse(worker, use), ...candidate(worker, use) };
    });
    return (await Promise.all(pods)).sort(byEviction);
  }
}

function candidate({ pod }: PodWorker, use: StorageUse): EvictionCandidate {
  const requestedBytes = podRequests(pod).get('ephemeral-storage') ?? 0;
  return { usedBytes: totalUse(pod, use), requestedBytes, priority: pod.spec?.priority ?? 0 };
}

function containerUse({ pod }: PodWorker, { containers }: StorageUse) {
  return lastingContainers(pod).map(({ name, resources }) => ({
    name,
    usedBytes: containers.get(name) ?? 0,
    requestedBytes: quantityToNumber(resources?.requests?.['ephemeral-storage'] ?? '0'),
  }));
}
