import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ApiError, StatusReason } from '../../api/status.ts';
import { statusCodeOf } from '../../api/status.ts';
import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionVariables } from '../../api/custom-resources/admission-expressions.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '../admission/lookup.ts';
import { refusal } from '../admission/refuse.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import type { Authorizer } from '../authorization.ts';
import type { Served } from '../kind-index.ts';
import { reviewedRequest } from '../webhooks/admission-review.ts';
import { authorizerVariable, conditionsHold } from '../webhooks/conditions.ts';
import { isExempt, matchedVersion, namespaceOf } from '../webhooks/match-rules.ts';
import type { Matching } from '../webhooks/match-rules.ts';
import { shownIn } from '../webhooks/shown-object.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import { paramsOf } from './params.ts';

export interface PolicyOptions {
  lookup: StoreLookup;
  /** Converts custom resources that need it. */
  client: WebhookClient;
  authorize: Authorizer;
  random: Random;
  log: Logger;
}

interface Bound {
  policy: ValidatingAdmissionPolicy;
  binding: ValidatingAdmissionPolicyBinding;
}

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
  const bound = follow(options.lookup);
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: (request) => bound.all.length > 0 && !isExempt(request),
    async validate(request) {
      for (const each of bound.all) await judge(options, each, request);
    },
  };
}

/** Every policy with each of its bindings, as they are at any time. */
function follow(lookup: StoreLookup): { all: readonly Bound[] } {
  const current: { all: readonly Bound[] } = { all: [] };
  const refresh = (): void => {
    const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
    const policies = new Map(Array.from(lookup.list(validatingAdmissionPolicies), (each) => [nameOf(each), each]));
    current.all = [...lookup.list(validatingAdmissionPolicyBindings)].flatMap((binding) => {
      const policy = policies.get(binding.spec.policyName);
      return policy ? [{ policy, binding }] : [];
    });
  };
  lookup.subscribe(validatingAdmissionPolicies, refresh);
  lookup.subscribe(validatingAdmissionPolicyBindings, refresh);
  return current;
}

async function judge(options: PolicyOptions, { policy, binding }: Bound, request: AdmissionRequest): Promise<void> {
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

async function matchedBy(
  { lookup }: PolicyOptions,
  { policy, binding }: Bound,
  request: AdmissionRequest,
): Promise<Served | undefined> {
  const served = await matchedVersion(request, matchingOf(policy.spec?.matchConstraints ?? {}), lookup);
  const narrower = binding.spec.matchResources;
  if (!served || !narrower) return served;
  const matching = matchingOf(narrower);
  const rules = narrower.resourceRules?.length ? matching.rules : 'any';
  return (await matchedVersion(request, { ...matching, rules }, lookup)) && served;
}

function matchingOf({ resourceRules, excludeResourceRules, ...selectors }: MatchResources): Matching {
  return {
    rules: resourceRules,
    excluded: excludeResourceRules,
    matchPolicy: selectors.matchPolicy,
    namespaceSelector: selectors.namespaceSelector,
    objectSelector: selectors.objectSelector,
  };
}

async function baseVariables(
  { lookup, client, authorize, random }: PolicyOptions,
  request: AdmissionRequest,
  served: Served,
): Promise<AdmissionVariables> {
  const { objectKind, namespace } = request;
  const caller = { webhooks: client, random };
  const object = await shownIn(caller, served, { object: request.object, objectKind });
  const old = await shownIn(caller, served, { object: request.old, objectKind });
  const shown = { uid: random.uuid(), served, object: undefined, old: undefined };
  const { object: _, oldObject: __, ...reviewed } = reviewedRequest(request, shown);
  return {
    object,
    oldObject: old,
    request: reviewed,
    authorizer: await authorizerVariable(authorize, request),
    ...(namespace !== '' && { namespaceObject: await namespaceOf(lookup, namespace) }),
  };
}

/** What the policy finds with these params. Rejects for an expression that fails. */
async function evaluate({ spec }: ValidatingAdmissionPolicy, base: AdmissionVariables): Promise<Finding[]> {
  const { evaluateAdmission } = await import('../../api/custom-resources/admission-expressions.ts');
  const variables = new Map<string, unknown>();
  const values = { ...base, variables };
  if (spec?.matchConditions?.length && !(await conditionsHold(spec.matchConditions, values))) return [];
  for (const { name, expression } of spec?.variables ?? []) {
    try {
      variables.set(name, await evaluateAdmission(expression, values));
    } catch {
      // Whoever uses it finds that there is no such variable; who does not, is not bothered.
    }
  }
  const findings: Finding[] = [];
  for (const validation of spec?.validations ?? []) {
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
function conclude(request: AdmissionRequest, { policy, binding }: Bound, findings: readonly Finding[]): void {
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
