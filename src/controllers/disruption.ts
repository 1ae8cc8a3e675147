import { isApiError } from '../api/status.ts';
import { isPodFinished } from '../api/pod-phase.ts';
import type { Pod, PodCondition } from '../api/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { pods as podResource } from '../client/resources.ts';
import { nameOf } from './owner-references.ts';

/**
 * Says on the pod why it goes (DisruptionTarget), then deletes it. With `force` there is nobody left to end it
 * properly: it becomes Failed and goes without grace. A pod that is gone, or another one of its name by now, is left
 * in peace.
 */
export async function disruptPod(
  client: Client,
  pod: Pod,
  options: { condition?: PodCondition; force?: boolean },
): Promise<void> {
  const { condition, force = false } = options;
  const uid = pod.metadata.uid ?? '';
  try {
    if (condition) {
      const phase = force && !isPodFinished(pod) ? { phase: 'Failed' } : {};
      const document = { metadata: { uid }, status: { ...phase, conditions: [condition] } };
      await client.patch(podResource, nameOf(pod), { kind: 'strategic', document }, { subresource: 'status' });
    }
    await client.delete(podResource, nameOf(pod), { preconditions: { uid }, ...(force && { gracePeriodSeconds: 0 }) });
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
  }
}
