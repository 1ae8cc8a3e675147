import { createHash } from 'node:crypto';
import type { Verb } from '../api/kind.ts';
import type { APIGroup, APIResource } from '../api/types/meta-v1.ts';
import type { KindIndex, Served } from './kind-index.ts';

/** Groups in the order in which clients that find a kind in several prefer them; others follow by name. */
const groupOrder = [
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'resource.k8s.io',
];
/** Long gone upstream: kinds are found here only by those who ask for the group. */
const lastGroup = 'extensions';

const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** A group and its versions, the preferred one first. */
export interface GroupInfo {
  name: string;
  versions: string[];
}

/** Named groups, without the core group. */
export function groupsOf(kinds: KindIndex): GroupInfo[] {
  const versions = new Map<string, Set<string>>();
  for (const { version } of kinds.all) {
    if (version.group === '') continue;
    let known = versions.get(version.group);
    if (!known) versions.set(version.group, (known = new Set()));
    known.add(version.version);
  }
  return [...versions]
    .map(([name, known]) => ({ name, versions: [...known].toSorted(compareVersions) }))
    .toSorted((a, b) => rankOf(a.name) - rankOf(b.name) || (a.name < b.name ? -1 : 1));
}

function rankOf(group: string): number {
  const rank = groupOrder.indexOf(group);
  if (rank >= 0) return rank;
  return group === lastGroup ? groupOrder.length + 1 : groupOrder.length;
}

/** Stable before beta before alpha, newer before older (apimachinery's version priority). */
function compareVersions(a: string, b: string): number {
  const weight = (version: string): number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return [0, 0, 0];
    const stage = match[2] === 'alpha' ? 1 : match[2] === 'beta' ? 2 : 3;
    return [stage, Number(match[1]), Number(match[3] ?? 0)];
  };
  const left = weight(a);
  const right = weight(b);
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return (right[i] as number) - (left[i] as number);
  return 0;
}

export function apiGroup({ name, versions }: GroupInfo): APIGroup {
  const list = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: list, ...(list[0] && { preferredVersion: list[0] }) };
}

/** The kinds of one group and version, by plural. */
function servedIn(kinds: KindIndex, group: string, version: string): Served[] {
  return kinds.all
    .filter((served) => served.version.group === group && served.version.version === version)
    .toSorted((a, b) => (a.kind.plural < b.kind.plural ? -1 : 1));
}

/** Entries of an APIResourceList, subresources after their kind. */
export function apiResources(kinds: KindIndex, group: string, version: string): APIResource[] {
  return servedIn(kinds, group, version).flatMap((served) => [mainResource(served), ...subresources(served)]);
}

function mainResource(served: Served): APIResource {
  const { kind } = served;
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.scope === 'Namespaced',
    kind: kind.kind,
    verbs: [...(kind.verbs ?? allVerbs)],
    ...nicknames(served),
    ...(!served.isVirtual && { storageVersionHash: storageHash(served) }),
  };
}

/** What `kubectl get deploy` and `kubectl get all` mean is today's group, not the one that the kind came from. */
function nicknames({
  kind,
  version,
}: Pick<Served, 'kind' | 'version'>): Pick<APIResource, 'shortNames' | 'categories'> {
  if (version.group === lastGroup) return {};
  return {
    ...(kind.shortNames && { shortNames: [...kind.shortNames] }),
    ...(kind.categories && { categories: [...kind.categories] }),
  };
}

function subresources({ kind }: Served): APIResource[] {
  return (kind.subresources ?? []).map((subresource) => ({
    name: `${kind.plural}/${subresource.name}`,
    singularName: '',
    namespaced: kind.scope === 'Namespaced',
    ...(subresource.group !== undefined && { group: subresource.group }),
    ...(subresource.version !== undefined && { version: subresource.version }),
    kind: subresource.kind ?? kind.kind,
    verbs: [...subresource.verbs],
  }));
}

/** Tells storage migrators that the stored version changed. */
function storageHash({ kind, storageApiVersion }: Served): string {
  const text = `${storageApiVersion.includes('/') ? '' : '/'}${storageApiVersion}/${kind.kind}`;
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64');
}

/** apidiscovery.k8s.io APIGroupDiscoveryList (KEP-3352): everything in one document. */
export function aggregatedDiscovery(kinds: KindIndex, groups: readonly GroupInfo[], version: string): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: { name, creationTimestamp: null },
      versions: versions.map((groupVersion) => ({
        version: groupVersion,
        resources: servedIn(kinds, name, groupVersion).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource({ kind, version }: Served): object {
  const gvk = (group: string, v: string, name: string): object => ({ group, version: v, kind: name });
  return {
    resource: kind.plural,
    responseKind: gvk(version.group, version.version, kind.kind),
    scope: kind.scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs ?? allVerbs,
    ...nicknames({ kind, version }),
    ...(kind.subresources && {
      subresources: kind.subresources.map((sub) => ({
        subresource: sub.name,
        responseKind: gvk(sub.group ?? version.group, sub.version ?? version.version, sub.kind ?? kind.kind),
        verbs: sub.verbs,
      })),
    }),
  };
}
