import type { CommitRecord, MvccIndex } from './mvcc-index.ts';
import type { StoreEvent, Watch, WatchRequest, WatchSink } from './store.ts';

/** How many commits of history a late watch gets at a time, before everyone else has a turn. */
const sliceLength = 500;

interface Watcher {
  prefix: string;
  sink: WatchSink;
  /** Everything up to this revision has been delivered. */
  delivered: number;
  wantsProgress: boolean;
  /** Still reading history: new commits wait in the log. */
  isCatchingUp: boolean;
  isClosed: boolean;
}

/**
 * Delivers commits to watchers in order. A watcher that is up to date gets commits as they are published; one that starts in
 * the past reads the log in slices until it is.
 */
export class WatchHub {
  readonly #index: MvccIndex;
  readonly #watchers = new Set<Watcher>();
  #queue: CommitRecord[] = [];
  #isScheduled = false;

  constructor(index: MvccIndex) {
    this.#index = index;
  }

  watch({ prefix, afterRevision }: WatchRequest, sink: WatchSink): Watch {
    const watcher: Watcher = {
      ...{ prefix, sink, delivered: afterRevision },
      ...{ wantsProgress: false, isCatchingUp: true, isClosed: false },
    };
    this.#watchers.add(watcher);
    queueMicrotask(() => this.#catchUp(watcher));
    return {
      requestProgress: () => {
        watcher.wantsProgress = true;
        this.#schedule();
      },
      close: () => this.#drop(watcher),
    };
  }

  /** The records are in the index already. */
  publish(records: readonly CommitRecord[]): void {
    this.#queue.push(...records);
    this.#schedule();
  }

  close(): void {
    for (const watcher of this.#watchers) {
      this.#drop(watcher);
      watcher.sink.ended({ kind: 'closed' });
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const records = this.#queue;
      this.#queue = [];
      for (const watcher of this.#watchers) {
        if (watcher.isCatchingUp) continue;
        this.#deliver(watcher, records);
        this.#reportProgress(watcher);
      }
    });
  }

  #catchUp(watcher: Watcher): void {
    if (watcher.isClosed) return;
    const records = this.#index.recordsAfter(watcher.delivered);
    if (!records) {
      this.#drop(watcher);
      watcher.sink.ended({ kind: 'compacted', compactedRevision: this.#index.compactedRevision });
      return;
    }
    this.#deliver(watcher, records.slice(0, sliceLength));
    if (watcher.isClosed) return;
    if (records.length > sliceLength) {
      setImmediate(() => this.#catchUp(watcher));
      return;
    }
    watcher.isCatchingUp = false;
    watcher.delivered = Math.max(watcher.delivered, this.#index.revision);
    this.#reportProgress(watcher);
  }

  #deliver(watcher: Watcher, records: readonly CommitRecord[]): void {
    const events: StoreEvent[] = [];
    for (const record of records) {
      if (record.revision <= watcher.delivered) continue;
      watcher.delivered = record.revision;
      for (const event of record.events) if (event.entry.key.startsWith(watcher.prefix)) events.push(event);
    }
    if (events.length > 0 && !watcher.isClosed) watcher.sink.events(events);
  }

  #reportProgress(watcher: Watcher): void {
    if (!watcher.wantsProgress || watcher.isClosed) return;
    watcher.wantsProgress = false;
    watcher.sink.progress(watcher.delivered);
  }

  #drop(watcher: Watcher): void {
    watcher.isClosed = true;
    this.#watchers.delete(watcher);
  }
}
