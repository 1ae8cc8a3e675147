import type { ResourceQuota } from '../../types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const resourceQuota = defineKind<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  scope: 'Namespaced',
  status: true,
  hasGeneration: false,
  columns: [
    nameColumn,
    column('Request', (object) => usage(object, false)),
    column('Limit', (object) => usage(object, true)),
    ageColumn,
  ],
});

function usage({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits') === limits)
    .toSorted()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name]}`)
    .join(', ');
}
