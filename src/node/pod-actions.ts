import type { Pod } from '../api/types/core-v1.ts';
import { currentOf, isReadySandbox, previousOf, type ObservedPod, type PodMemory } from './pod-observation.ts';
import { stopOf } from './pod-annotations.ts';
import {
  appContainersOf,
  containerHash,
  containersOf,
  ephemeralContainersOf,
  initContainersOf,
  restartsAfter,
  restartPolicyOf,
  type ContainerEnd,
  type PodContainer,
} from './pod-spec.ts';
import { resizeRestarts } from './pod-resize.ts';
import type { ContainerStatusInfo } from './runtime.ts';

/** The annotation that carries {@link containerHash} of the spec a container was made from. */
export const hashAnnotation = 'io.kubernetes.container.hash';

export interface ContainerStart {
  container: PodContainer;
  /** The container's restart count. */
  attempt: number;
  /** The ended container that this one replaces. */
  replaces: ContainerStatusInfo | undefined;
}

export interface ContainerKill {
  containerId: string;
  container: PodContainer | undefined;
  message: string;
  /** Which probe asked for it (its own grace period counts), or a resize, after which it is made anew. */
  cause: 'liveness' | 'startup' | 'resize' | 'other';
  /** Undefined: what the pod or the probe says. */
  graceSeconds?: number | undefined;
}

/** What to do for a pod that is to run. Steps are independent unless said. */
export interface PodActions {
  /** Start a sandbox with this attempt; containers come once it is ready. */
  createSandbox: { attempt: number } | undefined;
  /** Sandboxes that are of no more use. */
  stopSandboxes: readonly string[];
  kill: readonly ContainerKill[];
  /** To be started in this order. */
  start: readonly ContainerStart[];
  /** Ended containers beyond the one that `kubectl logs --previous` needs. */
  removeContainers: readonly string[];
}

/**
 * The next step of a pod that is neither deleted nor finished: sandbox, then init containers one after the other,
 * then the app containers; restarts as the policy says. Pure; after upstream's `computePodActions`, with its rules
 * for sidecars (KEP-753).
 */
export function computePodActions(pod: Pod, observed: ObservedPod, memory: PodMemory): PodActions {
  const newest = observed.sandboxes[0];
  const ready = isReadySandbox(newest, pod.spec?.hostNetwork === true);
  const removeContainers = surplusContainers(observed);
  if (!ready) return { ...sandboxActions(pod, observed), removeContainers };

  const stopSandboxes = observed.sandboxes.filter((s) => s !== newest && s.state === 'ready').map((s) => s.id);
  const steps: Steps = { pod, observed, memory, sandboxId: newest.id, start: [], kill: [] };
  killForeign(steps);
  const stop = stopOf(pod);
  if (stop) {
    const kill = [...steps.kill, ...stopKills(steps, stop)];
    return { createSandbox: undefined, stopSandboxes, start: [], kill, removeContainers };
  }
  const initialized = initSteps(steps);
  if (initialized) for (const container of appContainersOf(pod)) appStep(steps, container);
  for (const container of ephemeralContainersOf(pod)) {
    if (!currentOf(observed, container.spec.name)) start(steps, container);
  }
  return { createSandbox: undefined, stopSandboxes, start: steps.start, kill: steps.kill, removeContainers };
}

interface Steps {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  sandboxId: string;
  start: ContainerStart[];
  kill: ContainerKill[];
}

/**
 * Without a usable sandbox everything that still runs must end first; then a new one, unless nothing would run in
 * it.
 */
function sandboxActions(pod: Pod, observed: ObservedPod): Omit<PodActions, 'removeContainers'> {
  const kill = observed.containers
    .filter((container) => container.state === 'running')
    .map((container): ContainerKill => ({
      containerId: container.id,
      container: containersOf(pod).find((c) => c.spec.name === container.name),
      message: 'Pod sandbox changed, it will be killed and re-created.',
      cause: 'other',
    }));
  const stopSandboxes = observed.sandboxes.filter((s) => s.state === 'ready').map((s) => s.id);
  const newest = observed.sandboxes[0];
  const wanted = appContainersOf(pod).some((container) => {
    const current = currentOf(observed, container.spec.name);
    return !current || current.state !== 'exited' || restartsAfter(pod, container, endOf(current));
  });
  // A container that was made and never started has not had its one run.
  const hasRun = observed.containers.some((container) => container.state !== 'created');
  const spent = newest !== undefined && restartPolicyOf(pod) === 'Never' && hasRun;
  const createSandbox =
    wanted && !stopOf(pod) && !spent && kill.length === 0 ? { attempt: newest ? newest.attempt + 1 : 0 } : undefined;
  return { createSandbox, stopSandboxes, kill, start: [] };
}

/** The app containers of a pod that is to stand idle, and after them the others, sidecars too. */
function stopKills({ pod, observed, sandboxId }: Steps, stop: ReturnType<typeof stopOf>): ContainerKill[] {
  const running = containersOf(pod).flatMap((container) => {
    const current = currentOf(observed, container.spec.name);
    return current?.state === 'running' && current.sandboxId === sandboxId ? [{ container, id: current.id }] : [];
  });
  const apps = running.filter(({ container }) => container.role === 'app');
  return (apps.length > 0 ? apps : running).map(({ container, id }) => ({
    containerId: id,
    container,
    message: `Stopping container ${container.spec.name}`,
    cause: 'other',
    graceSeconds: stop?.graceSeconds,
  }));
}

/** Containers left in an older sandbox, and names that the pod does not have. */
function killForeign(steps: Steps): void {
  const names = new Set(containersOf(steps.pod).map((c) => c.spec.name));
  for (const { id, name, state, sandboxId } of steps.observed.containers) {
    if (state !== 'running' || (sandboxId === steps.sandboxId && names.has(name))) continue;
    steps.kill.push({ containerId: id, container: undefined, message: `Stopping container ${name}`, cause: 'other' });
  }
}

/** Moves the init containers one step; true when the app containers may run. */
function initSteps(steps: Steps): boolean {
  const { pod, observed, memory, sandboxId } = steps;
  const here = (name: string): ContainerStatusInfo | undefined =>
    observed.containers.find((c) => c.name === name && c.sandboxId === sandboxId);
  const list = initContainersOf(pod);
  // An app container in this sandbox proves that initialization was over, even if the init containers are gone by now.
  const initialized = appContainersOf(pod).some((c) => here(c.spec.name) !== undefined);
  for (const [index, container] of list.entries()) {
    const { name } = container.spec;
    const current = here(name);
    const passed = initialized || list.slice(index + 1).some((later) => here(later.spec.name) !== undefined);
    if (container.role === 'sidecar') {
      if (!isUp(steps, container, current) && !passed) return false;
      continue;
    }
    if (passed) continue;
    if (memory.starting.has(name) || current?.state === 'running') return false;
    if (current?.state === 'exited' && current.exitCode === 0) continue;
    if (!current || current.state !== 'exited' || restartsAfter(pod, container, endOf(current))) {
      start(steps, container);
    }
    return false;
  }
  return true;
}

/** Keeps a sidecar running; true when what comes after it may start. */
function isUp(steps: Steps, container: PodContainer, current: ContainerStatusInfo | undefined): boolean {
  if (steps.memory.starting.has(container.spec.name)) return false;
  if (current?.state !== 'running') {
    start(steps, container);
    return false;
  }
  killIfUnhealthy(steps, container, current);
  return steps.memory.verdictOf(current.id).started;
}

function appStep(steps: Steps, container: PodContainer): void {
  if (steps.memory.starting.has(container.spec.name)) return;
  const current = currentOf(steps.observed, container.spec.name);
  if (current?.state === 'running') {
    if (current.sandboxId === steps.sandboxId) killIfUnhealthy(steps, container, current);
    return;
  }
  const replaced = current !== undefined && (hasChanged(container, current) || steps.memory.resized.has(current.id));
  if (current?.state === 'exited' && !replaced && !restartsAfter(steps.pod, container, endOf(current))) return;
  start(steps, container);
}

function killIfUnhealthy(steps: Steps, container: PodContainer, current: ContainerStatusInfo): void {
  const { name } = container.spec;
  const { failed } = steps.memory.verdictOf(current.id);
  if (hasChanged(container, current)) {
    const message = `Container ${name} definition changed, will be restarted`;
    steps.kill.push({ containerId: current.id, container, message, cause: 'other' });
  } else if (failed !== 'none') {
    const message = `Container ${name} failed ${failed} probe, will be restarted`;
    steps.kill.push({ containerId: current.id, container, message, cause: failed });
  } else if (resizeRestarts(container, current)) {
    const message = `Container ${name} resize requires restart`;
    steps.kill.push({ containerId: current.id, container, message, cause: 'resize' });
  }
}

function hasChanged(container: PodContainer, current: ContainerStatusInfo): boolean {
  const hash = current.annotations[hashAnnotation];
  return hash !== undefined && hash !== containerHash(container.spec);
}

function start(steps: Steps, container: PodContainer): void {
  if (steps.memory.starting.has(container.spec.name)) return;
  const current = currentOf(steps.observed, container.spec.name);
  steps.start.push({ container, attempt: nextAttempt(steps.pod, container, current), replaces: current });
}

function endOf({ exitCode, attempt }: ContainerStatusInfo): ContainerEnd {
  return { exitCode, restarts: attempt };
}

/** Goes on from the runtime's count, or from the API's when the runtime has lost the container. */
function nextAttempt(pod: Pod, container: PodContainer, current: ContainerStatusInfo | undefined): number {
  if (current) return current.attempt + 1;
  const { status } = pod;
  const known = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ].find((s) => s.name === container.spec.name);
  return known?.containerID ? known.restartCount + 1 : (known?.restartCount ?? 0);
}

function surplusContainers(observed: ObservedPod): string[] {
  return observed.containers
    .filter((container) => container.state !== 'running')
    .filter((container) => {
      const kept = [currentOf(observed, container.name), previousOf(observed, container.name)];
      return !kept.includes(container);
    })
    .map((container) => container.id);
}
