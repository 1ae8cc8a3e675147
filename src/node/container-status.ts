import { formatTime } from '../base/clock.ts';
import type { ContainerState, ContainerStateTerminated, ContainerStatus, Pod } from '../api/types/core-v1.ts';
import { currentOf, previousOf, type ObservedPod, type PodMemory, type ProbeVerdict } from './pod-observation.ts';
import { shownResources } from './pod-resize.ts';
import { restartsAfter, type ContainerEnd, type PodContainer } from './pod-spec.ts';
import type { ContainerStatusInfo } from './runtime.ts';

export interface ContainerStatusInput {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  /** Prefix of container ids: `containerd`. */
  runtimeName: string;
  /** True once the init containers are through. */
  initialized: boolean;
  /** The pod is going, finished or stopped: nothing that is missing will be started any more. */
  ending: boolean;
}

/**
 * The status of one container as the API shows it, from what runs, what the agent remembers and what was said
 * before.
 */
export function containerStatus(input: ContainerStatusInput, container: PodContainer): ContainerStatus {
  const { pod, observed, memory, runtimeName } = input;
  const { spec, role } = container;
  const current = currentOf(observed, spec.name);
  const old = oldStatus(pod, spec.name);
  if (!current) return withoutRuntime(input, container, old);

  const waiting = memory.waiting.get(spec.name);
  // One whose postStart hook has failed is being ended.
  const isUp = !memory.starting.has(spec.name) && waiting?.reason !== 'PostStartHookError';
  const running = current.state === 'running' && isUp;
  const verdict = running ? memory.verdictOf(current.id) : undefined;
  const previous = previousOf(observed, spec.name);
  const terminated = current.state === 'exited' ? endOf(current, old, runtimeName) : undefined;
  const status: ContainerStatus = {
    name: spec.name,
    state: stateOf(input, { current, running, terminated, waiting }),
    ready: isReady(role, verdict, terminated),
    restartCount: current.attempt,
    image: current.image,
    imageID: current.imageRef,
    containerID: `${runtimeName}://${current.id}`,
    started: verdict?.started ?? false,
    ...(running && role !== 'ephemeral' && shownResources(container, memory.resourcesOf(current))),
    ...mountStatuses(container),
    ...userStatus(current),
    ...(spec.lifecycle?.stopSignal && { stopSignal: spec.lifecycle.stopSignal }),
  };
  const last = lastState({ current, previous, old, status, runtimeName });
  return { ...status, ...(last ? { lastState: last } : { lastState: {} }) };
}

/** An init container is ready when it has done its work; for ephemeral ones there is no such thing. */
function isReady(
  role: PodContainer['role'],
  verdict: ProbeVerdict | undefined,
  terminated: ContainerStateTerminated | undefined,
): boolean {
  if (role === 'init') return terminated?.exitCode === 0;
  return role !== 'ephemeral' && verdict?.started === true && verdict.ready;
}

function stateOf(
  input: ContainerStatusInput,
  facts: {
    current: ContainerStatusInfo;
    running: boolean;
    terminated: ContainerStateTerminated | undefined;
    waiting: { reason: string; message: string } | undefined;
  },
): ContainerState {
  const { current, running, terminated, waiting } = facts;
  if (running) return { running: { startedAt: formatTime(current.startedAtMs) } };
  if (waiting && !input.ending) return { waiting: waitingState(waiting) };
  if (terminated) return { terminated };
  return { waiting: defaultWaiting(input) };
}

/** A container the runtime does not have: not started yet, or lost. */
function withoutRuntime(
  input: ContainerStatusInput,
  container: PodContainer,
  old: ContainerStatus | undefined,
): ContainerStatus {
  const { spec, role } = container;
  const base: ContainerStatus = {
    name: spec.name,
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: spec.image ?? '',
    imageID: '',
    started: false,
    ...mountStatuses(container),
  };
  const ended = old?.state?.terminated;
  if (ended && (input.ending || !restartsAfter(input.pod, container, endBefore(old, ended)))) {
    return { ...old, ready: role === 'init' && ended.exitCode === 0, started: false };
  }
  if (old?.state?.running && old.containerID) {
    const lost: ContainerStateTerminated = {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
    };
    if (input.ending) return { ...old, state: { terminated: lost }, ready: false, started: false };
    const message = 'The container could not be located when the pod was deleted.  The container used to be Running';
    return {
      ...base,
      restartCount: old.restartCount + 1,
      state: { waiting: defaultWaiting(input) },
      lastState: { terminated: { ...lost, message } },
    };
  }
  const waiting = input.memory.waiting.get(spec.name);
  return {
    ...base,
    state: { waiting: waiting ? waitingState(waiting) : defaultWaiting(input) },
    lastState: old?.lastState ?? {},
  };
}

function endBefore({ restartCount }: ContainerStatus, { exitCode }: ContainerStateTerminated): ContainerEnd {
  return { exitCode, restarts: restartCount };
}

function defaultWaiting(input: ContainerStatusInput): { reason: string } {
  const hasInit = (input.pod.spec?.initContainers?.length ?? 0) > 0;
  return { reason: hasInit && !input.initialized ? 'PodInitializing' : 'ContainerCreating' };
}

function waitingState(waiting: { reason: string; message: string }): { reason: string; message?: string } {
  return waiting.message ? { reason: waiting.reason, message: waiting.message } : { reason: waiting.reason };
}

/** The file with the last words goes with the pod's volumes; what was told of it stays. */
function endOf(
  current: ContainerStatusInfo,
  old: ContainerStatus | undefined,
  runtimeName: string,
): ContainerStateTerminated {
  const end = terminatedState(current, runtimeName);
  const told = old?.state?.terminated;
  return end.message || told?.containerID !== end.containerID || !told?.message
    ? end
    : { ...end, message: told.message };
}

function terminatedState(container: ContainerStatusInfo, runtimeName: string): ContainerStateTerminated {
  return {
    exitCode: container.exitCode,
    ...(container.reason && { reason: container.reason }),
    ...(container.message && { message: container.message }),
    startedAt: formatTime(container.startedAtMs),
    finishedAt: formatTime(container.finishedAtMs),
    containerID: `${runtimeName}://${container.id}`,
  };
}

function lastState(facts: {
  current: ContainerStatusInfo;
  previous: ContainerStatusInfo | undefined;
  old: ContainerStatus | undefined;
  status: ContainerStatus;
  runtimeName: string;
}): ContainerState | undefined {
  const { current, previous, old, status, runtimeName } = facts;
  if (status.state?.waiting && current.state === 'exited') {
    return { terminated: terminatedState(current, runtimeName) };
  }
  if (previous?.state === 'exited') return { terminated: terminatedState(previous, runtimeName) };
  if (old?.containerID === status.containerID && old?.lastState?.terminated) return old.lastState;
  // The runtime may have lost the earlier attempt: what was last said of it still holds.
  return old?.state?.terminated && old.containerID !== status.containerID
    ? { terminated: old.state.terminated }
    : undefined;
}

/** KEP-3619. */
function userStatus({ user }: ContainerStatusInfo): Pick<ContainerStatus, 'user'> {
  return user ? { user: { linux: { uid: user.uid, gid: user.gid, supplementalGroups: [...user.groups] } } } : {};
}

function mountStatuses(container: PodContainer): Partial<ContainerStatus> {
  const mounts = container.spec.volumeMounts ?? [];
  if (mounts.length === 0) return {};
  return {
    volumeMounts: mounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly && { readOnly: true, recursiveReadOnly: 'Disabled' }),
    })),
  };
}

function oldStatus(pod: Pod, name: string): ContainerStatus | undefined {
  const { status } = pod;
  const lists = [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses];
  return lists.flatMap((list) => list ?? []).find((s) => s.name === name);
}
