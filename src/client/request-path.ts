import type { ListOptions, ObjectName, Resource, WatchOptions, WriteOptions } from './client.ts';

/** URLs of the Kubernetes API, made from what the Client interface says. Pure. */

export function collectionPath(
  { group, version, plural, namespaced }: Resource,
  namespace: string | undefined,
): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${scope}/${plural}`;
}

export function objectPath(resource: Resource, { name, namespace }: ObjectName, subresource?: string): string {
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

export function listQuery(options: ListOptions): string {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options;
  return query({
    labelSelector,
    fieldSelector,
    limit,
    continue: options.continue,
    resourceVersion,
    resourceVersionMatch,
  });
}

export function watchQuery(options: WatchOptions): string {
  const { labelSelector, fieldSelector, resourceVersion, resourceVersionMatch, allowBookmarks, timeoutSeconds } =
    options;
  return query({
    ...{ watch: true, labelSelector, fieldSelector, resourceVersion, resourceVersionMatch, timeoutSeconds },
    allowWatchBookmarks: allowBookmarks || undefined,
  });
}

export function writeQuery({ dryRun, fieldManager, fieldValidation }: WriteOptions): string {
  return query({ dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation });
}

export const patchMediaType = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

function query(parameters: Record<string, string | number | boolean | undefined>): string {
  const set = Object.entries(parameters).flatMap(([key, value]): [string, string][] =>
    value === undefined || value === '' ? [] : [[key, String(value)]],
  );
  return set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`;
}
