import { assert } from '../base/assert.ts';
import { yieldToEventLoop } from '../base/yield.ts';
import type { MvccIndex } from './mvcc-index.ts';
import type {
  CommitResult,
  Compacted,
  Entry,
  FutureRevision,
  GetResult,
  Key,
  ListRequest,
  ListResult,
  Operation,
  Store,
  StoreEvent,
  Watch,
  WatchRequest,
  WatchSink,
} from './store.ts';
import type { WatchHub } from './watch-hub.ts';

/** Where commits become durable. An append waits for the one before it; compaction goes on beside appends. */
export interface Journal {
  /** One durable transaction for all of `commits`, or none of it; rejects when the disk refuses. */
  append(commits: readonly JournalCommit[]): Promise<void> | void;
  /** Remembers durably that history up to `revision` is gone. */
  compact(revision: number): Promise<void> | void;
  /** Takes versions that nobody can read any more off the disk. */
  discard(versions: readonly VersionId[]): Promise<void> | void;
  close(): Promise<void> | void;
}

/** A key of '' stands for a commit without events. */
export interface VersionId {
  readonly revision: number;
  readonly key: Key;
}

export interface JournalCommit {
  readonly revision: number;
  /** Empty for a commit that only checked. */
  readonly events: readonly StoreEvent[];
}

/** What a journal holds when it is opened. */
export interface Restored {
  index: MvccIndex;
  hub: WatchHub;
}

interface PendingCommit extends JournalCommit {
  readonly resolve: (result: CommitResult) => void;
}

/** One flush's worth of commits. `settled` resolves, to whether it is durable, after the index shows it. */
interface Batch {
  readonly commits: PendingCommit[];
  readonly settled: Promise<boolean>;
  readonly settle: (durable: boolean) => void;
}

/** A key's newest state among commits that are not yet durable. */
interface PendingState {
  readonly entry: Entry | undefined;
  readonly batch: Batch;
}

/** Keys that a compaction looks at before it lets others run. */
const compactionSlice = 1000;

/**
 * The store over any journal: an index of durable state, and a queue of batches. A commit is decided at once, in the
 * one JS thread, against durable and pending state together; it joins the open batch, which is flushed as soon as the
 * one before it is.
 */
export class MvccStore implements Store {
  readonly #journal: Journal;
  readonly #index: MvccIndex;
  readonly #hub: WatchHub;
  readonly #pending = new Map<Key, PendingState>();
  #open: Batch | undefined;
  /** The newest revision given to a commit, durable or not. */
  #assigned: number;
  /** All journal work, in order. */
  #work: Promise<void> | undefined;
  #compaction: Promise<void> = Promise.resolve();
  #compactionGoal = 0;
  #closing: Promise<void> | undefined;

  constructor(journal: Journal, restored: Restored) {
    this.#journal = journal;
    this.#index = restored.index;
    this.#hub = restored.hub;
    this.#assigned = this.#hub.revision;
  }

  get revision(): number {
    return this.#hub.revision;
  }

  get compactedRevision(): number {
    return this.#hub.compactedRevision;
  }

  async get(key: Key, options: { revision?: number } = {}): Promise<GetResult> {
    this.#assertOpen();
    const { revision } = options;
    const refused = this.#refuse(revision);
    if (refused) return refused;
    const entry = revision === undefined ? this.#index.current(key) : this.#index.at(key, revision);
    return entry ? { kind: 'found', entry } : { kind: 'notFound', revision: revision ?? this.revision };
  }

  async list(request: ListRequest): Promise<ListResult> {
    this.#assertOpen();
    const { revision = this.revision } = request;
    const refused = this.#refuse(revision);
    if (refused) return refused;
    const { prefix, limit, after } = request;
    const past = revision === this.revision ? undefined : revision;
    return { kind: 'entries', revision, ...this.#index.list({ prefix, revision: past, limit, after }) };
  }

  async commit(operations: readonly Operation[]): Promise<CommitResult> {
    for (;;) {
      if (this.#closing) return { kind: 'failed', error: new Error('the store is closed') };
      const failed = operations.find((operation) => !this.#holds(operation));
      if (!failed) break;
      const pending = this.#pending.get(failed.key);
      if (!pending) return { kind: 'conflict', key: failed.key, current: this.#index.current(failed.key) };
      // What stands against this commit may itself still fail: then it is decided anew.
      if (await pending.batch.settled) return { kind: 'conflict', key: failed.key, current: pending.entry };
    }
    const revision = ++this.#assigned;
    const batch = (this.#open ??= newBatch());
    let events: StoreEvent[];
    try {
      events = operations.flatMap((operation) =>
        operation.kind === 'check' ? [] : [this.#event(operation, revision)],
      );
    } catch (error) {
      this.#assigned--;
      throw error;
    }
    for (const event of events) {
      this.#pending.set(event.entry.key, { entry: event.kind === 'put' ? event.entry : undefined, batch });
    }
    return new Promise((resolve) => {
      batch.commits.push({ revision, events, resolve });
      this.#startFlushing();
    });
  }

  watch(request: WatchRequest, sink: WatchSink): Watch {
    return this.#hub.watch(request, sink);
  }

  compact(revision: number): Promise<void> {
    if (revision > this.revision) {
      return Promise.reject(new Error(`cannot compact to revision ${revision}: the newest is ${this.revision}`));
    }
    this.#compactionGoal = Math.max(this.#compactionGoal, revision);
    this.#compaction = this.#compaction.catch(() => undefined).then(() => this.#compactTo(this.#compactionGoal));
    return this.#compaction;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#work) await this.#work;
    await this.#compaction.catch(() => undefined);
    this.#hub.close();
    await this.#journal.close();
  }

  #assertOpen(): void {
    if (this.#closing) throw new Error('the store is closed');
  }

  #refuse(revision: number | undefined): Compacted | FutureRevision | undefined {
    if (revision === undefined) return undefined;
    if (revision > this.revision) return { kind: 'futureRevision', revision: this.revision };
    if (revision >= this.compactedRevision) return undefined;
    return { kind: 'compacted', compactedRevision: this.compactedRevision };
  }

  /** The key's entry as the next commit will find it. */
  #newest(key: Key): Entry | undefined {
    const pending = this.#pending.get(key);
    return pending ? pending.entry : this.#index.current(key);
  }

  #holds(operation: Operation): boolean {
    const current = this.#newest(operation.key);
    if (operation.kind === 'delete' && !current) return false;
    return operation.expectedRevision === undefined || operation.expectedRevision === (current?.revision ?? 0);
  }

  #event(operation: Exclude<Operation, { kind: 'check' }>, revision: number): StoreEvent {
    const { key, kind } = operation;
    const previous = this.#newest(key);
    const { value, decoded } = operation.encode(revision);
    const createRevision = previous?.createRevision ?? revision;
    const entry: Entry = { key, value, revision, createRevision, decoded };
    if (kind === 'put') return { kind, entry, previous };
    assert(previous, 'a deletion finds its key');
    return { kind, entry, previous };
  }

  #startFlushing(): void {
    this.#work ??= Promise.resolve().then(() => this.#flushAll());
  }

  async #flushAll(): Promise<void> {
    for (let batch = this.#open; batch; batch = this.#open) {
      this.#open = undefined;
      try {
        const written = this.#journal.append(batch.commits);
        if (written) await written;
      } catch (error) {
        this.#abandon(batch, error as Error);
        continue;
      }
      this.#publish(batch);
    }
    this.#work = undefined;
  }

  #publish(batch: Batch): void {
    for (const { events } of batch.commits) for (const event of events) this.#index.apply(event);
    for (const { events } of batch.commits) {
      for (const { entry } of events) {
        if (this.#pending.get(entry.key)?.batch === batch) this.#pending.delete(entry.key);
      }
    }
    this.#hub.publish(batch.commits.map((commit) => commit.events));
    for (const { revision, events, resolve } of batch.commits) {
      resolve({ kind: 'committed', revision, entries: events.map((event) => event.entry) });
    }
    batch.settle(true);
  }

  /** Commits that came during the failed flush carry revisions and states that build on it: they fall with it. */
  #abandon(batch: Batch, error: Error): void {
    const fallen = this.#open ? [batch, this.#open] : [batch];
    this.#open = undefined;
    this.#pending.clear();
    this.#assigned = this.revision;
    for (const { commits, settle } of fallen) {
      for (const { resolve } of commits) resolve({ kind: 'failed', error });
      settle(false);
    }
  }

  async #compactTo(revision: number): Promise<void> {
    if (revision <= this.compactedRevision) return;
    await this.#journal.compact(revision);
    const first = this.compactedRevision + 1;
    const dropped = this.#hub.compact(revision);
    const checks = dropped.flatMap((events, i) => (events.length === 0 ? [{ revision: first + i, key: '' }] : []));
    if (checks.length > 0) await this.#journal.discard(checks);
    const keys = [...new Set(dropped.flatMap((events) => events.map((event) => event.entry.key)))];
    for (let i = 0; i < keys.length; i += compactionSlice) {
      if (i > 0) await yieldToEventLoop();
      const versions = keys.slice(i, i + compactionSlice).flatMap((key) => this.#index.prune(key, revision));
      await this.#journal.discard(versions.map((version) => version.entry));
    }
  }
}

function newBatch(): Batch {
  let settle: (durable: boolean) => void = () => {};
  const settled = new Promise<boolean>((resolve) => (settle = resolve));
  return { commits: [], settled, settle };
}
