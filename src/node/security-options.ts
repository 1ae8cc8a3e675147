import type { Pod } from '../api/types/core-v1.ts';
import { ContainerConfigError } from './environment.ts';
import { userNameOf } from './pod-annotations.ts';
import { podTitle, type PodContainer } from './pod-spec.ts';
import type { ImageInfo, SecurityOptions } from './runtime.ts';

/** Paths that a container sees masked or read-only unless it is privileged, as every runtime's default has it. */
const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * The sandbox runs as the pod says; it is privileged when one of its containers is. Its system calls are confined, as
 * upstream has it, unless no container's are: such a pod would gain nothing by it, and making the filter takes a
 * twelfth of the processor time that the runtime needs to start a pod.
 */
export function sandboxSecurity(pod: Pod, containers: readonly PodContainer[]): SecurityOptions {
  const security = pod.spec?.securityContext;
  return {
    privileged: containers.some((container) => container.spec.securityContext?.privileged === true),
    ...(security?.runAsUser !== undefined && { runAsUser: security.runAsUser }),
    ...(security?.runAsGroup !== undefined && { runAsGroup: security.runAsGroup }),
    ...groupsOf(pod),
    seccomp: containers.every((container) => seccompOf(pod, container) === 'Unconfined')
      ? 'Unconfined'
      : 'RuntimeDefault',
  };
}

/** The container's own settings win over the pod's, field by field. */
export function containerSecurity(pod: Pod, container: PodContainer): SecurityOptions {
  const shared = pod.spec?.securityContext;
  const own = container.spec.securityContext;
  const privileged = own?.privileged === true;
  const runAsUser = own?.runAsUser ?? shared?.runAsUser;
  const runAsGroup = own?.runAsGroup ?? shared?.runAsGroup;
  const unmasked = privileged || own?.procMount === 'Unmasked';
  const runAsUserName = runAsUser === undefined ? userNameOf(pod) : undefined;
  return {
    privileged,
    ...(runAsUserName !== undefined && { runAsUserName }),
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    ...groupsOf(pod),
    ...(shared?.supplementalGroupsPolicy === 'Strict' && { strictGroups: true }),
    ...(own?.readOnlyRootFilesystem && { readOnlyRootFilesystem: true }),
    ...(own?.capabilities?.add && { addCapabilities: own.capabilities.add }),
    ...(own?.capabilities?.drop && { dropCapabilities: own.capabilities.drop }),
    ...(own?.allowPrivilegeEscalation !== undefined && { allowPrivilegeEscalation: own.allowPrivilegeEscalation }),
    seccomp: seccompOf(pod, container),
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
  };
}

/** With no profile named a container is unconfined, as with upstream's kubelet by default. */
function seccompOf(pod: Pod, container: PodContainer): NonNullable<SecurityOptions['seccomp']> {
  const own = container.spec.securityContext;
  if (own?.privileged) return 'Unconfined';
  const profile = own?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  if (profile?.type === 'RuntimeDefault') return 'RuntimeDefault';
  if (profile?.type === 'Localhost') return { localhost: profile.localhostProfile ?? '' };
  return 'Unconfined';
}

function groupsOf(pod: Pod): Pick<SecurityOptions, 'supplementalGroups'> {
  const { supplementalGroups = [], fsGroup } = pod.spec?.securityContext ?? {};
  const groups = [...(fsGroup !== undefined ? [fsGroup] : []), ...supplementalGroups];
  return groups.length > 0 ? { supplementalGroups: groups } : {};
}

/** Pods do not run as the node's users who ask not to (KEP-127). Throws upstream's sentence. */
export function checkUserNamespace(pod: Pod): void {
  if (pod.spec?.hostUsers !== false) return;
  throw new Error("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
}

/**
 * Refuses a container that must not run as root and would. Throws {@link ContainerConfigError} in upstream's words.
 */
export function checkRunAsNonRoot(pod: Pod, container: PodContainer, image: ImageInfo): void {
  const shared = pod.spec?.securityContext;
  const own = container.spec.securityContext;
  if (!(own?.runAsNonRoot ?? shared?.runAsNonRoot)) return;
  const where = `(pod: ${JSON.stringify(podTitle(pod))}, container: ${container.spec.name})`;
  const user = own?.runAsUser ?? shared?.runAsUser;
  if (user === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`);
  const named = user === undefined ? userNameOf(pod) : undefined;
  if (named !== undefined) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and its user is a name (${named}), cannot verify user is non-root ${where}`,
    );
  }
  if (user !== undefined || (image.uid !== undefined && image.uid !== 0)) return;
  if (image.userName && image.userName !== 'root' && image.uid === undefined) {
    const name = `non-numeric user (${image.userName})`;
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has ${name}, cannot verify user is non-root ${where}`,
    );
  }
  throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`);
}
