import type { Entry, Key, StoreEvent } from './store.ts';
import { OrderedRows, orderOf, type Row, type Version } from './ordered-rows.ts';

/** Every key with its versions, in memory. Holds durable state only; knows nothing of commits under way. */
export class MvccIndex {
  readonly #rows = new Map<Key, Row>();
  readonly #ordered = new OrderedRows();

  current(key: Key): Entry | undefined {
    return this.#rows.get(key)?.current;
  }

  /** The entry as of `revision`; the caller has checked that history reaches back to it. */
  at(key: Key, revision: number): Entry | undefined {
    const row = this.#rows.get(key);
    return row && entryAt(row, revision);
  }

  apply(event: StoreEvent): void {
    this.restore(event.entry, event.kind === 'delete');
  }

  restore(entry: Entry, deleted: boolean): void {
    const version: Version = { entry, deleted };
    const current = deleted ? undefined : entry;
    const row = this.#rows.get(entry.key);
    if (row) {
      row.versions.push(version);
      row.current = current;
      return;
    }
    const fresh: Row = { key: entry.key, order: orderOf(entry.key), versions: [version], current };
    this.#rows.set(entry.key, fresh);
    this.#ordered.insert(fresh);
  }

  /** State as of `revision` (undefined: newest), in key order. */
  list(request: { prefix: string; revision?: number; limit?: number; after?: Key }): {
    entries: Entry[];
    remaining: number;
  } {
    const { prefix, revision, limit = Infinity, after } = request;
    const entries: Entry[] = [];
    let remaining = 0;
    this.#ordered.visit(prefix, after, (row) => {
      const entry = revision === undefined ? row.current : entryAt(row, revision);
      if (!entry) return;
      if (entries.length < limit) entries.push(entry);
      else remaining++;
    });
    return { entries, remaining };
  }

  /** Drops what of `key` only history at or before `revision` needed; answers the dropped versions. */
  prune(key: Key, revision: number): Version[] {
    const row = this.#rows.get(key);
    if (!row) return [];
    const { versions } = row;
    let keep = 0;
    while (keep + 1 < versions.length && (versions[keep + 1] as Version).entry.revision <= revision) keep++;
    const oldest = versions[keep] as Version;
    if (oldest.deleted && oldest.entry.revision <= revision) keep++;
    const dropped = versions.splice(0, keep);
    if (versions.length === 0) {
      this.#rows.delete(key);
      this.#ordered.remove(row);
    }
    return dropped;
  }
}

function entryAt(row: Row, revision: number): Entry | undefined {
  const { versions } = row;
  for (let i = versions.length - 1; i >= 0; i--) {
    const version = versions[i] as Version;
    if (version.entry.revision <= revision) return version.deleted ? undefined : version.entry;
  }
  return undefined;
}
