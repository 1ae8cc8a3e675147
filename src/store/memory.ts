import { MvccIndex, type CommitRecord } from './mvcc-index.ts';
import { type Planned, planCommit } from './plan-commit.ts';
import type { Store } from './store.ts';
import { WatchHub } from './watch-hub.ts';

/** A store in this process alone: durable for as long as the process lives. */
export function createMemoryStore(): Store {
  const index = new MvccIndex();
  const hub = new WatchHub(index);
  let isClosed = false;
  return {
    get revision() {
      return index.revision;
    },
    get compactedRevision() {
      return index.compactedRevision;
    },
    get: async (key, options) => index.get(key, options?.revision),
    list: async (request) => index.list(request),
    async commit(operations) {
      if (isClosed) return { kind: 'failed', error: new Error('the store is closed') };
      const planned: Planned = planCommit(operations, index.revision + 1, (key) => index.current(key));
      if (planned.kind === 'conflict') return planned;
      if (planned.record.events.length === 0) return { kind: 'committed', revision: index.revision, entries: [] };
      const record: CommitRecord = planned.record;
      index.apply(record);
      hub.publish([record]);
      return { kind: 'committed', revision: record.revision, entries: record.events.map((event) => event.entry) };
    },
    watch: (request, sink) => hub.watch(request, sink),
    async compact(revision) {
      index.compact(revision);
    },
    async close() {
      isClosed = true;
      hub.close();
    },
  };
}
