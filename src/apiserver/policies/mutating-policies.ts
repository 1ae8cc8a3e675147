import type { AdmissionVariables } from '../../api/custom-resources/admission-expressions.ts';
import type { AnyObject } from '../../api/object.ts';
import { statusCodeOf, type ApiError } from '../../api/status.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
} from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings } from '../admission/lookup.ts';
import { refusal } from '../admission/refuse.ts';
import type { Served } from '../kind-index.ts';
import { isExempt } from '../webhooks/match-rules.ts';
import { adopt, replaceObject, shownIn } from '../webhooks/shown-object.ts';
import { applyMutation } from './apply-mutation.ts';
import { baseVariables, followPolicies, matchedBy, variablesOf } from './bound-policies.ts';
import type { Bound, PolicyOptions } from './bound-policies.ts';
import { paramsOf } from './params.ts';

type MutatingBound = Bound<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding>;

/** A policy through one binding with one of its params. */
interface Invocation extends MutatingBound {
  served: Served;
  param: AnyObject | null;
}

/** What has happened to a request in its first round. */
interface Rounds {
  /** Invocations that want to look again when somebody after them changes the object. */
  waiting: Set<string>;
  again: Set<string>;
  /** What the policies left, as JSON. */
  left: string;
}

/**
 * MutatingAdmissionPolicy (KEP-3962): expressions in CEL that change objects on their way in, by apply configurations
 * or JSON patches. Bodies of connections, evictions and the like are left alone: they have no schema to merge by.
 */
export function mutatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const bound = followPolicies(options.lookup, {
    policies: mutatingAdmissionPolicies,
    bindings: mutatingAdmissionPolicyBindings,
  });
  const rounds = new WeakMap<AdmissionRequest, Rounds>();
  return {
    name: 'MutatingAdmissionPolicy',
    handles: (request) =>
      bound.all.length > 0 && request.object !== undefined && !request.objectKind && !isExempt(request),
    async mutate(request) {
      const before = rounds.get(request);
      const state = before ?? { waiting: new Set(), again: new Set(), left: '' };
      if (before && state.left !== JSON.stringify(request.object)) recall(state);
      rounds.set(request, state);
      const hasChanged = await invokeAll(options, bound.all, { request, state, isAgain: before !== undefined });
      state.left = JSON.stringify(request.object);
      return hasChanged ? 'reinvoke' : undefined;
    },
  };
}

/** All that wait are to look again. */
function recall({ waiting, again }: Rounds): void {
  for (const key of waiting) again.add(key);
  waiting.clear();
}

/** In order, each with what those before made of the object; true when it has become another one. */
async function invokeAll(
  options: PolicyOptions,
  all: readonly MutatingBound[],
  { request, state, isAgain }: { request: AdmissionRequest; state: Rounds; isAgain: boolean },
): Promise<boolean> {
  let hasChanged = false;
  const failures: ApiError[] = [];
  for (const bound of all) {
    const fail = (error: unknown): void => {
      if (bound.policy.spec?.failurePolicy !== 'Ignore') failures.push(denial(request, bound, error as Error));
    };
    for (const invocation of (await invocationsOf(options, bound, request).catch(fail)) ?? []) {
      const key = keyOf(invocation);
      if (isAgain && !state.again.has(key)) continue;
      const outcome = await invoke(options, invocation, { request, fail });
      if (outcome === 'changed') {
        hasChanged = true;
        recall(state);
      }
      if (outcome !== 'skipped' && bound.policy.spec?.reinvocationPolicy === 'IfNeeded') state.waiting.add(key);
    }
  }
  const [first] = failures;
  if (first) throw withAllCauses(first, failures);
  return hasChanged;
}

function keyOf({ policy, binding, param }: Invocation): string {
  const { namespace = '', name = '' } = param?.metadata ?? {};
  return JSON.stringify([policy.metadata.name, binding.metadata.name, namespace, name]);
}

async function invocationsOf(
  options: PolicyOptions,
  bound: MutatingBound,
  request: AdmissionRequest,
): Promise<Invocation[]> {
  const served = await matchedBy(options, bound, request);
  if (!served) return [];
  const configured = paramsOf(options, { ...bound, request });
  const { isMissing, params } = await configured.catch((error: unknown) => {
    throw new Error(`failed to configure binding: ${(error as Error).message}`, { cause: error });
  });
  if (isMissing) {
    const reason = 'no params found for policy binding with `Deny` parameterNotFoundAction';
    throw new Error(`failed to configure binding: ${reason}`);
  }
  return params.map((param) => ({ ...bound, served, param }));
}

/** All mutations of a policy, one after the other. Those that work stay, even when another one fails. */
async function invoke(
  options: PolicyOptions,
  { policy, served, param }: Invocation,
  { request, fail }: { request: AdmissionRequest; fail: (error: unknown) => void },
): Promise<'skipped' | 'same' | 'changed'> {
  const values = { ...(await baseVariables(options, request, served)), params: param };
  const { evaluateForMutation } = await import('../../api/custom-resources/admission-expressions.ts');
  let variables: Map<string, unknown> | undefined;
  try {
    variables = await variablesOf(policy, values, evaluateForMutation);
  } catch (error) {
    fail(error);
  }
  if (!variables) return 'skipped';
  let outcome: 'same' | 'changed' = 'same';
  for (const mutation of policy.spec?.mutations ?? []) {
    try {
      if (await mutateOnce(options, mutation, { request, served, values: { ...values, variables } })) {
        outcome = 'changed';
      }
    } catch (error) {
      fail(error);
    }
  }
  return outcome;
}

/** True when the request has another object now. */
async function mutateOnce(
  { client, random }: PolicyOptions,
  mutation: Mutation,
  { request, served, values }: { request: AdmissionRequest; served: Served; values: AdmissionVariables },
): Promise<boolean> {
  const caller = { webhooks: client, random };
  const object = await shownIn(caller, served, { object: request.object });
  if (!object) return false;
  const mutated = await applyMutation(mutation, object, { version: served.version, values: { ...values, object } });
  return replaceObject(request, await adopt(caller, served, { object: mutated }));
}

/** 422 in upstream's words, with a cause of its own. */
function denial(request: AdmissionRequest, { policy, binding }: MutatingBound, { message }: Error): ApiError {
  const names = `policy '${policy.metadata.name ?? ''}' with binding '${binding.metadata.name ?? ''}'`;
  const text = `${names} denied request: ${message}`;
  const error = refusal(request, text);
  const { status } = error;
  status.message = text;
  status.reason = 'Invalid';
  status.code = statusCodeOf('Invalid');
  status.details = { ...status.details, causes: [{ message: text }] };
  return error;
}

function withAllCauses(first: ApiError, all: readonly ApiError[]): ApiError {
  first.status.details = { ...first.status.details, causes: all.flatMap(({ status }) => status.details?.causes ?? []) };
  return first;
}
