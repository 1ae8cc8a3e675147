import type { ResourceSlice } from '../../types/resource-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const resourceSlice = defineKind<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  scope: 'Cluster',
  hasGeneration: true,
  columns: [
    nameColumn,
    column('Node', ({ spec }) => spec.nodeName ?? '<none>'),
    column('Driver', ({ spec }) => spec.driver),
    column('Pool', ({ spec }) => spec.pool.name),
    ageColumn,
  ],
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.driver': ({ spec }) => spec.driver,
  },
});
