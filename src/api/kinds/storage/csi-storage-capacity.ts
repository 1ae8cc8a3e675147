import type { CSIStorageCapacity } from '../../types/storage-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const csiStorageCapacity = defineKind<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  scope: 'Namespaced',
  columns: [
    nameColumn,
    column('StorageClassName', ({ storageClassName }) => storageClassName),
    column('Capacity', ({ capacity }) => capacity ?? '<unset>'),
    ageColumn,
  ],
});
