import type { Node, Pod } from '../api/types/core-v1.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

/** Changes in the cluster that can make a pod schedulable which was not. Pods are those with a node. */
export type ClusterEvent =
  | { kind: 'nodeAdded' | 'nodeDeleted'; node: Node }
  | { kind: 'nodeUpdated'; node: Node; old: Node }
  | { kind: 'podAdded' | 'podDeleted'; pod: Pod }
  | { kind: 'podUpdated'; pod: Pod; old: Pod }
  /** Claims, volumes or storage classes have come or changed. */
  | { kind: 'volumesChanged' };

/**
 * Decides for one pod and one node, from a snapshot. `prepare` is called once for each pod and may look at all nodes;
 * what it returns serves the calls for each node. Filters keep no state of their own.
 */
export interface Filter {
  readonly name: string;
  /** Why the pod can run on no node at all, whatever the nodes are like (upstream's PreFilter). */
  rejects?(pod: Pod): string | undefined;
  /** Undefined: this filter has nothing to say about this pod. */
  prepare(pod: Pod, snapshot: Snapshot): NodeCheck | undefined;
  /** Is a pod that this filter turned away worth another try after `event`? (KEP-4247.) */
  couldHelp(pod: Pod, event: ClusterEvent): boolean;
}

/** Null when the pod may run on the node. */
export type NodeCheck = (node: NodeInfo) => FilterFailure | null;

export interface FilterFailure {
  /** As upstream words them in FailedScheduling: `Insufficient cpu`. */
  reasons: readonly string[];
  /** True when evicting pods could not help (node selector, taints). */
  unresolvable?: boolean;
}

export interface Score {
  readonly name: string;
  readonly weight: number;
  /** 0 (worst) to 100 (best) for each of `nodes`, in their order; undefined: no preference among them for this pod. */
  score(pod: Pod, nodes: readonly NodeInfo[], snapshot: Snapshot): ArrayLike<number> | undefined;
}
