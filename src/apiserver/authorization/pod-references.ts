import type { Container, Pod, Volume } from '../../api/types/core-v1.ts';

/** What a pod refers to in its own namespace, by resource and name: `secrets/db`, `configmaps/web`. */
export function podReferences(pod: Pod): Set<string> {
  const found = new Set<string>();
  const add = (resource: string, name: string | undefined): void => {
    if (name) found.add(`${resource}/${name}`);
  };
  const { spec } = pod;
  if (!spec) return found;
  add('serviceaccounts', spec.serviceAccountName);
  for (const secret of spec.imagePullSecrets ?? []) add('secrets', secret.name);
  const containers: Container[] = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...((spec.ephemeralContainers ?? []) as Container[]),
  ];
  for (const container of containers) {
    for (const source of container.envFrom ?? []) {
      add('secrets', source.secretRef?.name);
      add('configmaps', source.configMapRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add('secrets', valueFrom?.secretKeyRef?.name);
      add('configmaps', valueFrom?.configMapKeyRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) addVolume(volume, pod.metadata.name ?? '', add);
  return found;
}

function addVolume(volume: Volume, podName: string, add: (resource: string, name: string | undefined) => void): void {
  add('secrets', volume.secret?.secretName);
  add('configmaps', volume.configMap?.name);
  add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
  if (volume.ephemeral) add('persistentvolumeclaims', `${podName}-${volume.name}`);
  add('secrets', volume.csi?.nodePublishSecretRef?.name);
  add('secrets', volume.azureFile?.secretName);
  const others = [volume.cephfs, volume.flexVolume, volume.iscsi, volume.rbd, volume.scaleIO, volume.storageos];
  for (const source of others) add('secrets', source?.secretRef?.name);
  for (const source of volume.projected?.sources ?? []) {
    add('secrets', source.secret?.name);
    add('configmaps', source.configMap?.name);
  }
}
