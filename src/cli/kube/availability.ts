import type { Pod } from '../../api/types/core-v1.ts';
import { nodes, pods } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { evictPods } from './evict.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';
import { mirrorPodAnnotation } from '../../api/well-known.ts';

export interface AvailabilityFlags extends KubeFlags {
  availability?: 'active' | 'pause' | 'drain';
  labelAdd?: string[];
  labelRm?: string[];
}

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
  await evictPods(client, items.filter(isEvictable));
}

/** Pods of daemon sets belong to the node, and mirrors are its own. */
function isEvictable({ metadata, status }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  if (metadata.annotations?.[mirrorPodAnnotation]) return false;
  return !metadata.ownerReferences?.some(({ kind, controller }) => controller && kind === 'DaemonSet');
}
