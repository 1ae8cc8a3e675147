import { formatTime } from '../base/clock.ts';
import { objectShape, type MapShape } from '../api/field-ownership/field-shape.ts';
import { fieldsText } from '../api/field-ownership/fields-of.ts';
import {
  formatManaged,
  managedFrom,
  parseManaged,
  trackUpdate,
  type FieldManager,
} from '../api/field-ownership/managed-fields.ts';
import type { AnyObject } from '../api/object.ts';
import type { Core, ResourceRequest } from './core.ts';
import { findSubresource } from './kind-index.ts';

/** The parts of a request's object that have owners, by the version that is stored. */
export function shapeOf({ kind, served, subresource }: ResourceRequest): MapShape {
  const version = served.version.custom ? served.version : (kind.versions[0] ?? served.version);
  if (subresource === 'status') return objectShape(version, 'status');
  const isSplit = subresource === '' && findSubresource(kind, 'status') !== undefined;
  return objectShape(version, isSplit ? 'main' : 'all');
}

/** Who makes this request: whom it names, else its user agent, else the part of the cluster that the user is. */
export function fieldManagerOf(request: ResourceRequest, operation: FieldManager['operation']): FieldManager {
  const { query, headers } = request.request;
  const agent = (headers['user-agent'] ?? '').split('/', 1)[0] ?? '';
  const own = agent === '' || agent === 'timonel' ? componentOf(request.user.name) : agent;
  return {
    manager: query.get('fieldManager') || own,
    operation,
    apiVersion: request.served.storageApiVersion,
    subresource: request.subresource,
  };
}

function componentOf(user: string): string {
  if (user.startsWith('system:node:')) return 'kubelet';
  if (user === 'system:kube-scheduler') return 'kube-scheduler';
  if (user === 'system:apiserver') return 'kube-apiserver';
  const controls = user === 'system:kube-controller-manager' || user.startsWith('system:serviceaccount:kube-system:');
  return controls ? 'kube-controller-manager' : 'timonel';
}

/** The managed fields of a new object: all that it has is its creator's. */
export function managedOfCreate({ clock }: Core, request: ResourceRequest, object: AnyObject): string {
  const fields = fieldsText(object, shapeOf(request), 'written');
  if (fields === '{}') return '';
  const { manager, operation, apiVersion, subresource } = fieldManagerOf(request, 'Update');
  return formatManaged([{ manager, operation, apiVersion, subresource, time: formatTime(clock.now()), fields }]);
}

/** The managed fields after an update; a client may send them along, and so change them. */
export function managedOfUpdate(
  { clock }: Core,
  request: ResourceRequest,
  { object, old, before }: { object: AnyObject; old: AnyObject; before: string },
): string {
  const sent = object.metadata.managedFields;
  const given = sent && managedFrom(sent);
  const entries = given ?? (before === '' ? [] : parseManaged(before));
  const tracked = trackUpdate({
    entries,
    by: fieldManagerOf(request, 'Update'),
    shape: shapeOf(request),
    old,
    next: object,
    now: formatTime(clock.now()),
  });
  return tracked === entries && !given ? before : formatManaged(tracked);
}
