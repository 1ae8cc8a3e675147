import type { Client, Resource } from '../client/client.ts';
import type { APIGroupList, APIResourceList } from '../api/types/meta-v1.ts';
import { parseApiVersion } from '../api/object.ts';

/** A kind as the server serves it. */
export interface ServedKind {
  resource: Resource;
  verbs: readonly string[];
}

export interface Discovered {
  kinds: ServedKind[];
  /** By `apiVersion/kind`, for every version that is served: owner references may name any. */
  byKind: ReadonlyMap<string, Resource>;
  /** Group versions that could not be asked, with the reason: an aggregated server that is down. */
  failures: { groupVersion: string; message: string }[];
}

/** Every kind the server has, each once, in its group's preferred version (or the first that has it). */
export async function discoverKinds(client: Client): Promise<Discovered> {
  const groups = (await client.raw('GET', '/apis')) as APIGroupList;
  const versions = groups.groups.flatMap((group) => {
    const preferred = group.preferredVersion?.groupVersion;
    const all = group.versions.map((version) => version.groupVersion);
    return all.toSorted((a, b) => Number(b === preferred) - Number(a === preferred));
  });
  const lists = await Promise.all(['v1', ...versions].map((groupVersion) => resourcesOf(client, groupVersion)));
  const kinds = new Map<string, ServedKind>();
  const byKind = new Map<string, Resource>();
  const failures: Discovered['failures'] = [];
  for (const list of lists) {
    if (list.message !== undefined) failures.push({ groupVersion: list.groupVersion, message: list.message });
    for (const kind of list.kinds) {
      byKind.set(`${list.groupVersion}/${kind.resource.kind}`, kind.resource);
      const key = `${kind.resource.group}/${kind.resource.plural}`;
      if (!kinds.has(key)) kinds.set(key, kind);
    }
  }
  return { kinds: [...kinds.values()], byKind, failures };
}

interface VersionKinds {
  groupVersion: string;
  kinds: ServedKind[];
  message?: string;
}

async function resourcesOf(client: Client, groupVersion: string): Promise<VersionKinds> {
  const { group, version } = parseApiVersion(groupVersion);
  const path = group === '' ? `/api/${version}` : `/apis/${groupVersion}`;
  try {
    const list = (await client.raw('GET', path)) as APIResourceList;
    const kinds = list.resources
      .filter((resource) => !resource.name.includes('/'))
      .map(({ name, kind, namespaced, verbs }) => ({
        resource: { group, version, plural: name, kind, namespaced },
        verbs,
      }));
    return { groupVersion, kinds };
  } catch (error) {
    return { groupVersion, kinds: [], message: error instanceof Error ? error.message : String(error) };
  }
}
