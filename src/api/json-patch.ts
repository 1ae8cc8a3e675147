import { cloneJson, getKey, isJsonObject, jsonEquals, setKey, type JsonObject } from './plain-json.ts';
import { ApiError } from './status.ts';

/** One operation of RFC 6902. */
export type JsonPatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; path: string; from: string };

const operationLimit = 10_000;
/** Characters of JSON that `copy` may add in all: a handful of copies of copies could otherwise fill the memory. */
const copyLimit = 3 * 1024 * 1024;

/** What {@link applyJsonPatch} throws for a `test` that fails. */
export class FailedTest extends ApiError {
  constructor() {
    super(refusal().status);
  }
}

/**
 * Applies a JSON patch (RFC 6902, pointers of RFC 6901): all operations or, by throwing, none. The result is a deep
 * copy of its own; the document stays as it is. Throws BadRequest for what is no patch, RequestEntityTooLarge for
 * more than 10,000 operations, and Invalid (422) for an operation that does not fit the document, a failed `test`
 * included.
 */
export function applyJsonPatch<T>(document: T, operations: unknown): T {
  if (!Array.isArray(operations)) {
    const kind = operations === null ? 'null' : typeof operations;
    throw ApiError.of('BadRequest', `json: cannot unmarshal ${kind} into Go value of type jsonpatch.Patch`);
  }
  if (operations.length > operationLimit) {
    const text = `The allowed maximum operations in a JSON patch is ${operationLimit}, got ${operations.length}`;
    throw ApiError.of('RequestEntityTooLarge', text);
  }
  // A root of our own, so that replacing the whole document is no special case.
  const root: JsonObject = { '': cloneJson(document) };
  let copied = 0;
  for (const raw of operations as unknown[]) {
    const operation = checkOperation(raw);
    if (operation.op === 'copy') {
      copied += (JSON.stringify(read(root, operation.from)) ?? '').length;
      if (copied > copyLimit) refuse();
    }
    applyOne(root, operation);
  }
  return root[''] as T;
}

function checkOperation(raw: unknown): JsonPatchOperation {
  if (!isJsonObject(raw)) {
    const kind = Array.isArray(raw) ? 'array' : typeof raw;
    throw ApiError.of('BadRequest', `json: cannot unmarshal ${kind} into Go value of type jsonpatch.Operation`);
  }
  const { op, path, from } = raw;
  if (typeof path !== 'string') return refuse();
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      // RFC 6902 wants a value; the library of upstream's server takes a missing one for null, and clients leave out
      // empty maps.
      return { op, path, value: raw.value ?? null };
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      return typeof from === 'string' ? { op, path, from } : refuse();
    default:
      return refuse();
  }
}

function applyOne(root: JsonObject, operation: JsonPatchOperation): void {
  switch (operation.op) {
    case 'add':
      return add(root, operation.path, cloneJson(operation.value));
    case 'remove':
      remove(root, operation.path);
      return;
    case 'replace':
      return replace(root, operation.path, cloneJson(operation.value));
    case 'move': {
      if (operation.path.startsWith(`${operation.from}/`)) refuse();
      return add(root, operation.path, remove(root, operation.from));
    }
    case 'copy':
      return add(root, operation.path, cloneJson(read(root, operation.from)));
    case 'test': {
      const actual = read(root, operation.path, true);
      if (!jsonEquals(actual ?? null, operation.value)) throw new FailedTest();
    }
  }
}

interface Place {
  parent: JsonObject | unknown[];
  key: string;
}

function locate(root: JsonObject, pointer: string): Place {
  if (pointer !== '' && !pointer.startsWith('/')) refuse();
  const keys = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent: unknown = root;
  for (const key of keys.slice(0, -1)) {
    parent = Array.isArray(parent) ? parent[indexIn(parent, key)] : childOf(parent, key);
  }
  if (!Array.isArray(parent) && !isJsonObject(parent)) refuse();
  return { parent: parent as Place['parent'], key: keys.at(-1) as string };
}

function childOf(parent: unknown, key: string): unknown {
  return isJsonObject(parent) ? getKey(parent, key) : undefined;
}

/** An index of an existing item; negative ones count from the end, as in the library that upstream uses. */
function indexIn(list: readonly unknown[], key: string): number {
  const index = /^-?(0|[1-9]\d*)$/.test(key) ? Number(key) : Number.NaN;
  const at = index < 0 ? index + list.length : index;
  return at >= 0 && at < list.length ? at : refuse();
}

function read(root: JsonObject, pointer: string, allowMissing = false): unknown {
  const { parent, key } = locate(root, pointer);
  if (Array.isArray(parent)) return parent[indexIn(parent, key)];
  if (!allowMissing && !Object.hasOwn(parent, key)) refuse();
  return getKey(parent, key);
}

function add(root: JsonObject, pointer: string, value: unknown): void {
  const { parent, key } = locate(root, pointer);
  if (!Array.isArray(parent)) return setKey(parent, key, value);
  const at = key === '-' || key === String(parent.length) ? parent.length : indexIn(parent, key);
  parent.splice(at, 0, value);
}

function remove(root: JsonObject, pointer: string): unknown {
  const { parent, key } = locate(root, pointer);
  if (Array.isArray(parent)) return parent.splice(indexIn(parent, key), 1)[0];
  if (!Object.hasOwn(parent, key)) refuse();
  const value = parent[key];
  delete parent[key];
  return value;
}

function replace(root: JsonObject, pointer: string, value: unknown): void {
  const { parent, key } = locate(root, pointer);
  if (Array.isArray(parent)) parent[indexIn(parent, key)] = value;
  else if (Object.hasOwn(parent, key)) setKey(parent, key, value);
  else refuse();
}

/** The answer names no reason: clients recognize a failed `test` by exactly this message without causes. */
function refusal(): ApiError {
  return ApiError.of('Invalid', 'the server rejected our request due to an error in our request', {});
}

function refuse(): never {
  throw refusal();
}
