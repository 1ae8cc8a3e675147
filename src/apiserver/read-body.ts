import { decodeObject, parseBody, strictDecodingError } from '../api/decode.ts';
import type { FieldValidation } from '../api/decode.ts';
import { inTextOrder } from '../api/json-syntax.ts';
import type { CustomVersion } from '../api/kind.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson } from '../api/plain-json.ts';
import { decodeProtobuf } from '../api/protobuf.ts';
import { ApiError } from '../api/status.ts';
import { typeOfKind } from '../api/type-lookup.ts';
import type { ApiRequest } from './handler.ts';

export const protobufType = 'application/vnd.kubernetes.protobuf';
/** Media types of a custom resource, which has no protobuf form. */
export const textTypes = ['application/json', 'application/yaml'];
const acceptedTypes = [...textTypes, protobufType];

/** A request's body, read once, from which a fresh value can be made any number of times. */
export interface Body {
  isEmpty: boolean;
  contentType: string;
  /** A value that nobody else holds, and the names of fields that were given twice. */
  parse(mode: FieldValidation): { value: unknown; duplicates: readonly string[] };
  bytes: Uint8Array | undefined;
}

/** Reads the body. Rejects with 415 for a media type that is not in `accepted`. */
export async function readBody(request: ApiRequest, accepted: readonly string[] = acceptedTypes): Promise<Body> {
  const { body } = request;
  const contentType = mediaTypeOf(request);
  if (body.kind === 'none') {
    return { isEmpty: true, contentType, bytes: undefined, parse: () => ({ value: undefined, duplicates: [] }) };
  }
  if (!accepted.includes(contentType)) throw unsupportedMediaType(accepted);
  if (body.kind === 'object') {
    const { object } = body;
    return {
      isEmpty: object === undefined,
      contentType,
      bytes: undefined,
      parse: () => ({ value: cloneJson(object), duplicates: [] }),
    };
  }
  const bytes = await body.read();
  return { isEmpty: bytes.length === 0, contentType, bytes, parse: (mode) => parseBytes(bytes, contentType, mode) };
}

function parseBytes(bytes: Uint8Array, contentType: string, mode: FieldValidation): ReturnType<Body['parse']> {
  if (contentType === protobufType) {
    const { value } = decodeProtobuf(bytes, typeOfKind);
    return { value, duplicates: [] };
  }
  return parseBody(bytes, contentType, mode);
}

/** Of the body, without parameters; JSON where the request says nothing. */
export function mediaTypeOf({ headers }: ApiRequest): string {
  const header = headers['content-type'];
  if (header === undefined || header === '') return 'application/json';
  const end = header.indexOf(';');
  return (end < 0 ? header : header.slice(0, end)).trim().toLowerCase();
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const text = 'the body of the request was in an unknown format - accepted media types include: ';
  return ApiError.of('UnsupportedMediaType', text + accepted.join(', '), {});
}

/** `fieldValidation`, which the API defaults to `Warn`. Throws for any other value. */
export function fieldValidationOf(request: ApiRequest): FieldValidation {
  const value = request.query.get('fieldValidation') ?? '';
  if (value === '') return request.body.kind === 'object' ? 'Ignore' : 'Warn';
  if (value === 'Strict' || value === 'Warn' || value === 'Ignore') return value;
  const cause = {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: "", "Ignore", "Strict", "Warn"`,
    field: 'fieldValidation',
  };
  throw ApiError.of('Invalid', ` "" is invalid: fieldValidation: ${cause.message}`, { causes: [cause] });
}

/**
 * Fits a parsed value to a type: throws for what strict validation refuses, warns about it otherwise.
 * `duplicates` are the problems that parsing already found.
 */
export function decodeAs(
  value: unknown,
  options: {
    type: string;
    custom?: CustomVersion | undefined;
    mode: FieldValidation;
    duplicates: readonly string[];
    /** The body that the value was parsed from, where nothing has changed it since: it gives problems their order. */
    body?: Body;
    warn: (text: string) => void;
  },
): AnyObject {
  const { type, custom, mode, duplicates, body, warn } = options;
  const { object, problems } = custom ? custom.decode(value, mode) : decodeObject(value, type, mode);
  if (mode === 'Ignore' || (problems.length === 0 && duplicates.length === 0)) return object;
  const json = custom || body?.contentType !== 'application/json' ? undefined : body.bytes;
  const all = json ? ordered(json, duplicates, problems) : [...duplicates, ...problems];
  if (mode === 'Strict') throw strictDecodingError(type, all);
  for (const problem of all) warn(problem);
  return object;
}

/** Problems of a built-in kind, as its decoder comes upon them; custom resources are looked through for each sort by itself. */
function ordered(bytes: Uint8Array, duplicates: readonly string[], problems: readonly string[]): string[] {
  const pathsIn = (list: readonly string[]): string[] =>
    list.map((problem) => JSON.parse(problem.slice(problem.indexOf('"'))) as string);
  const found = { unknown: pathsIn(problems), duplicates: pathsIn(duplicates) };
  return inTextOrder(Buffer.from(bytes).toString('utf8'), found).map(
    ({ kind, path }) => `${kind} field ${JSON.stringify(path)}`,
  );
}
