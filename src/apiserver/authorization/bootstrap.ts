import { formatTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Entry, Operation, Store } from '../../store/store.ts';
import { putObject, storeKey } from '../admission/store-lookup.ts';
import { decodedOf } from '../stored-object.ts';
import { defaultObjects, reconciled } from './default-objects.ts';

/**
 * Writes what every API server makes for itself: the system namespaces, default roles and bindings, system priority
 * classes. What exists is brought up to date (see `reconciled`), all in one commit. Rejects when the store cannot be
 * written.
 */
export async function bootstrap(options: { store: Store; clock: Clock; random: Random }): Promise<void> {
  const { store } = options;
  for (;;) {
    const operations = await missing(options);
    if (operations.length === 0) return;
    const result = await store.commit(operations);
    if (result.kind === 'committed') return;
    if (result.kind === 'failed') throw result.error;
    // Another server of this cluster does the same at the same time: see what it left.
  }
}

async function missing(options: { store: Store; clock: Clock; random: Random }): Promise<Operation[]> {
  const { store, clock, random } = options;
  const wanted = defaultObjects(formatTime(clock.now()));
  const stored = new Map<string, Entry>();
  const prefixes = new Set(wanted.map(({ collection }) => storeKey(collection, '', '')));
  for (const prefix of prefixes) {
    const listed = await store.list({ prefix });
    if (listed.kind === 'entries') for (const entry of listed.entries) stored.set(entry.key, entry);
  }
  return wanted.flatMap(({ collection, object }) => {
    const { namespace = '', name = '' } = object.metadata;
    const key = storeKey(collection, namespace, name);
    const entry = stored.get(key);
    if (!entry) {
      const metadata = { ...object.metadata, uid: random.uuid(), creationTimestamp: formatTime(clock.now()) };
      return [putObject(key, { ...object, metadata }, 0)];
    }
    const next: KubeObject | undefined = reconciled(decodedOf(entry), object);
    return next ? [putObject(key, next, entry)] : [];
  });
}
