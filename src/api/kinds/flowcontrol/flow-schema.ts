import type { FlowSchema } from '../../types/flowcontrol-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const flowSchema = defineKind<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  scope: 'Cluster',
  status: true,
  defaults: ({ spec }) => {
    if (spec && !spec.matchingPrecedence) spec.matchingPrecedence = 1000;
  },
  columns: [
    nameColumn,
    column('PriorityLevel', ({ spec }) => spec?.priorityLevelConfiguration.name ?? ''),
    column('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence ?? 0, 'integer'),
    column('DistinguisherMethod', ({ spec }) => spec?.distinguisherMethod?.type ?? '<none>'),
    ageColumn,
    column('MissingPL', ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
  ],
});
