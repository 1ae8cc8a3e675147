import type { Node, Pod, Taint } from '../api/types/core-v1.ts';
import type { AffinityOfPod, TermGroup } from './affinity-terms.ts';

/** A node and the pods assigned to it (bound or assumed), with sums kept up to date as pods come and go. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly labels: Readonly<Record<string, string>>;
  /** NoSchedule and NoExecute: they keep pods away. */
  readonly hardTaints: readonly Taint[];
  /** PreferNoSchedule. */
  readonly softTaints: readonly Taint[];
  /** By uid. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** How many of its pods have each priority. */
  readonly priorities: ReadonlyMap<number, number>;
  /** Requests of all pods: cpu in millicores, everything else in whole units (bytes for memory). */
  readonly requested: ReadonlyMap<string, number>;
  readonly allocatable: ReadonlyMap<string, number>;
  /** The two that every decision asks for, out of the maps. */
  readonly cpu: ResourceUse;
  readonly memory: ResourceUse;
  readonly allowedPods: number;
  /** How many pods hold each host port, by `protocol/port/hostIP`. */
  readonly hostPorts: ReadonlyMap<string, number>;
  /** Sizes of the images present, by every name. */
  readonly imageBytes: ReadonlyMap<string, number>;
}

export interface ResourceUse {
  readonly allocatable: number;
  readonly requested: number;
  /** Like `requested`, but a container that names no request counts for the default load. */
  readonly load: number;
}

/** Something to be counted: pods of these namespaces (undefined: of all) that match. Equal keys ask the same. */
export interface PodQuestion {
  readonly key: string;
  readonly namespaces: readonly string[] | undefined;
  matches(pod: Pod): boolean;
}

/** The cluster as one scheduling decision sees it. */
export interface Snapshot {
  /** Zone by zone in turn, so that any part of the list covers all zones. */
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
  /** How many pods answer the question on each node, by its name; nodes with none may be missing. */
  count(question: PodQuestion): ReadonlyMap<string, number>;
  affinityOf(pod: Pod): AffinityOfPod;
  /** The affinity terms of all assigned pods, alike ones together. */
  readonly terms: Iterable<TermGroup>;
  /** How many nodes hold the image. */
  nodesWithImage(name: string): number;
}

/** A snapshot in which pods may be moved to see what would be. Whoever moves them moves them back at once. */
export interface WhatIf extends Snapshot {
  put(pod: Pod, nodeName: string): void;
  take(pod: Pod, nodeName: string): void;
}
