import type { ResourceKind } from '../api/kind.ts';
import type { AnyObject } from '../api/object.ts';
import type { Core, Reservation } from './core.ts';

/** Reserves what objects of this kind take from the cluster; undefined for kinds that take nothing. */
export function reserve(
  { hooks }: Core,
  kind: ResourceKind,
  object: AnyObject,
  old: AnyObject | undefined,
): Reservation | undefined {
  for (const hook of hooks) {
    if (hook.plural === kind.plural && hook.group === kind.group) return hook.prepare(object, old);
  }
  return undefined;
}

/** An object is to go, as soon as nobody holds it any more. */
export function markedForDeletion({ hooks }: Core, kind: ResourceKind, object: AnyObject): void {
  for (const hook of hooks) {
    if (hook.plural === kind.plural && hook.group === kind.group) hook.marked?.(object);
  }
}

/** Gives back what a deleted object had. */
export function reclaim({ hooks }: Core, kind: ResourceKind, object: AnyObject): void {
  for (const hook of hooks) {
    if (hook.plural === kind.plural && hook.group === kind.group) hook.deleted(object);
  }
}
