import type { AnyObject, KubeObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import { ApiError, isApiError } from '../../api/status.ts';
import { typeOfKind } from '../../api/type-lookup.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client, DeleteOptions, ObjectName, Patch, Resource, WriteOptions } from '../../client/client.ts';
import { encodeJson } from '../charts/functions/json.ts';
import { type Applied, ApplyError } from './errors.ts';
import { identityOf, sortByKind } from './order.ts';
import { resourceApiVersion, type ResourceMapper } from './resource-mapper.ts';
import { applyOnServer, type ServerSide } from './server-side.ts';
import { mergeThreeWayPatch, strategicThreeWayPatch } from './three-way-patch.ts';
import { waitForObjects } from './wait.ts';
import { lastAppliedAnnotation } from '../../api/well-known.ts';

/** Where and how objects are applied. */
export interface ApplyContext {
  client: Client;
  mapper: ResourceMapper;
  clock: Clock;
  /** Of namespaced objects that name none. */
  namespace: string;
  /** The server checks and answers as if, and nothing changes. */
  dryRun?: boolean;
  fieldManager?: string;
  /** By server-side apply instead of three-way patches: what was applied the last time does not count then. */
  serverSide?: ServerSide;
  fieldValidation?: WriteOptions['fieldValidation'];
  signal?: AbortSignal;
}

export interface ApplyObjectOptions {
  /** What was applied the last time; `annotation`: as kubectl keeps it, which is then kept up as well. */
  lastApplied?: KubeObject | 'annotation' | undefined;
  /** Throws when the object that is there must not be touched: it belongs to somebody else. */
  checkOwner?: (live: KubeObject) => void;
  /** Replace the object (PUT) instead of patching it. */
  replace?: boolean;
}

/** kubectl's annotation with what it applied last. */

/** Objects of one kind go out side by side, this many at a time. */
const parallel = 8;
const definitionTimeoutMs = 60_000;

/** Creates an object, or brings the one that is there to what is wanted by a three-way patch. */
export async function applyObject(
  context: ApplyContext,
  given: KubeObject,
  options: ApplyObjectOptions = {},
): Promise<Applied> {
  const resource = await context.mapper.resourceOf(given.apiVersion ?? '', given.kind ?? '');
  const base = placed(given, resource, context.namespace);
  const wanted = options.lastApplied === 'annotation' ? withLastApplied(base) : base;
  const name = nameOf(wanted);
  const live = await getLive(context, resource, name);
  if (live) options.checkOwner?.(live);
  if (context.serverSide && name.name !== '' && !(live && options.replace)) {
    return serverSideApplied(context, { resource, name, wanted: base, live });
  }
  if (!live) {
    const object = await context.client.create(resource, wanted, writeOptions(context));
    return { action: 'created', resource, name: nameOf(object), object };
  }
  const change = options.replace
    ? await replaceLive(context, { resource, wanted, live })
    : await patchLive(context, { resource, wanted, live, lastApplied: lastAppliedOf(live, options) });
  const isSame = change.metadata.resourceVersion === live.metadata.resourceVersion;
  return { action: isSame ? 'unchanged' : 'configured', resource, name, object: change };
}

async function serverSideApplied(
  { client, serverSide, fieldManager = 'timonel', dryRun = false, signal }: ApplyContext,
  target: { resource: Resource; name: ObjectName; wanted: KubeObject; live: KubeObject | undefined },
): Promise<Applied> {
  const { resource, name, live } = target;
  const how = { force: serverSide?.force ?? false, fieldManager, dryRun, ...(signal && { signal }) };
  const object = await applyOnServer(client, { ...target, ...how });
  const isSame = object.metadata.resourceVersion === live?.metadata.resourceVersion;
  return { action: live ? (isSame ? 'unchanged' : 'configured') : 'created', resource, name, object };
}

/** Deletes an object; undefined when there is none, or none of a kind that is still served. */
export async function removeObject(
  context: ApplyContext,
  object: KubeObject,
  options: Pick<DeleteOptions, 'propagationPolicy' | 'gracePeriodSeconds'> = {},
): Promise<Applied | undefined> {
  const resource = await context.mapper.servedResourceOf(object.apiVersion ?? '', object.kind ?? '');
  if (!resource) return undefined;
  const name = nameOf(placed(object, resource, context.namespace));
  try {
    await context.client.delete(resource, name, {
      propagationPolicy: 'Background',
      ...options,
      ...writeOptions(context),
    });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
  return { action: 'deleted', resource, name, object };
}

export interface ApplySetOptions {
  /** The base of an object's three-way patch. Default: kubectl's annotation. */
  lastApplied?: (wanted: KubeObject) => KubeObject | undefined;
  checkOwner?: (live: KubeObject) => void;
  replace?: boolean;
  /** What is not in the set any more goes: of these objects, or of all with these labels in the set's namespaces. */
  prune?: { objects: readonly KubeObject[] } | { labelSelector: string };
  /** Told of each object as it is done. */
  onApplied?: (applied: Applied) => void;
}

/**
 * Applies objects in the order of their kinds (`order.ts`), those of one kind side by side, and waits for definitions
 * before what they define. Rejects with {@link ApplyError} at the first kind that fails.
 */
export async function applySet(
  context: ApplyContext,
  objects: readonly KubeObject[],
  options: ApplySetOptions = {},
): Promise<Applied[]> {
  const results: Applied[] = [];
  const report = (applied: Applied): void => {
    results.push(applied);
    options.onApplied?.(applied);
  };
  const sorted = sortByKind(objects, ({ kind = '' }) => kind, 'install');
  for (const group of groupsOfKind(sorted)) {
    await inParallel(group, results, async (object) => {
      const lastApplied = options.lastApplied ? options.lastApplied(object) : ('annotation' as const);
      report(await applyObject(context, object, { ...options, lastApplied }));
    });
    if (group[0]?.kind === 'CustomResourceDefinition' && !context.dryRun) await established(context, results);
  }
  if (options.prune) {
    const gone = await pruned(context, { ...options.prune, kept: results });
    const last = sortByKind(gone, ({ kind = '' }) => kind, 'uninstall');
    for (const group of groupsOfKind(last)) {
      await inParallel(group, results, async (object) => {
        const removed = await removeObject(context, object);
        if (removed) report(removed);
      });
    }
  }
  return results;
}

async function established(context: ApplyContext, results: readonly Applied[]): Promise<void> {
  const { client, clock, signal } = context;
  const targets = results.filter(({ resource }) => resource.kind === 'CustomResourceDefinition');
  await waitForObjects({ client, clock, targets, timeoutMs: definitionTimeoutMs, ...(signal && { signal }) });
  context.mapper.invalidate();
}

function groupsOfKind<T extends KubeObject>(sorted: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (const object of sorted) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === object.kind) last?.push(object);
    else groups.push([object]);
  }
  return groups;
}

async function inParallel<T extends KubeObject>(
  objects: readonly T[],
  done: readonly Applied[],
  work: (object: T) => Promise<void>,
): Promise<void> {
  const queue = [...objects];
  let failure: { object: T; error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let object = queue.shift(); object && !failure; object = queue.shift()) {
      try {
        await work(object);
      } catch (error) {
        failure ??= { object, error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, objects.length) }, worker));
  if (failure) throw new ApplyError(describeApplyFailure(failure.object, failure.error), done, failure.error);
}

/** `Deployment web: …`. What a server says about a Secret may quote it: only the fields are told. */
export function describeApplyFailure(object: KubeObject, error: unknown): string {
  const name = `${object.kind} ${object.metadata.name ?? object.metadata.generateName ?? ''}`;
  if (object.kind === 'Secret' && error instanceof ApiError && isQuoting(error)) {
    const fields = error.status.details?.causes?.map(({ field }) => field).filter(Boolean) ?? [];
    return `${name}: the server does not accept it (${error.reason ?? error.code})${fields.length > 0 ? `: ${fields.join(', ')}` : ''}`;
  }
  return `${name}: ${error instanceof Error ? error.message : String(error)}`;
}

function isQuoting(error: ApiError): boolean {
  return error.code === 400 || error.code === 422 || error.code >= 500;
}

async function pruned(
  context: ApplyContext,
  from: { kept: readonly Applied[] } & ({ objects: readonly KubeObject[] } | { labelSelector: string }),
): Promise<KubeObject[]> {
  const identity = (object: KubeObject, resource: Resource): string =>
    identityOf(placed(object, resource, context.namespace));
  const kept = new Set(from.kept.map(({ object, resource }) => identity(typed(object, resource), resource)));
  if ('objects' in from) {
    const found = await Promise.all(
      from.objects.map(async (object) => {
        const resource = await context.mapper.servedResourceOf(object.apiVersion ?? '', object.kind ?? '');
        if (!resource) return [];
        const served = { ...object, apiVersion: resourceApiVersion(resource) };
        return kept.has(identity(served, resource)) ? [] : [served];
      }),
    );
    return found.flat();
  }
  const namespaces = new Set(from.kept.map(({ name }) => name.namespace ?? context.namespace));
  const resources = (await context.mapper.listableResources()).filter(isPrunable);
  const lists = await Promise.all(
    resources.flatMap((resource) =>
      (resource.namespaced ? [...namespaces] : [undefined]).map(async (namespace) => {
        const { items } = await context.client.list(resource, {
          ...(namespace !== undefined && { namespace }),
          labelSelector: from.labelSelector,
        });
        return items.filter((item) => !item.metadata.ownerReferences?.length).map((item) => typed(item, resource));
      }),
    ),
  );
  return lists.flat().filter((object) => !kept.has(identityOf(object)));
}

/** What controllers and nodes make for themselves is never anybody's manifest. */
function isPrunable({ kind, group }: Resource): boolean {
  return !['Event', 'Endpoints', 'EndpointSlice', 'Node', 'Lease'].includes(kind) && group !== 'metrics.k8s.io';
}

function typed(object: KubeObject, resource: Resource): KubeObject {
  return { apiVersion: resourceApiVersion(resource), kind: resource.kind, ...object };
}

/** The object with its namespace, where its kind has one. */
function placed(object: KubeObject, { namespaced }: Resource, namespace: string): KubeObject {
  const { namespace: own, ...metadata } = object.metadata;
  return { ...object, metadata: namespaced ? { ...metadata, namespace: own || namespace } : metadata };
}

function nameOf({ metadata }: KubeObject): ObjectName {
  return { name: metadata.name ?? '', ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) };
}

async function getLive(context: ApplyContext, resource: Resource, name: ObjectName): Promise<KubeObject | undefined> {
  // With generateName every object is a new one.
  if (name.name === '') return undefined;
  try {
    return await context.client.get(resource, name, context.signal && { signal: context.signal });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

function lastAppliedOf(live: KubeObject, { lastApplied }: ApplyObjectOptions): unknown {
  if (lastApplied !== 'annotation') return lastApplied;
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function withLastApplied(wanted: KubeObject): KubeObject {
  const annotations = { ...wanted.metadata.annotations };
  delete annotations[lastAppliedAnnotation];
  // As kubectl writes it, keys in order: who uses both tools sees no change where there is none.
  const text = `${encodeJson({ ...wanted, metadata: { ...wanted.metadata, annotations } })}\n`;
  return {
    ...wanted,
    metadata: { ...wanted.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } },
  };
}

interface Change {
  resource: Resource;
  wanted: KubeObject;
  live: KubeObject;
}

async function patchLive(
  context: ApplyContext,
  { resource, wanted, live, lastApplied }: Change & { lastApplied: unknown },
): Promise<KubeObject> {
  const three = { lastApplied: withoutStatus(lastApplied), live, wanted: withoutStatus(wanted) };
  const type = typeOfKind(wanted.apiVersion ?? '', wanted.kind ?? '');
  const document = type ? strategicThreeWayPatch(three, type) : mergeThreeWayPatch(three);
  if (!document) return live;
  const patch: Patch = { kind: type ? 'strategic' : 'merge', document };
  return context.client.patch(resource, nameOf(wanted), patch, writeOptions(context));
}

/** A manifest's status is nobody's wish, and what the server keeps in the metadata cannot be set. */
function withoutStatus(object: unknown): AnyObject | undefined {
  if (!isJsonObject(object)) return undefined;
  const { status, ...rest } = object as AnyObject;
  const { resourceVersion, uid, creationTimestamp, generation, managedFields, ...metadata } = rest.metadata ?? {};
  void [status, resourceVersion, uid, creationTimestamp, generation, managedFields];
  return { ...rest, metadata };
}

async function replaceLive(context: ApplyContext, { resource, wanted, live }: Change): Promise<KubeObject> {
  const { resourceVersion } = live.metadata;
  const metadata = { ...wanted.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
  return context.client.update(resource, { ...wanted, metadata }, writeOptions(context));
}

function writeOptions({ dryRun, fieldManager, fieldValidation, signal }: ApplyContext): WriteOptions {
  return {
    ...(dryRun && { dryRun }),
    ...(fieldManager !== undefined && { fieldManager }),
    ...(fieldValidation && { fieldValidation }),
    ...(signal && { signal }),
  };
}
