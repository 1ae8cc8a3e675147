import type {
  Mutation,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicySpec,
} from '../../types/admissionregistration-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { invalidValue, required } from '../../field-errors.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { defaultMatchResources, formatParamKind } from './policy-defaults.ts';
import { oneOf, validatePolicySpec } from './policy-validation.ts';

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
  validate: ({ spec = {} }) => [...validatePolicySpec(spec), ...validateMutations(spec)],
  columns: [
    nameColumn,
    column('Mutations', ({ spec }) => spec?.mutations?.length ?? 0, 'integer'),
    column('ParamKind', ({ spec }) => formatParamKind(spec?.paramKind)),
    ageColumn,
  ],
});

function validateMutations({ mutations = [], reinvocationPolicy }: MutatingAdmissionPolicySpec): StatusCause[] {
  return [
    ...(mutations.length === 0 ? [required('spec.mutations', 'mutations must contain at least one item')] : []),
    ...mutations.flatMap((mutation, i) => validateMutation(mutation, `spec.mutations[${i}]`)),
    ...oneOf('spec.reinvocationPolicy', reinvocationPolicy, ['IfNeeded', 'Never']),
  ];
}

/** The part that the type of the patch names, and no other, with an expression. */
function validateMutation(mutation: Mutation, path: string): StatusCause[] {
  const { patchType } = mutation;
  const causes = oneOf(`${path}.patchType`, patchType, ['ApplyConfiguration', 'JSONPatch']);
  if (causes.length > 0) return causes;
  const [own, other] =
    patchType === 'JSONPatch'
      ? (['jsonPatch', 'applyConfiguration'] as const)
      : (['applyConfiguration', 'jsonPatch'] as const);
  if (!mutation[own]) causes.push(required(`${path}.${own}`, `must be specified when patchType is ${patchType}`));
  else if (!mutation[own].expression?.trim()) {
    causes.push(required(`${path}.${own}.expression`, 'expression is not specified'));
  }
  if (mutation[other]) {
    causes.push(invalidValue(`${path}.${other}`, '{}', `must not be specified when patchType is ${patchType}`));
  }
  return causes;
}
