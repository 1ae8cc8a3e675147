import type { Capabilities, PodSecurityContext, SecurityContext } from '../../../api/types/core-v1.ts';
import { userNumbers } from './agent-annotations.ts';
import type { ServiceScope } from './scope.ts';

export function securityContextOf(scope: ServiceScope): SecurityContext | undefined {
  const { service } = scope;
  const context: SecurityContext = {
    ...userOf(scope),
    capabilities: capabilitiesOf(scope),
    privileged: service.privileged,
    readOnlyRootFilesystem: service.read_only,
    ...securityOptions(scope),
  };
  return Object.values(context).some((value) => value !== undefined) ? context : undefined;
}

export function podSecurityContextOf({ service }: ServiceScope): PodSecurityContext | undefined {
  // Those with names are of the agent's settings.
  const groups = (service.group_add ?? []).filter((group) => /^\d+$/.test(group)).map(Number);
  const sysctls = Object.entries(service.sysctls ?? {}).map(([name, value]) => ({ name, value }));
  if (groups.length === 0 && sysctls.length === 0) return undefined;
  return {
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...(sysctls.length > 0 && { sysctls }),
  };
}

/** `user[:group]`: Kubernetes knows numbers only; for names, local clusters' pods have an annotation. */
function userOf({ service, problems, options, at }: ServiceScope): SecurityContext {
  if (service.user === undefined || service.user === '') return {};
  const numbers = userNumbers(service.user);
  if (numbers) return { runAsUser: numbers.user, runAsGroup: numbers.group };
  if (options.isLocal === false) {
    problems.refuse(at('user'), `the numbers of ${service.user} stand in the image: give them, like 1000:1000`);
  }
  return {};
}

function capabilitiesOf({ service }: ServiceScope): Capabilities | undefined {
  const { cap_add: add, cap_drop: drop } = service;
  const names = (list: readonly string[] | undefined): string[] | undefined =>
    list?.map((name) => name.toUpperCase().replace(/^CAP_/, ''));
  return add || drop ? { add: names(add), drop: names(drop) } : undefined;
}

function securityOptions({ service, problems, at }: ServiceScope): SecurityContext {
  const context: SecurityContext = {};
  for (const [index, option] of (service.security_opt ?? []).entries()) {
    const [, key = option, value = ''] = /^([^:=]+)[:=](.*)$/.exec(option) ?? [];
    if (key === 'no-new-privileges') context.allowPrivilegeEscalation = value === 'false';
    else if (key === 'seccomp' && value === 'unconfined') context.seccompProfile = { type: 'Unconfined' };
    else if (key === 'apparmor') context.appArmorProfile = appArmorProfile(value);
    else if (key === 'systempaths' && value === 'unconfined') context.procMount = 'Unmasked';
    else if (key === 'label') context.seLinuxOptions = { ...context.seLinuxOptions, ...seLinuxOption(value) };
    else problems.refuse(at('security_opt', index), `there is no field of a pod for ${option}`);
  }
  return context;
}

function appArmorProfile(name: string): SecurityContext['appArmorProfile'] {
  return name === 'unconfined' ? { type: 'Unconfined' } : { type: 'Localhost', localhostProfile: name };
}

/** `type:svirt_apache_t`; `disable` is SELinux's type without confinement. */
function seLinuxOption(text: string): Record<string, string> {
  if (text === 'disable') return { type: 'spc_t' };
  const at = text.indexOf(':');
  return at < 0 ? {} : { [text.slice(0, at)]: text.slice(at + 1) };
}
