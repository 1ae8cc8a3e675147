import { formatTime } from '../base/clock.ts';
import { nameSuffix } from '../base/random.ts';
import type { AnyObject } from '../api/object.ts';
import { ApiError, alreadyExists, isApiError } from '../api/status.ts';
import { admissionRequest, mutate, validate } from './admit.ts';
import { isDryRun, storeFailure } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { storeKeyOf } from './kind-index.ts';
import { checkNames, objectBody } from './object-body.ts';
import { reserve } from './reserve.ts';
import { managedOfCreate } from './field-managers.ts';
import { encoder, withManaged } from './stored-object.ts';
import { hasGeneration, ruleContext, validateCreate } from './validate-object.ts';

/** How often a generated name that is taken is replaced by another (KEP-4420). */
const generateAttempts = 8;
/** Names are at most this long before the suffix is put on. */
const longestBase = 58;

/** POST of an object. */
export async function create(core: Core, request: ResourceRequest): Promise<Outcome> {
  const source = await objectBody(core, request);
  const dryRun = isDryRun(request.request.query.getAll('dryRun'));
  return createObject(core, request, { make: () => source.next(), dryRun });
}

export interface CreatePlan {
  /** The object in the storage version, fresh for each attempt. */
  make: () => AnyObject | Promise<AnyObject>;
  dryRun: boolean;
  /** Text of its managed fields; default: whoever creates it owns all of it. */
  managed?: string | undefined;
}

/** Stores a new object. */
export async function createObject(
  core: Core,
  request: ResourceRequest,
  { make, dryRun, managed }: CreatePlan,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const made = make();
    const object = made instanceof Promise ? await made : made;
    checkNames(object, request);
    const { generateName, name } = object.metadata;
    try {
      return await createOnce(core, request, { object, dryRun, managed });
    } catch (error) {
      const isGenerated = !name && generateName !== undefined && generateName !== '';
      if (!isGenerated || !isApiError(error, 'AlreadyExists') || attempt >= generateAttempts) throw error;
    }
  }
}

async function createOnce(
  core: Core,
  request: ResourceRequest,
  { object, dryRun, ...plan }: { object: AnyObject; dryRun: boolean; managed: string | undefined },
): Promise<Outcome> {
  const { kind, served } = request;
  if (served.isTerminating) {
    const text = 'create not allowed while custom resource definition is terminating';
    throw ApiError.of('MethodNotAllowed', text, {});
  }
  if (object.metadata.resourceVersion && object.metadata.resourceVersion !== '0') throw resourceVersionSet();
  const admission = admissionRequest(core, request, {
    operation: 'CREATE',
    object,
    old: undefined,
    dryRun,
    name: object.metadata.name ?? '',
  });
  const managed = plan.managed ?? managedOfCreate(core, request, object);
  await mutate(core, admission);
  fillMetadata(core, request, object);
  kind.prepareForCreate?.(object, ruleContext(core, request));
  validateCreate(object, request);
  await validate(core, { ...admission, name: object.metadata.name ?? '' });
  const key = storeKeyOf(served, request.namespace, object.metadata.name ?? '');
  const reservation = reserve(core, kind, object, undefined);
  try {
    if (dryRun) {
      const found = await core.store.get(key);
      if (found.kind === 'found') throw taken(request, object);
      return { kind: 'object', status: 201, object: withManaged(object, managed) };
    }
    const result = await core.store.commit([
      { kind: 'put', key, expectedRevision: 0, encode: encoder(object, managed) },
    ]);
    if (result.kind === 'failed') throw storeFailure(result.error, core.log);
    const [entry] = result.kind === 'committed' ? result.entries : [];
    if (!entry) throw taken(request, object);
    reservation?.commit();
    return { kind: 'entry', status: 201, entry };
  } finally {
    // After a commit this releases nothing.
    reservation?.release();
  }
}

function fillMetadata(core: Core, request: ResourceRequest, object: AnyObject): void {
  const { metadata } = object;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.managedFields;
  if (!metadata.name && metadata.generateName) {
    metadata.name = metadata.generateName.slice(0, longestBase) + nameSuffix(core.random);
  }
  metadata.uid = core.random.uuid();
  metadata.creationTimestamp = formatTime(core.clock.now());
  if (hasGeneration(request)) metadata.generation = 1;
  else delete metadata.generation;
}

function taken({ kind }: ResourceRequest, { metadata }: AnyObject): ApiError {
  return alreadyExists(kind.group, kind.plural, metadata.name ?? '');
}

/** Upstream's storage refuses this without a reason of its own. */
function resourceVersionSet(): ApiError {
  const message = 'resourceVersion should not be set on objects to be created';
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
}
