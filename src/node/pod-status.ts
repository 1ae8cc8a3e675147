import { formatTime } from '../base/clock.ts';
import { isPodFinished } from '../api/pod-phase.ts';
import type { ContainerStatus, Pod, PodStatus } from '../api/types/core-v1.ts';
import { containerStatus, type ContainerStatusInput } from './container-status.ts';
import { restartLimit, stopOf } from './pod-annotations.ts';
import { healthcheckOf } from './container-config.ts';
import { podConditions } from './pod-conditions.ts';
import { currentOf, isReadySandbox, type ObservedPod, type PodMemory, sandboxIpsOf } from './pod-observation.ts';
import {
  appContainersOf,
  ephemeralContainersOf,
  initContainersOf,
  restartPolicyOf,
  restartsAfter,
  type PodContainer,
} from './pod-spec.ts';
import type { ResizeVerdict } from './pod-resize.ts';
import { qosClassOf } from './pod-cgroup.ts';

export interface PodStatusInput {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  /** Epoch milliseconds. */
  nowMs: number;
  runtimeName: string;
  /** The pod's processes stand still. */
  isPaused?: boolean;
  /** Conditions while the pod has other resources than it wants, or than its containers have. */
  resize?: readonly ResizeVerdict[];
  hostIps: readonly string[];
  /** Why the agent ends the pod for good: it becomes Failed with this reason. */
  failure?: { reason: string; message: string };
  /** It does so because the node has too little for all of its pods. */
  isDisrupted?: boolean;
  /** The pod never ran: nothing is said of its containers. */
  isRejected?: boolean;
}

/** Everything the API shows of a pod, from what was observed: pure, after upstream's `generateAPIPodStatus`. */
export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod, observed, nowMs, hostIps } = input;
  const hostNetwork = pod.spec?.hostNetwork === true;
  const sandboxReady = isReadySandbox(observed.sandboxes[0], hostNetwork);
  const initialized = isInitialized(input);
  const statuses = containerStatuses(input, initialized);
  const phase = phaseOf(input, { ...statuses, initialized });
  const failure = phase === 'Failed' ? (input.failure ?? oldFailure(pod)) : undefined;
  const podIps = podIpsOf(input, hostNetwork);
  const startTime = pod.status?.startTime ?? formatTime(nowMs);
  const conditions = podConditions({
    pod,
    phase,
    initContainers: initContainersOf(pod),
    initStatuses: statuses.init,
    appStatuses: statuses.app,
    initialized,
    sandboxReady,
    isPaused: input.isPaused ?? false,
    isUnhealthy: observed.containers.some(
      ({ id, state }) => state === 'running' && input.memory.verdictOf(id).unhealthy,
    ),
    resize: input.resize ?? [],
    healthcheck: observed.containers.map(healthcheckOf).find((check) => check !== undefined),
    disruption: input.isDisrupted ? input.failure?.message : undefined,
    now: formatTime(nowMs),
  });
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions,
    ...(failure?.reason && { reason: failure.reason }),
    ...(failure?.message && { message: failure.message }),
    ...(hostIps[0] && { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIps[0] && { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
    startTime,
    ...(!input.isRejected && containerFields(statuses)),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod),
  };
}

function containerFields({ init, app, ephemeral }: ReturnType<typeof containerStatuses>): Partial<PodStatus> {
  return {
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: app,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
  };
}

/** How the pod ended, or will have once its last containers (sidecars) are down; undefined while it is to run. */
export function podOutcome(input: PodStatusInput): 'Succeeded' | 'Failed' | undefined {
  const initialized = isInitialized(input);
  const { phase } = input.pod.status ?? {};
  const natural = isPodFinished(input.pod)
    ? phase
    : naturalPhase(input, { ...containerStatuses(input, initialized), initialized });
  return natural === 'Succeeded' || natural === 'Failed' ? natural : undefined;
}

interface Statuses {
  init: ContainerStatus[];
  app: ContainerStatus[];
  ephemeral: ContainerStatus[];
}

function containerStatuses(input: PodStatusInput, initialized: boolean): Statuses {
  const { pod, observed, memory, runtimeName } = input;
  const isGoing = input.failure !== undefined || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod);
  const ending = isGoing || stopOf(pod) !== undefined;
  const common: ContainerStatusInput = { pod, observed, memory, runtimeName, initialized, ending };
  const of = (list: PodContainer[]): ContainerStatus[] => list.map((container) => containerStatus(common, container));
  return { init: of(initContainersOf(pod)), app: of(appContainersOf(pod)), ephemeral: of(ephemeralContainersOf(pod)) };
}

/** Have all init containers done their part (sidecars: started)? */
function isInitialized(input: PodStatusInput): boolean {
  const { pod, observed, memory } = input;
  const sandboxId = observed.sandboxes[0]?.id;
  const appSeen = appContainersOf(pod).some((c) => currentOf(observed, c.spec.name)?.sandboxId === sandboxId);
  if (sandboxId !== undefined && appSeen) return true;
  return initContainersOf(pod).every((container) => {
    const current = currentOf(observed, container.spec.name);
    if (container.role === 'sidecar') {
      const running = current?.state === 'running' && !memory.starting.has(container.spec.name);
      return running && memory.verdictOf(current.id).started;
    }
    const old = pod.status?.initContainerStatuses?.find((s) => s.name === container.spec.name);
    if (!current) return isPodFinished(pod) && old?.state?.terminated?.exitCode === 0;
    return current.state === 'exited' && current.exitCode === 0;
  });
}

function phaseOf(input: PodStatusInput, statuses: Statuses & { initialized: boolean }): string {
  const { pod, observed } = input;
  if (isPodFinished(pod)) return pod.status?.phase as string;
  const natural = input.failure ? 'Failed' : naturalPhase(input, statuses);
  if (natural !== 'Succeeded' && natural !== 'Failed') return natural;
  // A pod is finished only when none of its containers runs any more.
  const busy = observed.containers.some((container) => container.state === 'running');
  if (!busy) return natural;
  return pod.status?.phase ?? 'Pending';
}

/** After upstream's `getPhase`. */
function naturalPhase(input: PodStatusInput, statuses: Statuses & { initialized: boolean }): string {
  const { pod } = input;
  const going = pod.metadata.deletionTimestamp !== undefined;
  const inits = initContainersOf(pod);
  const failedInit = inits.some((container, i) => {
    const exitCode = statuses.init[i]?.state?.terminated?.exitCode;
    return (
      container.role === 'init' &&
      exitCode !== undefined &&
      exitCode !== 0 &&
      !restartsAfter(pod, container, { exitCode, restarts: statuses.init[i]?.restartCount ?? 0 })
    );
  });
  if (failedInit) return 'Failed';
  const apps = appContainersOf(pod);
  const ends = statuses.app.map((s) => s.state?.terminated ?? (s.state?.waiting ? s.lastState?.terminated : undefined));
  const running = statuses.app.filter((s) => s.state?.running).length;
  const neverRan = statuses.app.filter((s, i) => s.state?.waiting && !ends[i]).length;
  if (!statuses.initialized && running === 0 && !(going && neverRan === 0)) return endedBeforeStart(input, going);
  if (neverRan > 0) return going && running === 0 && allDown(input) ? 'Failed' : 'Pending';
  if (running > 0) return 'Running';
  const again = apps.some((container, i) =>
    restartsAfter(pod, container, { exitCode: ends[i]?.exitCode ?? 0, restarts: statuses.app[i]?.restartCount ?? 0 }),
  );
  // One that stays when its container has ended is not replaced: its owner counts it among those that run.
  if ((again || restartLimit(pod)) && !going) return 'Running';
  return ends.every((end) => end?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

/** Upstream reports a deleted pod that never got to its containers as Failed, unless it is to run for ever. */
function endedBeforeStart(input: PodStatusInput, going: boolean): string {
  return going && allDown(input) && restartPolicyOf(input.pod) !== 'Always' ? 'Failed' : 'Pending';
}

function allDown(input: PodStatusInput): boolean {
  const { observed, memory } = input;
  return memory.starting.size === 0 && observed.containers.every((container) => container.state !== 'running');
}

function oldFailure(pod: Pod): { reason: string; message: string } | undefined {
  if (!isPodFinished(pod) || !pod.status?.reason) return undefined;
  return { reason: pod.status.reason, message: pod.status.message ?? '' };
}

function podIpsOf(input: PodStatusInput, hostNetwork: boolean): string[] {
  const { pod, observed, hostIps } = input;
  if (hostNetwork) return observed.sandboxes.length > 0 || pod.status?.podIP ? [...hostIps] : [];
  const ips = sandboxIpsOf(observed, hostIps);
  if (ips.length > 0) return ips;
  return (pod.status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
}
