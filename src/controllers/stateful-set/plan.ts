import { isPodFinished } from '../../api/pod-phase.ts';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { availableInMs, isPodReady } from '../pod-state.ts';
import { scaledValue } from '../int-or-percent.ts';
import { isInRange, ordinalOf, revisionOf, startOrdinal } from './identity.ts';

/** What a set does next. Actions are taken in order; in ordered sets one that fails keeps the rest from being taken. */
export type Action =
  | { kind: 'create'; ordinal: number; revision: 'current' | 'update' }
  /** Of a pod that has ended: another one takes its place when it is gone. */
  | { kind: 'replace'; pod: Pod }
  | { kind: 'delete'; pod: Pod }
  /** See that the pod has the labels and claims of its place. */
  | { kind: 'keep'; pod: Pod; ordinal: number };

export interface SetView {
  set: StatefulSet;
  /** All pods that belong to it. */
  pods: readonly Pod[];
  /** Name of the revision of the set's template. */
  updateRevision: string;
  /** Epoch milliseconds. */
  now: number;
}

/**
 * The steps towards the set's replicas and template, as far as they can be taken now: places are filled from the first
 * to the last, pods beyond the last go from the highest down, then old ones are replaced from the highest down. An
 * ordered set waits at each pod that is not available yet. (Concepts: StatefulSets, deployment and scaling guarantees.)
 */
export function planSet(view: SetView): Action[] {
  const { set } = view;
  const isOrdered = set.spec?.podManagementPolicy !== 'Parallel';
  const placed = new Map<number, Pod>();
  const beyond: Pod[] = [];
  for (const pod of view.pods) {
    const ordinal = ordinalOf(pod, set);
    if (ordinal === undefined) continue;
    if (isInRange(ordinal, set)) placed.set(ordinal, pod);
    else beyond.push(pod);
  }
  beyond.sort((a, b) => (ordinalOf(b, set) ?? 0) - (ordinalOf(a, set) ?? 0));
  const actions: Action[] = [];
  const start = startOrdinal(set);
  for (let ordinal = start; ordinal < start + (set.spec?.replicas ?? 1); ordinal++) {
    const pod = placed.get(ordinal);
    const next = stepFor(view, ordinal, pod);
    if (next) actions.push(next);
    const mustWait = next?.kind === 'create' || next?.kind === 'replace' || !pod || !isAvailable(pod, view);
    if (isOrdered && mustWait) return actions;
  }
  // The first that is not well may go although it is not: it is what the others would wait for.
  const unhealthy = [...placed.values(), ...beyond].filter((pod) => !isHealthy(pod));
  const firstUnhealthy = unhealthy.toSorted((a, b) => (ordinalOf(a, set) ?? 0) - (ordinalOf(b, set) ?? 0))[0];
  for (const pod of beyond) {
    const isGoing = pod.metadata.deletionTimestamp !== undefined;
    if (isOrdered && (isGoing || (!isAvailable(pod, view) && pod !== firstUnhealthy))) return actions;
    if (!isGoing) actions.push({ kind: 'delete', pod });
    if (isOrdered) return actions;
  }
  if (set.spec?.updateStrategy?.type === 'OnDelete') return actions;
  return [...actions, ...planUpdate(view, placed)];
}

/** Running, ready, for as long as `minReadySeconds` asks, and not on its way out. */
function isAvailable(pod: Pod, { set, now }: Pick<SetView, 'set' | 'now'>): boolean {
  return isHealthy(pod) && availableInMs(pod, set.spec?.minReadySeconds ?? 0, now) === 0;
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod);
}

function isHealthy(pod: Pod): boolean {
  return isRunningAndReady(pod) && pod.metadata.deletionTimestamp === undefined;
}

function stepFor({ set }: SetView, ordinal: number, pod: Pod | undefined): Action | undefined {
  if (!pod) return { kind: 'create', ordinal, revision: startsOld(set, ordinal) ? 'current' : 'update' };
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  return isPodFinished(pod) ? { kind: 'replace', pod } : { kind: 'keep', pod, ordinal };
}

/** Places below the partition keep the old template until it is lowered. */
function startsOld({ spec, ...set }: StatefulSet, ordinal: number): boolean {
  if (spec?.updateStrategy?.type !== 'RollingUpdate') return false;
  const partition = spec.updateStrategy.rollingUpdate?.partition ?? 0;
  return ordinal < startOrdinal({ ...set, ...(spec && { spec }) }) + partition;
}

/** Old pods to delete, as many at a time as `maxUnavailable` allows; those that do not work anyway cost nothing. */
function planUpdate(view: SetView, placed: ReadonlyMap<number, Pod>): Action[] {
  const { set, updateRevision } = view;
  const { partition = 0, maxUnavailable } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const replicas = set.spec?.replicas ?? 1;
  const start = startOrdinal(set);
  let budget = Math.max(1, scaledValue(maxUnavailable ?? 1, replicas, 'down'));
  for (let ordinal = start; ordinal < start + replicas; ordinal++) {
    const pod = placed.get(ordinal);
    if (!pod || !isAvailable(pod, view)) budget--;
  }
  const actions: Action[] = [];
  for (let ordinal = start + replicas - 1; ordinal >= start + partition; ordinal--) {
    const pod = placed.get(ordinal);
    if (!pod || revisionOf(pod) === updateRevision || pod.metadata.deletionTimestamp !== undefined) continue;
    if (isAvailable(pod, view)) {
      if (budget <= 0) break;
      budget--;
    }
    actions.push({ kind: 'delete', pod });
  }
  return actions;
}
