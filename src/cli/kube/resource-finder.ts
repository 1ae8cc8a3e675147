import type { APIGroupDiscoveryList, APIResourceDiscovery } from '../../api/types/apidiscovery-v2.ts';
import type { APIGroupList, APIResource, APIResourceList } from '../../api/types/meta-v1.ts';
import { isApiError } from '../../api/status.ts';
import type { Client, Resource } from '../../client/client.ts';
import { CliError } from '../errors.ts';
import { wellKnown } from './well-known.ts';

/** Finds kinds by what people type: `po`, `pods`, `deployments.apps`, `ingresses.v1.networking.k8s.io`, `all`. */
export interface ResourceFinder {
  /** Rejects with CliError when the server has no such type. Several for a category (`all`). */
  find(word: string): Promise<Resource[]>;
  /** Every type that the server has; `allVersions`: in each of its versions, not only in the best one. */
  all(options?: { allVersions?: boolean }): Promise<Served[]>;
}

export interface Served extends Resource {
  verbs: readonly string[];
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
}

const aggregated =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,' +
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

/** Asks the server only for what every Kubernetes does not have anyway. */
export function createResourceFinder(client: Client): ResourceFinder {
  let loading: Promise<Served[]> | undefined;
  return {
    async all({ allVersions = false } = {}) {
      loading ??= discover(client);
      return allVersions ? loading : newest(await loading);
    },
    async find(word) {
      const name = word.toLowerCase();
      const known = wellKnown(name);
      if (known) return [known];
      loading ??= discover(client);
      const served = await loading;
      const one = matching(served, name);
      if (one) return [one];
      const members = newest(served.filter(({ categories }) => categories.includes(name)));
      if (members.length > 0) return members;
      throw new CliError(`the server doesn't have a resource type "${name.split('.')[0]}"`);
    },
  };
}

/** Of each type the version that its group prefers. */
function newest(served: readonly Served[]): Served[] {
  const seen = new Set<string>();
  return served.filter(({ group, plural }) => seen.size < seen.add(`${plural}.${group}`).size);
}

/** `plural`, `plural.group` or `plural.version.group`; plural may be singular or short. Earlier groups come first. */
function matching(served: readonly Served[], name: string): Served | undefined {
  const [first = '', ...rest] = name.split('.');
  const candidates = served.filter(
    ({ plural, singular, shortNames }) => plural === first || singular === first || shortNames.includes(first),
  );
  if (rest.length === 0) {
    return candidates.find(({ plural, singular }) => plural === first || singular === first) ?? candidates[0];
  }
  const group = rest.join('.');
  const [version = '', ...groupRest] = rest;
  return (
    candidates.find((each) => each.group === group || each.group.startsWith(`${group}.`)) ??
    candidates.find((each) => each.version === version && each.group === groupRest.join('.'))
  );
}

async function discover(client: Client): Promise<Served[]> {
  const [core, groups] = await Promise.all(
    ['/api', '/apis'].map((path) => client.raw('GET', path, undefined, { accept: aggregated })),
  );
  if (isAggregated(core) && isAggregated(groups)) return [core, groups].flatMap(fromAggregated);
  const { groups: list } = groups as APIGroupList;
  const versions = ['v1', ...list.flatMap(({ preferredVersion }) => preferredVersion?.groupVersion ?? [])];
  return (await Promise.all(versions.map((version) => fromVersion(client, version)))).flat();
}

function isAggregated(answer: unknown): answer is APIGroupDiscoveryList {
  return (answer as { kind?: string }).kind === 'APIGroupDiscoveryList';
}

/** Versions come in the group's order of preference: of a kind in several, the first counts. */
function fromAggregated({ items }: APIGroupDiscoveryList): Served[] {
  return items.flatMap(({ metadata, versions = [] }) =>
    versions.flatMap(({ version = '', resources = [] }) =>
      resources.map((each) => servedOf(metadata.name ?? '', version, each)),
    ),
  );
}

function servedOf(group: string, version: string, each: APIResourceDiscovery): Served {
  const plural = each.resource ?? '';
  return {
    ...{ group: each.responseKind?.group || group, version, plural, kind: each.responseKind?.kind ?? '' },
    namespaced: each.scope === 'Namespaced',
    singular: each.singularResource ?? '',
    shortNames: each.shortNames ?? [],
    categories: each.categories ?? [],
    verbs: each.verbs ?? [],
  };
}

async function fromVersion(client: Client, groupVersion: string): Promise<Served[]> {
  const path = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
  const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
  try {
    const { resources } = (await client.raw('GET', path)) as APIResourceList;
    return resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, kind, namespaced, singularName, verbs, shortNames = [], categories = [] }: APIResource) => ({
        ...{ group: group ?? '', version: version ?? '', plural: name, kind, namespaced },
        singular: singularName || kind.toLowerCase(),
        ...{ shortNames, categories, verbs },
      }));
  } catch (error) {
    // A group whose own server is down must not keep everything else from working.
    if (isApiError(error)) return [];
    throw error;
  }
}

/** `pod/web`, `deployment.apps/web`: how kubectl names an object. */
export function shownName(resource: Pick<Resource, 'kind' | 'group'>, name: string): string {
  return `${shownType(resource)}/${name}`;
}

/** `v1`, `apps/v1`. */
export function shownGroupVersion({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group ? `${group}/${version}` : version;
}

/** `pod`, `deployment.apps`. */
export function shownType({ kind, group }: Pick<Resource, 'kind' | 'group'>): string {
  return `${kind.toLowerCase()}${group ? `.${group}` : ''}`;
}
