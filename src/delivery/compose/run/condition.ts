import { unhealthyCondition } from '../../../api/container-settings.ts';
import { imageHealthcheckOf } from '../../../api/healthcheck.ts';
import type { Job } from '../../../api/types/batch-v1.ts';
import type { ContainerStatus, Pod } from '../../../api/types/core-v1.ts';
import type { Dependency } from '../model.ts';
import { preStartPrefix } from '../translate/names.ts';
import { restartAnnotation, restartsAnnotation, stoppedAnnotation } from '../../../api/agent-requests.ts';

/** How far a service is on its way to a condition. */
export type Progress =
  { state: 'met' } | { state: 'waiting'; reason?: string | undefined } | { state: 'failed'; reason: string };

export interface Observed {
  /** Containers that there are to be; undefined where nodes decide. */
  replicas: number | undefined;
  /** Of the newest version. */
  pods: readonly Pod[];
  /** Where the service is one. */
  job?: Job | undefined;
  /** When a container that is not healthy yet is called unhealthy: this long after its start. */
  patienceMs: number | undefined;
  nowMs: number;
  /** Whether a container without a healthcheck is never healthy; else it is as soon as it runs. Default: false. */
  needsHealthcheck?: boolean;
}

/** Waiting reasons that nobody but the user can do anything about. */
const fatal = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
  'PostStartHookError',
]);
/** A container that ended so often before it was healthy will go on so. */
const maxRestarts = 3;

/** Whether a service's containers meet a condition of `depends_on` (Compose Specification). Pure. */
export function judge(condition: Dependency['condition'], observed: Observed): Progress {
  const broken = observed.pods.map(failureOf).find((reason) => reason !== undefined);
  if (broken !== undefined) return { state: 'failed', reason: broken };
  if (observed.replicas === 0) return { state: 'met' };
  if (condition === 'service_completed_successfully') return judgeCompleted(observed);
  return condition === 'service_healthy' ? judgeHealthy(observed) : judgeStarted(observed);
}

function enough({ replicas, pods }: Observed, is: (pod: Pod) => boolean): boolean {
  const count = pods.filter(is).length;
  return replicas === undefined ? pods.length > 0 && count === pods.length : count >= replicas;
}

function judgeStarted(observed: Observed): Progress {
  return enough(observed, hasStarted) ? { state: 'met' } : { state: 'waiting', reason: whyPending(observed.pods) };
}

export function hasStarted(pod: Pod): boolean {
  if (hasEnded(pod)) return true;
  const [container] = pod.status?.containerStatuses ?? [];
  const restarts = restartsOf(pod);
  return restarts > 0 || (restarts === 0 && container?.state?.running !== undefined);
}

/**
 * How often the container was started again by itself since it was made, or since a command started it (local
 * clusters).
 * Negative until it is started as a command has asked for.
 */
function restartsOf({ metadata, status }: Pod): number {
  const asked = Number(metadata.annotations?.[restartsAnnotation] ?? 0);
  return (status?.containerStatuses?.[0]?.restartCount ?? 0) - asked;
}

/** Whether a container was stopped by a command: it stays so until it is started by one. */
export function isHeld({ metadata }: Pod): boolean {
  return stoppedAnnotation in (metadata.annotations ?? {});
}

/** Whether a container has ended for good: its pod is over, or stays without starting it again. */
export function hasEnded(pod: Pod): boolean {
  const { metadata, status } = pod;
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  const policy = metadata.annotations?.[restartAnnotation];
  const [container] = status?.containerStatuses ?? [];
  const restarts = restartsOf(pod);
  if (restarts < 0) return false;
  if (isHeld(pod)) return container?.state?.running === undefined;
  const exitCode = container?.state?.terminated?.exitCode;
  if (policy === undefined || exitCode === undefined) return false;
  const [, limit = policy === 'never' ? '0' : 'Infinity'] = /:(\d+)$/.exec(policy) ?? [];
  return exitCode === 0 || restarts >= Number(limit);
}

function judgeHealthy(observed: Observed): Progress {
  const { pods, needsHealthcheck = false } = observed;
  if (needsHealthcheck && pods.some((pod) => isReady(pod) && !hasHealthcheck(pod)))
    return { state: 'failed', reason: 'has no healthcheck configured' };
  if (enough(observed, (pod) => isReady(pod) || pod.status?.phase === 'Succeeded')) return { state: 'met' };
  for (const pod of observed.pods) {
    const [container] = pod.status?.containerStatuses ?? [];
    const ended = container?.state?.terminated ?? container?.lastState?.terminated;
    const isOver =
      (hasEnded(pod) && pod.status?.phase !== 'Succeeded') || (restartsOf(pod) >= maxRestarts && !isReady(pod));
    if (isOver && ended) return { state: 'failed', reason: `exited (${ended.exitCode})` };
    if (isUnhealthy(pod)) return { state: 'failed', reason: 'is unhealthy' };
    const startedAt = container?.state?.running?.startedAt;
    const { patienceMs, nowMs } = observed;
    if (patienceMs === undefined || !startedAt || isReady(pod)) continue;
    if (nowMs - Date.parse(startedAt) > patienceMs) return { state: 'failed', reason: 'is unhealthy' };
  }
  return { state: 'waiting', reason: whyPending(observed.pods) };
}

/** Its own, or its image's. */
export function hasHealthcheck(pod: Pod): boolean {
  return pod.spec?.containers[0]?.readinessProbe !== undefined || imageHealthcheckOf(pod) !== undefined;
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Whether the healthcheck has failed as often as it may: a local cluster's agent tells. */
export function isUnhealthy({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === unhealthyCondition && is === 'True') ?? false;
}

function judgeCompleted(observed: Observed): Progress {
  const { job, pods, replicas } = observed;
  if (pods.filter(({ status }) => status?.phase === 'Succeeded').length >= (replicas ?? 1)) return { state: 'met' };
  if (job?.status?.conditions?.some(({ type, status }) => type === 'Failed' && status === 'True')) {
    const code = pods.map(exitCodeOf).find((each) => each !== undefined && each !== 0);
    return { state: 'failed', reason: `didn't complete successfully: exit ${code ?? 1}` };
  }
  return { state: 'waiting', reason: whyPending(pods) };
}

/** Of the container's last end, since a command started it; undefined while it has none. */
export function exitCodeOf(pod: Pod): number | undefined {
  const [container] = pod.status?.containerStatuses ?? [];
  const restarts = restartsOf(pod);
  if (restarts < 0) return undefined;
  return (container?.state?.terminated ?? (restarts > 0 ? container?.lastState?.terminated : undefined))?.exitCode;
}

function failureOf({ status }: Pod): string | undefined {
  const hook = (status?.initContainerStatuses ?? []).map(hookFailureOf).find((failure) => failure !== undefined);
  if (hook !== undefined) return hook;
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = all.find(({ state }) => fatal.has(state?.waiting?.reason ?? ''));
  return waiting && describeWaiting(waiting);
}

/** How a hook (`pre_start`) of the service has failed. It is tried again, but who waits for it need not. */
function hookFailureOf({ name, state, lastState }: ContainerStatus): string | undefined {
  if (state?.running) return undefined;
  const code = (state?.terminated ?? lastState?.terminated)?.exitCode;
  if (!name.startsWith(preStartPrefix) || code === undefined || code === 0) return undefined;
  return `pre_start[${name.slice(preStartPrefix.length)}] exited with code ${code}`;
}

function describeWaiting({ state }: ContainerStatus): string {
  const { reason = '', message } = state?.waiting ?? {};
  return message ? `${reason}: ${message}` : reason;
}

/** Why a pod has not started, where it says so. */
function whyPending(pods: readonly Pod[]): string | undefined {
  for (const { status } of pods) {
    const unscheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
    if (unscheduled?.message) return unscheduled.message;
  }
  return undefined;
}
