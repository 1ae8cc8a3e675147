import { isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { clock } from '../context.ts';

/** A budget that allows no eviction now may allow one soon. */
const retryMs = 1000;
const patienceMs = 10 * 60_000;

export interface EvictOptions {
  gracePeriodSeconds?: number;
  /** How long all of it may take. Default: ten minutes. */
  timeoutMs?: number;
  onGone?: (pod: Pod) => void;
}

/** Evicts pods side by side, and waits until they are gone. Rejects with WaitError when they stay. */
export async function evictPods(
  client: Client,
  leaving: readonly Pod[],
  { gracePeriodSeconds, timeoutMs = patienceMs, onGone }: EvictOptions = {},
): Promise<void> {
  await Promise.all(
    leaving.map(async (pod) => {
      const { uid } = pod.metadata;
      await evict(client, pod, gracePeriodSeconds);
      await waitForObjects({
        client,
        clock,
        targets: [{ resource: pods, name: nameOf(pod.metadata) }],
        timeoutMs,
        // A stateful set's new pod has the name of the old one.
        until: (object) =>
          object?.metadata.uid === uid ? { state: 'progressing', reason: 'it is still there' } : { state: 'ready' },
      });
      onGone?.(pod);
    }),
  );
}

async function evict(client: Client, { metadata }: Pod, gracePeriodSeconds: number | undefined): Promise<void> {
  const name = nameOf(metadata);
  const deleteOptions = gracePeriodSeconds === undefined ? undefined : { gracePeriodSeconds };
  for (;;) {
    try {
      const body = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: name,
        ...(deleteOptions && { deleteOptions }),
      };
      await client.createSubresource(pods, name, 'eviction', body);
      return;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      if (!isApiError(error, 'TooManyRequests')) throw error;
      await clock.sleep(retryMs);
    }
  }
}

function nameOf({ name = '', namespace = '' }: Pod['metadata']): { name: string; namespace: string } {
  return { name, namespace };
}
