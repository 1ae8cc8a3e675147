import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import { quantityToNumber } from '../api/quantity.ts';
import type { NodeAddress, Pod, Service, Taint } from '../api/types/core-v1.ts';
import type { Backoff } from './backoff.ts';
import type { DnsSettings } from './dns-config.ts';
import type { ImagePuller, ImagePullerOptions } from './image-puller.ts';
import type { Neighbour } from './joined-pods.ts';
import type { Limiter } from './limiter.ts';
import type { NodeSystem } from './node-system.ts';
import type { ObjectCache } from './object-cache.ts';
import type { PodGate } from './pod-gate.ts';
import type { ContainerRuntime } from './runtime.ts';
import type { StatusManager } from './status-manager.ts';

/** The node as its agent is told to present it. */
export interface AgentNode {
  name: string;
  addresses: readonly NodeAddress[];
  /** Beyond the well-known ones, which the agent sets itself. */
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  /** Given when the node registers itself for the first time. */
  taints?: readonly Taint[];
  capacity: Readonly<Record<string, string>>;
  allocatable: Readonly<Record<string, string>>;
  podCidrs?: readonly string[];
  providerId?: string;
  /** Where the agent's own server listens: logs, exec and the like. */
  kubeletPort: number;
  system: {
    machineId: string;
    systemUuid: string;
    bootId: string;
    kernelVersion: string;
    osImage: string;
    /** `amd64`, `arm64`. */
    architecture: string;
    /** `v1.36.0`. */
    kubeletVersion: string;
  };
}

export interface AgentSettings {
  crashBackoff: { initialMs: number; maxMs: number };
  imageBackoff: { initialMs: number; maxMs: number };
  maxParallelPulls: number;
  /** Sandboxes and containers that are made at once. */
  maxParallelStarts: number;
  leaseDurationSeconds: number;
  leaseRenewIntervalMs: number;
  /** How long an unchanged node status may stay unwritten. */
  nodeStatusReportMs: number;
  /** What pods may set of the kernel beside what is safe for every pod: names, or beginnings of names before `*`. */
  unsafeSysctls: readonly string[];
  /** `/timonel/<cluster>/<node>`: where the pods' cgroups lie. */
  cgroupRoot: string;
}

/** Upstream's figures. */
export const defaultAgentSettings: Omit<AgentSettings, 'cgroupRoot'> = {
  crashBackoff: { initialMs: 10_000, maxMs: 300_000 },
  imageBackoff: { initialMs: 10_000, maxMs: 300_000 },
  maxParallelPulls: 4,
  maxParallelStarts: 8,
  leaseDurationSeconds: 40,
  leaseRenewIntervalMs: 10_000,
  nodeStatusReportMs: 300_000,
  unsafeSysctls: [],
};

/** What the parts of one agent share. */
export interface AgentContext {
  client: Client;
  runtime: ContainerRuntime;
  clock: Clock;
  random: Random;
  log: Logger;
  recorder: EventRecorder;
  system: NodeSystem;
  node: AgentNode;
  settings: AgentSettings;
  dns: DnsSettings;
  rootDirectory: string;
  /** A directory on the same file system that several nodes of one cluster have in common; absent: the root is. */
  sharedDirectory?: string;
  /** Epoch milliseconds. */
  startedMs: number;
  /** `containerd`: what container ids in statuses start with. */
  runtimeName: string;
  objects: ObjectCache;
  services: () => Iterable<Service>;
  images: ImagePuller;
  /** See {@link ImagePullerOptions}. */
  isImported?: ImagePullerOptions['isImported'];
  statuses: StatusManager;
  crashBackoff: Backoff;
  limiter: Limiter;
  gate: PodGate;
  /** Every pod of this node. */
  neighbours: () => Iterable<Neighbour>;
}

/** Addresses under which pods in the host's network are reached: the node's internal ones. */
export function hostIpsOf(node: AgentNode): string[] {
  return node.addresses.filter((address) => address.type === 'InternalIP').map((address) => address.address);
}

/** `<root>/pods/<uid>`. */
export function podDirectoryOf(context: AgentContext, pod: Pod): string {
  return `${context.rootDirectory}/pods/${pod.metadata.uid}`;
}

/** `<shared or root>/anonymous-volumes`. */
export function anonymousDirectoryOf({ sharedDirectory, rootDirectory }: AgentContext): string {
  return `${sharedDirectory ?? rootDirectory}/anonymous-volumes`;
}

/** `<root>/pods-logs/<namespace>_<name>_<uid>`: containers have a directory each in it. */
export function logDirectoryOf(context: AgentContext, pod: Pod): string {
  const { namespace, name, uid } = pod.metadata;
  return `${logsDirectoryOf(context)}/${namespace}_${name}_${uid}`;
}

/** Of all pods. */
export function logsDirectoryOf({ rootDirectory }: AgentContext): string {
  return `${rootDirectory}/pods-logs`;
}

/** Bytes of memory that the node has. */
export function memoryCapacityOf({ node }: AgentContext): number {
  return quantityToNumber(node.capacity['memory'] ?? '0');
}
