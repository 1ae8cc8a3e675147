import { isApiError } from '../../../api/status.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { pods as podsResource } from '../../../client/resources.ts';
import {
  leavesVolumesAnnotation,
  pausedAnnotation,
  restartsAnnotation,
  stoppedAnnotation,
} from '../../../api/agent-requests.ts';
import { hasEnded, isHeld } from './condition.ts';
import type { ProjectContext } from './context.ts';
import type { ProjectWatch } from './project-watch.ts';

/** Ends containers of a local cluster whose pods stay, with their logs, addresses and anonymous volumes. */
export async function holdPods(
  context: ProjectContext,
  pods: readonly Pod[],
  graceSeconds: number | undefined,
): Promise<void> {
  await Promise.all(pods.map((pod) => annotate(context, pod, held(graceSeconds))));
}

function held(graceSeconds: number | undefined): Record<string, string | null> {
  return { [stoppedAnnotation]: String(graceSeconds ?? ''), [pausedAnnotation]: null };
}

/**
 * Starts the containers of a service that have ended and whose pods stay, in those pods (local clusters). Resolves with
 * whether there were any, once what is seen of the pods says that they are to run.
 */
export async function startEnded(context: ProjectContext, watch: ProjectWatch, name: string): Promise<boolean> {
  if (!context.isLocal) return false;
  const ended = watch.containers(name).filter((pod) => mayStartAgain(pod) && hasEnded(pod));
  await release(context, watch, { name, asked: askedOf(ended) });
  return ended.length > 0;
}

/** Ends the containers of a service and starts them again, in the pods that they have. */
export async function restartHeld(
  context: ProjectContext,
  watch: ProjectWatch,
  { name, graceSeconds }: { name: string; graceSeconds: number | undefined },
): Promise<void> {
  const asked = askedOf(watch.containers(name).filter(mayStartAgain));
  // That they are to run again is said first: who follows them is not to take this for their end.
  await Promise.all(
    [...asked.values()].map(({ pod, restarts }) => annotate(context, pod, { ...held(graceSeconds), ...restarts })),
  );
  const isOver = (pod: Pod): boolean => isHeld(pod) && pod.status?.containerStatuses?.[0]?.state?.running === undefined;
  const isDone = (): true | undefined => ofThese(watch, name, asked).every(isOver) || undefined;
  await watch.until(isDone, { describe: () => `${name} is still running` });
  await release(context, watch, { name, asked });
}

/** By uid: what is asked of a pod. */
type Asked = ReadonlyMap<string | undefined, { pod: Pod; restarts: Record<string, string> }>;

function askedOf(pods: readonly Pod[]): Asked {
  return new Map(pods.map((pod) => [pod.metadata.uid, { pod, restarts: nextRestarts(pod) }]));
}

function ofThese(watch: ProjectWatch, name: string, asked: Asked): Pod[] {
  return watch.containers(name).filter(({ metadata }) => asked.has(metadata.uid));
}

async function release(
  context: ProjectContext,
  watch: ProjectWatch,
  { name, asked }: { name: string; asked: Asked },
): Promise<void> {
  await Promise.all(
    [...asked.values()].map(({ pod, restarts }) => annotate(context, pod, { [stoppedAnnotation]: null, ...restarts })),
  );
  const isSeen = (pod: Pod): boolean => {
    const restarts = asked.get(pod.metadata.uid)?.restarts ?? {};
    return !isHeld(pod) && Object.entries(restarts).every(([key, value]) => pod.metadata.annotations?.[key] === value);
  };
  const isDone = (): true | undefined => ofThese(watch, name, asked).every(isSeen) || undefined;
  await watch.until(isDone, { describe: () => `${name} is not started yet` });
}

function mayStartAgain({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** One restart more than there were; nothing for a container that has never run. */
function nextRestarts({ status }: Pod): Record<string, string> {
  const [container] = status?.containerStatuses ?? [];
  return container?.containerID ? { [restartsAnnotation]: String((container.restartCount ?? 0) + 1) } : {};
}

/** Pods of a local cluster that are about to go leave the volumes that have no name to those that take their place. */
export async function leaveVolumes(context: ProjectContext, pods: readonly Pod[]): Promise<void> {
  if (!context.isLocal) return;
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  await Promise.all(living.map((pod) => annotate(context, pod, { [leavesVolumesAnnotation]: 'true' })));
}

/** Pods that are to go for good take these volumes along, whatever an attempt to replace them has said before. */
export async function keepVolumes(context: ProjectContext, pods: readonly Pod[]): Promise<void> {
  const leaving = pods.filter(({ metadata }) => metadata.annotations?.[leavesVolumesAnnotation] !== undefined);
  await Promise.all(leaving.map((pod) => annotate(context, pod, { [leavesVolumesAnnotation]: null })));
}

/** A pod that has gone meanwhile need not be told. */
async function annotate(
  { client, namespace }: ProjectContext,
  { metadata }: Pod,
  annotations: Record<string, string | null>,
): Promise<void> {
  const document = { metadata: { annotations } };
  await client
    .patch(podsResource, { name: metadata.name ?? '', namespace }, { kind: 'merge', document })
    .catch((error: unknown) => {
      if (!isApiError(error, 'NotFound')) throw error;
    });
}
