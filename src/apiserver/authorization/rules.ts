import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { Attributes } from '../authorization.ts';

type ResourceAttributes = Extract<Attributes, { kind: 'resource' }>;
type NonResourceAttributes = Extract<Attributes, { kind: 'nonResource' }>;

/** `pods`, `pods/log`. */
export function resourceWithSubresource(attributes: { resource: string; subresource: string }): string {
  return attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
}

/** What a set of rules says about one verb on one resource, whatever the object's name. */
export interface ResourceGrant {
  all: boolean;
  /** Allowed for these names only. */
  names: ReadonlySet<string> | undefined;
}

export function grantOf(rules: readonly PolicyRule[], attributes: ResourceAttributes): ResourceGrant {
  let names: Set<string> | undefined;
  for (const rule of rules) {
    if (!coversResource(rule, attributes)) continue;
    if (!rule.resourceNames?.length) return { all: true, names: undefined };
    names ??= new Set();
    for (const name of rule.resourceNames) names.add(name);
  }
  return { all: false, names };
}

function coversResource(rule: PolicyRule, attributes: ResourceAttributes): boolean {
  return (
    matches(rule.verbs, attributes.verb) &&
    matches(rule.apiGroups, attributes.group) &&
    matchesResource(rule.resources, attributes.resource, attributes.subresource)
  );
}

/**
 * Does any of the rules allow this path? A `*` at a pattern's end stands for the rest (rbac.authorization.k8s.io/v1).
 */
export function allowsPath(rules: readonly PolicyRule[], attributes: NonResourceAttributes): boolean {
  return rules.some(
    (rule) =>
      matches(rule.verbs, attributes.verb) &&
      rule.nonResourceURLs?.some((pattern) => coversPath(pattern, attributes.path)) === true,
  );
}

function coversPath(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}

function matches(values: readonly string[] | undefined, value: string): boolean {
  return values !== undefined && (values.includes(value) || values.includes('*'));
}

function matchesResource(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (!resources) return false;
  if (resources.includes('*')) return true;
  if (subresource === '') return resources.includes(resource);
  return resources.includes(`${resource}/${subresource}`) || resources.includes(`*/${subresource}`);
}

/**
 * The parts of `wanted` that no rule of `held` covers: what a user would gain by writing `wanted` into a role. Each
 * wanted rule is split into single verbs, groups, resources, names and paths, as upstream's escalation check does.
 */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(split).filter((part) => !held.some((rule) => covers(rule, part)));
}

function split(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const part: PolicyRule = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (!rule.resourceNames?.length) parts.push(part);
        else for (const name of rule.resourceNames) parts.push({ ...part, resourceNames: [name] });
      }
    }
    for (const url of rule.nonResourceURLs ?? []) parts.push({ verbs: [verb], nonResourceURLs: [url] });
  }
  return parts;
}

/** `part` has one verb and one of each other thing. */
function covers(rule: PolicyRule, part: PolicyRule): boolean {
  if (!matches(rule.verbs, part.verbs[0] ?? '')) return false;
  const url = part.nonResourceURLs?.[0];
  if (url !== undefined) return rule.nonResourceURLs?.some((pattern) => coversPath(pattern, url)) === true;
  const [resource = '', subresource = ''] = (part.resources?.[0] ?? '').split('/');
  const named = part.resourceNames?.[0];
  return (
    matches(rule.apiGroups, part.apiGroups?.[0] ?? '') &&
    matchesResource(rule.resources, resource, subresource) &&
    (!rule.resourceNames?.length || (named !== undefined && rule.resourceNames.includes(named)))
  );
}

/** As upstream prints rules in messages: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. */
export function describeRule(rule: PolicyRule): string {
  const list = (name: string, values: readonly string[] | undefined): string[] =>
    values?.length ? [`${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`] : [];
  return `{${[
    ...list('APIGroups', rule.apiGroups),
    ...list('Resources', rule.resources),
    ...list('ResourceNames', rule.resourceNames),
    ...list('NonResourceURLs', rule.nonResourceURLs),
    ...list('Verbs', rule.verbs),
  ].join(', ')}}`;
}

/** Joins parts that differ in their verbs only: shorter messages and reviews. */
export function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    const key = JSON.stringify(rest);
    const present = merged.get(key);
    merged.set(key, { ...rest, verbs: [...new Set([...(present?.verbs ?? []), ...verbs])] });
  }
  return [...merged.values()];
}
