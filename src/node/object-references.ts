import type { Container, EphemeralContainer, Pod, Volume } from '../api/types/core-v1.ts';
import { containersOf } from './pod-spec.ts';

export interface ObjectReference {
  kind: 'ConfigMap' | 'Secret';
  name: string;
}

/** Every ConfigMap and Secret that the pod reads: in variables, in volumes, to pull its images. */
export function objectReferences(pod: Pod): ObjectReference[] {
  const found = new Map<string, ObjectReference>();
  const add = (kind: ObjectReference['kind'], name: string | undefined): void => {
    if (name) found.set(`${kind}/${name}`, { kind, name });
  };
  for (const { spec } of containersOf(pod)) addContainer(spec, add);
  for (const volume of pod.spec?.volumes ?? []) addVolume(volume, add);
  for (const { name } of pod.spec?.imagePullSecrets ?? []) add('Secret', name);
  return [...found.values()];
}

type Add = (kind: ObjectReference['kind'], name: string | undefined) => void;

function addContainer(container: Container | EphemeralContainer, add: Add): void {
  for (const { valueFrom } of container.env ?? []) {
    add('ConfigMap', valueFrom?.configMapKeyRef?.name);
    add('Secret', valueFrom?.secretKeyRef?.name);
  }
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    add('ConfigMap', configMapRef?.name);
    add('Secret', secretRef?.name);
  }
}

function addVolume(volume: Volume, add: Add): void {
  add('ConfigMap', volume.configMap?.name);
  add('Secret', volume.secret?.secretName);
  for (const { configMap, secret } of volume.projected?.sources ?? []) {
    add('ConfigMap', configMap?.name);
    add('Secret', secret?.name);
  }
}
