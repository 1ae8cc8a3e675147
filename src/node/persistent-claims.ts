import type { Client } from '../client/client.ts';
import { persistentVolumeClaims, persistentVolumes } from '../client/resources.ts';
import type { Pod, Volume } from '../api/types/core-v1.ts';

/** The storage behind a claim, as it lies on this node. */
export type ClaimedVolume = { path: string; readOnly: boolean } & (
  | { kind: 'hostPath'; type: string }
  /** The pod's to give to its group (fsGroup). What is a device is formatted, and mounted with these options. */
  | { kind: 'local'; fileSystem: string; options: readonly string[] }
  /** A device that the containers get as it is. */
  | { kind: 'block' }
);

/**
 * Follows a claim (or the claim of an ephemeral volume) to its hostPath or local volume. Rejects while it is not
 * bound, and where containers use it in the other mode.
 */
export async function claimedVolume(client: Client, pod: Pod, volume: Volume): Promise<ClaimedVolume> {
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
  const isBlock = spec?.volumeMode === 'Block';
  checkUse(pod, volume, isBlock);
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  if (spec?.local) {
    const { path, fsType } = spec.local;
    if (isBlock) return { kind: 'block', path, readOnly };
    const options = [...(readOnly ? ['ro'] : []), ...(spec.mountOptions ?? [])];
    return { kind: 'local', path, readOnly, fileSystem: fsType ?? 'ext4', options };
  }
  if (spec?.hostPath && !isBlock) {
    return { kind: 'hostPath', path: spec.hostPath.path, readOnly, type: spec.hostPath.type ?? '' };
  }
  throw new Error(`volume ${volumeName} is of a type that this node cannot ${isBlock ? 'give as a device' : 'mount'}`);
}

/** A device is no directory, and the other way round (API docs of `volumeMode`). */
function checkUse(pod: Pod, { name }: Volume, isBlock: boolean): void {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const field = isBlock ? 'volumeMounts' : 'volumeDevices';
  const isMisused = [...containers, ...initContainers].some((container) =>
    container[field]?.some((use) => use.name === name),
  );
  if (!isMisused) return;
  throw new Error(`volume ${name} has volumeMode ${isBlock ? 'Block' : 'Filesystem'}, but is specified in ${field}`);
}
