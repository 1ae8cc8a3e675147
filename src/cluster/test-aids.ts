import { parseAllDocuments } from 'yaml';
import { kinds } from '../api/kinds.ts';
import { type AnyObject, type KubeObject, parseApiVersion } from '../api/object.ts';
import { isApiError } from '../api/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Client, ObjectName, Resource } from '../client/client.ts';

/** Creates the objects of a manifest (YAML or JSON, one or many documents, Lists), or merges them into those there. */
export async function applyManifest(client: Client, manifest: string): Promise<KubeObject[]> {
  const applied: KubeObject[] = [];
  for (const object of objectsOf(manifest)) applied.push(await applyObject(client, object));
  return applied;
}

function objectsOf(manifest: string): AnyObject[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const object = document.toJS() as AnyObject | null;
    if (!object) return [];
    return object.kind === 'List' ? (object['items'] as AnyObject[]) : [object];
  });
}

async function applyObject(client: Client, object: AnyObject): Promise<KubeObject> {
  const { group, version } = parseApiVersion(object.apiVersion ?? '');
  const kind = kinds.find((known) => known.kind === object.kind && servedGroups(known).includes(group));
  const { name } = object.metadata ?? {};
  if (!kind || !name)
    throw new Error(`a manifest names ${object.apiVersion} ${object.kind} ${name}: not a known object`);
  const namespaced = kind.scope === 'Namespaced';
  const resource: Resource = { group, version, plural: kind.plural, kind: kind.kind, namespaced };
  const metadata = { ...object.metadata, ...(namespaced && { namespace: object.metadata.namespace ?? 'default' }) };
  const wanted = { ...object, metadata };
  try {
    return await client.create(resource, wanted);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    return client.patch(resource, { name, ...metadata }, { kind: 'strategic', document: wanted });
  }
}

function servedGroups({ group, versions }: (typeof kinds)[number]): string[] {
  return [group, ...versions.map((version) => version.group)];
}

/**
 * The object, once `holds` says so of it; of one that does not exist `holds` is told undefined. Follows a watch and
 * never polls. Rejects after `timeoutMs` of the cluster's clock with what the object was last.
 */
export async function waitForObject<T extends KubeObject>(options: {
  client: Client;
  clock: Clock;
  resource: Resource<T>;
  name: ObjectName;
  holds: (object: T | undefined) => boolean;
  timeoutMs: number;
}): Promise<T | undefined> {
  const { client, clock, resource, name, holds, timeoutMs } = options;
  const abort = new AbortController();
  const cancel = clock.setTimer(timeoutMs, () => abort.abort());
  const selection = {
    ...(name.namespace !== undefined && { namespace: name.namespace }),
    fieldSelector: `metadata.name=${name.name}`,
    signal: abort.signal,
  };
  let last: T | undefined;
  try {
    while (!abort.signal.aborted) {
      const { items, metadata } = await client.list(resource, selection);
      [last] = items;
      if (holds(last)) return last;
      const { resourceVersion = '' } = metadata;
      for await (const event of client.watch(resource, { ...selection, resourceVersion })) {
        if (event.type === 'ERROR') break;
        if (event.type === 'BOOKMARK') continue;
        last = event.type === 'DELETED' ? undefined : event.object;
        if (holds(last)) return last;
      }
    }
    throw new Error(`${resource.plural} ${name.name} did not come to that in ${timeoutMs} ms: ${JSON.stringify(last)}`);
  } finally {
    cancel();
    abort.abort();
  }
}
