import type { Pod } from '../api/types/core-v1.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

/** Stateless: decides for one pod and one node, from a snapshot. */
export interface Filter {
  readonly name: string;
  /** Null when the pod may run there, else the reason as upstream words it in FailedScheduling: `Insufficient cpu`. */
  filter(pod: Pod, node: NodeInfo, snapshot: Snapshot): FilterFailure | null;
}

export interface FilterFailure {
  reason: string;
  /** True when evicting pods could not help (node selector, taints). */
  unresolvable?: boolean;
}

export interface Score {
  readonly name: string;
  readonly weight: number;
  /** 0 (worst) to 100 (best) for each of `nodes`, in their order. */
  score(pod: Pod, nodes: readonly NodeInfo[], snapshot: Snapshot): number[];
}
