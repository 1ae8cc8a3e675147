import type { Container, VolumeMount } from '../../../api/types/core-v1.ts';
import type { Service } from '../model.ts';
import { userNumbers } from './agent-annotations.ts';
import { containerOf } from './container.ts';
import { preStartPrefix } from './names.ts';
import { replicasOf } from './replicas.ts';
import type { ServiceScope } from './scope.ts';

/**
 * The hooks that a service's container waits for (`pre_start` of the Compose Specification), each in a container of its own that is
 * the service's but for what the hook says, one after the other. Docker compose runs them once for all containers of a
 * service, a pod for itself.
 */
export function preStartOf(scope: ServiceScope, volumeMounts: VolumeMount[] | undefined): Container[] | undefined {
  const { service, problems, at } = scope;
  const hooks = service.pre_start ?? [];
  const isOnce = hooks.findIndex((hook) => !hook.per_replica);
  if (isOnce >= 0 && (replicasOf(service) > 1 || service.deploy?.mode === 'global')) {
    problems.warn(at('pre_start', isOnce), 'runs before each container of the service: `per_replica: true` says so');
  }
  const containers = hooks.map(({ command, image, user, privileged, working_dir: directory, environment }, index) => {
    if (user !== undefined && !userNumbers(user)) {
      problems.refuse(
        at('pre_start', index, 'user'),
        `the numbers of ${user} stand in the image: give them, like 1000:1000`,
      );
    }
    const own: Service = {
      ...withoutOwn(service),
      command,
      ...(image !== undefined && { image }),
      ...(user !== undefined && { user }),
      ...(privileged !== undefined && { privileged }),
      ...(directory !== undefined && { working_dir: directory }),
      environment: { ...service.environment, ...environment },
      stdin_open: false,
      tty: false,
    };
    return { ...containerOf({ ...scope, service: own }), name: `${preStartPrefix}${index}`, volumeMounts };
  });
  return containers.length > 0 ? containers : undefined;
}

/** What belongs to the service's own container alone. */
const ownKeys: ReadonlySet<string> = new Set<keyof Service>([
  ...(['healthcheck', 'post_start', 'pre_stop', 'ports', 'expose', 'stop_signal'] as const),
]);

function withoutOwn(service: Service): Service {
  return Object.fromEntries(Object.entries(service).filter(([key]) => !ownKeys.has(key)));
}
