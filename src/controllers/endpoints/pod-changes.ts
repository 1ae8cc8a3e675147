import { isPodFinished } from '../../api/pod-phase.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { podCondition } from '../pod-state.ts';
import { semanticallyEqual } from '../semantic-equality.ts';

/** Could this change of a pod change endpoints? Most status updates cannot. */
export function endpointChanged(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.uid !== old.metadata.uid ||
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    podCondition(pod, 'Ready')?.status !== podCondition(old, 'Ready')?.status ||
    isPodFinished(pod) !== isPodFinished(old) ||
    pod.spec?.nodeName !== old.spec?.nodeName ||
    pod.spec?.hostname !== old.spec?.hostname ||
    pod.spec?.subdomain !== old.spec?.subdomain ||
    !semanticallyEqual(pod.status?.podIPs ?? pod.status?.podIP, old.status?.podIPs ?? old.status?.podIP) ||
    !semanticallyEqual(pod.metadata.labels, old.metadata.labels)
  );
}
