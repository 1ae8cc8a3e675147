import { setMaxListeners } from 'node:events';
import { deepFreeze, type KubeObject } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, Resource } from './client.ts';
import { type Informer, type InformerHandler, keyOf } from './informer.ts';
import type { Informers } from './informers.ts';
import { runReflector } from './reflector.ts';
import type { ReflectorEffect } from './reflector-state.ts';

export interface InformersOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
}

export function createInformers(options: InformersOptions): Informers {
  const abort = new AbortController();
  // Every list and watch of the process listens to it.
  setMaxListeners(0, abort.signal);
  const informers = new Map<string, CachingInformer<KubeObject>>();
  return {
    of<T extends KubeObject>(resource: Resource<T>, selection: { fieldSelector?: string; namespace?: string } = {}) {
      const { group, version, plural } = resource;
      const id = [group, version, plural, selection.namespace ?? '', selection.fieldSelector ?? ''].join('/');
      let informer = informers.get(id);
      if (!informer) {
        const made = new CachingInformer<KubeObject>(options.log.with({ informer: plural }));
        informers.set(id, (informer = made));
        void runReflector({
          ...options,
          resource,
          selection,
          signal: abort.signal,
          onEffect: (effect) => made.accept(effect),
        });
      }
      return informer as unknown as Informer<T>;
    },
    async synced() {
      await Promise.all([...informers.values()].map((informer) => informer.synced()));
    },
    stop: () => abort.abort(new Error('the informers were stopped')),
  };
}

interface Index<T> {
  valuesOf: (object: T) => readonly string[];
  objects: Map<string, Map<string, T>>;
}

class CachingInformer<T extends KubeObject> implements Informer<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #log: Logger;
  /** Replaced, never changed: whoever subscribes during a delivery is not part of it. */
  #handlers: readonly InformerHandler<T>[] = [];
  readonly #synced: Promise<void>;
  #markSynced: () => void = () => {};
  #hasSynced = false;

  constructor(log: Logger) {
    this.#log = log;
    this.#synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  synced(): Promise<void> {
    return this.#synced;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): Iterable<T> {
    return this.#objects.values();
  }

  byIndex(name: string, value: string): readonly T[] {
    const found = this.#indexes.get(name)?.objects.get(value);
    return found ? [...found.values()] : [];
  }

  addIndex(name: string, valuesOf: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { valuesOf, objects: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) addToIndex(index, key, object);
  }

  subscribe(handler: InformerHandler<T>): () => void {
    for (const object of this.#objects.values()) this.#guard(() => handler.added?.(object));
    this.#handlers = [...this.#handlers, handler];
    return () => {
      this.#handlers = this.#handlers.filter((other) => other !== handler);
    };
  }

  accept(effect: Exclude<ReflectorEffect<T>, { kind: 'wait' }>): void {
    switch (effect.kind) {
      case 'set':
        return this.#set(deepFreeze(effect.object));
      case 'remove':
        return this.#remove(keyOf(effect.object), deepFreeze(effect.object));
      case 'replace':
        return this.#replace(effect.items);
    }
  }

  /** A new list: what is missing in it was deleted while nobody watched. */
  #replace(items: readonly T[]): void {
    const keys = new Set(items.map(keyOf));
    for (const [key, object] of this.#objects) if (!keys.has(key)) this.#remove(key, object);
    for (const item of items) this.#set(deepFreeze(item));
    this.#hasSynced = true;
    this.#markSynced();
  }

  #set(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old) removeFromIndex(index, key, old);
      addToIndex(index, key, object);
    }
    // Another object of the same name: the first one was deleted in between.
    const isReplaced = old !== undefined && old.metadata.uid !== object.metadata.uid;
    for (const handler of this.#handlers) {
      this.#guard(() => {
        if (isReplaced) handler.deleted?.(old);
        if (old && !isReplaced) handler.updated?.(object, old);
        else handler.added?.(object);
      });
    }
  }

  /** A handler's bug is its own: the cache and the other handlers go on. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error('an event handler failed', { error });
    }
  }

  #remove(key: string, last: T): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) removeFromIndex(index, key, old);
    for (const handler of this.#handlers) this.#guard(() => handler.deleted?.(last));
  }
}

function addToIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) {
    const objects = index.objects.get(value) ?? new Map<string, T>();
    index.objects.set(value, objects.set(key, object));
  }
}

function removeFromIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.valuesOf(object)) {
    const objects = index.objects.get(value);
    objects?.delete(key);
    if (objects?.size === 0) index.objects.delete(value);
  }
}
