import { familyOf, type IpFamily } from '../base/ip-address.ts';
import type { ResourceRequirements } from '../api/types/core-v1.ts';
import type { ContainerStatusInfo, SandboxStatus } from './runtime.ts';

/** What the runtime has of one pod, as the agent last saw it. */
export interface ObservedPod {
  /** Newest attempt first. */
  sandboxes: readonly SandboxStatus[];
  /** Every container that is still there; newest attempt of each name first. */
  containers: readonly ContainerStatusInfo[];
}

/** Why a container does not run, as `state.waiting` shows it. */
export interface WaitingReason {
  reason: string;
  message: string;
}

/** What the probes say about a running container. */
export interface ProbeVerdict {
  ready: boolean;
  /** The startup probe succeeded, or there is none. */
  started: boolean;
  /** Which probe wants the container restarted. */
  failed: 'none' | 'liveness' | 'startup';
  /** Its healthcheck has failed as often in a row as it may. */
  unhealthy: boolean;
}

/** What the agent knows of a pod beyond the runtime's view. */
export interface PodMemory {
  /** Containers (by name) whose start is under way: reported as waiting until their postStart hook is done. */
  starting: ReadonlySet<string>;
  /** Why the last start of a container came to nothing. */
  waiting: ReadonlyMap<string, WaitingReason>;
  verdictOf(containerId: string): ProbeVerdict;
  /** Containers (by id) that were ended to be made anew with other resources. */
  resized: ReadonlySet<string>;
  /** What a container has of cpu and memory; undefined: what its spec says. */
  resourcesOf(container: ContainerStatusInfo): ResourceRequirements | undefined;
}

/** The newest container of this name. */
export function currentOf(observed: ObservedPod, name: string): ContainerStatusInfo | undefined {
  return observed.containers.find((container) => container.name === name);
}

/** The attempt before the newest one, if the runtime still has it. */
export function previousOf(observed: ObservedPod, name: string): ContainerStatusInfo | undefined {
  return observed.containers.filter((container) => container.name === name)[1];
}

export function isReadySandbox(sandbox: SandboxStatus | undefined, hostNetwork: boolean): sandbox is SandboxStatus {
  return sandbox !== undefined && sandbox.state === 'ready' && (hostNetwork || sandbox.ip !== '');
}

/**
 * The pod's addresses, none without a sandbox: one of each family, that of the node's first address first, whatever
 * order the runtime has (upstream's `sortPodIPs`).
 */
export function sandboxIpsOf(observed: ObservedPod, hostIps: readonly string[]): string[] {
  const sandbox = observed.sandboxes[0];
  if (!sandbox?.ip) return [];
  const ips = [sandbox.ip, ...sandbox.additionalIps];
  const families: readonly IpFamily[] = familyOf(hostIps[0] ?? '') === 'IPv6' ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
  return families.flatMap((family) => ips.find((ip) => familyOf(ip) === family) ?? []);
}

/** Sorted the way {@link ObservedPod} promises. */
export function observation(
  sandboxes: Iterable<SandboxStatus>,
  containers: Iterable<ContainerStatusInfo>,
): ObservedPod {
  return {
    sandboxes: [...sandboxes].sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs),
    containers: [...containers].sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs),
  };
}
