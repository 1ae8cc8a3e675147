import { duplicate, forbidden, invalidValue, notSupported, required, tooMany } from '../../field-errors.ts';
import { dns1035Label, dnsSubdomain, pathSegmentName, qualifiedName } from '../../names.ts';
import type {
  MatchCondition,
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  Variable,
} from '../../types/admissionregistration-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { validateLabelSelector } from '../label-selector-validation.ts';

interface PolicySpec {
  failurePolicy?: string;
  paramKind?: ParamKind;
  matchConstraints?: MatchResources;
  matchConditions?: MatchCondition[];
  variables?: Variable[];
}

const conditionLimit = 64;

/** Rules that validating and mutating policies have in common; expressions are compiled elsewhere. */
export function validatePolicySpec(spec: PolicySpec): StatusCause[] {
  const { failurePolicy, paramKind, matchConstraints, matchConditions = [], variables = [] } = spec;
  return [
    ...oneOf('spec.failurePolicy', failurePolicy, ['Fail', 'Ignore']),
    ...(paramKind ? validateParamKind(paramKind, 'spec.paramKind') : []),
    ...validateConstraints(matchConstraints, 'spec.matchConstraints'),
    ...validateConditions(matchConditions, 'spec.matchConditions'),
    ...variables.flatMap((variable, i) => validateVariable(variable, `spec.variables[${i}]`)),
  ];
}

/** Rules that bindings of both have in common. */
export function validateBindingSpec(spec: {
  policyName?: string;
  paramRef?: ParamRef;
  matchResources?: MatchResources;
}): StatusCause[] {
  const { policyName = '', paramRef, matchResources } = spec;
  const path = 'spec.policyName';
  return [
    ...(policyName === ''
      ? [required(path, '')]
      : dnsSubdomain(policyName).map((text) => invalidValue(path, policyName, text))),
    ...(paramRef ? validateParamRef(paramRef, 'spec.paramRef') : []),
    ...(matchResources ? validateMatch(matchResources, 'spec.matchResources') : []),
  ];
}

/** Causes for a value that is missing or none of those there are. */
export function oneOf(path: string, value: string | undefined, supported: readonly string[]): StatusCause[] {
  if (value === undefined || value === '') return [required(path, '')];
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

function validateParamKind({ apiVersion = '', kind = '' }: ParamKind, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const parts = apiVersion.split('/');
  if (apiVersion === '') causes.push(required(`${path}.apiVersion`, ''));
  else if (parts.length > 2) {
    causes.push(invalidValue(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else {
    const version = parts.at(-1) ?? '';
    const group = parts.length === 2 ? (parts[0] ?? '') : '';
    const groupProblems = group === '' ? [] : dnsSubdomain(group);
    if (groupProblems.length > 0) causes.push(invalidValue(`${path}.apiVersion`, group, groupProblems.join(',')));
    const problems = version === '' ? ['version must be specified'] : dns1035Label(version);
    if (problems.length > 0) causes.push(invalidValue(`${path}.apiVersion`, version || apiVersion, problems.join(',')));
  }
  const kindProblems = dns1035Label(kind.toLowerCase());
  if (kind === '') causes.push(required(`${path}.kind`, ''));
  else if (kindProblems.length > 0) {
    const text = `may have mixed case, but should otherwise match: ${kindProblems.join(',')}`;
    causes.push(invalidValue(`${path}.kind`, kind, text));
  }
  return causes;
}

function validateConstraints(match: MatchResources | undefined, path: string): StatusCause[] {
  if (!match) return [required(path, '')];
  const missing = match.resourceRules?.length ? [] : [required(`${path}.resourceRules`, '')];
  return [...validateMatch(match, path), ...missing];
}

function validateMatch(match: MatchResources, path: string): StatusCause[] {
  const rules = (name: 'resourceRules' | 'excludeResourceRules'): StatusCause[] =>
    (match[name] ?? []).flatMap((rule, i) => validateRule(rule, `${path}.${name}[${i}]`));
  return [
    ...oneOf(`${path}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']),
    ...validateLabelSelector(match.namespaceSelector, `${path}.namespaceSelector`),
    ...validateLabelSelector(match.objectSelector, `${path}.objectSelector`),
    ...rules('resourceRules'),
    ...rules('excludeResourceRules'),
  ];
}

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

function validateRule(rule: NamedRuleWithOperations, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  rule.resourceNames?.forEach((name, i) => {
    const at = `${path}.resourceNames[${i}]`;
    causes.push(...pathSegmentName(name).map((text) => invalidValue(at, name, text)));
    if (names.has(name)) causes.push(duplicate(at, name));
    names.add(name);
  });
  causes.push(...validateStar(rule.operations, `${path}.operations`));
  rule.operations?.forEach((operation, i) => {
    if (!operations.includes(operation)) {
      causes.push(notSupported(`${path}.operations[${i}]`, operation, operations));
    }
  });
  causes.push(...validateStar(rule.apiGroups, `${path}.apiGroups`));
  causes.push(...validateStar(rule.apiVersions, `${path}.apiVersions`));
  if (!rule.resources?.length) causes.push(required(`${path}.resources`, ''));
  const { scope } = rule as { scope?: string };
  if (scope !== undefined) causes.push(...oneOf(`${path}.scope`, scope, ['*', 'Cluster', 'Namespaced']));
  return causes;
}

/** There must be some, and everything stands alone. */
function validateStar(values: readonly string[] | undefined, path: string): StatusCause[] {
  if (!values?.length) return [required(path, '')];
  if (values.length === 1 || !values.includes('*')) return [];
  return [invalidValue(path, values, "if '*' is present, must not specify other values")];
}

function validateConditions(conditions: readonly MatchCondition[], path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (conditions.length > conditionLimit) causes.push(tooMany(path, conditions.length, conditionLimit));
  const names = new Set<string>();
  conditions.forEach(({ name, expression }, i) => {
    const at = `${path}[${i}]`;
    if (!expression?.trim()) causes.push(required(`${at}.expression`, ''));
    if (!name) causes.push(required(`${at}.name`, ''));
    else {
      causes.push(...qualifiedName(name).map((text) => invalidValue(`${at}.name`, name, text)));
      if (names.has(name)) causes.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
  });
  return causes;
}

function validateVariable({ name, expression }: Variable, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!name?.trim()) causes.push(required(`${path}.name`, 'name is not specified'));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name)) {
    causes.push(invalidValue(`${path}.name`, name, 'name is not a valid CEL identifier'));
  }
  if (!expression?.trim()) causes.push(required(`${path}.expression`, 'expression is not specified'));
  return causes;
}

function validateParamRef({ name = '', selector, parameterNotFoundAction }: ParamRef, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const exclusive = 'name and selector are mutually exclusive';
  if (name !== '') {
    causes.push(...pathSegmentName(name).map((text) => invalidValue(`${path}.name`, name, text)));
    if (selector) causes.push(forbidden(`${path}.name`, exclusive), forbidden(`${path}.selector`, exclusive));
  }
  causes.push(...validateLabelSelector(selector, `${path}.selector`));
  if (name === '' && !selector) causes.push(required(path, 'one of name or selector must be specified'));
  return [...causes, ...oneOf(`${path}.parameterNotFoundAction`, parameterNotFoundAction, ['Deny', 'Allow'])];
}
