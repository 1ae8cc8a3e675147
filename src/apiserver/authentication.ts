import type { ApiRequest, RequestContext, User } from './handler.ts';

/**
 * Finds out who asks. Undefined: these credentials are none of mine. Rejects with a 401 ApiError for credentials that
 * are mine but bad. A request that nobody claims is `system:anonymous`.
 */
export type Authenticator = (
  request: ApiRequest,
  context: RequestContext,
) => Promise<User | undefined> | User | undefined;
