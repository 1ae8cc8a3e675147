import { restartAnnotation, userAnnotation } from '../../../api/agent-requests.ts';
import { containerSettingsAnnotation } from '../../../api/container-settings.ts';
import type { Service } from '../model.ts';
import { containerSettingsOf } from './container-settings.ts';
import type { ServiceScope } from './scope.ts';
import type { WorkloadKind } from './workload.ts';

/** The annotations of a service's pods for the agents of a local cluster; others do not know them. */
export function agentAnnotations(scope: ServiceScope, kind: WorkloadKind): Record<string, string> {
  const { service, options } = scope;
  const settings = containerSettingsOf(scope);
  if (options.isLocal === false) return {};
  const restart = kind === 'Job' ? undefined : restartOf(service, options.swarm ? 'any' : 'no');
  return {
    ...(restart !== undefined && { [restartAnnotation]: restart }),
    ...(isNamedUser(service.user) && { [userAnnotation]: service.user }),
    ...(settings && { [containerSettingsAnnotation]: JSON.stringify(settings) }),
  };
}

/** Users with the same number in every image. */
const numberOf = (name: string): number | undefined =>
  /^\d+$/.test(name) ? Number(name) : name === 'root' ? 0 : undefined;

/** The numbers of `user[:group]`; undefined where one of them stands in the image's own files. */
export function userNumbers(text: string): { user: number | undefined; group: number | undefined } | undefined {
  const [user = '', group] = text.split(':');
  const numbers = { user: numberOf(user), group: group === undefined ? undefined : numberOf(group) };
  const isKnown = (user === '' || numbers.user !== undefined) && (group === undefined || numbers.group !== undefined);
  return isKnown ? numbers : undefined;
}

function isNamedUser(user: string | undefined): user is string {
  return user !== undefined && userNumbers(user) === undefined;
}

/** `never` or `on-failure[:restarts]`; undefined for a container that is started again whenever it ends. */
function restartOf({ restart, deploy }: Service, otherwise: string): string | undefined {
  const { restart_policy: policy } = deploy ?? {};
  const condition = policy ? (policy.condition ?? 'any') : (restart ?? otherwise);
  if (condition === 'no' || condition === 'none') return 'never';
  if (!condition.startsWith('on-failure')) return undefined;
  const attempts = restartAttempts({ restart, deploy });
  return attempts === undefined ? 'on-failure' : `on-failure:${attempts}`;
}

/** `on-failure:3`, or Swarm's `max_attempts`. */
export function restartAttempts({ restart, deploy }: Pick<Service, 'restart' | 'deploy'>): number | undefined {
  const count = /^on-failure:(\d+)$/.exec(restart ?? '')?.[1];
  return deploy?.restart_policy?.max_attempts ?? (count === undefined ? undefined : Number(count));
}
