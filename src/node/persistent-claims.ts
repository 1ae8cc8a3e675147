import type { Client, Resource } from '../client/client.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../api/types/core-v1.ts';

const claims: Resource<PersistentVolumeClaim> = {
  group: '',
  version: 'v1',
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
};
const volumes: Resource<PersistentVolume> = {
  group: '',
  version: 'v1',
  plural: 'persistentvolumes',
  kind: 'PersistentVolume',
  namespaced: false,
};

/** Where the storage behind a claim lies on this node. */
export interface ClaimedPath {
  path: string;
  /** hostPath's type; '' for a local volume. */
  type: string;
  readOnly: boolean;
}

/**
 * Follows a claim (or the claim of an ephemeral volume) to its hostPath or local volume. Rejects while it is not
 * bound.
 */
export async function claimedPath(client: Client, pod: Pod, volume: Volume): Promise<ClaimedPath> {
  const namespace = pod.metadata.namespace ?? '';
  const name = volume.persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${volume.name}`;
  const claim = await client.get(claims, { namespace, name });
  const volumeName = claim.spec?.volumeName;
  if (!volumeName || claim.status?.phase !== 'Bound') {
    throw new Error(`PVC ${namespace}/${name} is not bound`);
  }
  const { spec } = await client.get(volumes, { name: volumeName });
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  if (spec?.hostPath) return { path: spec.hostPath.path, type: spec.hostPath.type ?? '', readOnly };
  if (spec?.local) return { path: spec.local.path, type: '', readOnly };
  throw new Error(`volume ${volumeName} is of a type that this node cannot mount`);
}
