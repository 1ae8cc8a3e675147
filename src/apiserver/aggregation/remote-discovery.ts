import type { APIResource } from '../../api/types/meta-v1.ts';

/** A version of a group that an extension server serves. */
export interface RemoteVersion {
  group: string;
  version: string;
  groupPriority: number;
  versionPriority: number;
  isAvailable: boolean;
  /** What it serves, as it said last. */
  resources: readonly APIResource[];
}

/** The version in a document of aggregated discovery (KEP-3352). */
export function remoteDiscovery({ group, version, isAvailable, resources }: RemoteVersion): object {
  const kindOf = (resource: APIResource): object => ({
    group: resource.group || group,
    version: resource.version || version,
    kind: resource.kind,
  });
  const partsOf = ({ name }: APIResource): APIResource[] => {
    return resources.filter((other) => other.name.startsWith(`${name}/`));
  };
  const described = resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const { name, namespaced, singularName, verbs, shortNames, categories } = resource;
      const subresources = partsOf(resource).map((part) => ({
        subresource: part.name.slice(name.length + 1),
        responseKind: kindOf(part),
        verbs: part.verbs,
      }));
      return {
        ...{ resource: name, responseKind: kindOf(resource), scope: namespaced ? 'Namespaced' : 'Cluster' },
        ...{ singularResource: singularName, verbs },
        ...(shortNames && { shortNames }),
        ...(categories && { categories }),
        ...(subresources.length > 0 && { subresources }),
      };
    });
  return { version, resources: described, freshness: isAvailable ? 'Current' : 'Stale' };
}
