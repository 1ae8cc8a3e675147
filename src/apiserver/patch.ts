import { applyJsonPatch } from '../api/json-patch.ts';
import { applyMergePatch } from '../api/merge-patch.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson } from '../api/plain-json.ts';
import { ApiError } from '../api/status.ts';
import { applyStrategicMergePatch } from '../api/strategic-merge-patch.ts';
import { isDryRun } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { checkPatchedNames } from './object-body.ts';
import { decodeAs, fieldValidationOf, readBody } from './read-body.ts';
import { fromStorage, toStorage } from './stored-object.ts';
import { updateObject } from './update-object.ts';

export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** Attempts after the first when others write the same object. */
const retries = 5;

/** What a patch makes of a document of some schema type. */
export type ApplyPatch = <T>(document: T, type: string) => T;

/** PATCH of an object or of one of its subresources that have its shape. */
export async function patch(core: Core, request: ResourceRequest): Promise<Outcome> {
  const { served } = request;
  const { apply, duplicates } = await readPatch(request);
  const mode = fieldValidationOf(request.request);
  let { warn } = request;
  return updateObject(core, request, {
    dryRun: isDryRun(request.request.query.getAll('dryRun')),
    retries,
    change(old) {
      const document = served.isStorageVersion ? old : fromStorage(cloneJson(old), served);
      const { type } = served.version;
      const patched: unknown = apply(document, type);
      const object: AnyObject = decodeAs(patched, { type, mode, duplicates, warn });
      warn = () => {};
      checkPatchedNames(object, request);
      return toStorage(object, served);
    },
  });
}

/** The patch in the body, ready to be applied. Rejects with 415 for a media type that is no patch that we know. */
export async function readPatch(
  request: ResourceRequest,
): Promise<{ apply: ApplyPatch; duplicates: readonly string[] }> {
  const body = await readBody(request.request, patchTypes);
  const { value, duplicates } = body.parse(fieldValidationOf(request.request));
  switch (body.contentType) {
    case 'application/json-patch+json':
      return { duplicates, apply: (document) => applyJsonPatch(document, value) };
    case 'application/merge-patch+json':
      return { duplicates, apply: (document) => applyMergePatch(document, value) };
    case 'application/strategic-merge-patch+json':
      return { duplicates, apply: (document, type) => applyStrategicMergePatch(document, value, type) };
    default:
      throw ApiError.of('BadRequest', 'the body of a PATCH request is missing');
  }
}
