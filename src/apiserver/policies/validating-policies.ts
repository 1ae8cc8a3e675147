import type { ApiError, StatusReason } from '../../api/status.ts';
import { statusCodeOf } from '../../api/status.ts';
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionVariables } from '../../api/custom-resources/admission-expressions.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '../admission/lookup.ts';
import { refusal } from '../admission/refuse.ts';
import { isExempt } from '../webhooks/match-rules.ts';
import { baseVariables, followPolicies, matchedBy, variablesOf } from './bound-policies.ts';
import type { Bound, PolicyOptions } from './bound-policies.ts';
import { paramsOf } from './params.ts';

type ValidatingBound = Bound<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>;

/** What a policy finds wrong with a request. */
interface Finding {
  message: string;
  reason: StatusReason;
}

/**
 * ValidatingAdmissionPolicy (KEP-3488): expressions in CEL that say which writes are refused, or warned about. Audit
 * annotations are evaluated by nobody: there is no audit log.
 */
export function validatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const bound = followPolicies(options.lookup, {
    policies: validatingAdmissionPolicies,
    bindings: validatingAdmissionPolicyBindings,
  });
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: (request) => bound.all.length > 0 && !isExempt(request),
    async validate(request) {
      for (const each of bound.all) await judge(options, each, request);
    },
  };
}

async function judge(
  options: PolicyOptions,
  { policy, binding }: ValidatingBound,
  request: AdmissionRequest,
): Promise<void> {
  const served = await matchedBy(options, { policy, binding }, request);
  if (!served) return;
  const findings: Finding[] = [];
  try {
    const base = await baseVariables(options, request, served);
    const { isMissing, params } = await paramsOf(options, { policy, binding, request });
    if (isMissing) findings.push({ message: 'no params found for policy binding', reason: 'Invalid' });
    for (const each of params) findings.push(...(await evaluate(policy, { ...base, params: each })));
  } catch (error) {
    if (policy.spec?.failurePolicy === 'Ignore') return;
    findings.push({ message: (error as Error).message, reason: 'Invalid' });
  }
  conclude(request, { policy, binding }, findings);
}

/** What the policy finds with these params. Rejects for an expression that fails. */
async function evaluate(policy: ValidatingAdmissionPolicy, base: AdmissionVariables): Promise<Finding[]> {
  const { evaluateAdmission } = await import('../../api/custom-resources/admission-expressions.ts');
  const variables = await variablesOf(policy, base, evaluateAdmission);
  if (!variables) return [];
  const values = { ...base, variables };
  const findings: Finding[] = [];
  for (const validation of policy.spec?.validations ?? []) {
    const { expression, reason = 'Invalid' } = validation;
    try {
      if ((await evaluateAdmission(expression, values)) === true) continue;
    } catch (error) {
      throw new Error(`expression '${expression}' resulted in error: ${(error as Error).message}`, { cause: error });
    }
    findings.push({ message: await messageOf(validation, values), reason: reason as StatusReason });
  }
  return findings;
}

async function messageOf(
  { expression, message, messageExpression }: Validation,
  values: AdmissionVariables,
): Promise<string> {
  const { evaluateAdmission } = await import('../../api/custom-resources/admission-expressions.ts');
  if (messageExpression) {
    try {
      const text = await evaluateAdmission(messageExpression, values);
      if (typeof text === 'string' && text.trim() !== '' && !text.includes('\n')) return text.trim();
    } catch {
      // The plain message serves where the expression fails.
    }
  }
  return message?.trim() || `failed expression: ${expression.trim()}`;
}

/** Warns and refuses, as the binding's actions say; the first finding is the answer. */
function conclude(request: AdmissionRequest, { policy, binding }: ValidatingBound, findings: readonly Finding[]): void {
  const names = `ValidatingAdmissionPolicy '${policy.metadata.name ?? ''}' with binding '${binding.metadata.name ?? ''}'`;
  const { validationActions } = binding.spec;
  if (validationActions.includes('Warn')) {
    for (const { message } of findings) request.warn(`Validation failed for ${names}: ${message}`);
  }
  const [first] = findings;
  if (first && validationActions.includes('Deny')) throw denial(request, names, first);
}

function denial(request: AdmissionRequest, names: string, { message, reason }: Finding): ApiError {
  const error = refusal(request, `${names} denied request: ${message}`);
  const { status } = error;
  status.reason = reason;
  status.code = statusCodeOf(reason);
  status.details = { ...status.details, causes: [{ message }] };
  return error;
}
