import { cloneJson, getKey, isJsonObject, setKey, type JsonObject } from './plain-json.ts';
import { ApiError } from './status.ts';

/**
 * A JSON merge patch (RFC 7386): objects merge, null removes, everything else replaces. The result is a deep copy of
 * its own; the document and the patch stay as they are. Throws BadRequest when the patch is not an object.
 */
export function applyMergePatch<T>(document: T, patch: unknown): T {
  if (!isJsonObject(patch)) {
    const kind = Array.isArray(patch) ? 'array' : patch === null ? 'null' : typeof patch;
    const reason = `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
    throw ApiError.of('BadRequest', `error decoding patch: ${reason}`);
  }
  return merge(document, patch) as T;
}

function merge(document: unknown, patch: JsonObject): JsonObject {
  const merged: JsonObject = {};
  if (isJsonObject(document)) {
    for (const key in document) if (!Object.hasOwn(patch, key)) setKey(merged, key, cloneJson(document[key]));
  }
  for (const key in patch) {
    const value = patch[key];
    if (value === null || value === undefined) continue;
    const before = isJsonObject(document) ? getKey(document, key) : undefined;
    setKey(merged, key, isJsonObject(value) ? merge(before, value) : cloneJson(value));
  }
  return merged;
}
