import type { Pod } from '../api/types/core-v1.ts';
import type { GroupStats, MachineStats } from './container-metrics.ts';
import type { FileSystemUse } from './eviction-thresholds.ts';
import type { NodeLogs } from './node-logs.ts';
import type { ContainerRuntime } from './runtime.ts';

/** What the node's HTTPS server needs of the agent. */
export interface NodeServerBackend {
  readonly runtime: ContainerRuntime;
  readonly nodeName: string;
  /** The newest instance of a container, or the one before it. `sandboxId` is the pod's current sandbox. */
  findContainer(query: ContainerQuery): ContainerFound;
  /** The sandbox that a port-forward goes to; undefined when the pod is not here or has none. */
  findSandbox(namespace: string, pod: string): string | undefined;
  /** Resolves when the container has exited (at once when it does not run). Driven by the runtime's events. */
  stopped(containerId: string, signal: AbortSignal): Promise<void>;
  /** The pods of this node with their statuses as the node sees them. */
  pods(): readonly Pod[];
  stats(): Promise<StatsSummary>;
  /** What the control groups of the node have used, read now. */
  groups(): Promise<{ machine: MachineStats; groups: readonly GroupStats[]; nowMs: number }>;
  /** The claims of pods that run here. */
  claims(): Promise<readonly VolumeStats[]>;
  /** What `/configz` shows, in KubeletConfiguration's field names. */
  configuration(): Record<string, unknown>;
  /** What `/logs/` shows. */
  logs(): NodeLogs;
}

export interface ContainerQuery {
  namespace: string;
  pod: string;
  container: string;
  previous?: boolean;
}

export type ContainerFound =
  | { kind: 'found'; id: string; logPath: string; sandboxId: string; running: boolean; tty: boolean; stdin: boolean }
  | { kind: 'noPod' }
  | { kind: 'noContainer' }
  /** It has no instance yet: `ContainerCreating`, `ImagePullBackOff` … */
  | { kind: 'waiting'; reason: string }
  /** `previous` was asked for, and there is none. */
  | { kind: 'noPrevious' };

/** `/stats/summary` (stats.k8s.io/v1alpha1), as far as we measure. Times are RFC 3339. */
export interface StatsSummary {
  node: { nodeName: string; startTime: string; cpu?: CpuStats; memory?: MemoryStats };
  pods: readonly PodStats[];
}

export interface PodStats {
  podRef: { name: string; namespace: string; uid: string };
  startTime: string;
  containers: readonly { name: string; startTime: string; cpu?: CpuStats; memory?: MemoryStats }[];
  cpu?: CpuStats;
  memory?: MemoryStats;
}

/** The file system that a claim lies on. */
export interface VolumeStats extends FileSystemUse {
  pvcRef: { name: string; namespace: string };
}

export interface CpuStats {
  time: string;
  usageNanoCores?: number;
  usageCoreNanoSeconds: number;
}

export interface MemoryStats {
  time: string;
  availableBytes?: number;
  usageBytes?: number;
  workingSetBytes: number;
}
