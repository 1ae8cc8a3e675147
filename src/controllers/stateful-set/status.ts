import type { StatefulSet, StatefulSetStatus } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { availableInMs } from '../pod-state.ts';
import { revisionOf } from './identity.ts';
import { isRunningAndReady } from './plan.ts';

export interface StatusInput {
  set: StatefulSet;
  pods: readonly Pod[];
  currentRevision: string;
  updateRevision: string;
  collisionCount: number | undefined;
  now: number;
}

/** The status that the set should have now. A rolling update that has reached every pod makes its revision the current one. */
export function setStatus(input: StatusInput): StatefulSetStatus {
  const { set, pods, updateRevision, collisionCount, now } = input;
  const ready = pods.filter(isRunningAndReady);
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ofRevision = (revision: string): number => staying.filter((pod) => revisionOf(pod) === revision).length;
  const updated = ofRevision(updateRevision);
  const replicas = set.spec?.replicas ?? 1;
  const isRolling = set.spec?.updateStrategy?.type === 'RollingUpdate';
  const isComplete = isRolling && [updated, ready.length, pods.length].every((count) => count === replicas);
  const currentRevision = isComplete ? updateRevision : input.currentRevision;
  const { conditions } = set.status ?? {};
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => availableInMs(pod, set.spec?.minReadySeconds ?? 0, now) === 0).length,
    currentReplicas: ofRevision(currentRevision),
    updatedReplicas: updated,
    currentRevision,
    updateRevision,
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions && { conditions }),
  };
}

/** Numbers that are zero may be missing. */
export function isSameStatus(a: StatefulSetStatus | undefined, b: StatefulSetStatus): boolean {
  const fields = [
    'observedGeneration',
    'replicas',
    'readyReplicas',
    'availableReplicas',
    'currentReplicas',
    'updatedReplicas',
    'collisionCount',
  ] as const;
  return (
    fields.every((field) => (a?.[field] ?? 0) === (b[field] ?? 0)) &&
    a?.currentRevision === b.currentRevision &&
    a?.updateRevision === b.updateRevision
  );
}
