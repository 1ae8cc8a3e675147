import { formatTime } from '../base/clock.ts';
import type { Pod } from '../api/types/core-v1.ts';
import { quantityToNumber } from '../api/quantity.ts';
import { logsDirectoryOf, type AgentContext } from './agent-context.ts';
import { claimStats, groupStats } from './group-stats.ts';
import { containersOf } from './pod-spec.ts';
import type { NodeLogs } from './node-logs.ts';
import type { PodWorker } from './pod-worker.ts';
import type { ContainerRuntime, ContainerStats, ContainerStatusInfo } from './runtime.ts';
import type {
  ContainerFound,
  ContainerQuery,
  CpuStats,
  MemoryStats,
  NodeServerBackend,
  PodStats,
  StatsSummary,
  VolumeStats,
} from './server-backend.ts';

/** The agent as its node's server sees it. */
export class AgentBackend implements NodeServerBackend {
  private readonly context: () => AgentContext;
  private readonly workers: ReadonlyMap<string, PodWorker>;
  private readonly waiters = new Map<string, Set<() => void>>();
  /** The sample before, by container: rates are the difference to it. */
  private samples = new Map<string, ContainerStats>();

  constructor(context: () => AgentContext, workers: ReadonlyMap<string, PodWorker>) {
    this.context = context;
    this.workers = workers;
  }

  get runtime(): ContainerRuntime {
    return this.context().runtime;
  }

  get nodeName(): string {
    return this.context().node.name;
  }

  pods(): readonly Pod[] {
    return [...this.workers.values()].map((worker) => worker.podWithStatus);
  }

  findContainer(query: ContainerQuery): ContainerFound {
    const worker = this.workerOf(query.namespace, query.pod);
    if (!worker) return { kind: 'noPod' };
    const spec = containersOf(worker.pod).find((container) => container.spec.name === query.container)?.spec;
    if (!spec) return { kind: 'noContainer' };
    const attempts = worker.observed.containers.filter((container) => container.name === query.container);
    const found = attempts[query.previous ? 1 : 0];
    if (!found && query.previous) return { kind: 'noPrevious' };
    if (!found) return { kind: 'waiting', reason: waitingReason(worker.podWithStatus, query.container) };
    return {
      kind: 'found',
      id: found.id,
      logPath: `${worker.logDirectory}/${found.name}/${found.attempt}.log`,
      sandboxId: found.sandboxId,
      running: found.state === 'running',
      tty: spec.tty === true,
      stdin: spec.stdin === true,
    };
  }

  findSandbox(namespace: string, pod: string): string | undefined {
    return this.workerOf(namespace, pod)?.observed.sandboxes.find((sandbox) => sandbox.state === 'ready')?.id;
  }

  stopped(containerId: string, signal: AbortSignal): Promise<void> {
    if (this.hasStopped(containerId) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiters = this.waiters.get(containerId) ?? new Set();
      this.waiters.set(containerId, waiters);
      const settle = (): void => {
        waiters.delete(settle);
        if (waiters.size === 0) this.waiters.delete(containerId);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      waiters.add(settle);
      signal.addEventListener('abort', settle, { once: true });
    });
  }

  /** Something about this container is known anew: those who wait for its end may go on. */
  refreshed(containerId: string): void {
    const waiters = this.waiters.get(containerId);
    if (waiters && this.hasStopped(containerId)) for (const settle of waiters) settle();
  }

  logs(): NodeLogs {
    return { pods: logsDirectoryOf(this.context()) };
  }

  configuration(): Record<string, unknown> {
    const { settings, dns, node } = this.context();
    return {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      port: node.kubeletPort,
      clusterDomain: dns.clusterDomain,
      clusterDNS: dns.clusterDns,
      cgroupDriver: 'cgroupfs',
      nodeLeaseDurationSeconds: settings.leaseDurationSeconds,
      nodeStatusReportFrequency: `${settings.nodeStatusReportMs / 1000}s`,
      maxParallelImagePulls: settings.maxParallelPulls,
      crashLoopBackOff: { maxContainerRestartPeriod: `${settings.crashBackoff.maxMs / 1000}s` },
      maxPods: Number(node.capacity['pods'] ?? 110),
    };
  }

  async stats(): Promise<StatsSummary> {
    const context = this.context();
    const samples = await context.runtime.containerStats();
    const previous = this.samples;
    this.samples = new Map(samples.map((sample) => [sample.containerId, sample]));
    const pods = [...this.workers.values()].flatMap((worker) => {
      const own = samples.filter((sample) => sample.podUid === worker.pod.metadata.uid);
      return own.length > 0 ? [podStats(worker.podWithStatus, own, { worker, previous })] : [];
    });
    const figures = pods.map(({ cpu, memory }) => ({ cpu, memory }));
    return {
      node: { nodeName: context.node.name, startTime: formatTime(context.startedMs), ...total(figures) },
      pods,
    };
  }

  async groups(): ReturnType<NodeServerBackend['groups']> {
    const context = this.context();
    const { system, capacity } = context.node;
    const machine = {
      cpuCores: quantityToNumber(capacity['cpu'] ?? '0'),
      memoryBytes: quantityToNumber(capacity['memory'] ?? '0'),
      labels: { boot_id: system.bootId, machine_id: system.machineId, system_uuid: system.systemUuid },
      version: { kernelVersion: system.kernelVersion, osVersion: system.osImage },
    };
    return { machine, groups: await groupStats(context, this.workers.values()), nowMs: context.clock.now() };
  }

  claims(): Promise<VolumeStats[]> {
    return claimStats(this.context(), this.workers.values());
  }

  /** The pod of this name; of two (one is going), the one that stays. */
  private workerOf(namespace: string, name: string): PodWorker | undefined {
    const found = [...this.workers.values()].filter(
      ({ pod }) => pod.metadata.name === name && pod.metadata.namespace === namespace,
    );
    return found.find(({ pod }) => !pod.metadata.deletionTimestamp) ?? found[0];
  }

  private hasStopped(containerId: string): boolean {
    for (const worker of this.workers.values()) {
      const found = worker.observed.containers.find((container) => container.id === containerId);
      if (found) return found.state !== 'running' && found.state !== 'created';
    }
    return true;
  }
}

function waitingReason(pod: Pod, container: string): string {
  const { status } = pod;
  const lists = [status?.initContainerStatuses, status?.containerStatuses, status?.ephemeralContainerStatuses];
  const found = lists.flatMap((list) => list ?? []).find((candidate) => candidate.name === container);
  return found?.state?.waiting?.reason ?? 'ContainerCreating';
}

interface Figures {
  cpu?: CpuStats | undefined;
  memory?: MemoryStats | undefined;
}

function podStats(
  pod: Pod,
  samples: readonly ContainerStats[],
  known: { worker: PodWorker; previous: ReadonlyMap<string, ContainerStats> },
): PodStats {
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const startOf = (id: string): ContainerStatusInfo | undefined =>
    known.worker.observed.containers.find((container) => container.id === id);
  const containers = samples.map((sample) => ({
    name: sample.name,
    startTime: formatTime(startOf(sample.containerId)?.startedAtMs ?? sample.timestampMs),
    ...figuresOf(sample, known.previous.get(sample.containerId)),
  }));
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? formatTime(samples[0]?.timestampMs ?? 0),
    containers,
    ...total(containers),
  };
}

function figuresOf(sample: ContainerStats, before: ContainerStats | undefined): { cpu: CpuStats; memory: MemoryStats } {
  const time = formatTime(sample.timestampMs);
  const elapsedMs = before ? sample.timestampMs - before.timestampMs : 0;
  const spent = before ? sample.cpuUsageNanoseconds - before.cpuUsageNanoseconds : 0;
  return {
    cpu: {
      time,
      ...(elapsedMs > 0 && { usageNanoCores: Math.max(0, Math.round((spent * 1000) / elapsedMs)) }),
      usageCoreNanoSeconds: sample.cpuUsageNanoseconds,
    },
    memory: { time, workingSetBytes: sample.memoryWorkingSetBytes },
  };
}

/** The sum; nothing when there is nothing to add up. A rate is known only when all are. */
function total(figures: readonly Figures[]): { cpu?: CpuStats; memory?: MemoryStats } {
  const cpus = figures.flatMap(({ cpu }) => cpu ?? []);
  const memories = figures.flatMap(({ memory }) => memory ?? []);
  const [cpu] = cpus;
  const [memory] = memories;
  if (!cpu || !memory) return {};
  const rates = cpus.flatMap(({ usageNanoCores }) => usageNanoCores ?? []);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return {
    cpu: {
      time: cpu.time,
      ...(rates.length === cpus.length && { usageNanoCores: sum(rates) }),
      usageCoreNanoSeconds: sum(cpus.map(({ usageCoreNanoSeconds }) => usageCoreNanoSeconds)),
    },
    memory: { time: memory.time, workingSetBytes: sum(memories.map(({ workingSetBytes }) => workingSetBytes)) },
  };
}
