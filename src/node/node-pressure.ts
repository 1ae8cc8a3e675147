import { podRequests } from '../api/pod-resources.ts';
import { quantityToNumber } from '../api/quantity.ts';
import type { AgentContext } from './agent-context.ts';
import {
  byEviction,
  conditionOf,
  evictionMessage,
  resourceOf,
  shortages,
  type EvictionCandidate,
  type FileSystemUse,
  type PressureCondition,
  type PressureObservation,
  type PressurePolicy,
  type ScarceResource,
  type Shortage,
} from './eviction-thresholds.ts';
import { ImageCollector } from './image-collector.ts';
import { recordForNode } from './node-status.ts';
import type { PodWorker } from './pod-worker.ts';
import { isCriticalPod } from './pod-spec.ts';
import type { ContainerStats } from './runtime.ts';
import { lastingContainers, totalUse } from './storage-limits.ts';
import { storageUseOf } from './storage-use.ts';

/** The kubelet's period: nothing tells how full a disk is. */
const periodMs = 10_000;
/** The node counts as under pressure for this long after it was (the kubelet's `evictionPressureTransitionPeriod`). */
const transitionMs = 5 * 60_000;

export interface NodePressureOptions {
  policy: PressurePolicy;
  workers: () => Iterable<PodWorker>;
  changed: (conditions: ReadonlySet<PressureCondition>) => void;
}

/**
 * Watches how much of the node's memory, disk and process numbers is left (node-pressure eviction): collects images,
 * tells of pressure, and ends pods one by one where there is too little.
 */
export class NodePressure {
  readonly #context: AgentContext;
  readonly #options: NodePressureOptions;
  readonly #images: ImageCollector;
  readonly #stopped = new AbortController();
  readonly #lastShortMs = new Map<PressureCondition, number>();
  #conditions: ReadonlySet<PressureCondition> = new Set();

  constructor(context: AgentContext, options: NodePressureOptions) {
    this.#context = context;
    this.#options = options;
    this.#images = new ImageCollector(context, {
      policy: options.policy.images,
      pods: () => this.#activeWorkers().map(({ pod }) => pod),
      imageFileSystem: () => this.#imageFileSystem(),
    });
  }

  /** What the node is under pressure of. */
  get conditions(): ReadonlySet<PressureCondition> {
    return this.#conditions;
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
      await this.#look().catch((error: unknown) => log.warn('cannot look at what is left of the node', { error }));
      await clock.sleep(periodMs, signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const found = await this.#shortages();
    const now = this.#context.clock.monotonic();
    for (const shortage of found) this.#lastShortMs.set(conditionOf(shortage), now);
    const conditions = [...this.#lastShortMs].filter(([, lastMs]) => now - lastMs < transitionMs).map(([name]) => name);
    if (conditions.length !== this.#conditions.size || conditions.some((name) => !this.#conditions.has(name))) {
      this.#conditions = new Set(conditions);
      this.#options.changed(this.#conditions);
    }
    if (found[0]) await this.#reclaim(found[0]);
  }

  async #shortages(): Promise<Shortage[]> {
    return shortages(this.#options.policy.thresholds, await this.#observe());
  }

  async #observe(): Promise<PressureObservation> {
    const { system, rootDirectory } = this.#context;
    const [nodefs, imagefs, memory, processes] = await Promise.all([
      system.files.fileSystem(rootDirectory),
      this.#imageFileSystem(),
      system.load.memory(),
      system.load.processes(),
    ]);
    return { nodefs, imagefs, memory, processes };
  }

  async #imageFileSystem(): Promise<FileSystemUse> {
    const { runtime, system, rootDirectory } = this.#context;
    return system.files.fileSystem((await runtime.imageDirectory()) ?? rootDirectory);
  }

  #activeWorkers(): PodWorker[] {
    return [...this.#options.workers()].filter((worker) => worker.isActive);
  }

  /** Of the disk, images go before pods do; one pod at a time. */
  async #reclaim(found: Shortage): Promise<void> {
    const { log } = this.#context;
    const resource = resourceOf(found);
    recordForNode(this.#context, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    let shortage: Shortage | undefined = found;
    if (conditionOf(found) === 'DiskPressure') {
      await this.#images.removeUnused().catch((error: unknown) => log.warn('cannot remove images', { error }));
      [shortage] = await this.#shortages();
    }
    if (!shortage) return;
    const [first] = await this.#ranked(resourceOf(shortage));
    first?.worker.evict(evictionMessage(shortage, first.containers), 'pressure');
  }

  async #ranked(resource: ScarceResource) {
    const stats = await this.#context.runtime.containerStats();
    const workers = this.#activeWorkers().filter(({ pod }) => !isCriticalPod(pod));
    const pods = workers.map(async (worker) => {
      const use = await this.#useOf(worker, resource, stats);
      return { worker, containers: containersWith(worker, use), ...candidate(worker, use) };
    });
    return (await Promise.all(pods)).sort(byEviction);
  }

  async #useOf({ pod }: PodWorker, resource: ScarceResource, stats: readonly ContainerStats[]): Promise<PodUse> {
    if (resource === 'memory') {
      const own = stats.filter(({ podUid }) => podUid === pod.metadata.uid);
      const containers = new Map(own.map(({ name, memoryWorkingSetBytes }) => [name, memoryWorkingSetBytes]));
      const total = own.reduce((sum, { memoryWorkingSetBytes }) => sum + memoryWorkingSetBytes, 0);
      return { requested: 'memory', total, containers };
    }
    // Of numbers of processes pods ask for nothing: the less important ones go first.
    if (resource === 'pids') return { requested: 'pids', total: 0, containers: new Map() };
    const use = await storageUseOf(this.#context, pod, stats);
    return { requested: 'ephemeral-storage', total: totalUse(pod, use), containers: use.containers };
  }
}

/** What a pod takes of what is scarce, and the resource that its containers request for it. */
interface PodUse {
  requested: string;
  total: number;
  containers: ReadonlyMap<string, number>;
}

function candidate({ pod }: PodWorker, { requested, total }: PodUse): EvictionCandidate {
  const requestedBytes = podRequests(pod).get(requested) ?? 0;
  return { usedBytes: total, requestedBytes, priority: pod.spec?.priority ?? 0 };
}

function containersWith({ pod }: PodWorker, { requested, containers }: PodUse) {
  return lastingContainers(pod).map(({ name, resources }) => ({
    name,
    usedBytes: containers.get(name) ?? 0,
    requestedBytes: quantityToNumber(resources?.requests?.[requested] ?? '0'),
  }));
}
