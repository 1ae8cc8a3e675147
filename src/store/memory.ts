import { MvccIndex } from './mvcc-index.ts';
import { MvccStore, type Journal } from './mvcc-store.ts';
import type { Store } from './store.ts';
import { WatchHub } from './watch-hub.ts';

/** A store that lives as long as the process: for tests, and for clusters that need no tomorrow. */
export function createMemoryStore(): Store {
  return new MvccStore(nowhere, { index: new MvccIndex(), hub: new WatchHub(0) });
}

const nowhere: Journal = { append() {}, compact() {}, discard() {}, close() {} };
