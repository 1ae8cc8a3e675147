import type { ResourceKind } from '../api/kind.ts';
import type { ApiRequest, ApiResponse, User } from './handler.ts';

/** A request whose URL, user and rights are settled. */
export interface ResolvedRequest {
  request: ApiRequest;
  user: User;
  kind: ResourceKind;
  /** The version that the URL names. */
  group: string;
  version: string;
  namespace: string;
  name: string;
  subresource: string;
  /** What follows the subresource in the URL (`proxy/a/b`), without a leading slash. */
  rest: string;
  /** Lower-case API verb: `create`, `connect` … */
  verb: string;
  remoteAddress?: string;
}

/** Takes over requests that the generic registry does not serve: `pods/log`, `pods/exec`, `serviceaccounts/token`, TokenReview … */
export interface Endpoint {
  group: string;
  plural: string;
  /** '' for the resource itself (review kinds, which are created and never stored). */
  subresource: string;
  handle(request: ResolvedRequest): Promise<ApiResponse>;
}
