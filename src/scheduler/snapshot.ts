import type { Node, Pod } from '../api/types/core-v1.ts';

/** A node and the pods assigned to it (bound or assumed), with sums kept up to date as pods come and go. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly pods: ReadonlyMap<string, Pod>;
  /** Requests of all pods: cpu in millicores, everything else in whole units (bytes for memory), `pods` counted. */
  readonly requested: ReadonlyMap<string, number>;
  readonly allocatable: ReadonlyMap<string, number>;
  /** `protocol/hostIP/port` of all host ports in use. */
  readonly hostPorts: ReadonlySet<string>;
}

/** The cluster as one scheduling decision sees it. */
export interface Snapshot {
  readonly nodes: ReadonlyMap<string, NodeInfo>;
}
