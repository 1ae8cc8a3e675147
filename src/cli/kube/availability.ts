import type { Pod } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { nodes, pods } from '../../client/resources.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface AvailabilityFlags extends KubeFlags {
  availability?: 'active' | 'pause' | 'drain';
  labelAdd?: string[];
  labelRm?: string[];
}

/** A budget that allows no eviction now may allow one soon. */
const retryMs = 1000;
const drainMs = 10 * 60_000;

/** Swarm's availability of a node: `pause` is kubectl's cordon, `drain` evicts its pods as well. And its labels. */
export async function updateNode(
  name: string,
  { availability, labelAdd = [], labelRm = [], ...flags }: AvailabilityFlags,
): Promise<void> {
  if (!availability && labelAdd.length + labelRm.length === 0) {
    throw new CliError('nothing to change: give --availability, --label-add or --label-rm', { exitCode: 2 });
  }
  const added = labelAdd.map((text) => [text.split('=')[0] ?? '', text.split('=').slice(1).join('=')]);
  const labels = Object.fromEntries([...added, ...labelRm.map((label) => [label, null])]) as Record<string, unknown>;
  await withKube(flags, async (kube) => {
    const document = {
      metadata: { labels },
      ...(availability && { spec: { unschedulable: availability === 'active' ? null : true } }),
    };
    await kube.client.patch(nodes, { name }, { kind: 'strategic', document });
    if (availability === 'drain') await drain(kube, name);
    process.stdout.write(`${name}\n`);
  });
}

async function drain({ client }: Kube, node: string): Promise<void> {
  const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${node}` });
  const leaving = items.filter(isEvictable);
  await Promise.all(leaving.map((pod) => evict(client, pod)));
  const uids = new Set(leaving.map(({ metadata }) => metadata.uid));
  await waitForObjects({
    client,
    clock,
    targets: leaving.map(({ metadata }) => ({ resource: pods, name: nameOf(metadata) })),
    timeoutMs: drainMs,
    // A stateful set's new pod has the name of the old one.
    until: (object) =>
      object && uids.has(object.metadata.uid)
        ? { state: 'progressing', reason: 'it is still there' }
        : { state: 'ready' },
  });
}

/** Pods of daemon sets belong to the node, and mirrors are its own. */
function isEvictable({ metadata, status }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  if (metadata.annotations?.['kubernetes.io/config.mirror']) return false;
  return !metadata.ownerReferences?.some(({ kind, controller }) => controller && kind === 'DaemonSet');
}

async function evict(client: Kube['client'], { metadata }: Pod): Promise<void> {
  const name = nameOf(metadata);
  for (;;) {
    try {
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: name };
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
