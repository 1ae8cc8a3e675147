import type { CSINode } from '../../types/storage-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const csiNode = defineKind<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  columns: [nameColumn, column('Drivers', ({ spec }) => spec.drivers?.length ?? 0, 'integer'), ageColumn],
});
