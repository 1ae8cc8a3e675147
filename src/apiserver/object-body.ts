import type { FieldValidation } from '../api/decode.ts';
import type { AnyObject } from '../api/object.ts';
import { isJsonObject } from '../api/plain-json.ts';
import { ApiError } from '../api/status.ts';
import type { Core, ResourceRequest } from './core.ts';
import type { Served } from './kind-index.ts';
import { decodeAs, fieldValidationOf, readBody, textTypes, type Body } from './read-body.ts';
import { toStorage } from './stored-object.ts';
import { intoStorage } from './webhooks/conversion.ts';

/** Where an object comes from that can be made anew for each attempt to store it. */
export interface ObjectSource {
  /** A fresh object in the storage version, defaulted. Throws what is wrong with the body. */
  next(): AnyObject | Promise<AnyObject>;
}

/** The body of a create or update, which must be an object of the URL's kind. */
export async function objectBody(core: Core, request: ResourceRequest): Promise<ObjectSource> {
  const mode = fieldValidationOf(request.request);
  const { type, custom, webhook } = request.served.version;
  const isConverted = webhook !== undefined;
  const body = await readBody(request.request, custom && textTypes);
  let { warn } = request;
  return {
    next() {
      const { value, duplicates } = parseAs(body, mode, request.served.kind.kind);
      checkKind(value, request.served);
      const object = decodeAs(value, { type, custom, mode, duplicates, body, warn });
      checkVersion(object, request.served);
      // Once is enough to warn about the same body.
      warn = () => {};
      object.metadata ??= {};
      return isConverted ? intoStorage(core, request.served, object) : toStorage(object, request.served);
    },
  };
}

/** Text that cannot be read tells no kind: the refusal names the one that belongs here, and how the text begins. */
function parseAs(body: Body, mode: FieldValidation, kind: string): ReturnType<Body['parse']> {
  try {
    return body.parse(mode);
  } catch (error) {
    if (!(error instanceof ApiError) || !body.bytes) throw error;
    const text = `the object provided is unrecognized (must be of type ${kind}): ${error.message}`;
    throw ApiError.of('BadRequest', `${text} (${summary(body.bytes)})`);
  }
}

/** JSON as it is, other bytes in hexadecimal; of either no more than thirty. */
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const start = Buffer.from(bytes.subarray(0, 30)).toString(bytes[0] === 0x7b ? 'utf8' : 'hex');
  return bytes.length > 30 ? `${start} ...` : start;
}

/** Refuses an object of another kind before its fields are looked at. */
function checkKind(value: unknown, { kind, version }: Served): void {
  if (!isJsonObject(value)) return;
  const { kind: given, apiVersion } = value;
  if (given === undefined || given === '' || given === kind.kind || typeof given !== 'string') return;
  const inVersion = typeof apiVersion === 'string' && apiVersion !== '' ? shortVersion(apiVersion) : version.version;
  const conversion = `converting (${inVersion}.${given}) to (${goPackage(kind.group)}.${kind.kind}): unknown conversion`;
  const text = `${given} in version ${JSON.stringify(inVersion)} cannot be handled as a ${kind.kind}: ${conversion}`;
  throw ApiError.of('BadRequest', text);
}

function checkVersion({ apiVersion }: AnyObject, { apiVersion: expected }: Served): void {
  if (apiVersion === undefined || apiVersion === '' || apiVersion === expected) return;
  const text = `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`;
  throw ApiError.of('BadRequest', text);
}

function shortVersion(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

function goPackage(group: string): string {
  return group === '' ? 'core' : (group.split('.')[0] as string);
}

/** Name and namespace of the body must be those of the URL, or absent: then they are filled in. */
export function checkNames(object: AnyObject, { namespace, name, served }: ResourceRequest): void {
  const { metadata } = object;
  if (served.kind.scope === 'Namespaced') {
    if (!metadata.namespace) metadata.namespace = namespace;
    else if (metadata.namespace !== namespace) {
      const text = 'the namespace of the provided object does not match the namespace sent on the request';
      throw ApiError.of('BadRequest', text);
    }
  } else {
    delete metadata.namespace;
  }
  if (name === '') return;
  if (!metadata.name) {
    metadata.name = name;
  } else if (metadata.name !== name) {
    const text = `the name of the object (${metadata.name}) does not match the name on the URL (${name})`;
    throw ApiError.of('BadRequest', text);
  }
}

/** A patch may not make another object of it. */
export function checkPatchedNames(object: AnyObject, request: ResourceRequest): void {
  checkKind(object, request.served);
  checkVersion(object, request.served);
  object.metadata ??= {};
}
