import { ApiError } from '../../api/status.ts';
import type { Attributes } from '../authorization.ts';
import { resourceWithSubresource } from './rules.ts';

/** The 403 for a request that nobody allows, worded as upstream words it. */
export function forbidden(attributes: Attributes, reason = ''): ApiError {
  const { user, verb } = attributes;
  const tail = reason && `: ${reason}`;
  if (attributes.kind === 'nonResource') {
    const text = `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(attributes.path)}${tail}`;
    return ApiError.of('Forbidden', text, {});
  }
  const { group, namespace, name, resource } = attributes;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const subject = name === '' ? qualified : `${qualified} ${JSON.stringify(name)}`;
  const what = JSON.stringify(resourceWithSubresource(attributes));
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const action = `cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
  const text = `${subject} is forbidden: User ${JSON.stringify(user.name)} ${action}${tail}`;
  return ApiError.of('Forbidden', text, { ...(name && { name }), ...(group && { group }), kind: resource });
}

/** A 403 about one object that carries its own reason: `pods "web" is forbidden: exceeded quota: …`. */
export function forbiddenObject(group: string, resource: string, name: string, reason: string): ApiError {
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const details = { ...(name && { name }), ...(group && { group }), kind: resource };
  return ApiError.of('Forbidden', `${qualified} ${JSON.stringify(name)} is forbidden: ${reason}`, details);
}
