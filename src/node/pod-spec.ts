import { createHash } from 'node:crypto';
import type { Container, EphemeralContainer, Pod, Probe } from '../api/types/core-v1.ts';
import { askedRestarts, restartLimit } from './pod-annotations.ts';

/** A container of a pod and the part it plays there. */
export interface PodContainer {
  role: 'init' | 'sidecar' | 'app' | 'ephemeral';
  spec: Container | EphemeralContainer;
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** All containers of the pod: init containers (sidecars are those with restartPolicy Always) first, in order. */
export function containersOf(pod: Pod): PodContainer[] {
  return [...initContainersOf(pod), ...appContainersOf(pod), ...ephemeralContainersOf(pod)];
}

export function initContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec?.initContainers ?? []).map((spec) => ({
    role: spec.restartPolicy === 'Always' ? 'sidecar' : 'init',
    spec,
  }));
}

export function appContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec?.containers ?? []).map((spec) => ({ role: 'app', spec }));
}

export function ephemeralContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec?.ephemeralContainers ?? []).map((spec) => ({ role: 'ephemeral', spec }));
}

/** The cluster itself needs it: what is scarce on the node is not its business (upstream's system priorities). */
export function isCriticalPod({ spec }: Pod): boolean {
  return (spec?.priority ?? 0) >= 2_000_000_000;
}

export function restartPolicyOf(pod: Pod): RestartPolicy {
  return (pod.spec?.restartPolicy ?? 'Always') as RestartPolicy;
}

/** `name_namespace(uid)`: how upstream's messages name a pod. */
export function podTitle(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}

/** The `fieldPath` of events about one container: `spec.containers{web}`. */
export function containerFieldPath(container: PodContainer): string {
  const list = {
    init: 'initContainers',
    sidecar: 'initContainers',
    app: 'containers',
    ephemeral: 'ephemeralContainers',
  };
  return `spec.${list[container.role]}{${container.spec.name}}`;
}

/** Changes when a running container must be replaced: with its name or its image, as upstream since 1.31. */
export function containerHash(spec: Container | EphemeralContainer): string {
  return createHash('sha256').update(`${spec.name}\n${spec.image}`).digest('hex').slice(0, 8);
}

/** How a container's last run ended. */
export interface ContainerEnd {
  exitCode: number;
  /** How often it was started again before. */
  restarts: number;
}

/** Should a container that has ended run again? (KEP-5307 rules, then its own policy, then the pod's.) */
export function restartsAfter(pod: Pod, container: PodContainer, { exitCode, restarts }: ContainerEnd): boolean {
  if (container.role === 'sidecar') return true;
  if (container.role === 'ephemeral') return false;
  const asked = container.role === 'app' ? askedRestarts(pod) : 0;
  if (restarts < asked) return true;
  for (const rule of container.spec.restartPolicyRules ?? []) {
    const values = rule.exitCodes?.values ?? [];
    const listed = values.includes(exitCode);
    if (rule.exitCodes?.operator === 'NotIn' ? !listed : listed) return rule.action === 'Restart';
  }
  const limit = container.role === 'app' ? restartLimit(pod) : undefined;
  if (limit) return exitCode !== 0 && restarts - asked < limit.failures;
  const policy = (container.spec.restartPolicy ?? restartPolicyOf(pod)) as RestartPolicy;
  // An init container of an Always pod has done its work when it succeeded.
  if (container.role === 'init') return policy !== 'Never' && exitCode !== 0;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Nothing on a node is ended sooner. */
export const leastGraceSeconds = 1;

/** Seconds between SIGTERM and SIGKILL: what the delete said, else the pod's own; at least 1. */
export function graceSecondsOf(pod: Pod): number {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  const seconds =
    deletionTimestamp && deletionGracePeriodSeconds !== undefined
      ? deletionGracePeriodSeconds
      : (pod.spec?.terminationGracePeriodSeconds ?? 30);
  return Math.max(leastGraceSeconds, seconds);
}

/** Durations and counts of a probe with upstream's defaults filled in. */
export function probeTiming(probe: Probe): {
  initialDelayMs: number;
  periodMs: number;
  timeoutMs: number;
  successThreshold: number;
  failureThreshold: number;
} {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: (probe.periodSeconds || 10) * 1000,
    timeoutMs: (probe.timeoutSeconds || 1) * 1000,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  };
}
