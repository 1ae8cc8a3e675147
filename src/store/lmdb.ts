import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { checkDataFile, isAlive, markAsUsed, type ProcessId, SpaceReserve, thisProcess } from './lmdb-file.ts';
import { decodeRecord, encodeCheck, encodeRecord } from './log-record.ts';
import { MvccIndex } from './mvcc-index.ts';
import { type Journal, type JournalCommit, MvccStore, type Restored, type VersionId } from './mvcc-store.ts';
import { StoreCorruptError, StoreFormatError, StoreLockedError } from './store-errors.ts';
import type { Entry, Store, StoreEvent } from './store.ts';
import { WatchHub } from './watch-hub.ts';

/** Raised whenever the layout below changes. */
const format = 1;
const pageBytes = 4096;
/** The deepest path from root to leaf that one changed record can make dirty. */
const treeDepth = 6;

/**
 * `log`: `[revision, key]` to a record (`log-record.ts`): every version that a read or a watch can still ask for,
 * which is the current state too. `meta`: `format`, `compacted`, `owner`.
 */
interface Databases {
  root: RootDatabase<Buffer, string>;
  log: Database<Uint8Array, [number, string]>;
  meta: Database<unknown, string>;
}

/**
 * Opens the store in directory `path`, making it if it is not there. Rejects with {@link StoreLockedError},
 * {@link StoreCorruptError}, {@link StoreFormatError}, or the system's error (EACCES, ENOSPC …).
 */
export async function openLmdbStore({ path }: { path: string }): Promise<Store> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const file = join(path, 'data.mdb');
  checkDataFile(path, file);
  const databases = openDatabases(path);
  try {
    claim(path, databases);
    markAsUsed(path);
    const journal = new LmdbJournal(databases, await SpaceReserve.open(file));
    try {
      const { restored, leftover } = load(path, databases);
      if (leftover.length > 0) await journal.discard(leftover);
      return new MvccStore(journal, restored);
    } catch (error) {
      await journal.close();
      throw error;
    }
  } catch (error) {
    await databases.root.close();
    throw error;
  }
}

function openDatabases(path: string): Databases {
  try {
    const root = open<Buffer, string>({ path, encoding: 'binary', noSubdir: false, overlappingSync: false, maxDbs: 4 });
    const log = root.openDB<Uint8Array, [number, string]>({ name: 'log', encoding: 'binary' });
    const meta = root.openDB<unknown, string>({ name: 'meta', encoding: 'json' });
    return { root, log, meta };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** LMDB's own error codes are negative and mean that the file is not what it should be; the system's are positive. */
function unreadable(path: string, error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message: string };
  return typeof code === 'number' && code < 0 ? new StoreCorruptError(path, message, { cause: error }) : error;
}

/** LMDB's write lock makes this one step even between processes; it is released by the system when its holder dies. */
function claim(path: string, { root, meta }: Databases): void {
  const self = thisProcess();
  root.transactionSync(() => {
    const owner = meta.get('owner') as ProcessId | undefined;
    if (owner && isAlive(owner)) throw new StoreLockedError(path, owner.pid);
    const found = meta.get('format') as number | undefined;
    if (found !== undefined && found !== format) throw new StoreFormatError(path, found, format);
    if (found === undefined) meta.putSync('format', format);
    meta.putSync('owner', self);
  });
}

/** Reads everything back. `leftover`: records that a compaction had no time to take off the disk. */
function load(path: string, { log, meta }: Databases): { restored: Restored; leftover: VersionId[] } {
  const compacted = (meta.get('compacted') as number | undefined) ?? 0;
  const index = new MvccIndex();
  const hub = new WatchHub(compacted);
  const stale = new Set<string>();
  const leftover: VersionId[] = [];
  const take = (commit: StoredCommit): void => {
    const { revision, events } = commit;
    if (revision > compacted) {
      if (revision !== hub.revision + 1) throw new Error(`revision ${hub.revision + 1} is missing`);
      hub.restore(events);
    } else if (events.length === 0) leftover.push({ revision, key: '' });
    for (const event of events) {
      if (revision <= compacted && (event.kind === 'delete' || event.previous)) stale.add(event.entry.key);
      index.apply(event);
    }
  };
  try {
    for (const commit of storedCommits(log, index)) take(commit);
  } catch (error) {
    throw new StoreCorruptError(path, (error as Error).message, { cause: error });
  }
  for (const key of stale) leftover.push(...index.prune(key, compacted).map((version) => version.entry));
  return { restored: { index, hub }, leftover };
}

interface StoredCommit {
  revision: number;
  events: StoreEvent[];
}

/** The log's commits in order; the caller applies each to `index` before it asks for the next. */
function* storedCommits(log: Databases['log'], index: MvccIndex): Generator<StoredCommit> {
  let revision = 0;
  let records: { entry: Entry; deleted: boolean; index: number }[] = [];
  const commit = (): StoredCommit => ({
    revision,
    events: records.sort((a, b) => a.index - b.index).map(({ entry, deleted }) => eventOf(entry, deleted, index)),
  });
  for (const { key: id, value: bytes } of log.getRange()) {
    if (!Array.isArray(id) || typeof id[0] !== 'number' || typeof id[1] !== 'string')
      throw new Error('a key is damaged');
    const [at, key] = id;
    const record = decodeRecord(bytes, at, key);
    if (at !== revision && revision > 0) {
      yield commit();
      records = [];
    }
    revision = at;
    if (record.kind === 'check') continue;
    const { value, createRevision } = record;
    const entry: Entry = { key, value, revision, createRevision, decoded: undefined };
    records.push({ entry, deleted: record.kind === 'delete', index: record.index });
  }
  if (revision > 0) yield commit();
}

function eventOf(entry: Entry, deleted: boolean, index: MvccIndex): StoreEvent {
  const previous = index.current(entry.key);
  if (!deleted) return { kind: 'put', entry, previous };
  // A deletion whose key was compacted away is dropped by the caller; nobody sees what stands here.
  return { kind: 'delete', entry, previous: previous ?? entry };
}

class LmdbJournal implements Journal {
  readonly #databases: Databases;
  readonly #reserve: SpaceReserve;
  /** Transactions one after the other: the reserve is reckoned between them. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(databases: Databases, reserve: SpaceReserve) {
    this.#databases = databases;
    this.#reserve = reserve;
  }

  append(commits: readonly JournalCommit[]): Promise<void> {
    const { log } = this.#databases;
    const records: { id: [number, string]; bytes: Uint8Array }[] = [];
    for (const { revision, events } of commits) {
      if (events.length === 0) records.push({ id: [revision, ''], bytes: encodeCheck(revision) });
      events.forEach((event, i) => records.push({ id: [revision, event.entry.key], bytes: encodeRecord(event, i) }));
    }
    const pages = records.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / pageBytes) + 2, 0);
    return this.#transact(pages, () => records.map(({ id, bytes }) => log.put(id, bytes)));
  }

  compact(revision: number): Promise<void> {
    return this.#transact(1, () => [this.#databases.meta.put('compacted', revision)]);
  }

  discard(versions: readonly VersionId[]): Promise<void> {
    const { log } = this.#databases;
    if (versions.length === 0) return Promise.resolve();
    return this.#transact(versions.length * treeDepth, () =>
      versions.map(({ revision, key }) => log.remove([revision, key])),
    );
  }

  async close(): Promise<void> {
    const { root, meta } = this.#databases;
    await this.#last;
    await this.#reserve.close();
    try {
      meta.removeSync('owner');
    } finally {
      await root.close();
    }
  }

  /**
   * One durable transaction of at most `pages` changed pages; `write` queues its operations in one turn of the event
   * loop.
   */
  #transact(pages: number, write: () => Promise<boolean>[]): Promise<void> {
    const run = async (): Promise<void> => {
      const { lastPageNumber } = this.#databases.root.getStats() as { lastPageNumber: number };
      await this.#reserve.ensure((lastPageNumber + 1) * pageBytes, (pages + 64) * pageBytes);
      try {
        await Promise.all(new Set(write()));
      } catch (error) {
        throw await causeOf(error);
      }
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** lmdb wraps what went wrong in a second promise, which nobody else would look at. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  return commitError ? commitError.then(() => error).catch((cause: unknown) => cause) : error;
}
