import type { StorageClass } from '../../api/types/storage-v1.ts';
import { defaultStorageClassAnnotation } from '../../api/well-known.ts';

/** On a claim: who is to make its volume, under today's name and the one before. */
export const provisionerAnnotations = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
] as const;
/** On a volume: who has made it. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';

/** Of several defaults the youngest, then the first by name. */
export function defaultClass(classes: Iterable<StorageClass>): StorageClass | undefined {
  const age = ({ metadata }: StorageClass): string => metadata.creationTimestamp ?? '';
  return [...classes]
    .filter(({ metadata }) => metadata.annotations?.[defaultStorageClassAnnotation] === 'true')
    .sort((a, b) => compare(age(b), age(a)) || compare(a.metadata.name ?? '', b.metadata.name ?? ''))[0];
}

/** Are claims of this class bound only when their first pod has a node? */
export function waitsForConsumer(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
