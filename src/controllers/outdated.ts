import type { KubeObject } from '../api/object.ts';
import { isApiError } from '../api/status.ts';

/**
 * Cached objects that a write has shown to be out of date: they are gone, or others have come. The watch that will say
 * so is behind. Whoever went on with such an object would make dependents of an owner that is no more, as fast as the
 * garbage collector takes them away; the event on its way brings the key back.
 */
export class Outdated<T extends KubeObject> {
  readonly #objects = new WeakSet<T>();

  has(object: T): boolean {
    return this.#objects.has(object);
  }

  /** The answer to a write of `object` as it is in the cache. */
  async unless<R>(object: T, write: Promise<R>): Promise<R> {
    try {
      return await write;
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict')) this.#objects.add(object);
      throw error;
    }
  }
}
