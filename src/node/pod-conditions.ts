import { imageHealthcheckCondition, unhealthyCondition, type Healthcheck } from '../api/container-settings.ts';
import type { ContainerStatus, Pod, PodCondition } from '../api/types/core-v1.ts';
import type { ResizeVerdict } from './pod-resize.ts';
import type { PodContainer } from './pod-spec.ts';

export interface ConditionInput {
  pod: Pod;
  phase: string;
  initContainers: readonly PodContainer[];
  initStatuses: readonly ContainerStatus[];
  appStatuses: readonly ContainerStatus[];
  /** True once the init containers are through. */
  initialized: boolean;
  sandboxReady: boolean;
  isPaused: boolean;
  /** The healthcheck of a container that runs has failed as often as it may. */
  isUnhealthy: boolean;
  resize: readonly ResizeVerdict[];
  /** Of its image, where the pod goes by it. */
  healthcheck: Healthcheck | undefined;
  /** Why the node, which has too little for all of its pods, ends this one. */
  disruption: string | undefined;
  /** RFC 3339. */
  now: string;
}

interface Verdict {
  type: string;
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}

/**
 * The conditions that the agent owns, with upstream's reasons and messages. A condition keeps its transition time
 * while its status stays; conditions of others (readiness gates) are not in the answer.
 */
export function podConditions(input: ConditionInput): PodCondition[] {
  const containersReady = containersReadyVerdict(input);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: input.sandboxReady ? 'True' : 'False' },
    initializedVerdict(input),
    readyVerdict(input, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...ownVerdicts(input, 'timonel.dev/Paused', input.isPaused),
    ...ownVerdicts(input, unhealthyCondition, input.isUnhealthy),
    ...input.resize,
    ...healthcheckVerdicts(input),
    ...disruptionVerdicts(input),
  ];
  const { generation } = input.pod.metadata;
  return verdicts.map((verdict) => {
    const old = input.pod.status?.conditions?.find((c) => c.type === verdict.type);
    const unchanged = old?.status === verdict.status && old.lastTransitionTime;
    return {
      type: verdict.type,
      ...(generation !== undefined && { observedGeneration: generation }),
      status: verdict.status,
      lastTransitionTime: unchanged ? old.lastTransitionTime : input.now,
      ...(verdict.reason && { reason: verdict.reason }),
      ...(verdict.message && { message: verdict.message }),
    };
  });
}

/** Told, by this agent alone, of pods of which it is or was so. */
function ownVerdicts({ pod }: ConditionInput, type: string, is: boolean): Verdict[] {
  const was = pod.status?.conditions?.some((condition) => condition.type === type);
  return is || was ? [{ type, status: is ? 'True' : 'False' }] : [];
}

/** Told of pods that go by their image's healthcheck (of this agent alone). */
function healthcheckVerdicts({ healthcheck }: ConditionInput): Verdict[] {
  if (!healthcheck) return [];
  return [{ type: imageHealthcheckCondition, status: 'True', message: JSON.stringify(healthcheck) }];
}

/** For eviction by the node (API documentation of pod conditions, `DisruptionTarget`). */
function disruptionVerdicts({ disruption: message }: ConditionInput): Verdict[] {
  if (message === undefined) return [];
  return [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }];
}

function initializedVerdict(input: ConditionInput): Verdict {
  const type = 'Initialized';
  if (input.phase === 'Succeeded') return { type, status: 'True', reason: 'PodCompleted' };
  if (input.initialized) return { type, status: 'True' };
  const incomplete = input.initContainers.filter((container, i) => {
    const status = input.initStatuses[i];
    return container.role === 'sidecar' ? status?.started !== true : status?.ready !== true;
  });
  const message = `containers with incomplete status: [${incomplete.map((c) => c.spec.name).join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReadyVerdict(input: ConditionInput): Verdict {
  const type = 'ContainersReady';
  if (input.phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (input.phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const sidecars = input.initStatuses.filter((_, i) => input.initContainers[i]?.role === 'sidecar');
  const unready = [...sidecars, ...input.appStatuses].filter((s) => !s.ready).map((s) => s.name);
  if (unready.length === 0) return { type, status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}

function readyVerdict(input: ConditionInput, containersReady: Verdict): Verdict {
  if (containersReady.status === 'False') return { ...containersReady, type: 'Ready' };
  const messages = (input.pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = input.pod.status?.conditions?.find((c) => c.type === conditionType);
    if (!condition) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === 'True') return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  if (messages.length === 0) return { type: 'Ready', status: 'True' };
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}
