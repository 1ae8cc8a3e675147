import type { User } from './handler.ts';

/** What a request wants to do, as RBAC sees it (`authorization.k8s.io/v1` SubjectAccessReviewSpec). */
export type Attributes =
  | {
      kind: 'resource';
      user: User;
      verb: string;
      group: string;
      version: string;
      resource: string;
      subresource: string;
      namespace: string;
      /** '' where there is none; a list or watch whose field selector is `metadata.name=x` has the name x. */
      name: string;
      /** The raw selector of a list, watch or deletecollection; undefined when there is none. */
      fieldSelector?: string;
    }
  | { kind: 'nonResource'; user: User; verb: string; path: string };

export type Decision = { kind: 'allow' } | { kind: 'deny'; reason: string } | { kind: 'noOpinion'; reason?: string };

/** Asked in order; the first allow or deny stands, no opinion from anybody is a 403. */
export type Authorizer = (attributes: Attributes) => Decision | Promise<Decision>;
