import type { KubeObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import type { Client, ObjectName, Resource } from '../../client/client.ts';
import { objectPath } from '../../client/request-path.ts';

/** Server-side apply (Kubernetes documentation, "Server-Side Apply"): the server keeps who owns which field. */
export interface ServerSide {
  /** Take over fields that others own; else that is a conflict (409), which names them. */
  force: boolean;
}

interface Application extends ServerSide {
  resource: Resource;
  name: ObjectName;
  wanted: KubeObject;
  /** The object as it is; undefined when there is none. */
  live: KubeObject | undefined;
  fieldManager: string;
  dryRun: boolean;
  signal?: AbortSignal;
}

/** Creates or changes an object by server-side apply. */
export async function applyOnServer(client: Client, application: Application): Promise<KubeObject> {
  const { resource, name, wanted, live, fieldManager, force, dryRun, signal } = application;
  if (live && !dryRun) await takeOverUpdates(client, { resource, name, live, fieldManager });
  const query = new URLSearchParams({
    ...{ fieldManager, fieldValidation: 'Ignore' },
    ...(force && { force: 'true' }),
    ...(dryRun && { dryRun: 'All' }),
  });
  const answer = await client.raw('PATCH', `${objectPath(resource, name)}?${query.toString()}`, wanted, {
    contentType: 'application/apply-patch+yaml',
    ...(signal && { signal }),
  });
  return answer as KubeObject;
}

interface FieldsEntry {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: unknown;
}

/**
 * Fields that the manager set by patches before belong to it as an updater: they would stand against its own applying,
 * and stay when they are not wanted any more. They become the applier's (client-go does the same, package csaupgrade).
 */
async function takeOverUpdates(
  client: Client,
  {
    resource,
    name,
    live,
    fieldManager,
  }: Pick<Application, 'resource' | 'name' | 'fieldManager'> & { live: KubeObject },
): Promise<void> {
  const { metadata } = live;
  const entries = (metadata.managedFields ?? []) as FieldsEntry[];
  const isOwn = ({ manager, subresource }: FieldsEntry): boolean => manager === fieldManager && !subresource;
  const updates = entries.filter((entry) => isOwn(entry) && entry.operation === 'Update');
  if (updates.length === 0) return;
  const applied = entries.find((entry) => isOwn(entry) && entry.operation === 'Apply');
  const fieldsV1 = [...updates, ...(applied ? [applied] : [])]
    .map((entry) => entry.fieldsV1)
    .reduce((all, fields) => union(all, fields));
  const kept = entries.filter((entry) => !updates.includes(entry) && entry !== applied);
  const merged = { ...(applied ?? updates[0]), operation: 'Apply', fieldsV1 };
  const operations = [
    { op: 'replace', path: '/metadata/managedFields', value: [...kept, merged] },
    // Nobody else may have written meanwhile.
    { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
  ];
  await client.patch(resource, name, { kind: 'json', operations }, { fieldManager });
}

/** Both sets of fields (fieldsV1: objects in objects). */
function union(a: unknown, b: unknown): unknown {
  if (!isJsonObject(a) || !isJsonObject(b)) return isJsonObject(a) ? a : (b ?? {});
  const both: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) both[key] = key in both ? union(both[key], value) : value;
  return both;
}
