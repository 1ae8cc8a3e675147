import { formatTime } from '../base/clock.ts';
import { decodeObject, strictDecodingError } from '../api/decode.ts';
import { objectShape } from '../api/field-ownership/field-shape.ts';
import { fieldsText } from '../api/field-ownership/fields-of.ts';
import {
  applyConfiguration,
  formatManaged,
  parseManaged,
  type ManagedEntry,
} from '../api/field-ownership/managed-fields.ts';
import { undeclared } from '../api/field-ownership/undeclared.ts';
import { forbidden, required } from '../api/field-errors.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson, isJsonObject } from '../api/plain-json.ts';
import { ApiError, invalid } from '../api/status.ts';
import type { StatusCause } from '../api/types/meta-v1.ts';
import type { Entry } from '../store/store.ts';
import { isDryRun } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { createObject } from './create.ts';
import { fieldManagerOf, shapeOf } from './field-managers.ts';
import { findSubresource } from './kind-index.ts';
import { checkNames, checkPatchedNames } from './object-body.ts';
import { fieldValidationOf, readBody } from './read-body.ts';
import { isTrue } from './request-info.ts';
import { managedTextOf } from './stored-object.ts';
import { updateObject } from './update-object.ts';
import { inVersion, intoStorage, storageForm } from './webhooks/conversion.ts';
import { lastAppliedAnnotation } from '../api/well-known.ts';

export const applyType = 'application/apply-patch+yaml';

/**
 * Server-side apply (KEP-555): PATCH with what somebody wants to have in the object, and so to own. Creates the object
 * where there is none. 409 with a cause for each field that others own and that would change, unless `force` is set.
 */
export async function apply(core: Core, request: ResourceRequest): Promise<Outcome> {
  const { query } = request.request;
  const by = fieldManagerOf(request, 'Apply');
  if (!query.get('fieldManager')) throw badOptions(required('fieldManager', 'is required for apply patch'));
  const dryRun = isDryRun(query.getAll('dryRun'));
  const configuration = await readConfiguration(core, request);
  const shape = shapeOf(request);
  const now = formatTime(core.clock.now());
  const force = isTrue(query.get('force'));
  let managed = '';
  const applied = (live: AnyObject | undefined, entries: readonly ManagedEntry[]): AnyObject | Promise<AnyObject> => {
    const previous = by.manager === 'kubectl' ? lastAppliedTo(live) : undefined;
    const merged = applyConfiguration({ live, configuration, entries, by, shape, force, now, previous });
    managed = formatManaged(merged.entries);
    if (previous) merged.object.metadata.annotations = rememberApplied(merged.object, configuration);
    return completed(core, merged.object, request);
  };
  return updateObject(core, request, {
    dryRun,
    change: (old, entry) => applied(old, entriesOf(entry, old)),
    managed: () => managed,
    ...(request.subresource === '' && { create: createApplied }),
  });

  async function createApplied(): Promise<Outcome> {
    await request.authorize('create');
    const make = (): AnyObject | Promise<AnyObject> => applied(undefined, []);
    await make();
    return createObject(core, request, { make, dryRun, managed });
  }

  /** What is in an object that nobody has managed yet belongs to a manager of its own. */
  function entriesOf(entry: Entry, old: AnyObject): ManagedEntry[] {
    const text = managedTextOf(entry);
    if (text !== '') return parseManaged(text);
    const fields = fieldsText(old, shape, 'written');
    return [{ ...by, manager: 'before-first-apply', operation: 'Update', time: now, fields }];
  }
}

/** The body, in the storage version, without defaults. */
async function readConfiguration(core: Core, request: ResourceRequest): Promise<AnyObject> {
  const { served, kind, subresource } = request;
  const mode = fieldValidationOf(request.request);
  const body = await readBody(request.request, [applyType]);
  const { value, duplicates } = body.parse(mode);
  if (!isJsonObject(value)) throw ApiError.of('BadRequest', 'error decoding YAML: an object is expected');
  for (const field of ['apiVersion', 'kind']) {
    if (typeof value[field] === 'string' && value[field] !== '') continue;
    const name = field === 'kind' ? 'Kind' : field;
    throw ApiError.of('BadRequest', `Object '${name}' is missing in '${JSON.stringify(value)}'`);
  }
  if (isJsonObject(value.metadata) && value.metadata.managedFields !== undefined) {
    throw ApiError.of('BadRequest', 'metadata.managedFields must be nil');
  }
  const { type, custom } = served.version;
  if (mode === 'Strict' && duplicates.length > 0) throw strictDecodingError(type, duplicates);
  for (const problem of duplicates) request.warn(problem);
  // What is to be merged must be known, whatever the request says of its fields.
  const decoded = custom ? custom.decodeApplied(value, 'Strict') : decodeObject(value, type, 'Strict');
  const unknown = undeclared(decoded.problems, body.parse('Ignore').value, objectShape(served.version, 'all'));
  if (unknown !== undefined) throw untyped(request, unknown);
  let { object } = decoded;
  checkPatchedNames(object, request);
  checkNames(object, request);
  object = await storageForm(core, served, object);
  if (!served.isStorageVersion) served.version.toStorage?.(object);
  object.apiVersion = served.storageApiVersion;
  if (subresource === '' && findSubresource(kind, 'status')) delete object.status;
  if (subresource !== 'status') return object;
  const { apiVersion, metadata, status } = object;
  return { apiVersion, kind: kind.kind, metadata, ...(status !== undefined && { status }) };
}

/** What structured merge cannot make sense of: 500 without a reason, as upstream answers. */
function untyped({ namespace, name, kind, served }: ResourceRequest, problem: string): ApiError {
  const title = `${namespace}/${name}; ${served.apiVersion}, Kind=${kind.kind}`;
  const error = ApiError.of('InternalError', `failed to create typed patch object (${title}): ${problem}`);
  delete error.status.reason;
  return error;
}

/** What applying left open is filled in as on any write. */
function completed(core: Core, object: AnyObject, { served }: ResourceRequest): AnyObject | Promise<AnyObject> {
  const { custom, webhook } = served.version;
  if (custom && webhook) {
    const own = inVersion(core, served, object).then((converted) => custom.decode(converted, 'Ignore').object);
    return own.then((filled) => intoStorage(core, served, filled));
  }
  if (custom) return custom.decode(object, 'Ignore').object;
  served.kind.defaults?.(object);
  return object;
}

/** What kubectl applied on its side before it applied here: that was its own all the time. */
function lastAppliedTo(live: AnyObject | undefined): AnyObject | undefined {
  const text = live?.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return isJsonObject(value) ? (value as AnyObject) : undefined;
  } catch {
    return undefined;
  }
}

function rememberApplied({ metadata }: AnyObject, configuration: AnyObject): Record<string, string> {
  const { annotations: _, ...rest } = configuration.metadata;
  const text = JSON.stringify({ ...cloneJson(configuration), metadata: rest });
  return { ...metadata.annotations, [lastAppliedAnnotation]: `${text}\n` };
}

/** The options of a patch that is no apply may not ask for what only an apply can do. */
export function refuseForce({ request }: ResourceRequest): void {
  if (request.query.get('force') === null) return;
  throw badOptions(forbidden('force', 'may not be specified for non-apply patch'));
}

function badOptions(cause: StatusCause): ApiError {
  return invalid('meta.k8s.io', 'PatchOptions', '', [cause]);
}
