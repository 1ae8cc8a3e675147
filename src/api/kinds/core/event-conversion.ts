import type { AnyObject } from '../../object.ts';

/** Names in events.k8s.io, and the names that core/v1 has for the same. */
const renamed: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

export function fromEventsGroup(object: AnyObject): void {
  for (const [from, to] of renamed) rename(object, from, to);
  object.involvedObject ??= {};
}

export function toEventsGroup(object: AnyObject): void {
  for (const [to, from] of renamed) rename(object, from, to);
}

function rename(object: AnyObject, from: string, to: string): void {
  if (object[from] === undefined) return;
  object[to] = object[from];
  delete object[from];
}
