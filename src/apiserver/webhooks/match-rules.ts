import { labelMatcher } from '../../api/label-selector.ts';
import type { AnyObject } from '../../api/object.ts';
import type { NamedRuleWithOperations, RuleWithOperations } from '../../api/types/admissionregistration-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { AdmissionRequest } from '../admission.ts';
import { namespaces } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';
import { equivalentsOf } from '../kind-index.ts';
import type { Served } from '../kind-index.ts';

type Rules = readonly (RuleWithOperations | NamedRuleWithOperations)[];

/** What webhooks and policies have in common: which requests they are about. */
export interface Matching {
  rules?: Rules | 'any' | undefined;
  /** Requests that one of these matches are left alone. */
  excluded?: readonly NamedRuleWithOperations[] | undefined;
  matchPolicy?: string | undefined;
  namespaceSelector?: LabelSelector | undefined;
  objectSelector?: LabelSelector | undefined;
}

const configurationKinds = new Set([
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

/** Nobody is asked about the configuration of admission itself: a wrong one could not be put right again. */
export function isExempt({ kind }: AdmissionRequest): boolean {
  return kind.group === 'admissionregistration.k8s.io' && configurationKinds.has(kind.plural);
}

/**
 * The version in which the request is shown, when it is matched: its own, or with `matchPolicy: Equivalent` another one
 * of the same resource. Undefined when it is none of this webhook's or policy's business.
 */
export async function matchedVersion(
  request: AdmissionRequest,
  matching: Matching,
  lookup: Lookup,
): Promise<Served | undefined> {
  const { versions } = request;
  if (!versions) return undefined;
  const served = versionByRules(request, matching, versions);
  if (!served || !matchesObject(request, matching.objectSelector)) return undefined;
  return (await matchesNamespace(request, matching.namespaceSelector, lookup)) ? served : undefined;
}

function versionByRules(
  request: AdmissionRequest,
  { rules = [], excluded = [], matchPolicy }: Matching,
  { served, kinds }: NonNullable<AdmissionRequest['versions']>,
): Served | undefined {
  if (rules === 'any') return served;
  const isAnyVersion = matchPolicy !== 'Exact';
  const matches = (each: Rules, version: Served): boolean => each.some((rule) => matchesRule(rule, request, version));
  const first = (each: Rules): Served | undefined => {
    if (matches(each, served)) return served;
    if (!isAnyVersion) return undefined;
    return equivalentsOf(kinds, served).find((version) => version !== served && matches(each, version));
  };
  return excluded.length > 0 && first(excluded) ? undefined : first(rules);
}

/** Operation, group, version, resource and scope (and name, for policies), each of them by name or `*`. */
function matchesRule(
  rule: RuleWithOperations & { resourceNames?: string[] },
  request: AdmissionRequest,
  { version, kind }: Served,
): boolean {
  const { operations, apiGroups, apiVersions, resources, scope, resourceNames } = rule;
  if (!includes(operations, request.operation)) return false;
  if (!includes(apiGroups, version.group) || !includes(apiVersions, version.version)) return false;
  const isNamespaced = kind.scope === 'Namespaced';
  if (scope === 'Namespaced' && !isNamespaced) return false;
  if (scope === 'Cluster' && isNamespaced) return false;
  if (resourceNames?.length && !resourceNames.includes(request.name)) return false;
  return resources?.some((resource) => matchesResource(resource, kind.plural, request.subresource)) === true;
}

function includes(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted?.some((each) => each === '*' || each === value) === true;
}

/** `pods`, `pods/status`, `pods/*`, `*`, `*\/scale`, `*\/*`. */
function matchesResource(wanted: string, plural: string, subresource: string): boolean {
  const [resource, sub = ''] = wanted.split('/', 2);
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}

function matchesObject({ object, old }: AdmissionRequest, selector: LabelSelector | undefined): boolean {
  const matcher = labelMatcher(selector ?? {});
  if (matcher.isEmpty) return true;
  return [object, old].some((each) => each !== undefined && matcher.matches(each.metadata?.labels ?? {}));
}

/** Namespaces are matched by their own labels, other objects by those of the namespace they are in, the rest always. */
async function matchesNamespace(
  request: AdmissionRequest,
  selector: LabelSelector | undefined,
  lookup: Lookup,
): Promise<boolean> {
  const matcher = labelMatcher(selector ?? {});
  if (matcher.isEmpty) return true;
  const { kind, namespace, name, object } = request;
  const isNamespace = kind.group === '' && kind.plural === 'namespaces';
  if (!isNamespace && namespace === '') return true;
  if (isNamespace && object && request.subresource === '') return matcher.matches(object.metadata.labels ?? {});
  const home = await namespaceOf(lookup, isNamespace ? name : namespace);
  return matcher.matches(home?.metadata.labels ?? {});
}

/** Of the cache, or of the store where the cache may not have heard of it yet. */
export async function namespaceOf(lookup: Lookup, name: string): Promise<AnyObject | undefined> {
  const found = lookup.get(namespaces, '', name) ?? (await lookup.fresh(namespaces, '', name));
  return found as AnyObject | undefined;
}
