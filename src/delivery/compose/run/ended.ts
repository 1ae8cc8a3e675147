import { isApiError } from '../../../api/status.ts';
import { pods as podsResource } from '../../../client/resources.ts';
import { restartAnnotation } from '../translate/agent-annotations.ts';
import { hasEnded } from './condition.ts';
import type { ProjectContext } from './context.ts';
import type { ProjectWatch } from './project-watch.ts';

/** Ends a pod; one that has gone already is as well. */
export async function endPod(
  { client, namespace }: ProjectContext,
  name: string,
  graceSeconds: number | undefined,
): Promise<void> {
  const options = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
  await client.delete(podsResource, { name, namespace }, options).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
  });
}

/**
 * Makes room for containers in the place of a service's that have ended and stay: their pods go. Resolves with whether
 * there were any.
 */
export async function removeEnded(context: ProjectContext, watch: ProjectWatch, name: string): Promise<boolean> {
  const ended = watch
    .pods(name)
    .filter((pod) => restartAnnotation in (pod.metadata.annotations ?? {}) && hasEnded(pod));
  await Promise.all(ended.map(({ metadata }) => endPod(context, metadata.name ?? '', 0)));
  const isThere = (): boolean => {
    const left = new Set(watch.pods(name).map(({ metadata }) => metadata.uid));
    return ended.some(({ metadata }) => left.has(metadata.uid));
  };
  await watch.until(() => (isThere() ? undefined : true), { describe: () => `${name} is still there` });
  return ended.length > 0;
}
