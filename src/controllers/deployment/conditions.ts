import { formatTime } from '../../base/clock.ts';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.ts';
import { parseTime } from '../pod-state.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { availableReplicas, maxUnavailable, replicasOf, totalReplicas } from './sizing.ts';

const noDeadline = 2 ** 31 - 1;

export interface ConditionInput {
  type: 'Progressing' | 'Available' | 'ReplicaFailure';
  status: string;
  reason: string;
  message: string;
}

export function conditionOf(status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function hasProgressDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== noDeadline;
}

/** The conditions with this one in place: unchanged when it says the same already. */
export function withCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  input: ConditionInput,
  now: number,
): DeploymentCondition[] {
  const all = conditions ?? [];
  const current = all.find((condition) => condition.type === input.type);
  if (current?.status === input.status && current.reason === input.reason) return [...all];
  const lastTransitionTime = current?.status === input.status ? current.lastTransitionTime : undefined;
  const others = all.filter((condition) => condition.type !== input.type);
  return [
    ...others,
    { ...input, lastUpdateTime: formatTime(now), lastTransitionTime: lastTransitionTime ?? formatTime(now) },
  ];
}

function without(conditions: readonly DeploymentCondition[] | undefined, type: string): DeploymentCondition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/** Counts, and whether enough is available; the rollout's own conditions stay as they are. */
export function countingStatus(options: {
  deployment: Deployment;
  newSet: ReplicaSet | undefined;
  all: readonly ReplicaSet[];
  now: number;
}): DeploymentStatus {
  const { deployment, newSet, all, now } = options;
  const sum = (field: 'replicas' | 'readyReplicas' | 'terminatingReplicas', sets = all): number =>
    sets.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const available = availableReplicas(all);
  const enough = available >= replicasOf(deployment) - maxUnavailable(deployment);
  const collisionCount = deployment.status?.collisionCount;
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum('replicas'),
    updatedReplicas: newSet ? sum('replicas', [newSet]) : 0,
    readyReplicas: sum('readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalReplicas(all) - available),
    terminatingReplicas: sum('terminatingReplicas'),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: withCondition(
      deployment.status?.conditions,
      {
        type: 'Available',
        status: enough ? 'True' : 'False',
        reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
        message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
      },
      now,
    ),
  };
}

/** All replicas are of the new template and available, and nothing old is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const replicas = replicasOf(deployment);
  return (
    (status?.updatedReplicas ?? 0) === replicas &&
    (status?.replicas ?? 0) === replicas &&
    (status?.availableReplicas ?? 0) === replicas &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** The status in the course of a rollout: {@link countingStatus}, progress, and failures of the replica sets. */
export function rolloutStatus(options: {
  deployment: Deployment;
  newSet: ReplicaSet | undefined;
  all: readonly ReplicaSet[];
  now: number;
}): DeploymentStatus {
  const { deployment, newSet, all, now } = options;
  const status = countingStatus(options);
  const current = conditionOf(deployment.status, 'Progressing');
  if (!hasProgressDeadline(deployment)) {
    status.conditions = without(status.conditions, 'Progressing');
  } else if (status.replicas !== status.updatedReplicas || current?.reason !== 'NewReplicaSetAvailable') {
    status.conditions = progressConditions({ deployment, status, newSet, now });
  }
  const failure = replicaFailure(newSet, all);
  status.conditions = failure
    ? withCondition(status.conditions, failure, now)
    : without(status.conditions, 'ReplicaFailure');
  return status;
}

function progressConditions(options: {
  deployment: Deployment;
  status: DeploymentStatus;
  newSet: ReplicaSet | undefined;
  now: number;
}): DeploymentCondition[] {
  const { deployment, status, newSet, now } = options;
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const progressing = (state: string, reason: string, message: string): ConditionInput => ({
    type: 'Progressing',
    status: state,
    reason,
    message: `${subject} ${message}`,
  });
  if (isComplete(deployment, status)) {
    const condition = progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.');
    return withCondition(status.conditions, condition, now);
  }
  if (hasProgressed(deployment.status, status)) {
    // Every step renews lastUpdateTime, from which the deadline counts, even when status and reason stay.
    const current = conditionOf(deployment.status, 'Progressing');
    const since = current?.status === 'True' ? current.lastTransitionTime : undefined;
    const condition = progressing('True', 'ReplicaSetUpdated', 'is progressing.');
    const times = { lastUpdateTime: formatTime(now), lastTransitionTime: since ?? formatTime(now) };
    return [...without(status.conditions, 'Progressing'), { ...condition, ...times }];
  }
  if (deadlinePassed(deployment, now)) {
    const condition = progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.');
    return withCondition(status.conditions, condition, now);
  }
  return status.conditions ?? [];
}

/** More updated, ready or available pods than before, or fewer old ones. */
function hasProgressed(old: DeploymentStatus | undefined, next: DeploymentStatus): boolean {
  const count = (status: DeploymentStatus | undefined, field: CountField): number => status?.[field] ?? 0;
  const oldPods = (status: DeploymentStatus | undefined): number =>
    count(status, 'replicas') - count(status, 'updatedReplicas');
  return (
    count(next, 'updatedReplicas') > count(old, 'updatedReplicas') ||
    oldPods(next) < oldPods(old) ||
    count(next, 'readyReplicas') > count(old, 'readyReplicas') ||
    count(next, 'availableReplicas') > count(old, 'availableReplicas')
  );
}

type CountField = 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas';

function deadlinePassed(deployment: Deployment, now: number): boolean {
  const current = conditionOf(deployment.status, 'Progressing');
  if (!current || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  return deadlineInMs(deployment, current, now) < 0;
}

/** Milliseconds until the rollout counts as stuck; undefined when it has no deadline to meet. */
export function stuckInMs(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const current = conditionOf(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || !current || isComplete(deployment, status)) return undefined;
  if (current.reason === 'ProgressDeadlineExceeded' || current.reason === 'NewReplicaSetAvailable') return undefined;
  // The times have whole seconds: one more makes sure that the deadline is past when the key comes back.
  return Math.max(0, deadlineInMs(deployment, current, now)) + 1000;
}

function deadlineInMs(deployment: Deployment, condition: DeploymentCondition, now: number): number {
  return parseTime(condition.lastUpdateTime) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000 - now;
}

/** The failure of the new replica set if it has one, else of any old one. */
function replicaFailure(newSet: ReplicaSet | undefined, all: readonly ReplicaSet[]): ConditionInput | undefined {
  const sets = newSet ? [newSet, ...all] : all;
  const found = sets.flatMap((set) => set.status?.conditions ?? []).find((c) => c.type === 'ReplicaFailure');
  if (!found) return undefined;
  return { type: 'ReplicaFailure', status: found.status, reason: found.reason ?? '', message: found.message ?? '' };
}

/** The Progressing condition of a deployment that was just paused or resumed; undefined when nothing changed. */
export function pauseCondition(deployment: Deployment): ConditionInput | undefined {
  if (!hasProgressDeadline(deployment)) return undefined;
  const current = conditionOf(deployment.status, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return undefined;
  const recorded = current?.reason === 'DeploymentPaused';
  const paused = deployment.spec?.paused ?? false;
  if (paused === recorded) return undefined;
  return {
    type: 'Progressing',
    status: 'Unknown',
    reason: paused ? 'DeploymentPaused' : 'DeploymentResumed',
    message: paused ? 'Deployment is paused' : 'Deployment is resumed',
  };
}

export function deploymentStatusChanged(old: DeploymentStatus | undefined, next: DeploymentStatus): boolean {
  const numbers = [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ] as const;
  return (
    numbers.some((field) => (old?.[field] ?? 0) !== (next[field] ?? 0)) ||
    !semanticallyEqual(old?.conditions, next.conditions)
  );
}
