import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';

const largestId = 2_147_483_647;
const sysctlPattern = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

/** The pod's own security context, with what depends on its host namespaces. */
export function validatePodSecurityContext(causes: StatusCause[], spec: PodSpec, path: string): void {
  const context = spec.securityContext!;
  const at = `${path}.securityContext`;
  validateId(causes, context.runAsUser, `${at}.runAsUser`);
  validateId(causes, context.runAsGroup, `${at}.runAsGroup`);
  validateId(causes, context.fsGroup, `${at}.fsGroup`);
  context.supplementalGroups?.forEach((id, index) => validateId(causes, id, `${at}.supplementalGroups[${index}]`));
  const { fsGroupChangePolicy, supplementalGroupsPolicy } = context;
  if (fsGroupChangePolicy !== undefined && !['Always', 'OnRootMismatch'].includes(fsGroupChangePolicy)) {
    causes.push(notSupported(`${at}.fsGroupChangePolicy`, fsGroupChangePolicy, ['Always', 'OnRootMismatch']));
  }
  if (supplementalGroupsPolicy !== undefined && !['Merge', 'Strict'].includes(supplementalGroupsPolicy)) {
    causes.push(notSupported(`${at}.supplementalGroupsPolicy`, supplementalGroupsPolicy, ['Merge', 'Strict']));
  }
  validateProfiles(causes, context, at);
  const names = new Set<string>();
  context.sysctls?.forEach(({ name }, index) => {
    const where = `${at}.sysctls[${index}].name`;
    if (!name) causes.push(required(where, ''));
    else if (!sysctlPattern.test(name) || name.length > 253) {
      const rule = `must have at most 253 characters and match regex ${sysctlPattern.source}`;
      causes.push(invalidValue(where, name, rule));
    } else if (names.has(name)) causes.push(duplicate(where, name));
    names.add(name);
  });
}

export function validateSecurityContext(causes: StatusCause[], context: SecurityContext, path: string): void {
  validateId(causes, context.runAsUser, `${path}.runAsUser`);
  validateId(causes, context.runAsGroup, `${path}.runAsGroup`);
  if (context.procMount !== undefined && !['Default', 'Unmasked'].includes(context.procMount)) {
    causes.push(notSupported(`${path}.procMount`, context.procMount, ['Default', 'Unmasked']));
  }
  validateProfiles(causes, context, path);
  if (context.allowPrivilegeEscalation !== false) return;
  if (context.privileged) {
    const rule = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
    causes.push(invalidValue(path, context, rule));
  }
  if (context.capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN')) {
    const rule = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    causes.push(invalidValue(path, context, rule));
  }
}

function validateId(causes: StatusCause[], id: number | undefined, path: string): void {
  if (id !== undefined && (id < 0 || id > largestId)) {
    causes.push(invalidValue(path, id, `must be between 0 and ${largestId}, inclusive`));
  }
}

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function validateProfiles(
  causes: StatusCause[],
  { seccompProfile, appArmorProfile }: { seccompProfile?: SeccompProfile; appArmorProfile?: AppArmorProfile },
  path: string,
): void {
  if (seccompProfile) causes.push(...profileProblems(seccompProfile, `${path}.seccompProfile`, 'seccomp'));
  if (appArmorProfile) causes.push(...profileProblems(appArmorProfile, `${path}.appArmorProfile`, 'AppArmor'));
}

function profileProblems({ type, localhostProfile }: SeccompProfile, path: string, kind: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!profileTypes.includes(type)) causes.push(notSupported(`${path}.type`, type ?? '', profileTypes));
  if (type === 'Localhost' && !localhostProfile) {
    causes.push(required(`${path}.localhostProfile`, `must be set when ${kind} type is Localhost`));
  } else if (type !== 'Localhost' && localhostProfile !== undefined) {
    const rule = `can only be set when ${kind} type is Localhost`;
    causes.push(invalidValue(`${path}.localhostProfile`, localhostProfile, rule));
  }
  return causes;
}
