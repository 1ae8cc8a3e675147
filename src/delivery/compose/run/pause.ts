import type { Pod } from '../../../api/types/core-v1.ts';
import { pods } from '../../../client/resources.ts';
import { pausedAnnotation } from '../../../api/agent-requests.ts';
import { hasEnded } from './condition.ts';
import type { ProjectContext } from './context.ts';
import { ProjectWatch } from './project-watch.ts';

/** By which a local cluster's agents say that a pod stands still. */
const pausedCondition = 'timonel.dev/Paused';

export function isPaused({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === pausedCondition && is === 'True') ?? false;
}

/** Makes the containers of services stand still, or go on, and waits until they do. */
export async function pauseServices(
  context: ProjectContext,
  services: readonly string[],
  paused: boolean,
): Promise<void> {
  const { client, namespace, report } = context;
  const watch = new ProjectWatch(context);
  await watch.synced();
  await Promise.all(
    services.map(async (service) => {
      const living = watch.containers(service).filter((pod) => !hasEnded(pod) && isPaused(pod) !== paused);
      if (living.length === 0) return;
      const annotations = { [pausedAnnotation]: paused ? 'true' : null };
      const patch = { kind: 'merge', document: { metadata: { annotations } } } as const;
      const names = living.map(({ metadata }) => metadata.name ?? '');
      await Promise.all(names.map((name) => client.patch(pods, { name, namespace }, patch)));
      const isDone = (): true | undefined => {
        const left = watch
          .containers(service)
          .filter((pod) => names.includes(pod.metadata.name ?? '') && !hasEnded(pod));
        return left.every((pod) => isPaused(pod) === paused) || undefined;
      };
      await watch.until(isDone, { describe: () => `${service} is not ${paused ? 'paused' : 'unpaused'} yet` });
      report({ what: 'Container', name: service, status: paused ? 'Paused' : 'Unpaused', state: 'done' });
    }),
  );
}
