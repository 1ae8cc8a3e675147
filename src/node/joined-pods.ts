import type { SharedNamespace } from '../api/container-settings.ts';
import { isPodFinished } from '../api/pod-phase.ts';
import { isApiError } from '../api/status.ts';
import type { Pod } from '../api/types/core-v1.ts';
import { pods } from '../client/resources.ts';
import type { AgentContext } from './agent-context.ts';
import { containerSettingsOf } from './pod-annotations.ts';
import { currentOf, type ObservedPod } from './pod-observation.ts';
import { appContainersOf } from './pod-spec.ts';

/** Of a container in the runtime: the sandboxes (ids, with commas) whose namespaces it was made in. */
export const joinedAnnotation = 'timonel.dev/joined';

/** A pod of this node; `observed` is undefined while nobody looks after it yet. */
export interface Neighbour {
  pod: Pod;
  observed: ObservedPod | undefined;
}

/** Containers whose namespaces a pod's container joins. */
export type JoinTargets = Readonly<Partial<Record<SharedNamespace, { containerId: string; sandboxId: string }>>>;

export type Joining =
  | { state: 'ready'; targets: JoinTargets }
  /** A container that is to be joined does not run: nothing is started, and what runs goes on. */
  | { state: 'waiting' }
  /** There is nobody to join on this node: the pod has no place here. */
  | { state: 'gone'; message: string };

type Joins = Partial<Record<SharedNamespace, Record<string, string>>>;

/** Whose namespaces a pod is in beside its own; undefined for nearly all. */
export function joinsOf(pod: Pod): Joins | undefined {
  try {
    const joins = containerSettingsOf(pod)?.joins;
    return joins && Object.keys(joins).length > 0 ? joins : undefined;
  } catch {
    // What cannot be read is told of when a container is made.
    return undefined;
  }
}

/**
 * Whom a pod joins, and whether those it has joined are still there. Pure. As with Docker's `--network container:`,
 * who is joined must run when the container starts; one that is started again in its sandbox keeps the network, and is
 * still joined.
 */
export function joining(
  { pod, observed }: { pod: Pod; observed: ObservedPod },
  joins: Joins,
  neighbours: Iterable<Neighbour>,
): Joining {
  const near = [...neighbours].filter((each) => isNear(pod, each)).toSorted(byAge);
  const running = appContainersOf(pod).map(({ spec }) => currentOf(observed, spec.name));
  const joined = running.flatMap((current) =>
    current?.state === 'running' ? (current.annotations[joinedAnnotation]?.split(',') ?? []) : [],
  );
  const targets: Partial<Record<SharedNamespace, { containerId: string; sandboxId: string }>> = {};
  for (const [kind, labels] of Object.entries(joins) as [SharedNamespace, Record<string, string>][]) {
    const found = near.filter((each) => hasLabels(each.pod, labels));
    const isLeft = joined.length > 0 && !found.some((each) => isJoined(each, joined));
    if (found.length === 0 || isLeft) {
      return { state: 'gone', message: `the pod whose ${kind} namespace it shares is not on this node any more` };
    }
    const target = found.map(targetOf).find((each) => each !== undefined);
    if (target) targets[kind] = target;
  }
  const isWhole = Object.keys(targets).length === Object.keys(joins).length;
  return isWhole ? { state: 'ready', targets } : { state: 'waiting' };
}

function isNear(pod: Pod, { pod: other }: Neighbour): boolean {
  const isSame = other.metadata.uid === pod.metadata.uid;
  return !isSame && other.metadata.namespace === pod.metadata.namespace && !isPodFinished(other);
}

function byAge({ pod: a }: Neighbour, { pod: b }: Neighbour): number {
  const key = ({ metadata }: Pod): string => `${metadata.creationTimestamp ?? ''} ${metadata.name ?? ''}`;
  return key(a) < key(b) ? -1 : 1;
}

function hasLabels({ metadata }: Pod, labels: Record<string, string>): boolean {
  return Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value);
}

/** One that is on its way out counts until it is gone: its successor may come to another node. */
function isJoined({ pod, observed }: Neighbour, joined: readonly string[]): boolean {
  if (!observed || pod.metadata.deletionTimestamp !== undefined) return true;
  return observed.sandboxes.some(({ id, state }) => joined.includes(id) && state === 'ready');
}

function targetOf({ pod, observed }: Neighbour): { containerId: string; sandboxId: string } | undefined {
  if (!observed || pod.metadata.deletionTimestamp !== undefined) return undefined;
  const [first] = appContainersOf(pod);
  const current = first && currentOf(observed, first.spec.name);
  return current?.state === 'running' ? { containerId: current.id, sandboxId: current.sandboxId } : undefined;
}

/** Deletes a pod whose namespaces have gone: its owner makes another, for which the scheduler finds a place. */
export async function deleteJoined({ client, recorder }: AgentContext, pod: Pod, why: string): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  recorder.record(pod, 'Normal', 'JoinedPodGone', `Deleting the pod: ${why}`);
  try {
    await client.delete(pods, { name, namespace }, { preconditions: { uid } });
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
  }
}
