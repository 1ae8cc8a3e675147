import type { Client } from '../client/client.ts';
import { persistentVolumeClaims, persistentVolumes } from '../client/resources.ts';
import type { Pod, Volume } from '../api/types/core-v1.ts';

/** Where the storage behind a claim lies on this node. */
export interface ClaimedPath {
  path: string;
  /** hostPath's type; '' for a local volume. */
  type: string;
  readOnly: boolean;
  /** The volume is the pod's alone to give to its group (fsGroup); a hostPath belongs to the host. */
  takesGroup: boolean;
}

/**
 * Follows a claim (or the claim of an ephemeral volume) to its hostPath or local volume. Rejects while it is not
 * bound.
 */
export async function claimedPath(client: Client, pod: Pod, volume: Volume): Promise<ClaimedPath> {
  const namespace = pod.metadata.namespace ?? '';
  const name = volume.persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${volume.name}`;
  const claim = await client.get(persistentVolumeClaims, { namespace, name });
  const { deletionTimestamp, ownerReferences = [] } = claim.metadata;
  if (deletionTimestamp !== undefined)
    throw new Error(`can't start pod because PVC ${namespace}/${name} is being deleted`);
  if (volume.ephemeral && !ownerReferences.some(({ uid, controller }) => controller && uid === pod.metadata.uid)) {
    const owner = `pod ${namespace}/${pod.metadata.name}`;
    throw new Error(`PVC ${namespace}/${name} was not created for ${owner} (pod is not owner)`);
  }
  const volumeName = claim.spec?.volumeName;
  if (!volumeName || claim.status?.phase !== 'Bound') {
    throw new Error(`PVC ${namespace}/${name} is not bound`);
  }
  const { spec } = await client.get(persistentVolumes, { name: volumeName });
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  if (spec?.hostPath) return { path: spec.hostPath.path, type: spec.hostPath.type ?? '', readOnly, takesGroup: false };
  if (spec?.local) return { path: spec.local.path, type: '', readOnly, takesGroup: true };
  throw new Error(`volume ${volumeName} is of a type that this node cannot mount`);
}
