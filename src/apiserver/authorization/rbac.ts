import type { ClusterRoleBinding, PolicyRule, RoleBinding, Subject } from '../../api/types/rbac-v1.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../admission/lookup.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import type { Attributes, Decision } from '../authorization.ts';
import type { User } from '../handler.ts';
import { allowsPath, grantOf } from './rules.ts';
import type { ResourceGrant } from './rules.ts';

/** Decisions kept for one user before the cache starts over. */
const decisionLimit = 4096;
/** Users whose rules are kept before the cache starts over. */
const userLimit = 2048;

/** Role-based access control over the stored roles and bindings. */
export interface Rbac {
  authorize(attributes: Attributes): Decision;
  /**
   * Every rule that holds for the user in `namespace`, cluster-wide ones included; '' asks for the cluster-wide ones
   * only.
   */
  rulesFor(user: User, namespace: string): PolicyRule[];
  /** The rules of the role that a binding names; undefined when it does not exist. */
  rulesOf(roleRef: { kind: string; name: string }, namespace: string): readonly PolicyRule[] | undefined;
}

/** What is known of one user until any role or binding changes. */
interface UserRules {
  everywhere: readonly PolicyRule[];
  byNamespace: Map<string, readonly PolicyRule[]>;
  grants: Map<string, ResourceGrant>;
}

type Binding = (ClusterRoleBinding | RoleBinding) & { namespace: string };

/** `lookup` must follow the four kinds of RBAC. */
export function createRbac(lookup: StoreLookup): Rbac {
  const subjects = new SubjectIndex();
  const byUser = new Map<string, UserRules>();
  /** The same user object comes with each request of a connection: found without building a key. */
  let byIdentity = new WeakMap<User, UserRules>();
  const forget = (): void => {
    byUser.clear();
    byIdentity = new WeakMap();
  };
  const onBinding = (now: ClusterRoleBinding | RoleBinding | undefined, old: typeof now): void => {
    if (old) subjects.remove(old);
    if (now) subjects.add(now);
    forget();
  };
  lookup.subscribe(clusterRoleBindings, onBinding);
  lookup.subscribe(roleBindings, onBinding);
  lookup.subscribe(clusterRoles, forget);
  lookup.subscribe(roles, forget);

  const rulesOf: Rbac['rulesOf'] = (roleRef, namespace) =>
    roleRef.kind === 'Role'
      ? lookup.get(roles, namespace, roleRef.name) && (lookup.get(roles, namespace, roleRef.name)?.rules ?? [])
      : lookup.get(clusterRoles, '', roleRef.name) && (lookup.get(clusterRoles, '', roleRef.name)?.rules ?? []);

  const gather = (user: User): UserRules => {
    const everywhere: PolicyRule[] = [];
    const byNamespace = new Map<string, PolicyRule[]>();
    for (const binding of subjects.bindingsOf(user)) {
      const rules = rulesOf(binding.roleRef, binding.namespace) ?? [];
      if (binding.namespace === '') everywhere.push(...rules);
      else byNamespace.set(binding.namespace, [...(byNamespace.get(binding.namespace) ?? []), ...rules]);
    }
    return { everywhere, byNamespace, grants: new Map() };
  };

  const userRules = (user: User): UserRules => {
    let rules = byIdentity.get(user);
    if (rules) return rules;
    const key = `${user.name}\n${user.groups.join('\n')}`;
    rules = byUser.get(key);
    if (!rules) {
      if (byUser.size >= userLimit) byUser.clear();
      byUser.set(key, (rules = gather(user)));
    }
    byIdentity.set(user, rules);
    return rules;
  };

  return {
    authorize: (attributes) => decide(userRules(attributes.user), attributes),
    rulesFor(user, namespace) {
      const rules = userRules(user);
      return [...rules.everywhere, ...(rules.byNamespace.get(namespace) ?? [])];
    },
    rulesOf,
  };
}

function decide(rules: UserRules, attributes: Attributes): Decision {
  if (attributes.kind === 'nonResource') {
    return allowsPath(rules.everywhere, attributes) ? { kind: 'allow' } : { kind: 'noOpinion' };
  }
  const { verb, group, resource, subresource, namespace } = attributes;
  const key = `${verb}/${group}/${resource}/${subresource}/${namespace}`;
  let grant = rules.grants.get(key);
  if (!grant) {
    const local = namespace === '' ? undefined : rules.byNamespace.get(namespace);
    grant = grantOf(local ? [...rules.everywhere, ...local] : rules.everywhere, attributes);
    if (rules.grants.size >= decisionLimit) rules.grants.clear();
    rules.grants.set(key, grant);
  }
  return grant.all || grant.names?.has(attributes.name) ? { kind: 'allow' } : { kind: 'noOpinion' };
}

/** Bindings by the users and groups that they name. */
class SubjectIndex {
  readonly #users = new Map<string, Set<Binding>>();
  readonly #groups = new Map<string, Set<Binding>>();
  readonly #bindings = new Map<string, Binding>();

  add(stored: ClusterRoleBinding | RoleBinding): void {
    const binding: Binding = { ...stored, namespace: stored.metadata.namespace ?? '' };
    this.#bindings.set(keyOf(stored), binding);
    for (const subject of binding.subjects ?? []) {
      const place = this.#placeOf(subject, binding.namespace);
      if (!place) continue;
      const { index, name } = place;
      const present = index.get(name);
      if (present) present.add(binding);
      else index.set(name, new Set([binding]));
    }
  }

  remove(stored: ClusterRoleBinding | RoleBinding): void {
    const binding = this.#bindings.get(keyOf(stored));
    if (!binding) return;
    this.#bindings.delete(keyOf(stored));
    for (const subject of binding.subjects ?? []) {
      const place = this.#placeOf(subject, binding.namespace);
      const present = place?.index.get(place.name);
      present?.delete(binding);
      if (present?.size === 0) place?.index.delete(place.name);
    }
  }

  bindingsOf(user: User): Set<Binding> {
    const found = new Set(this.#users.get(user.name));
    for (const group of user.groups) for (const binding of this.#groups.get(group) ?? []) found.add(binding);
    return found;
  }

  #placeOf(subject: Subject, namespace: string): { index: Map<string, Set<Binding>>; name: string } | undefined {
    if (subject.kind === 'User') return { index: this.#users, name: subject.name };
    if (subject.kind === 'Group') return { index: this.#groups, name: subject.name };
    if (subject.kind !== 'ServiceAccount') return undefined;
    const home = subject.namespace ?? namespace;
    return home === '' ? undefined : { index: this.#users, name: `system:serviceaccount:${home}:${subject.name}` };
  }
}

function keyOf(binding: ClusterRoleBinding | RoleBinding): string {
  return `${binding.metadata.namespace ?? ''}/${binding.metadata.name ?? ''}`;
}
