import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts';

/** So many ends in a row are no accident any more. */
const crashes = 3;
/** What no waiting mends (the kubelet's reasons, kubernetes/pkg/kubelet/images and container). */
const fatal = new Set([
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImagePullBackOff',
  'ImageInspectError',
  'RegistryUnavailable',
]);

/** Why a pod will not become ready by itself; undefined while it may. Pure. */
export function hopelessness({ status }: Pod): string | undefined {
  // The next one asks for the same. Other reasons of nodes (full, evicted) go by.
  if (status?.phase === 'Failed' && status.reason === 'SysctlForbidden')
    return `its node rejects it: ${status.reason}: ${status.message ?? ''}`;
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const container of all) {
    const why = reasonOf(container);
    if (why !== undefined) return why;
  }
  return undefined;
}

function reasonOf({ name, state, lastState, restartCount, image }: ContainerStatus): string | undefined {
  const reason = state?.waiting?.reason ?? '';
  if (fatal.has(reason)) return `container ${name} cannot start: ${reason} (image ${image})`;
  const isBetweenLives = reason === 'CrashLoopBackOff' || state?.terminated !== undefined;
  const ends = restartCount + 1;
  if (ends < crashes || !isBetweenLives) return undefined;
  // One that has done its work and ended well is an init container, or a job's.
  const last = state?.terminated ?? lastState?.terminated;
  if (last?.exitCode === 0 && reason !== 'CrashLoopBackOff') return undefined;
  const code = last ? ` (exit code ${last.exitCode}${last.reason === 'OOMKilled' ? ', out of memory' : ''})` : '';
  return `container ${name} ended ${ends} times${code}`;
}
