import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { AdmissionVariables } from '../../api/custom-resources/admission-expressions.ts';
import type { KubeObject } from '../../api/object.ts';
import type {
  MatchCondition,
  MatchResources,
  ParamKind,
  ParamRef,
  Variable,
} from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Collection } from '../admission/lookup.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import type { Authorizer } from '../authorization.ts';
import type { Served } from '../kind-index.ts';
import { reviewedRequest } from '../webhooks/admission-review.ts';
import { authorizerVariable, conditionsHold } from '../webhooks/conditions.ts';
import { matchedVersion, namespaceOf } from '../webhooks/match-rules.ts';
import type { Matching } from '../webhooks/match-rules.ts';
import { shownIn } from '../webhooks/shown-object.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';

export interface PolicyOptions {
  lookup: StoreLookup;
  /** Converts custom resources that need it. */
  client: WebhookClient;
  authorize: Authorizer;
  random: Random;
  log: Logger;
}

/** What validating and mutating policies have in common. */
export type Policy = KubeObject & {
  spec?: {
    paramKind?: ParamKind;
    matchConstraints?: MatchResources;
    variables?: Variable[];
    failurePolicy?: string;
    matchConditions?: MatchCondition[];
  };
};

/** What bindings of validating and mutating policies have in common. */
export type Binding = KubeObject & {
  spec?: { policyName?: string; paramRef?: ParamRef; matchResources?: MatchResources };
};

export interface Bound<P extends Policy = Policy, B extends Binding = Binding> {
  policy: P;
  binding: B;
}

/** Every policy with each of its bindings, by the policies' names, as they are at any time. */
export function followPolicies<P extends Policy, B extends Binding>(
  lookup: StoreLookup,
  { policies, bindings }: { policies: Collection<P>; bindings: Collection<B> },
): { all: readonly Bound<P, B>[] } {
  const current: { all: readonly Bound<P, B>[] } = { all: [] };
  const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? '';
  const byName = (a: KubeObject, b: KubeObject): number => (nameOf(a) < nameOf(b) ? -1 : 1);
  const refresh = (): void => {
    const all = [...lookup.list(bindings)].sort(byName);
    current.all = [...lookup.list(policies)]
      .sort(byName)
      .flatMap((policy) =>
        all
          .filter(({ spec }) => spec?.policyName === nameOf(policy))
          .map((binding): Bound<P, B> => ({ policy, binding })),
      );
  };
  lookup.subscribe(policies, refresh);
  lookup.subscribe(bindings, refresh);
  return current;
}

/** The version in which a policy and its binding look at a request; undefined when they do not. */
export async function matchedBy(
  { lookup }: PolicyOptions,
  { policy, binding }: Bound,
  request: AdmissionRequest,
): Promise<Served | undefined> {
  const served = await matchedVersion(request, matchingOf(policy.spec?.matchConstraints ?? {}), lookup);
  const narrower = binding.spec?.matchResources;
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

/** What expressions know, apart from params and variables. */
export async function baseVariables(
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

/** The policy's own variables; undefined when its conditions do not hold. Rejects for a condition that fails. */
export async function variablesOf(
  { spec }: Policy,
  base: AdmissionVariables,
  evaluate: (text: string, values: AdmissionVariables) => Promise<unknown>,
): Promise<Map<string, unknown> | undefined> {
  if (spec?.matchConditions?.length && !(await conditionsHold(spec.matchConditions, base))) return undefined;
  const variables = new Map<string, unknown>();
  for (const { name, expression } of spec?.variables ?? []) {
    try {
      variables.set(name, await evaluate(expression, { ...base, variables }));
    } catch {
      // Whoever uses it finds that there is no such variable; who does not, is not bothered.
    }
  }
  return variables;
}
