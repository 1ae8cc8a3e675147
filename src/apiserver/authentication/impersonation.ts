import { ApiError } from '../../api/status.ts';
import type { Attributes, Authorizer } from '../authorization.ts';
import { forbidden } from '../authorization/forbidden.ts';
import type { ApiRequest, User } from '../handler.ts';

const extraPrefix = 'impersonate-extra-';

export function wantsImpersonation(request: ApiRequest): boolean {
  const { headers } = request;
  // Looked at by name first: this is asked for every request.
  if (headers['impersonate-user'] !== undefined || headers['impersonate-group'] !== undefined) return true;
  if (headers['impersonate-uid'] !== undefined) return true;
  for (const name in headers) if (name.startsWith(extraPrefix)) return true;
  return false;
}

/**
 * The user that the request asks to act as (reference/access-authn-authz/authentication, user impersonation). Rejects
 * with 403 when `user` may not, with 500 when groups or extras come without a user. A group or extra is a header of its
 * own each, and may have commas in it.
 */
export async function impersonate(options: { request: ApiRequest; user: User; authorize: Authorizer }): Promise<User> {
  const { request, user, authorize } = options;
  const wanted = wantedUser(request);
  for (const attributes of checks(wanted, user)) {
    const decision = await authorize(attributes);
    if (decision.kind !== 'allow') throw forbidden(attributes, decision.kind === 'deny' ? decision.reason : '');
  }
  return complete(wanted);
}

interface Wanted {
  name: string;
  groups: string[];
  uid: string | undefined;
  extra: Record<string, string[]>;
}

function wantedUser(request: ApiRequest): Wanted {
  const { headers } = request;
  const values = (name: string): string[] => request.headerValues?.(name).filter((value) => value !== '') ?? [];
  const extra: Record<string, string[]> = {};
  for (const name of Object.keys(headers)) {
    if (name.startsWith(extraPrefix)) extra[decodeURIComponent(name.slice(extraPrefix.length))] = values(name);
  }
  const name = headers['impersonate-user'] ?? '';
  if (name === '') throw ApiError.of('InternalError', `requested impersonation without impersonating a user`);
  return { name, groups: values('impersonate-group'), uid: headers['impersonate-uid'], extra };
}

function* checks(wanted: Wanted, user: User): Iterable<Attributes> {
  const base = { kind: 'resource', user, verb: 'impersonate', version: 'v1', namespace: '' } as const;
  const authentication = { ...base, group: 'authentication.k8s.io' };
  const account = serviceAccountOf(wanted.name);
  yield account
    ? { ...base, group: '', resource: 'serviceaccounts', subresource: '', ...account }
    : { ...base, group: '', resource: 'users', subresource: '', name: wanted.name };
  for (const name of wanted.groups) yield { ...base, group: '', resource: 'groups', subresource: '', name };
  for (const [key, values] of Object.entries(wanted.extra)) {
    for (const name of values) yield { ...authentication, resource: 'userextras', subresource: key, name };
  }
  if (wanted.uid !== undefined) yield { ...authentication, resource: 'uids', subresource: '', name: wanted.uid };
}

function serviceAccountOf(name: string): { namespace: string; name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  return match ? { namespace: match[1] ?? '', name: match[2] ?? '' } : undefined;
}

function complete(wanted: Wanted): User {
  const { name, uid, extra } = wanted;
  const account = serviceAccountOf(name);
  const implied =
    account && wanted.groups.length === 0
      ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
      : [];
  const groups = [...wanted.groups, ...implied];
  const group = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  if (!groups.includes('system:authenticated') && !groups.includes('system:unauthenticated')) groups.push(group);
  return { name, groups, ...(uid !== undefined && { uid }), ...(Object.keys(extra).length > 0 && { extra }) };
}
