import type { ServiceAccount } from '../../types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const serviceAccount = defineKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  scope: 'Namespaced',
  allowUnconditionalUpdate: false,
  subresources: [
    { name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
  ],
  hasGeneration: false,
  columns: [nameColumn, column('Secrets', ({ secrets }) => secrets?.length ?? 0, 'string'), ageColumn],
});
