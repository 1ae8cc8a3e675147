import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';

/**
 * Tells of every pod of a namespace, first and whenever it changes, until the signal. It goes beside a wait, which has
 * its own errors and its own limit: what cannot be watched is not told of.
 */
export async function followPods(
  client: Client,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
  seen: (pod: Pod) => void,
): Promise<void> {
  try {
    const { items, metadata } = await client.list(pods, { namespace, signal });
    items.forEach(seen);
    const changes = client.watch(pods, { namespace, resourceVersion: metadata.resourceVersion ?? '', signal });
    for await (const change of changes) {
      if (signal.aborted) return;
      if (change.type === 'ADDED' || change.type === 'MODIFIED') seen(change.object);
    }
  } catch {
    return;
  }
}
