import type { MutatingAdmissionPolicy } from '../../types/admissionregistration-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultMatchResources, formatParamKind } from './policy-defaults.ts';

export const mutatingAdmissionPolicy = defineKind<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  categories: ['api-extensions'],
  scope: 'Cluster',
  hasGeneration: true,
  defaults: ({ spec }) => {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    defaultMatchResources(spec.matchConstraints);
  },
  columns: [
    nameColumn,
    column('Mutations', ({ spec }) => spec?.mutations?.length ?? 0, 'integer'),
    column('ParamKind', ({ spec }) => formatParamKind(spec?.paramKind)),
    ageColumn,
  ],
});
