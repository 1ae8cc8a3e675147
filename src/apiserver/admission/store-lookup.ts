import type { Clock } from '../../base/clock.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Entry, Operation, Store, Watch } from '../../store/store.ts';
import { decodedOf, encoder, managedTextOf } from '../stored-object.ts';
import type { Collection, Lookup } from './lookup.ts';

export interface ChangeHandler<T extends KubeObject> {
  /** `object` is the state now (undefined: deleted), `old` the state before. Called after the cache changed. */
  (object: T | undefined, old: T | undefined): void;
}

/** A {@link Lookup} over a store: one list and one watch for each collection that it follows. */
export interface StoreLookup extends Lookup {
  /** Starts following; resolves when the present objects are in the cache. Following twice is following once. */
  follow(...collections: readonly Collection[]): Promise<void>;
  /** Calls `handler` for every change of a followed collection; present objects are delivered at once. */
  subscribe<T extends KubeObject>(collection: Collection<T>, handler: ChangeHandler<T>): void;
  /** What is followed and not in the cache yet, or not any more: paths in the store. */
  unsynced(): string[];
  close(): void;
}

export function createStoreLookup(store: Store, clock: Clock): StoreLookup {
  const caches = new Map<string, CollectionCache>();
  const cacheOf = (collection: Collection): CollectionCache => {
    const prefix = prefixOf(collection);
    let cache = caches.get(prefix);
    if (!cache) caches.set(prefix, (cache = new CollectionCache(store, prefix)));
    return cache;
  };
  return {
    get: <T extends KubeObject>(collection: Collection<T>, namespace: string, name: string) =>
      cacheOf(collection).get(namespace, name) as T | undefined,
    list: <T extends KubeObject>(collection: Collection<T>, namespace?: string) =>
      cacheOf(collection).list(namespace) as Iterable<T>,
    async fresh<T extends KubeObject>(collection: Collection<T>, namespace: string, name: string) {
      const result = await store.get(storeKey(collection, namespace, name));
      return result.kind === 'found' ? (decodedOf(result.entry) as T) : undefined;
    },
    appears: <T extends KubeObject>(
      collection: Collection<T>,
      { namespace, name }: { namespace: string; name: string },
      withinMs: number,
    ) => cacheOf(collection).appears({ namespace, name, withinMs, clock }) as Promise<T | undefined>,
    async freshList<T extends KubeObject>(collection: Collection<T>, namespace: string) {
      const result = await store.list({ prefix: `${prefixOf(collection)}${namespace && `${namespace}/`}` });
      return result.kind === 'entries' ? result.entries.map((entry) => decodedOf(entry) as T) : [];
    },
    async follow(...collections) {
      await Promise.all(collections.map((collection) => cacheOf(collection).start()));
    },
    unsynced: () => [...caches].flatMap(([prefix, cache]) => (cache.isBehind() ? [prefix] : [])),
    subscribe: (collection, handler) => cacheOf(collection).subscribe(handler as ChangeHandler<KubeObject>),
    close() {
      for (const cache of caches.values()) cache.close();
    },
  };
}

/** The key of an object; `namespace` is '' for cluster-scoped kinds. */
export function storeKey(collection: Collection, namespace: string, name: string): string {
  return `${prefixOf(collection)}${namespace && `${namespace}/`}${name}`;
}

function prefixOf(collection: Collection): string {
  return `/${collection.group || 'core'}/${collection.plural}/`;
}

/**
 * The operation that stores `object` where there is none (0), at a revision, or in place of an entry, whose fields keep
 * their owners.
 */
export function putObject(key: string, object: KubeObject, expected: number | Entry): Operation {
  const copy = { ...object, metadata: { ...object.metadata } };
  if (typeof expected === 'number') return { kind: 'put', key, expectedRevision: expected, encode: encoder(copy) };
  return { kind: 'put', key, expectedRevision: expected.revision, encode: encoder(copy, managedTextOf(expected)) };
}

/** One collection by namespace and name. */
class CollectionCache {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #namespaces = new Map<string, Map<string, KubeObject>>();
  readonly #handlers = new Set<ChangeHandler<KubeObject>>();
  #started: Promise<void> | undefined;
  #watch: Watch | undefined;
  #isSynced = false;
  #closed = false;

  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  *list(namespace: string | undefined): Iterable<KubeObject> {
    if (namespace !== undefined) yield* this.#namespaces.get(namespace)?.values() ?? [];
    else for (const objects of this.#namespaces.values()) yield* objects.values();
  }

  subscribe(handler: ChangeHandler<KubeObject>): void {
    this.#handlers.add(handler);
    for (const object of this.list(undefined)) handler(object, undefined);
  }

  appears(wanted: {
    namespace: string;
    name: string;
    withinMs: number;
    clock: Clock;
  }): Promise<KubeObject | undefined> {
    const { namespace, name, withinMs, clock } = wanted;
    const present = this.get(namespace, name);
    if (present) return Promise.resolve(present);
    return new Promise((resolve) => {
      const finish = (object: KubeObject | undefined): void => {
        cancel();
        this.#handlers.delete(handler);
        resolve(object);
      };
      const handler = (object: KubeObject | undefined): void => {
        if (object?.metadata.name === name && (object.metadata.namespace ?? '') === namespace) finish(object);
      };
      const cancel = clock.setTimer(withinMs, () => finish(undefined));
      this.#handlers.add(handler);
    });
  }

  start(): Promise<void> {
    return (this.#started ??= this.#listAndWatch());
  }

  isBehind(): boolean {
    return this.#started !== undefined && !this.#isSynced;
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  async #listAndWatch(): Promise<void> {
    const listed = await this.#store.list({ prefix: this.#prefix });
    if (listed.kind !== 'entries' || this.#closed) return;
    const present = new Set(listed.entries.map((entry) => entry.key));
    const gone = Array.from(this.list(undefined)).filter((object) => !present.has(this.#keyOf(object)));
    const objects = listed.entries.map((entry) => decodedOf(entry));
    this.#apply([
      ...gone.map((object) => ({ object, exists: false })),
      ...objects.map((object) => ({ object, exists: true })),
    ]);
    this.#watch = this.#store.watch(
      { prefix: this.#prefix, afterRevision: listed.revision },
      {
        events: (events) =>
          this.#apply(events.map(({ kind, entry }) => ({ object: decodedOf(entry), exists: kind === 'put' }))),
        progress() {},
        ended: (reason) => {
          // History that we had not read is gone: start over from a new list.
          this.#isSynced = false;
          if (reason.kind === 'compacted' && !this.#closed) void this.#listAndWatch();
        },
      },
    );
    this.#isSynced = true;
  }

  /** Handlers hear of a change when all that came with it is in the cache: half a list would look like a loss. */
  #apply(states: readonly { object: KubeObject; exists: boolean }[]): void {
    const changes = states.flatMap(({ object, exists }) => {
      const old = this.#set(object, exists);
      const isSame = exists ? old?.metadata.resourceVersion === object.metadata.resourceVersion : !old;
      return isSame ? [] : [{ now: exists ? object : undefined, old }];
    });
    for (const { now, old } of changes) for (const handler of Array.from(this.#handlers)) handler(now, old);
  }

  /** Answers what was there before. */
  #set(object: KubeObject, exists: boolean): KubeObject | undefined {
    const { namespace = '', name = '' } = object.metadata;
    let objects = this.#namespaces.get(namespace);
    if (!objects) this.#namespaces.set(namespace, (objects = new Map()));
    const old = objects.get(name);
    if (exists) objects.set(name, object);
    else objects.delete(name);
    if (objects.size === 0) this.#namespaces.delete(namespace);
    return old;
  }

  #keyOf(object: KubeObject): string {
    const { namespace, name = '' } = object.metadata;
    return `${this.#prefix}${namespace ? `${namespace}/` : ''}${name}`;
  }
}
