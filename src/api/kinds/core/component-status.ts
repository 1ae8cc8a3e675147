import type { ComponentStatus } from '../../types/core-v1.ts';
import { deprecated } from '../deprecation.ts';
import { column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

/** Not stored: the server tells the state of its parts. */
export const componentStatus = defineKind<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  shortNames: ['cs'],
  scope: 'Cluster',
  verbs: ['get', 'list'],
  deprecation: deprecated('v1', 'ComponentStatus', { since: 19 }),
  columns: [
    nameColumn,
    column('Status', ({ conditions }) => {
      const healthy = conditions?.find(({ type }) => type === 'Healthy')?.status;
      return healthy === 'True' ? 'Healthy' : healthy === 'False' ? 'Unhealthy' : 'Unknown';
    }),
    column('Message', ({ conditions }) => conditions?.find(({ type }) => type === 'Healthy')?.message ?? ''),
    column('Error', ({ conditions }) => conditions?.find(({ type }) => type === 'Healthy')?.error ?? ''),
  ],
});
