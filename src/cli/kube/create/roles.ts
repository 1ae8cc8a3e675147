import type { PolicyRule, RoleRef } from '../../../api/types/rbac-v1.ts';
import type { Resource } from '../../../client/client.ts';
import { CliError } from '../../errors.ts';
import type { ResourceFinder } from '../resource-finder.ts';
import { withKube } from '../session.ts';
import { wellKnown } from '../well-known.ts';
import { create, make, type MakeFlags, nameOf } from './make.ts';
import { subjectsOf, type SubjectWords } from './subjects.ts';

const group = 'rbac.authorization.k8s.io';

function rbac(plural: string, kind: string, namespaced: boolean): Resource {
  return { group, version: 'v1', plural, kind, namespaced };
}

export interface RoleFlags extends MakeFlags {
  verb?: string[];
  /** `TYPE[.GROUP][/SUBRESOURCE]` */
  resource?: string[];
  resourceName?: string[];
  nonResourceUrl?: string[];
  /** Labels of the cluster roles whose rules this one has. */
  aggregationRule?: string;
}

const resourceVerbs = new Set([
  ...['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  ...['use', 'bind', 'escalate', 'impersonate', '*'],
]);
const urlVerbs = ['get', 'put', 'post', 'head', 'options', 'delete', 'patch', '*'];
/** Verbs that mean something for these types only. */
const specialVerbs: Readonly<Record<string, readonly { group: string; resource: string }[]>> = {
  use: [
    { group: 'policy', resource: 'podsecuritypolicies' },
    { group: 'extensions', resource: 'podsecuritypolicies' },
  ],
  bind: [
    { group, resource: 'roles' },
    { group, resource: 'clusterroles' },
  ],
  escalate: [
    { group, resource: 'roles' },
    { group, resource: 'clusterroles' },
  ],
  impersonate: [
    { group: '', resource: 'users' },
    { group: '', resource: 'serviceaccounts' },
    { group: '', resource: 'groups' },
    { group: 'authentication.k8s.io', resource: 'userextras' },
  ],
};

export async function createRole(words: readonly string[], flags: RoleFlags): Promise<void> {
  const name = nameOf(words, 'role');
  const verbs = verbsOf(flags);
  if (verbs.length === 0) throw new CliError('at least one verb must be specified');
  if (!flags.resource?.length) throw new CliError('at least one resource must be specified');
  await withKube(flags, async (kube) => {
    const rules = await resourceRules(kube.finder, verbs, flags);
    await create(kube, rbac('roles', 'Role', true), { ...flags, verb: 'created' }, { metadata: { name }, rules });
  });
}

export async function createClusterRole(words: readonly string[], flags: RoleFlags): Promise<void> {
  const name = nameOf(words, 'clusterrole');
  const { resource = [], nonResourceUrl = [], resourceName = [], aggregationRule } = flags;
  const verbs = verbsOf(flags);
  const clusterRoles = rbac('clusterroles', 'ClusterRole', false);
  if (aggregationRule) {
    if (verbs.length + resource.length + nonResourceUrl.length + resourceName.length > 0) {
      throw new CliError(
        'aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames',
      );
    }
    const labels = aggregationRule.split(',').map((pair) => pair.split('=', 2) as [string, string]);
    const selectors = [{ matchLabels: Object.fromEntries(labels) }];
    const object = { metadata: { name }, aggregationRule: { clusterRoleSelectors: selectors }, rules: null };
    return make(flags, clusterRoles, object);
  }
  if (verbs.length === 0) throw new CliError('at least one verb must be specified');
  if (resource.length + nonResourceUrl.length === 0)
    throw new CliError('one of resource or nonResourceURL must be specified');
  for (const url of nonResourceUrl) requireUrl(url, verbs);
  await withKube(flags, async (kube) => {
    const rules: PolicyRule[] = [
      ...(resource.length > 0 ? await resourceRules(kube.finder, verbs, flags) : []),
      ...(nonResourceUrl.length > 0 ? [{ nonResourceURLs: nonResourceUrl, verbs }] : []),
    ];
    await create(kube, clusterRoles, { ...flags, verb: 'created' }, { metadata: { name }, rules });
  });
}

function requireUrl(url: string, verbs: readonly string[]): void {
  const wrong = verbs.find((verb) => !urlVerbs.includes(verb));
  if (wrong !== undefined) throw new CliError(`invalid verb: '${wrong}' for nonResourceURL`);
  if (!url.startsWith('/')) throw new CliError('nonResourceURL should start with /');
  const star = url.indexOf('*');
  if (star >= 0 && (star < url.length - 1 || !url.endsWith('/*')))
    throw new CliError('nonResourceURL only supports wildcard matches when it is at the end: /*');
}

/** Each once; with `*` among them that one alone. */
function verbsOf({ verb = [] }: RoleFlags): string[] {
  const verbs = [...new Set(verb)];
  return verbs.includes('*') ? ['*'] : verbs;
}

/** A rule for each group. */
async function resourceRules(
  finder: ResourceFinder,
  verbs: string[],
  { resource = [], resourceName = [] }: RoleFlags,
): Promise<PolicyRule[]> {
  const byGroup = new Map<string, string[]>();
  for (const word of new Set(resource)) {
    const { type, subresource } = divided(word);
    const found = await resourceAt(finder, type);
    warnOfVerbs(verbs, { word: type, ...found });
    const name = subresource ? `${found.plural}/${subresource}` : found.plural;
    byGroup.set(found.group, [...(byGroup.get(found.group) ?? []), name]);
  }
  return [...byGroup].map(([apiGroup, resources]) => ({
    ...{ apiGroups: [apiGroup], resources, verbs },
    ...(resourceName.length > 0 && { resourceNames: resourceName }),
  }));
}

function divided(word: string): { type: string; subresource: string } {
  const [type = '', subresource = ''] = word.split('/', 2);
  if (type === '' || type.startsWith('.'))
    throw new CliError('resource must be specified if apiGroup/subresource specified');
  return { type, subresource };
}

async function resourceAt(finder: ResourceFinder, word: string): Promise<{ plural: string; group: string }> {
  if (word === '*') return { plural: '*', group: '' };
  if (word.startsWith('*.')) return { plural: '*', group: word.slice(2) };
  const [found] = [wellKnown(word) ?? (await finder.find(word).catch(() => []))].flat();
  if (!found) throw new CliError(`the server doesn't have a resource type "${word.split('.')[0]}"`);
  return { plural: found.plural, group: found.group };
}

function warnOfVerbs(verbs: readonly string[], { word, group: own, plural }: Found): void {
  for (const verb of verbs) {
    if (!resourceVerbs.has(verb)) process.stderr.write(`Warning: '${verb}' is not a standard resource verb\n`);
    const fitting = specialVerbs[verb];
    if (fitting && !fitting.some((each) => each.group === own && each.resource === plural))
      throw new CliError(`can not perform '${verb}' on '${word}' in group '${own}'`);
  }
}

interface Found {
  word: string;
  group: string;
  plural: string;
}

export interface BindingFlags extends Omit<MakeFlags, 'user'>, SubjectWords {
  clusterrole?: string;
  role?: string;
}

export async function createRoleBinding(words: readonly string[], flags: BindingFlags): Promise<void> {
  const name = nameOf(words, 'rolebinding');
  const { clusterrole, role } = flags;
  if (Boolean(clusterrole) === Boolean(role))
    throw new CliError('exactly one of clusterrole or role must be specified');
  const roleRef = clusterrole ? reference('ClusterRole', clusterrole) : reference('Role', role ?? '');
  await bind(rbac('rolebindings', 'RoleBinding', true), { name, roleRef, flags });
}

export async function createClusterRoleBinding(
  words: readonly string[],
  flags: BindingFlags & { clusterrole: string },
): Promise<void> {
  const name = nameOf(words, 'clusterrolebinding');
  const roleRef = reference('ClusterRole', flags.clusterrole);
  await bind(rbac('clusterrolebindings', 'ClusterRoleBinding', false), { name, roleRef, flags });
}

function reference(kind: string, name: string): RoleRef {
  return { apiGroup: group, kind, name };
}

interface Binding {
  name: string;
  roleRef: RoleRef;
  flags: BindingFlags;
}

/** `--user` is a subject here, not a user of the kubeconfig. */
async function bind(resource: Resource, { name, roleRef, flags }: Binding): Promise<void> {
  const { user, group: groups, serviceaccount, ...others } = flags;
  const subjects = subjectsOf({
    ...(user && { user }),
    ...(groups && { group: groups }),
    ...(serviceaccount && { serviceaccount }),
  });
  await make(others, resource, { metadata: { name }, roleRef, ...(subjects.length > 0 && { subjects }) });
}
