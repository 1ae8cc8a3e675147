import { invalidValue } from '../api/field-errors.ts';
import { applyJsonPatch } from '../api/json-patch.ts';
import { applyMergePatch } from '../api/merge-patch.ts';
import type { KindVersion } from '../api/kind.ts';
import type { AnyObject } from '../api/object.ts';
import { ApiError, isApiError } from '../api/status.ts';
import { applyStrategicMergePatch } from '../api/strategic-merge-patch.ts';
import { isDryRun } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { checkPatchedNames } from './object-body.ts';
import type { Served } from './kind-index.ts';
import { conversionReason, formatGoValue } from './go-value.ts';
import { apply, applyType, refuseForce } from './apply.ts';
import { decodeAs, fieldValidationOf, mediaTypeOf, readBody, unsupportedMediaType } from './read-body.ts';
import { managedTextOf, withManaged } from './stored-object.ts';
import { updateObject } from './update-object.ts';
import { inVersion, intoStorage } from './webhooks/conversion.ts';

const strategicType = 'application/strategic-merge-patch+json';
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', strategicType];
const customPatchTypes = patchTypes.filter((type) => type !== strategicType);

/** Media types of patches to a kind; schemas of custom resources say nothing of strategic merging. */
function patchTypesOf({ version }: Served): readonly string[] {
  return version.custom ? customPatchTypes : patchTypes;
}

/** Throws 415 for what is no patch of this kind. `applies`: server-side apply is one, too. */
export function checkPatchType({ request, served }: ResourceRequest): void {
  const accepted = [...patchTypesOf(served), applyType];
  if (!accepted.includes(mediaTypeOf(request))) throw unsupportedMediaType(accepted);
}

/** Attempts after the first when others write the same object. */
const retries = 5;

/** A patch as it came. */
interface Patch {
  /** What it makes of a document of some schema type; the document stays as it is. */
  apply: <T>(document: T, type: string) => T;
  /** Fields that were given twice. */
  duplicates: readonly string[];
  /** What an error shows of it: a strategic merge patch itself, of others what they made of the object. */
  shown: (patched: unknown) => string;
  /** Why it does not fit, in the words for this kind of patch. */
  worded: (reason: string) => string;
  touchesManaged: boolean;
}

/** PATCH of an object or of one of its subresources that have its shape. */
export async function patch(core: Core, request: ResourceRequest): Promise<Outcome> {
  const { served } = request;
  if (mediaTypeOf(request.request) === applyType) return apply(core, request);
  refuseForce(request);
  const decode = await readPatch(request);
  return updateObject(core, request, {
    dryRun: isDryRun(request.request.query.getAll('dryRun')),
    retries,
    async change(old, entry) {
      const whole = decode.touchesManaged ? withManaged(old, managedTextOf(entry)) : old;
      const document = served.isStorageVersion ? whole : await inVersion(core, served, whole);
      const object = decode(document, served.version);
      checkPatchedNames(object, request);
      return intoStorage(core, served, object);
    },
  });
}

/**
 * The patch in the body, as the function that applies it to a document of some schema type and gives the object that
 * comes of it; warnings are given once. Rejects with 415 for a media type that is no patch that we know.
 */
export async function readPatch(request: ResourceRequest): Promise<DecodePatched> {
  const mode = fieldValidationOf(request.request);
  const { apply: applied, duplicates, shown, worded, touchesManaged } = await parsePatch(request);
  let { warn } = request;
  const decode = (document: unknown, { type, custom }: Pick<KindVersion, 'type' | 'custom'>): AnyObject => {
    try {
      const object = decodeAs(applied(document, type), { type, custom, mode, duplicates, warn });
      warn = () => {};
      return object;
    } catch (error) {
      const reason = isApiError(error, 'BadRequest') ? misfit.exec(error.message)?.[1] : undefined;
      if (reason === undefined) throw error;
      // Decoding removes what it does not know from the value it is given: show it whole.
      const cause = invalidValue('patch', shown(applied(document, type)), worded(reason));
      throw ApiError.of('Invalid', ` "" is invalid: patch: ${cause.message}`, { causes: [cause] });
    }
  };
  return Object.assign(decode, { touchesManaged });
}

/** Gives what the patch makes of a document. */
interface DecodePatched {
  (document: unknown, version: Pick<KindVersion, 'type' | 'custom'>): AnyObject;
  /** The patch is about managed fields, among others: the document must have them. */
  touchesManaged: boolean;
}

/** The patch is sound, but what it makes of the object is not: upstream finds the patch invalid, not the request bad. */
const misfit = /^\w+ in version "\w*" cannot be handled as a \w+: (.*)$/s;

async function parsePatch(request: ResourceRequest): Promise<Patch> {
  const body = await readBody(request.request, patchTypesOf(request.served));
  const { value, duplicates } = body.parse(fieldValidationOf(request.request));
  const shown = (patched: unknown): string => JSON.stringify(patched);
  const worded = (reason: string): string => reason;
  const touchesManaged = body.bytes
    ? Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength).includes('managedFields')
    : JSON.stringify(value)?.includes('managedFields');
  const common = { duplicates, shown, worded, touchesManaged };
  switch (body.contentType) {
    case 'application/json-patch+json':
      return { ...common, apply: (document) => applyJsonPatch(document, value) };
    case 'application/merge-patch+json':
      return { ...common, apply: (document) => applyMergePatch(document, value) };
    case strategicType:
      return {
        ...common,
        shown: () => formatGoValue(value),
        worded: conversionReason,
        apply: (document, type) => applyStrategicMergePatch(document, value, type),
      };
    default:
      throw ApiError.of('BadRequest', 'the body of a PATCH request is missing');
  }
}
