import type {
  DownwardAPIVolumeFile,
  PersistentVolumeClaimSpec,
  ProjectedVolumeSource,
  Volume,
} from '../../types/core-v1.ts';
import { defaultPullPolicy } from './image-name.ts';

/** 0644, which every volume made of files has unless it names a mode. */
const fileMode = 0o644;
const tokenExpirationSeconds = 3600;

/** Defaults of one volume of a pod. A volume that names no source is an empty directory. */
export function defaultVolume(volume: Volume): void {
  if (!hasSource(volume)) volume.emptyDir = {};
  if (volume.configMap) volume.configMap.defaultMode ??= fileMode;
  else if (volume.secret) volume.secret.defaultMode ??= fileMode;
  else if (volume.projected) defaultProjected(volume.projected);
  else if (volume.hostPath) volume.hostPath.type ??= '';
  else if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= fileMode;
    defaultDownwardFiles(volume.downwardAPI.items);
  } else if (volume.ephemeral) defaultClaimTemplate(volume);
  else if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  else defaultNetworkVolume(volume);
}

function hasSource(volume: Volume): boolean {
  for (const key in volume) if (key !== 'name' && volume[key as keyof Volume] !== undefined) return true;
  return false;
}

function defaultProjected(projected: ProjectedVolumeSource): void {
  projected.defaultMode ??= fileMode;
  for (const { serviceAccountToken, downwardAPI } of projected.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= tokenExpirationSeconds;
    if (downwardAPI) defaultDownwardFiles(downwardAPI.items);
  }
}

function defaultDownwardFiles(files: DownwardAPIVolumeFile[] | undefined): void {
  for (const { fieldRef, resourceFieldRef } of files ?? []) {
    if (fieldRef) fieldRef.apiVersion ||= 'v1';
    if (resourceFieldRef) resourceFieldRef.divisor ??= '0';
  }
}

function defaultClaimTemplate({ ephemeral }: Volume): void {
  const spec = ephemeral?.volumeClaimTemplate?.spec;
  if (spec) defaultClaimSpec(spec);
}

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
  spec.resources ??= {};
}

/** Volumes over the network, most without a driver in Kubernetes today; they still have the defaults they had. */
function defaultNetworkVolume({ iscsi, rbd, azureDisk, scaleIO }: Volume): void {
  if (iscsi) iscsi.iscsiInterface ||= 'default';
  if (rbd) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (azureDisk) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.kind ??= 'Shared';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
  }
  if (scaleIO) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}
