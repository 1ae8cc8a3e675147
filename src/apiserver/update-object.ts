import type { AnyObject } from '../api/object.ts';
import { jsonEquals } from '../api/plain-json.ts';
import { conflict, invalid, notFound } from '../api/status.ts';
import type { ApiError } from '../api/status.ts';
import type { Entry } from '../store/store.ts';
import { admissionRequest, mutate, validate } from './admit.ts';
import { storeFailure } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { findSubresource, qualifiedResource, storeKeyOf } from './kind-index.ts';
import { checkNames } from './object-body.ts';
import { isReserving, reclaim, reserve } from './reserve.ts';
import { managedOfUpdate } from './field-managers.ts';
import { decodedOf, encoder, managedTextOf, withManaged } from './stored-object.ts';
import { currentForm } from './webhooks/conversion.ts';
import { hasGeneration, ruleContext, validateUpdate } from './validate-object.ts';

const staleObject = 'the object has been modified; please apply your changes to the latest version and try again';

/** Subresources whose writes change nothing of what is wanted. */
const uncounted: ReadonlySet<string | undefined> = new Set(['status', 'binding']);

export interface UpdatePlan {
  dryRun: boolean;
  /** The object as it shall be, in the storage version, fresh for each attempt; `old` is frozen. Throws to give up. */
  change: (old: AnyObject, entry: Entry) => AnyObject | Promise<AnyObject>;
  /** The managed fields after the change, for one that settles them itself; `none` leaves them as they are. */
  managed?: (() => string) | 'none';
  /** Where the object does not exist; absent: 404. */
  create?: () => Promise<Outcome>;
  /** Admission was asked already, about an object of another kind that brings the change. */
  isAdmitted?: true;
  /** Attempts after the first when somebody else wrote in between; default: until it succeeds. */
  retries?: number;
}

/**
 * Reads, changes and writes one object with compare-and-swap, again when somebody else was faster. A change that asks
 * for a resource version that is not the current one is a Conflict. A write that changes nothing is not written.
 */
export async function updateObject(core: Core, request: ResourceRequest, plan: UpdatePlan): Promise<Outcome> {
  const key = storeKeyOf(request.served, request.namespace, request.name);
  const found = await core.store.get(key);
  let entry = found.kind === 'found' ? found.entry : undefined;
  for (let attempt = 0; ; attempt++) {
    if (!entry) {
      if (plan.create) return plan.create();
      throw notFound(request.kind.group, request.kind.plural, request.name);
    }
    const result = await attemptUpdate(core, request, { plan, entry, key });
    if (result.kind !== 'lost') return result;
    if (attempt >= (plan.retries ?? Infinity)) throw stale(request);
    entry = result.current;
  }
}

type Attempt = Outcome | { kind: 'lost'; current: Entry | undefined };

async function attemptUpdate(
  core: Core,
  request: ResourceRequest,
  { plan, entry, key }: { plan: UpdatePlan; entry: Entry; key: string },
): Promise<Attempt> {
  const { kind } = request;
  const stored = decodedOf(entry);
  const old = request.served.version.webhook ? await currentForm(core, request.served, stored) : stored;
  const object = await plan.change(old, entry);
  checkNames(object, request);
  checkPreconditions(object, old, request);
  const admission = admissionRequest(core, request, { operation: 'UPDATE', object, old, dryRun: plan.dryRun });
  const before = managedTextOf(entry);
  const managed =
    plan.managed === undefined ? managedOfUpdate(core, request, { object, old, before }) : settled(plan, before);
  delete object.metadata.managedFields;
  if (!plan.isAdmitted) await mutate(core, admission);
  restoreMetadata(object, old);
  kind.prepareForUpdate?.(object, old, request.subresource, ruleContext(core, request));
  if (!isReserving(core, kind)) shareUnchanged(object, old);
  countGeneration(object, old, request);
  validateUpdate(object, old, request);
  if (!plan.isAdmitted) await validate(core, admission);
  if (managed === before && old === stored && jsonEquals(object, old)) return { kind: 'entry', status: 200, entry };
  if (goesNow(object, old)) {
    return removeUpdated(core, request, { object, entry, key, dryRun: plan.dryRun, managed });
  }
  const reservation = request.subresource === '' ? reserve(core, kind, object, old) : undefined;
  try {
    if (plan.dryRun) return { kind: 'object', status: 200, object: withManaged(object, managed) };
    const put = { kind: 'put', key, expectedRevision: entry.revision, encode: encoder(object, managed) } as const;
    const result = await core.store.commit([put]);
    if (result.kind === 'failed') throw storeFailure(result.error, core.log);
    if (result.kind === 'conflict') return { kind: 'lost', current: result.current };
    reservation?.commit();
    return { kind: 'entry', status: 200, entry: result.entries[0] as Entry };
  } finally {
    reservation?.release();
  }
}

function settled({ managed }: UpdatePlan, before: string): string {
  return typeof managed === 'function' ? managed() : before;
}

function checkPreconditions(object: AnyObject, old: AnyObject, request: ResourceRequest): void {
  const { kind, name } = request;
  const { metadata } = object;
  if (metadata.uid && metadata.uid !== old.metadata.uid) {
    const uids = `UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid ?? ''}`;
    throw conflict(kind.group, kind.plural, name, `Precondition failed: ${uids}`);
  }
  // Upstream reads it as a number, of which 0 stands for none.
  if (!metadata.resourceVersion || metadata.resourceVersion === '0') {
    if (kind.allowUnconditionalUpdate !== false) {
      metadata.resourceVersion = old.metadata.resourceVersion as string;
      return;
    }
    const message = 'Invalid value: 0: must be specified for an update';
    throw invalid(kind.group, kind.kind, name, [
      { reason: 'FieldValueInvalid', message, field: 'metadata.resourceVersion' },
    ]);
  }
  if (metadata.resourceVersion !== old.metadata.resourceVersion) throw stale(request);
}

function stale({ kind, name }: ResourceRequest): ApiError {
  return conflict(kind.group, kind.plural, name, staleObject);
}

/** What no update may change stays; what it may not remove comes back. */
function restoreMetadata({ metadata }: AnyObject, { metadata: old }: AnyObject): void {
  metadata.uid = old.uid as string;
  metadata.creationTimestamp = old.creationTimestamp as string;
  if (old.deletionTimestamp !== undefined) metadata.deletionTimestamp = old.deletionTimestamp;
  if (old.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  }
  if (old.generation === undefined) delete metadata.generation;
  else metadata.generation = old.generation;
  delete metadata.selfLink;
}

/**
 * What is as it was becomes the very same: versions of an object share it, and whoever compares them (validation,
 * controllers, the scheduler) need not look into it.
 */
function shareUnchanged(object: AnyObject, old: AnyObject): void {
  for (const field in object) {
    if (field !== 'metadata' && Object.hasOwn(old, field) && jsonEquals(object[field], old[field]))
      object[field] = old[field];
  }
}

/**
 * The generation counts changes of what is wanted: everything but metadata and status. That a pod gets its node is
 * none: one that nobody changed has generation 1 (KEP-5067).
 */
function countGeneration(object: AnyObject, old: AnyObject, request: ResourceRequest): void {
  if (!hasGeneration(request) || uncounted.has(request.subresource)) return;
  // A custom resource without the subresource has a status that is a field like others.
  const countsStatus = request.served.version.custom !== undefined && !findSubresource(request.kind, 'status');
  for (const field of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (field === 'metadata' || (field === 'status' && !countsStatus) || jsonEquals(object[field], old[field]))
      continue;
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    return;
  }
}

/** An object that is being deleted goes with its last finalizer, once its grace is over. */
function goesNow(object: AnyObject, old: AnyObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  return deletionTimestamp !== undefined && !deletionGracePeriodSeconds && !isHeld(object);
}

/** Finalizers keep the object; a namespace has its own kind of them in its spec. */
export function isHeld(object: AnyObject): boolean {
  if ((object.metadata.finalizers?.length ?? 0) > 0) return true;
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1') return false;
  const spec = object.spec as { finalizers?: string[] } | undefined;
  return (spec?.finalizers?.length ?? 0) > 0;
}

async function removeUpdated(
  core: Core,
  request: ResourceRequest,
  options: { object: AnyObject; entry: Entry; key: string; dryRun: boolean; managed: string },
): Promise<Attempt> {
  const { object, entry, key, dryRun, managed } = options;
  if (dryRun) return { kind: 'object', status: 200, object };
  const remove = { kind: 'delete', key, expectedRevision: entry.revision, encode: encoder(object, managed) } as const;
  const result = await core.store.commit([remove]);
  if (result.kind === 'failed') throw storeFailure(result.error, core.log);
  if (result.kind === 'conflict') return { kind: 'lost', current: result.current };
  reclaim(core, request.kind, object);
  core.log.debug('an object went with its last finalizer', { resource: qualifiedResource(request.kind), key });
  return { kind: 'object', status: 200, object };
}
