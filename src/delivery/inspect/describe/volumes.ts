import type { Volume } from '../../../api/types/core-v1.ts';
import { indent, labelLines, type Lines } from './fields.ts';

export function volumeLines(volumes: readonly Volume[] = [], margin = 0): Lines {
  const space = ' '.repeat(margin);
  if (volumes.length === 0) return [`${space}Volumes:\t<none>`];
  const lines = volumes.flatMap((volume) => [
    `  ${margin > 0 ? ' ' : ''}${volume.name}:`,
    ...indent(sourceLines(volume), 4),
  ]);
  return [`${space}Volumes:`, ...lines];
}

/** What a volume is made of: of a pod's, or a persistent one. */
export function sourceLines(volume: Sources): Lines {
  const known = persistentLines(volume);
  if (known) return known;
  const { hostPath, emptyDir, configMap, secret, persistentVolumeClaim, projected, downwardAPI } = volume;
  if (hostPath) {
    return [
      'Type:\tHostPath (bare host directory volume)',
      `Path:\t${hostPath.path}`,
      `HostPathType:\t${hostPath.type ?? ''}`,
    ];
  }
  if (emptyDir) {
    const what = "EmptyDir (a temporary directory that shares a pod's lifetime)";
    return [`Type:\t${what}`, `Medium:\t${emptyDir.medium ?? ''}`, `SizeLimit:\t${emptyDir.sizeLimit ?? '<unset>'}`];
  }
  if (configMap) {
    return [
      'Type:\tConfigMap (a volume populated by a ConfigMap)',
      `Name:\t${configMap.name}`,
      `Optional:\t${configMap.optional ?? false}`,
    ];
  }
  if (secret) {
    return [
      'Type:\tSecret (a volume populated by a Secret)',
      `SecretName:\t${secret.secretName}`,
      `Optional:\t${secret.optional ?? false}`,
    ];
  }
  if (persistentVolumeClaim) {
    const { claimName, readOnly = false } = persistentVolumeClaim;
    return [
      'Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)',
      `ClaimName:\t${claimName}`,
      `ReadOnly:\t${readOnly}`,
    ];
  }
  if (downwardAPI) {
    const items = (downwardAPI.items ?? []).map(({ fieldRef, path }) => `  ${fieldRef?.fieldPath} -> ${path}`);
    return ['Type:\tDownwardAPI (a volume populated by information about the pod)', 'Items:', ...items];
  }
  if (projected) {
    const sources = (projected.sources ?? []).flatMap((source) => [
      ...(source.secret
        ? [`SecretName:\t${source.secret.name}`, `SecretOptionalName:\t${source.secret.optional ?? '<nil>'}`]
        : []),
      ...(source.downwardAPI ? ['DownwardAPI:\ttrue'] : []),
      ...(source.configMap
        ? [`ConfigMapName:\t${source.configMap.name}`, `ConfigMapOptional:\t${source.configMap.optional ?? '<nil>'}`]
        : []),
      ...(source.serviceAccountToken
        ? [`TokenExpirationSeconds:\t${source.serviceAccountToken.expirationSeconds ?? 3600}`]
        : []),
    ]);
    return ['Type:\tProjected (a volume that contains injected data from multiple sources)', ...sources];
  }
  const type = Object.keys(volume).find((key) => key !== 'name');
  return [`Type:\t${type ?? '<unknown>'}`];
}

function persistentLines({ nfs, csi, local }: Sources): Lines | undefined {
  if (nfs) {
    return [
      'Type:\tNFS (an NFS mount that lasts the lifetime of a pod)',
      `Server:\t${nfs.server}`,
      `Path:\t${nfs.path}`,
      `ReadOnly:\t${nfs.readOnly ?? false}`,
    ];
  }
  if (csi) {
    const { driver, fsType = '', readOnly = false, volumeHandle, volumeAttributes } = csi;
    return [
      'Type:\tCSI (a Container Storage Interface (CSI) volume source)',
      `Driver:\t${driver}`,
      `FSType:\t${fsType}`,
      ...(volumeHandle === undefined ? [] : [`VolumeHandle:\t${volumeHandle}`]),
      `ReadOnly:\t${readOnly}`,
      ...labelLines('VolumeAttributes', volumeAttributes).map((line) => line.replace('\t', '\t    ')),
    ];
  }
  return (
    local && ['Type:\tLocalVolume (a persistent volume backed by local storage on a node)', `Path:\t${local.path}`]
  );
}

type Sources = Omit<Volume, 'name' | 'csi'> & {
  local?: { path: string };
  csi?: {
    driver: string;
    fsType?: string;
    readOnly?: boolean;
    volumeHandle?: string;
    volumeAttributes?: Record<string, string>;
  };
};
