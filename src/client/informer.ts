import type { KubeObject } from '../api/object.ts';

/**
 * A read-only cache of one kind, kept current by list-then-watch (state machine in `reflector.ts`). Objects are frozen
 * and shared. `subscribe`d handlers are called after the cache changed, in the order of the changes.
 */
export interface Informer<T extends KubeObject> {
  /** Resolves when the first list is in the cache. */
  synced(): Promise<void>;
  readonly hasSynced: boolean;
  /** `namespace/name`, or `name` for cluster-scoped kinds. */
  get(key: string): T | undefined;
  /** All cached objects, in no particular order. */
  list(): Iterable<T>;
  /** Objects for which the named index function gave `value`. */
  byIndex(index: string, value: string): readonly T[];
  /** Registers an index; existing objects are indexed at once. Registering the same name again is a no-op. */
  addIndex(name: string, valuesOf: (object: T) => readonly string[]): void;
  /** Existing objects are delivered as `added`. Returns the function that ends the subscription. */
  subscribe(handler: InformerHandler<T>): () => void;
}

export interface InformerHandler<T extends KubeObject> {
  added?(object: T): void;
  updated?(object: T, old: T): void;
  deleted?(object: T): void;
}

/** `namespace/name`, or `name` where there is no namespace. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
