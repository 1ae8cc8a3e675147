import type { Informers } from '../client/informers.ts';
import { configMaps, secrets } from '../client/resources.ts';
import type { ConfigMap, Secret } from '../api/types/core-v1.ts';
import type { ObjectReference } from './object-references.ts';

/**
 * The ConfigMaps and Secrets that the node's pods read. Each is watched by itself (`metadata.name=…`), from its
 * first user to its last: a node may see no others (the node authorizer's rule).
 */
export interface ObjectCache {
  /**
   * Holds exactly these objects for a pod; resolves when all are known. `changed` is called for each later change.
   */
  hold(podUid: string, namespace: string, references: readonly ObjectReference[], changed: () => void): Promise<void>;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  release(podUid: string): void;
  stop(): void;
}

interface Watched {
  informers: Informers;
  synced: Promise<void>;
  get(): ConfigMap | Secret | undefined;
  users: Map<string, () => void>;
}

/** `open` makes informers that can be stopped by themselves. */
export function createObjectCache(open: () => Informers): ObjectCache {
  const watched = new Map<string, Watched>();

  function watch(key: string, namespace: string, reference: ObjectReference): Watched {
    const informers = open();
    const options = { namespace, fieldSelector: `metadata.name=${reference.name}` };
    const users = new Map<string, () => void>();
    const notify = (): void => {
      if (informer.hasSynced) for (const changed of users.values()) changed();
    };
    const informer =
      reference.kind === 'ConfigMap' ? informers.of(configMaps, options) : informers.of(secrets, options);
    informer.subscribe({ added: notify, updated: notify, deleted: notify });
    const get = (): ConfigMap | Secret | undefined => informer.get(`${namespace}/${reference.name}`);
    const entry = { informers, synced: informer.synced(), get, users };
    // Whoever waits hears of a failure; the entry itself must not turn it into an unhandled one.
    entry.synced.catch(() => undefined);
    watched.set(key, entry);
    return entry;
  }

  function drop(podUid: string, keep: ReadonlySet<string>): void {
    for (const [key, entry] of watched) {
      if (keep.has(key) || !entry.users.delete(podUid) || entry.users.size > 0) continue;
      entry.informers.stop();
      watched.delete(key);
    }
  }

  return {
    async hold(podUid, namespace, references, changed) {
      const keyOf = (reference: ObjectReference): string => `${reference.kind}/${namespace}/${reference.name}`;
      const entries = references.map((reference) => {
        const key = keyOf(reference);
        const entry = watched.get(key) ?? watch(key, namespace, reference);
        entry.users.set(podUid, changed);
        return entry;
      });
      drop(podUid, new Set(references.map(keyOf)));
      await Promise.all(entries.map((entry) => entry.synced));
    },
    configMap: (namespace, name) => watched.get(`ConfigMap/${namespace}/${name}`)?.get(),
    secret: (namespace, name) => watched.get(`Secret/${namespace}/${name}`)?.get(),
    release: (podUid) => drop(podUid, new Set()),
    stop() {
      for (const entry of watched.values()) entry.informers.stop();
      watched.clear();
    },
  };
}
