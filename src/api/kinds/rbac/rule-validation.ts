import type { StatusCause } from '../../types/meta-v1.ts';
import type { PolicyRule, RoleRef, Subject } from '../../types/rbac-v1.ts';
import { forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { dnsSubdomain, pathSegmentName } from '../../names.ts';

/** RBAC names may be anything that fits a path segment of a URL, since they often hold colons. */
export function rbacName(name: string): string | undefined {
  return pathSegmentName(name)[0];
}

/** `namespaced`: the rule stands in a Role, which cannot grant URLs. */
function validateRule(rule: PolicyRule, path: string, namespaced: boolean): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!rule.verbs?.length) causes.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (rule.nonResourceURLs?.length) {
    if (namespaced) {
      const reason = 'namespaced rules cannot apply to non-resource URLs';
      causes.push(invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, reason));
    }
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
      const reason = 'rules cannot apply to both regular resources and non-resource URLs';
      causes.push(invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, reason));
    }
    return causes;
  }
  if (!rule.apiGroups?.length) {
    causes.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (!rule.resources?.length) {
    causes.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  }
  return causes;
}

export function validateRules(rules: readonly PolicyRule[] | undefined, namespaced: boolean): StatusCause[] {
  return (rules ?? []).flatMap((rule, index) => validateRule(rule, `rules[${index}]`, namespaced));
}

const rbacGroup = 'rbac.authorization.k8s.io';

export function validateRoleRef(ref: RoleRef, kinds: readonly string[]): StatusCause[] {
  const causes: StatusCause[] = [];
  if (ref.apiGroup !== rbacGroup) causes.push(notSupported('roleRef.apiGroup', ref.apiGroup ?? '', [rbacGroup]));
  if (!kinds.includes(ref.kind)) causes.push(notSupported('roleRef.kind', ref.kind ?? '', kinds));
  if (!ref.name) {
    causes.push(required('roleRef.name', ''));
  } else {
    const problem = rbacName(ref.name);
    if (problem) causes.push(invalidValue('roleRef.name', ref.name, problem));
  }
  return causes;
}

/** `namespaced`: the subject stands in a RoleBinding, whose namespace a service account may leave out. */
export function validateSubject(subject: Subject, path: string, namespaced: boolean): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!subject.name) causes.push(required(`${path}.name`, ''));
  switch (subject.kind) {
    case 'ServiceAccount':
      if (subject.name) {
        for (const text of dnsSubdomain(subject.name)) causes.push(invalidValue(`${path}.name`, subject.name, text));
      }
      if (subject.apiGroup) causes.push(notSupported(`${path}.apiGroup`, subject.apiGroup, ['']));
      if (!namespaced && !subject.namespace) causes.push(required(`${path}.namespace`, ''));
      break;
    case 'User':
    case 'Group':
      if (subject.apiGroup !== rbacGroup) {
        causes.push(notSupported(`${path}.apiGroup`, subject.apiGroup ?? '', [rbacGroup]));
      }
      break;
    default:
      causes.push(notSupported(`${path}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
  if (subject.namespace && subject.kind !== 'ServiceAccount') {
    causes.push(forbidden(`${path}.namespace`, 'may only be set for service accounts'));
  }
  return causes;
}
