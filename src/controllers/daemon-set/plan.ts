import type { DaemonSet, DaemonSetStatus } from '../../api/types/apps-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { scaledValue } from '../int-or-percent.ts';
import { availableInMs, isPodReady, parseTime } from '../pod-state.ts';
import { placementOn, targetNode } from './placement.ts';
import { controllerRevisionLabel } from '../../api/well-known.ts';

export interface DaemonView {
  set: DaemonSet;
  nodes: readonly Node[];
  /** All pods that belong to the set. */
  pods: readonly Pod[];
  /** Hash of the revision of the set's template. */
  hash: string;
  /** Epoch milliseconds. */
  now: number;
}

export interface DaemonPlan {
  /** Names of nodes that get a daemon. */
  create: string[];
  delete: Pod[];
  /** Daemons that have ended by themselves; those that failed are deleted only as often as the back-off allows. */
  ended: { pod: Pod; nodeName: string }[];
}

/** One daemon on every node that should have one, and none elsewhere. */
export function planPlacement(view: DaemonView): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], ended: [] };
  const byNode = podsByNode(view.pods);
  for (const node of view.nodes) {
    const nodeName = node.metadata.name ?? '';
    const pods = byNode.get(nodeName) ?? [];
    const { shouldRun, mayStay } = placementOn(node, view.set);
    if (shouldRun && pods.length === 0) {
      plan.create.push(nodeName);
      continue;
    }
    const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (!mayStay) {
      plan.delete.push(...staying);
      continue;
    }
    const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Failed' || status?.phase === 'Succeeded';
    plan.ended.push(...staying.filter(hasEnded).map((pod) => ({ pod, nodeName })));
    plan.delete.push(...surplus(staying.filter((pod) => !hasEnded(pod)).toSorted(oldestFirst), view));
  }
  const known = new Set(view.nodes.map(({ metadata }) => metadata.name));
  // Daemons for nodes that went before they were scheduled; those that were go with the node's other pods.
  const lost = view.pods.filter((pod) => !pod.spec?.nodeName && !known.has(targetNode(pod)));
  plan.delete.push(...lost.filter(({ metadata }) => metadata.deletionTimestamp === undefined));
  return plan;
}

/** The oldest stays. With surge there may be two, while the new one is not ready and the old one still is. */
function surplus(pods: readonly Pod[], { set, hash }: DaemonView): Pod[] {
  if (pods.length <= 1) return [];
  if (!allowsSurge(set)) return pods.slice(1);
  const newest = pods.find((pod) => isUpdated(pod, hash));
  const old = pods.find((pod) => !isUpdated(pod, hash) && isPodReady(pod));
  const keepsOld = !newest || !isPodReady(newest);
  const kept = [newest ?? pods[0], keepsOld ? old : undefined];
  return pods.filter((pod) => !kept.includes(pod));
}

/** The next step of a rolling update: daemons to delete, and with surge nodes that get a second one. */
export function planRollingUpdate(view: DaemonView): { create: string[]; delete: Pod[] } {
  const { set, nodes, now } = view;
  const wanted = nodes.filter((node) => placementOn(node, set).shouldRun);
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, wanted.length, 'up');
  const unavailable = scaledValue(maxUnavailable, wanted.length, 'up');
  const isAvailable = (pod: Pod): boolean => availableInMs(pod, set.spec?.minReadySeconds ?? 0, now) === 0;
  const limit = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return surge > 0 ? surgeStep(view, wanted, surge, isAvailable) : replaceStep(view, limit, isAvailable);
}

function replaceStep(view: DaemonView, limit: number, isAvailable: (pod: Pod) => boolean) {
  let unavailable = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pods of podsByNode(view.pods).values()) {
    const { current, old, isClear } = sortByRevision(pods, view.hash);
    if (!isClear || Boolean(current) === Boolean(old)) unavailable++;
    else if (current) unavailable += isAvailable(current) ? 0 : 1;
    else if (old && isAvailable(old)) candidates.push(old);
    else if (old) {
      broken.push(old);
      unavailable++;
    }
  }
  return { create: [], delete: [...broken, ...candidates.slice(0, Math.max(0, limit - unavailable))] };
}

function surgeStep(view: DaemonView, wanted: readonly Node[], limit: number, isAvailable: (pod: Pod) => boolean) {
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  let surging = 0;
  const replaced: Pod[] = [];
  const broken: string[] = [];
  const candidates: string[] = [];
  for (const [nodeName, pods] of podsByNode(view.pods)) {
    const { current, old, isClear } = sortByRevision(pods, view.hash);
    if (!isClear) surging++;
    else if (!old || !names.has(nodeName)) continue;
    else if (!current) (isAvailable(old) ? candidates : broken).push(nodeName);
    else if (isAvailable(current)) replaced.push(old);
    else surging++;
  }
  return { create: [...broken, ...candidates.slice(0, Math.max(0, limit - surging))], delete: replaced };
}

/** The one of the present revision and the one before; not clear when there are two of a kind. */
function sortByRevision(pods: readonly Pod[], hash: string): { current?: Pod; old?: Pod; isClear: boolean } {
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const current = staying.filter((pod) => isUpdated(pod, hash));
  const old = staying.filter((pod) => !isUpdated(pod, hash));
  return {
    ...(current[0] && { current: current[0] }),
    ...(old[0] && { old: old[0] }),
    isClear: current.length <= 1 && old.length <= 1,
  };
}

export function daemonStatus(view: DaemonView, collisionCount: number | undefined): DaemonSetStatus {
  const { set, hash, now } = view;
  const byNode = podsByNode(view.pods);
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  for (const node of view.nodes) {
    const [oldest] = (byNode.get(node.metadata.name ?? '') ?? []).toSorted(oldestFirst);
    if (!placementOn(node, set).shouldRun) {
      counts.misscheduled += oldest ? 1 : 0;
      continue;
    }
    counts.desired++;
    if (!oldest) continue;
    counts.current++;
    counts.ready += isPodReady(oldest) ? 1 : 0;
    counts.available += availableInMs(oldest, set.spec?.minReadySeconds ?? 0, now) === 0 ? 1 : 0;
    counts.updated += isUpdated(oldest, hash) ? 1 : 0;
  }
  const { conditions } = set.status ?? {};
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: set.metadata.generation ?? 0,
    updatedNumberScheduled: counts.updated,
    numberAvailable: counts.available,
    numberUnavailable: counts.desired - counts.available,
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions && { conditions }),
  };
}

/** Numbers that are zero may be missing. */
export function isSameStatus(a: DaemonSetStatus | undefined, b: DaemonSetStatus): boolean {
  const { conditions: _, ...numbers } = b;
  return (Object.keys(numbers) as (keyof typeof numbers)[]).every((field) => (a?.[field] ?? 0) === (b[field] ?? 0));
}

function allowsSurge({ spec }: DaemonSet): boolean {
  const surge = spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  return spec?.updateStrategy?.type === 'RollingUpdate' && surge !== 0 && surge !== '0%';
}

function isUpdated(pod: Pod, hash: string): boolean {
  return pod.metadata.labels?.[controllerRevisionLabel] === hash;
}

function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = targetNode(pod);
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), pod]);
  }
  return byNode;
}

function oldestFirst(a: Pod, b: Pod): number {
  const age = parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp);
  return age || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
}
