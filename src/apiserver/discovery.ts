import { createHash } from 'node:crypto';
import type { Verb } from '../api/kind.ts';
import type { APIGroup, APIResource } from '../api/types/meta-v1.ts';
import { customPriority, groupPriorityOf, versionPriorityOf } from './aggregation/local-services.ts';
import { remoteDiscovery, type RemoteVersion } from './aggregation/remote-discovery.ts';
import type { KindIndex, Served } from './kind-index.ts';

/** Long gone upstream: kinds are found here only by those who ask for the group. */
const lastGroup = 'extensions';

const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** A group and its versions, the preferred one first. */
export interface GroupInfo {
  name: string;
  versions: string[];
}

/** This group has no APIService; it is the one that they are of. */
const registrationGroup = 'apiregistration.k8s.io';

/**
 * Named groups, without the core group, in the order in which clients that find a kind in several prefer them: ours and
 * those of extension servers by their priorities, equal ones by name.
 */
export function groupsOf(kinds: KindIndex, remote: readonly RemoteVersion[] = []): GroupInfo[] {
  const versions = new Map<string, Map<string, number>>();
  const rank = new Map<string, number>();
  const add = (group: string, version: string, priorities: { group: number; version: number }): void => {
    let known = versions.get(group);
    if (!known) versions.set(group, (known = new Map()));
    known.set(version, priorities.version);
    rank.set(group, Math.max(rank.get(group) ?? 0, priorities.group));
  };
  for (const { version: served } of kinds.all) {
    const { group, version, custom } = served;
    if (group === '') continue;
    add(group, version, {
      group: rankOf(group, custom !== undefined),
      version: versionPriorityOf(group, version, custom !== undefined),
    });
  }
  for (const { group, version, groupPriority, versionPriority } of remote) {
    add(group, version, { group: groupPriority, version: versionPriority });
  }
  return [...versions]
    .map(([name, known]) => ({
      name,
      versions: [...known].toSorted(([a, i], [b, j]) => j - i || compareVersions(a, b)).map(([version]) => version),
    }))
    .toSorted((a, b) => (rank.get(b.name) ?? 0) - (rank.get(a.name) ?? 0) || (a.name < b.name ? -1 : 1));
}

function rankOf(group: string, isCustom: boolean): number {
  if (group === registrationGroup) return Infinity;
  if (group === lastGroup) return 0;
  return isCustom ? customPriority.group : (groupPriorityOf(group) ?? customPriority.group);
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
export function aggregatedDiscovery(
  kinds: KindIndex,
  groups: readonly GroupInfo[],
  remote: readonly RemoteVersion[] = [],
): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: { name, creationTimestamp: null },
      versions: versions.map((groupVersion) => {
        const elsewhere = remote.find((each) => each.group === name && each.version === groupVersion);
        if (elsewhere) return remoteDiscovery(elsewhere);
        const resources = servedIn(kinds, name, groupVersion).map(aggregatedResource);
        return { version: groupVersion, resources, freshness: 'Current' };
      }),
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
