import { invalidValue } from '../../api/field-errors.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import { invalid } from '../../api/status.ts';
import type { ExpressionType } from '../../api/custom-resources/admission-expressions.ts';
import type {
  MatchCondition,
  MutatingAdmissionPolicySpec,
  ValidatingAdmissionPolicySpec,
  ValidatingWebhook,
} from '../../api/types/admissionregistration-v1.ts';
import type { AnyObject } from '../../api/object.ts';
import type { AdmissionPlugin } from '../admission.ts';

interface Expression {
  path: string;
  text: string;
  type: ExpressionType;
}

/** The expressions of each kind that has some, with what they must come to. */
const expressionsOf: Readonly<Record<string, ((object: AnyObject) => Expression[]) | undefined>> = {
  mutatingwebhookconfigurations: webhookExpressions,
  validatingwebhookconfigurations: webhookExpressions,
  validatingadmissionpolicies: ({ spec }) => policyExpressions(spec ?? {}),
  mutatingadmissionpolicies: ({ spec }) => mutationExpressions(spec ?? {}),
};

/** The part of validation that needs CEL: the expressions of webhook configurations and policies must compile. */
export const expressionCheck: AdmissionPlugin = {
  name: 'AdmissionExpressions',
  handles: ({ kind, operation, subresource }) =>
    kind.group === 'admissionregistration.k8s.io' &&
    subresource === '' &&
    expressionsOf[kind.plural] !== undefined &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  async validate({ kind, object, old, name }) {
    const all = expressionsOf[kind.plural]?.(object as AnyObject) ?? [];
    if (all.length === 0 || (old && jsonEquals(all, expressionsOf[kind.plural]?.(old)))) return;
    const { admissionExpressionProblem } = await import('../../api/custom-resources/admission-expressions.ts');
    const causes = all.flatMap(({ path, text, type }) => {
      const problem = admissionExpressionProblem(text, type);
      return problem ? [invalidValue(path, text, problem)] : [];
    });
    if (causes.length > 0) throw invalid(kind.group, kind.kind, name, causes);
  },
};

function webhookExpressions(object: AnyObject): Expression[] {
  const webhooks = (object.webhooks ?? []) as ValidatingWebhook[];
  return webhooks.flatMap(({ matchConditions }, i) => conditionExpressions(matchConditions, `webhooks[${i}]`));
}

function conditionExpressions(conditions: readonly MatchCondition[] = [], path: string): Expression[] {
  return conditions.map(({ expression }, i) => {
    return { path: `${path}.matchConditions[${i}].expression`, text: expression, type: 'bool' };
  });
}

function policyExpressions(spec: ValidatingAdmissionPolicySpec): Expression[] {
  const { matchConditions, variables = [], validations = [], auditAnnotations = [] } = spec;
  return [
    ...conditionExpressions(matchConditions, 'spec'),
    ...variables.map(({ expression }, i): Expression => {
      return { path: `spec.variables[${i}].expression`, text: expression, type: 'dyn' };
    }),
    ...validations.flatMap(({ expression, messageExpression }, i): Expression[] => {
      const path = `spec.validations[${i}]`;
      const message = messageExpression ?? '';
      return [
        { path: `${path}.expression`, text: expression, type: 'bool' },
        ...(message === '' ? [] : [{ path: `${path}.messageExpression`, text: message, type: 'string' } as const]),
      ];
    }),
    ...auditAnnotations.map(({ valueExpression }, i): Expression => {
      return { path: `spec.auditAnnotations[${i}].valueExpression`, text: valueExpression, type: 'dyn' };
    }),
  ];
}

function mutationExpressions(spec: MutatingAdmissionPolicySpec): Expression[] {
  const { matchConditions, variables = [], mutations = [] } = spec;
  return [
    ...conditionExpressions(matchConditions, 'spec'),
    ...variables.map(({ expression }, i): Expression => {
      return { path: `spec.variables[${i}].expression`, text: expression, type: 'mutation variable' };
    }),
    ...mutations.flatMap(({ applyConfiguration, jsonPatch }, i): Expression[] => {
      const path = `spec.mutations[${i}]`;
      const configuration = applyConfiguration?.expression;
      const patch = jsonPatch?.expression;
      return [
        ...(configuration
          ? [{ path: `${path}.applyConfiguration.expression`, text: configuration, type: 'Object' } as const]
          : []),
        ...(patch ? [{ path: `${path}.jsonPatch.expression`, text: patch, type: 'list<JSONPatch>' } as const] : []),
      ];
    }),
  ];
}
