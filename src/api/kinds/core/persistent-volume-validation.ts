import type { PersistentVolume } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { notSupported, required } from '../../field-errors.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
const settings = new Set([
  'capacity',
  'accessModes',
  'claimRef',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'mountOptions',
  'volumeMode',
  'nodeAffinity',
  'volumeAttributesClassName',
]);

export function validatePersistentVolume({ spec }: PersistentVolume): StatusCause[] {
  const causes: StatusCause[] = [];
  causes.push(...validateAccessModes(spec?.accessModes, 'spec.accessModes'));
  if (Object.keys(spec?.capacity ?? {}).length === 0) causes.push(required('spec.capacity', ''));
  else if (spec?.capacity?.storage === undefined) {
    causes.push(notSupported('spec.capacity', Object.keys(spec?.capacity ?? {}).join(','), ['storage']));
  }
  const sources = Object.keys(spec ?? {}).filter((key) => !settings.has(key));
  if (sources.length === 0) causes.push(required('spec', 'must specify a volume type'));
  const policy = spec?.persistentVolumeReclaimPolicy;
  if (policy !== undefined && !reclaimPolicies.includes(policy)) {
    causes.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, reclaimPolicies));
  }
  if (spec?.local && !spec.nodeAffinity)
    causes.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  return causes;
}

export function validateAccessModes(modes: readonly string[] | undefined, path: string): StatusCause[] {
  if (!modes?.length) return [required(path, 'at least 1 access mode is required')];
  return modes.filter((mode) => !accessModes.includes(mode)).map((mode) => notSupported(path, mode, accessModes));
}
