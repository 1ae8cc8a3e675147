import type { ValidatingAdmissionPolicy } from '../../types/admissionregistration-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultMatchResources, formatParamKind } from './policy-defaults.ts';

export const validatingAdmissionPolicy = defineKind<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  categories: ['api-extensions'],
  scope: 'Cluster',
  status: true,
  defaults: ({ spec }) => {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    defaultMatchResources(spec.matchConstraints);
  },
  columns: [
    nameColumn,
    column('Validations', ({ spec }) => spec?.validations?.length ?? 0, 'integer'),
    column('ParamKind', ({ spec }) => formatParamKind(spec?.paramKind)),
    ageColumn,
  ],
});
