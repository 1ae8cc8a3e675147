import type { Clock } from '../../base/clock.ts';
import { deepFreeze } from '../../api/object.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Entry, Operation, Store, StoreEvent, Watch } from '../../store/store.ts';
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
      return result.kind === 'found' ? (objectOf(result.entry) as T) : undefined;
    },
    appears: <T extends KubeObject>(
      collection: Collection<T>,
      { namespace, name }: { namespace: string; name: string },
      withinMs: number,
    ) => cacheOf(collection).appears({ namespace, name, withinMs, clock }) as Promise<T | undefined>,
    async freshList<T extends KubeObject>(collection: Collection<T>, namespace: string) {
      const result = await store.list({ prefix: `${prefixOf(collection)}${namespace}/` });
      return result.kind === 'entries' ? result.entries.map((entry) => objectOf(entry) as T) : [];
    },
    async follow(...collections) {
      await Promise.all(collections.map((collection) => cacheOf(collection).start()));
    },
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

/** Parsed once for everybody who reads this entry. */
export function objectOf(entry: Entry): KubeObject {
  entry.decoded ??= deepFreeze(JSON.parse(Buffer.from(entry.value).toString()));
  return entry.decoded as KubeObject;
}

/** The operation that stores `object`, expecting the key at `expectedRevision` (0: absent). */
export function putObject(key: string, object: KubeObject, expectedRevision: number): Operation {
  return {
    kind: 'put',
    key,
    expectedRevision,
    encode(revision) {
      const metadata = { ...object.metadata, resourceVersion: String(revision) };
      const decoded = deepFreeze({ ...object, metadata });
      return { value: Buffer.from(JSON.stringify(decoded)), decoded };
    },
  };
}

/** One collection by namespace and name. */
class CollectionCache {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #namespaces = new Map<string, Map<string, KubeObject>>();
  readonly #handlers = new Set<ChangeHandler<KubeObject>>();
  #started: Promise<void> | undefined;
  #watch: Watch | undefined;
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

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  async #listAndWatch(): Promise<void> {
    const listed = await this.#store.list({ prefix: this.#prefix });
    if (listed.kind !== 'entries' || this.#closed) return;
    const present = new Set(listed.entries.map((entry) => entry.key));
    for (const object of Array.from(this.list(undefined))) {
      if (!present.has(this.#keyOf(object))) this.#set(object, undefined);
    }
    for (const entry of listed.entries) {
      const object = objectOf(entry);
      this.#set(object, object);
    }
    this.#watch = this.#store.watch(
      { prefix: this.#prefix, afterRevision: listed.revision },
      {
        events: (events) => events.forEach((event) => this.#apply(event)),
        progress() {},
        ended: (reason) => {
          // History that we had not read is gone: start over from a new list.
          if (reason.kind === 'compacted' && !this.#closed) void this.#listAndWatch();
        },
      },
    );
  }

  #apply(event: StoreEvent): void {
    const object = objectOf(event.entry);
    this.#set(object, event.kind === 'put' ? object : undefined);
  }

  /** `named` says whose place it is, `object` what is there now. */
  #set(named: KubeObject, object: KubeObject | undefined): void {
    const { namespace = '', name = '' } = named.metadata;
    let objects = this.#namespaces.get(namespace);
    if (!objects) this.#namespaces.set(namespace, (objects = new Map()));
    const old = objects.get(name);
    if (object) objects.set(name, object);
    else objects.delete(name);
    if (objects.size === 0) this.#namespaces.delete(namespace);
    if (old === object || old?.metadata.resourceVersion === (object?.metadata.resourceVersion ?? '')) return;
    for (const handler of this.#handlers) handler(object, old);
  }

  #keyOf(object: KubeObject): string {
    const { namespace, name = '' } = object.metadata;
    return `${this.#prefix}${namespace ? `${namespace}/` : ''}${name}`;
  }
}
