import type { Node, Pod } from '../api/types/core-v1.ts';

/** A node and the pods assigned to it (bound or assumed), with sums kept up to date as pods come and go. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  /** By uid. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** Requests of all pods: cpu in millicores, everything else in whole units (bytes for memory). */
  readonly requested: ReadonlyMap<string, number>;
  /** Like `requested`, but a container that names no request counts 100m and 200 MiB: so that pods without any spread too. */
  readonly nonZeroCpu: number;
  readonly nonZeroMemory: number;
  readonly allocatable: ReadonlyMap<string, number>;
  /** `protocol/port/hostIP` of all host ports in use. */
  readonly hostPorts: ReadonlySet<string>;
  /** How many of its pods each controller (by uid) owns. */
  readonly podsByOwner: ReadonlyMap<string, number>;
  /** Pods with required anti-affinity, which bind those that come later. */
  readonly podsWithAntiAffinity: ReadonlyMap<string, Pod>;
  /** Sizes of the images present, by every name. */
  readonly imageBytes: ReadonlyMap<string, number>;
}

/** The cluster as one scheduling decision sees it. */
export interface Snapshot {
  readonly nodes: ReadonlyMap<string, NodeInfo>;
  /** How many pods with required anti-affinity there are anywhere. */
  readonly podsWithAntiAffinity: number;
}
