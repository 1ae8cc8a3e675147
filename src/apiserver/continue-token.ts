import { ApiError } from '../api/status.ts';

/** Where the next page starts: after `after` (relative to the list's prefix), at `revision`; -1: at the newest. */
export interface ContinueToken {
  revision: number;
  after: string;
}

const tokenVersion = 'meta.k8s.io/v1';

/** Opaque to clients: base64url of upstream's own form. */
export function encodeContinue({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start: `${after}\u0000` })).toString('base64url');
}

/** Throws BadRequest for what is no token of ours. */
export function decodeContinue(text: string): ContinueToken {
  let token: unknown;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw invalidToken('it is not base64 of a JSON document');
  }
  const { v, rv, start } = (token ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== tokenVersion) throw invalidToken('server does not recognize this encoded version');
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw invalidToken('incorrect encoded start resourceVersion');
  }
  if (typeof start !== 'string' || start === '') throw invalidToken('missing start key');
  return { revision: rv, after: start.replace(/\0$/, '') };
}

function invalidToken(reason: string): ApiError {
  return ApiError.of('BadRequest', `continue key is not valid: ${reason}`);
}

const inconsistent =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

/** 410 with a token that goes on from the same place in whatever is there by then. */
export function expiredContinue({ after }: ContinueToken): ApiError {
  const error = ApiError.of('Expired', inconsistent);
  error.status.metadata = { continue: encodeContinue({ revision: -1, after }) };
  return error;
}
