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
  return hooks.find((hook) => isFor(hook, kind))?.prepare(object, old);
}

/** Whether {@link reserve} may change an object of this kind. */
export function isReserving({ hooks }: Core, kind: ResourceKind): boolean {
  return hooks.some((hook) => isFor(hook, kind));
}

function isFor(hook: Core['hooks'][number], { group, plural }: ResourceKind): boolean {
  return hook.plural === plural && hook.group === group;
}

/** An object is to go, as soon as nobody holds it any more. */
export function markedForDeletion({ hooks }: Core, kind: ResourceKind, object: AnyObject): void {
  for (const hook of hooks) if (isFor(hook, kind)) hook.marked?.(object);
}

/** Gives back what a deleted object had. */
export function reclaim({ hooks }: Core, kind: ResourceKind, object: AnyObject): void {
  for (const hook of hooks) if (isFor(hook, kind)) hook.deleted(object);
}
