import { notFound } from '../../api/status.ts';
import type { ApiError } from '../../api/status.ts';
import type { ClusterRole, PolicyRule, RoleBinding } from '../../api/types/rbac-v1.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Authorizer } from '../authorization.ts';
import type { Rbac } from '../authorization/rbac.ts';
import { compact, describeRule, uncovered } from '../authorization/rules.ts';
import { refusal } from './refuse.ts';

const group = 'rbac.authorization.k8s.io';
const kinds = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']);

/**
 * Nobody gives away what he does not have: writing a role takes every permission in it (or the verb `escalate`),
 * writing a binding every permission of its role (or the verb `bind`). reference/access-authn-authz/rbac, privilege
 * escalation prevention.
 */
export function rbacEscalation(rbac: Rbac, authorize: Authorizer): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    handles: (request) =>
      request.kind.group === group &&
      kinds.has(request.kind.plural) &&
      (request.operation === 'CREATE' || request.operation === 'UPDATE'),
    async validate(request) {
      if (request.user.groups.includes('system:masters')) return;
      const wanted = request.kind.plural.endsWith('roles') ? roleRules(request) : bindingRules(request, rbac);
      if (!wanted) return;
      const verb = request.kind.plural.endsWith('roles') ? 'escalate' : 'bind';
      const missing = uncovered(rbac.rulesFor(request.user, request.namespace), wanted.rules);
      if (missing.length === 0 || (await permitted(request, authorize, verb, wanted))) return;
      throw escalation(request, missing);
    },
  };
}

interface Wanted {
  rules: readonly PolicyRule[];
  /** The role that `escalate` or `bind` is asked about. */
  resource: string;
  name: string;
}

/** The rules of a role that is written; undefined when they stay as they were. */
function roleRules(request: AdmissionRequest): Wanted | undefined {
  const role = request.object as unknown as ClusterRole;
  const old = request.old as unknown as ClusterRole | undefined;
  const same = (key: 'rules' | 'aggregationRule'): boolean => JSON.stringify(role[key]) === JSON.stringify(old?.[key]);
  if (old && same('rules') && same('aggregationRule')) return undefined;
  // An aggregated role may come to hold anything.
  const everything = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ];
  const rules = role.aggregationRule && !(old && same('aggregationRule')) ? everything : (role.rules ?? []);
  return { rules, resource: request.kind.plural, name: request.name || (role.metadata.name ?? '') };
}

function bindingRules(request: AdmissionRequest, rbac: Rbac): Wanted | undefined {
  const binding = request.object as unknown as RoleBinding;
  const old = request.old as unknown as RoleBinding | undefined;
  if (old && JSON.stringify([old.roleRef, old.subjects]) === JSON.stringify([binding.roleRef, binding.subjects])) {
    return undefined;
  }
  const { roleRef } = binding;
  const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
  const rules = rbac.rulesOf(roleRef, request.namespace);
  if (!rules) throw notFound(group, resource, roleRef.name);
  return { rules, resource, name: roleRef.name };
}

async function permitted(
  request: AdmissionRequest,
  authorize: Authorizer,
  verb: string,
  wanted: Wanted,
): Promise<boolean> {
  const { resource, name } = wanted;
  const { user, namespace } = request;
  const attributes = {
    kind: 'resource',
    user,
    verb,
    group,
    version: 'v1',
    resource,
    subresource: '',
    namespace,
    name,
  } as const;
  return (await authorize(attributes)).kind === 'allow';
}

function escalation(request: AdmissionRequest, missing: readonly PolicyRule[]): ApiError {
  const { name, groups } = request.user;
  const held = groups.map((each) => JSON.stringify(each)).join(' ');
  const rules = compact(missing).map(describeRule).join('\n');
  const text = `user ${JSON.stringify(name)} (groups=[${held}]) is attempting to grant RBAC permissions not currently held:\n${rules}`;
  return refusal(request, text);
}
