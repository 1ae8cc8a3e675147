import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../api/types/flowcontrol-v1.ts';
import type { User } from '../handler.ts';
import type { RequestInfo, ResourceInfo } from '../request-info.ts';

/** In the order in which they are asked: lower precedence first, then by name. */
export function inOrder(schemas: Iterable<FlowSchema>): FlowSchema[] {
  const precedence = ({ spec }: FlowSchema): number => spec?.matchingPrecedence ?? 0;
  return [...schemas].toSorted((a, b) => {
    return precedence(a) - precedence(b) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
  });
}

/** Is the request one of those that the schema is about? (`flowcontrol.apiserver.k8s.io/v1` FlowSchemaSpec.rules) */
export function matches({ spec }: FlowSchema, info: RequestInfo, user: User): boolean {
  return (spec?.rules ?? []).some((rule) => {
    return rule.subjects.some((subject) => isSubject(subject, user)) && isRequested(rule, info);
  });
}

function isSubject({ kind, user, group, serviceAccount }: Subject, { name, groups }: User): boolean {
  switch (kind) {
    case 'User':
      return user !== undefined && includes([user.name], name);
    case 'Group':
      return group !== undefined && (group.name === '*' || groups.includes(group.name));
    case 'ServiceAccount': {
      if (!serviceAccount) return false;
      const account = `system:serviceaccount:${serviceAccount.namespace}:`;
      return serviceAccount.name === '*' ? name.startsWith(account) : name === account + serviceAccount.name;
    }
    default:
      return false;
  }
}

function isRequested({ resourceRules, nonResourceRules }: PolicyRulesWithSubjects, info: RequestInfo): boolean {
  return info.kind === 'resource'
    ? (resourceRules ?? []).some((rule) => isResource(rule, info))
    : (nonResourceRules ?? []).some((rule) => isPath(rule, info));
}

function isResource(rule: ResourcePolicyRule, info: ResourceInfo): boolean {
  const { verb, group, resource, subresource, namespace } = info;
  const isInScope = namespace === '' ? rule.clusterScope === true : includes(rule.namespaces ?? [], namespace);
  return (
    isInScope &&
    includes(rule.verbs, verb) &&
    includes(rule.apiGroups, group) &&
    includes(rule.resources, subresource === '' ? resource : `${resource}/${subresource}`)
  );
}

function isPath({ verbs, nonResourceURLs }: NonResourcePolicyRule, info: { verb: string; path: string }): boolean {
  return (
    includes(verbs, info.verb) &&
    nonResourceURLs.some((url) => {
      return url === '*' || url === info.path || (url.endsWith('/*') && info.path.startsWith(url.slice(0, -1)));
    })
  );
}

function includes(values: readonly string[], value: string): boolean {
  return values.some((each) => each === '*' || each === value);
}
