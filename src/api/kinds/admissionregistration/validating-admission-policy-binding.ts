import type { ValidatingAdmissionPolicyBinding } from '../../types/admissionregistration-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultMatchResources, formatParamRef } from './policy-defaults.ts';
import { validateBindingSpec } from './policy-validation.ts';

export const validatingAdmissionPolicyBinding = defineKind<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  categories: ['api-extensions'],
  scope: 'Cluster',
  hasGeneration: true,
  defaults: ({ spec }) => defaultMatchResources(spec?.matchResources),
  validate: ({ spec }) => [...validateBindingSpec(spec), ...validateActions(spec.validationActions)],
  columns: [
    nameColumn,
    column('PolicyName', ({ spec }) => spec.policyName),
    column('ParamRef', ({ spec }) => formatParamRef(spec.paramRef)),
    ageColumn,
  ],
});

const actions = ['Audit', 'Deny', 'Warn'];

function validateActions(given: readonly string[] = []): StatusCause[] {
  const path = 'spec.validationActions';
  const causes = given.flatMap((action, i) => [
    ...(actions.includes(action) ? [] : [notSupported(`${path}[${i}]`, action, actions)]),
    ...(given.indexOf(action) < i ? [duplicate(`${path}[${i}]`, action)] : []),
  ]);
  if (given.includes('Deny') && given.includes('Warn')) {
    const why = 'repeating the same validation failure information in the API response and headers serves no purpose';
    causes.push(invalidValue(path, given, `must not contain both Deny and Warn (${why})`));
  }
  if (given.length === 0) causes.push(required(path, 'at least one validation action is required'));
  return causes;
}
