import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import { scaledValue } from '../int-or-percent.ts';
import { desiredReplicasOf, maxReplicasOf } from './annotations.ts';
import { oldestFirst } from './template-hash.ts';

/** A replica set and the size it should get. */
export interface Resize {
  set: ReplicaSet;
  to: number;
}

export function replicasOf(object: Deployment | ReplicaSet): number {
  return object.spec?.replicas ?? 1;
}

export function totalReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0);
}

export function availableReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
}

export function isActiveSet(set: ReplicaSet): boolean {
  return replicasOf(set) > 0;
}

function isRolling(deployment: Deployment): boolean {
  return deployment.spec?.strategy?.type !== 'Recreate';
}

/** Surge and unavailable as numbers: percentages of the replicas, rounded up and down, never both zero. */
export function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const replicas = replicasOf(deployment);
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const surge = scaledValue(rolling?.maxSurge ?? '25%', replicas, 'up');
  const unavailable = scaledValue(rolling?.maxUnavailable ?? '25%', replicas, 'down');
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export function maxSurge(deployment: Deployment): number {
  return isRolling(deployment) ? fenceposts(deployment).surge : 0;
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = replicasOf(deployment);
  if (!isRolling(deployment) || replicas === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, replicas);
}

/** The size of the new set: as far up as surge allows. */
export function newSetSize(deployment: Deployment, all: readonly ReplicaSet[], newSize: number): number {
  const replicas = replicasOf(deployment);
  if (!isRolling(deployment)) return replicas;
  const room = replicas + maxSurge(deployment) - totalReplicas(all);
  if (room <= 0) return newSize;
  return newSize + Math.min(room, replicas - newSize);
}

/** One step of a rolling update: first the new set goes up, and when it cannot, the old ones go down. */
export function planRollingUpdate(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): Resize[] {
  const replicas = replicasOf(deployment);
  const current = replicasOf(newSet);
  const wanted = current > replicas ? replicas : newSetSize(deployment, [...old, newSet], current);
  if (wanted !== current) return [{ set: newSet, to: wanted }];
  return planOldSets(deployment, newSet, old);
}

/** Old pods that are not available cost nothing, so they go first; then as many others as availability allows. */
function planOldSets(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): Resize[] {
  const active = old.filter(isActiveSet).toSorted(oldestFirst);
  if (active.length === 0) return [];
  const minAvailable = replicasOf(deployment) - maxUnavailable(deployment);
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  const budget = totalReplicas([...old, newSet]) - minAvailable - newUnavailable;
  if (budget <= 0) return [];
  const sizes = new Map(active.map((set) => [set, replicasOf(set)]));
  let cleaned = 0;
  for (const set of active) {
    const size = replicasOf(set);
    const count = Math.min(budget - cleaned, Math.max(0, size - (set.status?.availableReplicas ?? 0)));
    sizes.set(set, size - count);
    cleaned += count;
  }
  let spare = availableReplicas([...old, newSet]) - minAvailable;
  for (const set of active) {
    if (spare <= 0) break;
    const size = sizes.get(set) ?? 0;
    const count = Math.min(size, spare);
    sizes.set(set, size - count);
    spare -= count;
  }
  return [...sizes].filter(([set, to]) => to !== replicasOf(set)).map(([set, to]) => ({ set, to }));
}

/** The deployment's replicas changed since it last sized its sets. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = desiredReplicasOf(set);
    return isActiveSet(set) && desired !== undefined && desired !== replicasOf(deployment);
  });
}

/**
 * Sizes after the deployment was scaled or while it is paused, without moving a rollout on: one active set takes it
 * all; a finished rollout empties the old sets; in the middle of one every set gets its share.
 */
export function planScale(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Resize[] {
  const replicas = replicasOf(deployment);
  const only = activeOrLatest(newSet, old);
  if (only) return [{ set: only, to: replicas }];
  if (newSet && isSaturated(deployment, newSet)) return old.filter(isActiveSet).map((set) => ({ set, to: 0 }));
  if (!isRolling(deployment)) return [];
  return planProportionalScale(deployment, [...old, ...(newSet ? [newSet] : [])].filter(isActiveSet));
}

/** Every active set gets a share of the change that fits its size; what rounding leaves goes to the largest. */
function planProportionalScale(deployment: Deployment, active: readonly ReplicaSet[]): Resize[] {
  const replicas = replicasOf(deployment);
  const allowed = replicas > 0 ? replicas + maxSurge(deployment) : 0;
  const toAdd = allowed - totalReplicas(active);
  const sorted = active.toSorted(
    (a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? oldestFirst(b, a) : oldestFirst(a, b)),
  );
  let added = 0;
  const sizes = sorted.map((set) => {
    const share = toAdd === 0 ? 0 : proportion({ deployment, set, toAdd, added });
    added += share;
    return replicasOf(set) + share;
  });
  return sorted.map((set, i) => ({ set, to: Math.max(0, (sizes[i] ?? 0) + (i === 0 ? toAdd - added : 0)) }));
}

function proportion(options: { deployment: Deployment; set: ReplicaSet; toAdd: number; added: number }): number {
  const { deployment, set, toAdd, added } = options;
  if (replicasOf(set) === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, set);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  const size = replicasOf(set);
  if (replicasOf(deployment) === 0) return -size;
  const before = maxReplicasOf(set) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((size * (replicasOf(deployment) + maxSurge(deployment))) / before) - size;
}

/** The one set that a scale goes to: the only active one, or with none active the new or latest. */
function activeOrLatest(newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const newestFirst = old.toSorted((a, b) => oldestFirst(b, a));
  const active = [...newestFirst, ...(newSet ? [newSet] : [])].filter(isActiveSet);
  if (active.length === 0) return newSet ?? newestFirst[0];
  return active.length === 1 ? active[0] : undefined;
}

/** The new set has everything the deployment asks for, and all of it is available. */
function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const replicas = replicasOf(deployment);
  return (
    replicasOf(set) === replicas &&
    desiredReplicasOf(set) === replicas &&
    (set.status?.availableReplicas ?? 0) === replicas
  );
}
