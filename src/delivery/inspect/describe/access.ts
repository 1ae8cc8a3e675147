import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '../../../api/types/rbac-v1.ts';
import { annotationLines, labelLines, type Lines } from './fields.ts';

/** What a role allows, resource by resource. */
export function roleLines({ metadata, rules = [] }: Role | ClusterRole): Lines {
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    'PolicyRule:',
    '  Resources\tNon-Resource URLs\tResource Names\tVerbs',
    '  ---------\t-----------------\t--------------\t-----',
    ...ruleRows(rules ?? []).map((row) => `  ${row.join('\t')}`),
  ];
}

/** Rules as kubectl shows them, a row for each resource and path: resource, paths, names, verbs. */
export function ruleRows(rules: readonly PolicyRule[]): string[][] {
  const text = (list: readonly string[]): string => `[${list.join(' ')}]`;
  return compacted(rules.flatMap(brokenDown))
    .map((rule) => ({ rule, key: sortKey(rule) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ rule: { resource, urls, names, verbs } }) => [resource, text(urls), text(names), text(verbs)]);
}

/** A rule about one resource (and one name), or one path. */
interface Simple {
  group: string;
  plural: string;
  resource: string;
  urls: string[];
  names: string[];
  verbs: string[];
}

function brokenDown({ apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs }: PolicyRule) {
  const ofResources = apiGroups.flatMap((group) =>
    resources.flatMap((plural): Simple[] => {
      const one = { group, plural, resource: shownResource(plural, group), urls: [], verbs: [...verbs] };
      return resourceNames.length === 0
        ? [{ ...one, names: [] }]
        : resourceNames.map((name) => ({ ...one, names: [name] }));
    }),
  );
  const ofPaths = nonResourceURLs.map((url): Simple => ({
    group: '',
    plural: '',
    resource: '',
    urls: [url],
    names: [],
    verbs: [...verbs],
  }));
  return [...ofResources, ...ofPaths];
}

/** `deployments.apps/scale`. */
function shownResource(plural: string, group: string): string {
  const [resource = '', ...subresource] = plural.split('/');
  return [group ? `${resource}.${group}` : resource, ...subresource].join('/');
}

/** Verbs on the same resource come together; rules about paths stay as they are. */
function compacted(rules: readonly Simple[]): Simple[] {
  const byThing = new Map<string, Simple>();
  for (const [i, rule] of rules.entries()) {
    const key = JSON.stringify(rule.urls.length > 0 ? i : [rule.group, rule.plural, rule.names]);
    const known = byThing.get(key);
    if (!known) byThing.set(key, rule);
    else known.verbs.push(...rule.verbs.filter((verb) => !known.verbs.includes(verb)));
  }
  return [...byThing.values()];
}

/** kubectl sorts rules by how Go prints them: verbs come first there. */
function sortKey({ group, plural, urls, names, verbs }: Simple): string {
  const isPath = urls.length > 0;
  const text = (list: readonly string[]): string => `[${list.join(' ')}]`;
  const resource = [text(isPath ? [] : [group]), text(isPath ? [] : [plural])];
  return [text(verbs), ...resource, text(names), text(urls)].join(',');
}

export function bindingLines({ metadata, roleRef, subjects = [] }: RoleBinding | ClusterRoleBinding): Lines {
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    'Role:',
    `  Kind:\t${roleRef.kind}`,
    `  Name:\t${roleRef.name}`,
    'Subjects:',
    '  Kind\tName\tNamespace',
    '  ----\t----\t---------',
    ...(subjects ?? []).map(({ kind, name, namespace = '' }) => `  ${kind}\t${name}\t${namespace}`),
  ];
}
