import { formatTime } from '../base/clock.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson, jsonEquals } from '../api/plain-json.ts';
import { conflict, notFound } from '../api/status.ts';
import type { Entry } from '../store/store.ts';
import { admissionRequest, mutate, validate } from './admit.ts';
import { storeFailure, success } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { deleteOptionsOf } from './delete-options.ts';
import type { DeleteOptions } from './delete-options.ts';
import { storeKeyOf } from './kind-index.ts';
import { markedForDeletion, reclaim } from './reserve.ts';
import { decodedOf, encoder, managedTextOf } from './stored-object.ts';
import { isHeld } from './update-object.ts';
import { hasGeneration } from './validate-object.ts';

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/** Kinds whose deletion answers with the object rather than with a Status. */
const answersObject = new Set([
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
]);

/** DELETE of one object. */
export async function remove(core: Core, request: ResourceRequest): Promise<Outcome> {
  return removeObject(core, request, await deleteOptionsOf(request));
}

/** Deletes, or marks as being deleted what has grace or finalizers; again when somebody else wrote in between. */
export async function removeObject(core: Core, request: ResourceRequest, options: DeleteOptions): Promise<Outcome> {
  const key = storeKeyOf(request.served, request.namespace, request.name);
  const found = await core.store.get(key);
  let entry = found.kind === 'found' ? found.entry : undefined;
  for (;;) {
    if (!entry) throw notFound(request.kind.group, request.kind.plural, request.name);
    const old = decodedOf(entry);
    checkPreconditions(old, request, options);
    const admission = admissionRequest(core, request, {
      operation: 'DELETE',
      object: undefined,
      old,
      dryRun: options.dryRun,
      subresource: '',
    });
    await mutate(core, admission);
    await validate(core, admission);
    const step = planDelete(old, request, { options, now: core.clock.now() });
    const result = await carryOut(core, request, { step, entry, key, options });
    if (result.kind !== 'lost') return result;
    entry = result.current;
  }
}

type Step =
  /** Already on its way, and nothing to add. */
  { kind: 'pending' } | { kind: 'mark'; object: AnyObject } | { kind: 'remove'; object: AnyObject };

/** What a delete of `old` comes to (apiserver's BeforeDelete and the registry store around it). */
function planDelete(
  old: AnyObject,
  { kind, ...request }: ResourceRequest,
  { options, now }: { options: DeleteOptions; now: number },
): Step {
  const object = cloneJson(old);
  const { metadata } = object;
  const isGoing = metadata.deletionTimestamp !== undefined;
  if (!isGoing) kind.prepareForDelete?.(object, { now });
  const grace = isGoing ? undefined : kind.gracefulDeletion?.(object, options.gracePeriodSeconds);
  if (isGoing && kind.gracefulDeletion && metadata.deletionGracePeriodSeconds) {
    const wanted = options.gracePeriodSeconds;
    if (wanted === undefined || wanted >= metadata.deletionGracePeriodSeconds) return { kind: 'pending' };
    const begun = Date.parse(metadata.deletionTimestamp as string) - metadata.deletionGracePeriodSeconds * 1000;
    const seconds = Math.max(0, wanted);
    metadata.deletionTimestamp = formatTime(begun + seconds * 1000);
    metadata.deletionGracePeriodSeconds = seconds;
    return seconds === 0 && !isHeld(object) ? { kind: 'remove', object } : { kind: 'mark', object };
  }
  if (!isGoing || !kind.gracefulDeletion) setFinalizers(object, propagationFinalizers(object, kind, options));
  if (grace?.kind === 'graceful') {
    mark(object, now, grace.seconds, hasGeneration({ kind, ...request }));
    return { kind: 'mark', object };
  }
  const held = isHeld(object);
  if (held || kind.gracefulDeletion) mark(object, now, 0, held && hasGeneration({ kind, ...request }));
  if (!held) return { kind: 'remove', object };
  return jsonEquals(object, old) ? { kind: 'pending' } : { kind: 'mark', object };
}

function mark(object: AnyObject, now: number, seconds: number, counts: boolean): void {
  const { metadata } = object;
  if (counts && metadata.deletionTimestamp === undefined && metadata.generation !== undefined) metadata.generation++;
  if (metadata.deletionTimestamp === undefined || Date.parse(metadata.deletionTimestamp) > now + seconds * 1000) {
    metadata.deletionTimestamp = formatTime(now + seconds * 1000);
  }
  metadata.deletionGracePeriodSeconds = seconds;
  if (object.kind === 'Namespace' && object.apiVersion === 'v1') {
    object.status = { ...(object.status as object | undefined), phase: 'Terminating' };
  }
}

/** The garbage collector finds what to do with dependents in two finalizers. */
function propagationFinalizers(
  { metadata }: AnyObject,
  kind: ResourceRequest['kind'],
  { propagation }: DeleteOptions,
): string[] {
  const finalizers = metadata.finalizers ?? [];
  const has = (name: string): boolean => propagation === undefined && finalizers.includes(name);
  const orphans =
    propagation === 'Orphan' ||
    has(orphanFinalizer) ||
    (propagation === undefined && kind.defaultPropagation === 'Orphan' && !has(foregroundFinalizer));
  const inForeground = propagation === 'Foreground' || (has(foregroundFinalizer) && !orphans);
  const others = finalizers.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  return [...others, ...(orphans ? [orphanFinalizer] : []), ...(inForeground ? [foregroundFinalizer] : [])];
}

function setFinalizers({ metadata }: AnyObject, finalizers: string[]): void {
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
}

async function carryOut(
  core: Core,
  request: ResourceRequest,
  { step, entry, key, options }: { step: Step; entry: Entry; key: string; options: DeleteOptions },
): Promise<Outcome | { kind: 'lost'; current: Entry | undefined }> {
  if (step.kind === 'pending') return { kind: 'entry', status: 200, entry };
  const { object } = step;
  const { kind } = request;
  if (!options.dryRun) {
    const operation = { key, expectedRevision: entry.revision, encode: encoder(object, managedTextOf(entry)) };
    const result = await core.store.commit([{ kind: step.kind === 'mark' ? 'put' : 'delete', ...operation }]);
    if (result.kind === 'failed') throw storeFailure(result.error, core.log);
    if (result.kind === 'conflict') return { kind: 'lost', current: result.current };
    const stored = step.kind === 'mark' ? result.entries[0] : undefined;
    if (stored) {
      markedForDeletion(core, kind, object);
      return { kind: 'entry', status: 200, entry: stored };
    }
    reclaim(core, kind, object);
  }
  if (step.kind === 'mark' || (kind.group === '' && answersObject.has(kind.plural))) {
    return { kind: 'object', status: 200, object };
  }
  const details = { name: request.name, ...(kind.group && { group: kind.group }), kind: kind.plural };
  return { kind: 'status', status: 200, object: success({ ...details, uid: object.metadata.uid ?? '' }) };
}

function checkPreconditions(
  { metadata }: AnyObject,
  { kind, name }: ResourceRequest,
  { uid, resourceVersion }: DeleteOptions,
): void {
  if (uid !== undefined && uid !== metadata.uid) {
    const text = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ''}`;
    throw conflict(kind.group, kind.plural, name, text);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const text = `ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: `;
    throw conflict(kind.group, kind.plural, name, `Precondition failed: ${text}${metadata.resourceVersion ?? ''}`);
  }
}
