import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicySpec,
  Validation,
} from '../../types/admissionregistration-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultMatchResources, formatParamKind } from './policy-defaults.ts';
import { validatePolicySpec } from './policy-validation.ts';

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
  validate: ({ spec }) => [...validatePolicySpec(spec ?? {}), ...validateValidations(spec ?? {})],
  columns: [
    nameColumn,
    column('Validations', ({ spec }) => spec?.validations?.length ?? 0, 'integer'),
    column('ParamKind', ({ spec }) => formatParamKind(spec?.paramKind)),
    ageColumn,
  ],
});

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];

function validateValidations({
  validations = [],
  auditAnnotations = [],
}: ValidatingAdmissionPolicySpec): StatusCause[] {
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const text = 'validations or auditAnnotations must contain at least one item';
    return [required('spec.validations', text), required('spec.auditAnnotations', text)];
  }
  const keys = auditAnnotations.map(({ key }) => key);
  return [
    ...validations.flatMap((validation, i) => validateValidation(validation, `spec.validations[${i}]`)),
    ...keys.flatMap((key, i) => (keys.indexOf(key) < i ? [duplicate(`spec.auditAnnotations[${i}].key`, key)] : [])),
  ];
}

function validateValidation(
  { expression, message, messageExpression, reason }: Validation,
  path: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!expression?.trim()) causes.push(required(`${path}.expression`, 'expression is not specified'));
  if (messageExpression && messageExpression.trim() === '') {
    causes.push(invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'));
  }
  if (message && message.trim() === '') {
    causes.push(invalidValue(`${path}.message`, message, 'message must be non-empty if specified'));
  } else if (message && /[\n\r]/.test(message.trim())) {
    causes.push(invalidValue(`${path}.message`, message, 'message must not contain line breaks'));
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    causes.push(notSupported(`${path}.reason`, reason, reasons));
  }
  return causes;
}
