/**
 * The store's contract: a multi-version map from keys to JSON documents, with compare-and-swap and watch, after etcd's
 * data model. `test/contract/store.ts` states it as tests, which every implementation passes.
 *
 * - Revisions are positive whole numbers. Every successful commit takes exactly the next one; they never repeat.
 * - A commit is durable before its promise resolves, and is visible to get, list and watch only then.
 * - Reads see a consistent state as of one revision. Entries are immutable: whoever changes one breaks everybody.
 * - A watch delivers every event after its start revision once, in revision order, whatever else happens.
 */
export interface Store {
  /** The newest durable revision; 0 for an empty store. */
  readonly revision: number;
  /**
   * History before this revision is gone: reads of older states and watches from them answer `compacted`. 0: nothing
   * is.
   */
  readonly compactedRevision: number;
  get(key: string, options?: { revision?: number }): Promise<GetResult>;
  list(request: ListRequest): Promise<ListResult>;
  /** Operations are applied together or not at all; all get the same revision. Keys within one commit are distinct. */
  commit(operations: readonly Operation[]): Promise<CommitResult>;
  /** Starts delivering at once or, for history, in slices. Callbacks run in order and never inside this call. */
  watch(request: WatchRequest, sink: WatchSink): Watch;
  /** Drops the states before `revision`; that of `revision` itself and watches from it stay possible. */
  compact(revision: number): Promise<void>;
  /** Ends watches with `closed`, waits for what is in flight, releases files. */
  close(): Promise<void>;
}

/**
 * `/<group or core>/<plural>/<namespace>/<name>`; cluster-scoped kinds leave out the namespace. Compared as UTF-8
 * bytes.
 */
export type Key = string;

export interface Entry {
  readonly key: Key;
  /** The document as JSON bytes, its `metadata.resourceVersion` already that of `revision`. */
  readonly value: Uint8Array;
  /** Revision of the commit that wrote this version: the object's resourceVersion. */
  readonly revision: number;
  /** Revision of the commit that created the key. */
  readonly createRevision: number;
  /**
   * The reader's own decoded form of `value`, made once and shared. The store keeps it with the entry and never looks
   * at it.
   */
  decoded?: unknown;
}

export type GetResult =
  { kind: 'found'; entry: Entry } | { kind: 'notFound'; revision: number } | Compacted | FutureRevision;

export interface ListRequest {
  /** Keys that start with this. Ends with `/`. */
  prefix: string;
  /** State as of this revision; default: the newest. */
  revision?: number;
  /** At most this many entries, in key order. */
  limit?: number;
  /** Start strictly after this key: the next page. */
  after?: Key;
}

export type ListResult =
  /** `remaining` counts the entries that `limit` cut off. `revision` is the state's revision: watch from here. */
  { kind: 'entries'; entries: readonly Entry[]; revision: number; remaining: number } | Compacted | FutureRevision;

/** Bytes and, if the caller has it at hand, their decoded form. */
export interface Encoded {
  value: Uint8Array;
  decoded?: unknown;
}

export type Operation =
  | {
      kind: 'put';
      key: Key;
      /** The key must be at this revision now; 0: it must not exist; undefined: whatever it is. */
      expectedRevision?: number;
      /** Called once, synchronously, with the commit's revision: the document that carries it. */
      encode: (revision: number) => Encoded;
    }
  | {
      kind: 'delete';
      key: Key;
      expectedRevision?: number;
      /** The document's last state, for the event, carrying the revision of the deletion. */
      encode: (revision: number) => Encoded;
    }
  /** Changes nothing; the commit fails unless the key is at this revision (0: absent). */
  | { kind: 'check'; key: Key; expectedRevision: number };

export type CommitResult =
  | { kind: 'committed'; revision: number; entries: readonly Entry[] }
  /** The first operation whose expectation failed, and what is there now (durable when this is answered). */
  | { kind: 'conflict'; key: Key; current: Entry | undefined }
  /** The disk refused (full, read-only, broken); nothing of the commit is kept. */
  | { kind: 'failed'; error: Error };

export interface WatchRequest {
  prefix: string;
  /** Events with a revision greater than this. */
  afterRevision: number;
}

export interface WatchSink {
  /** One or more events of ascending revisions; all events of one commit come in the same call. */
  events(events: readonly StoreEvent[]): void;
  /** Everything up to `revision` has been delivered. Called when asked for with {@link Watch.requestProgress}. */
  progress(revision: number): void;
  /** The watch is over: its history was compacted, or the store closed. Nothing follows. */
  ended(reason: Compacted | { kind: 'closed' }): void;
}

export interface Watch {
  /** Asks for one `progress` call, after every event up to the newest revision. */
  requestProgress(): void;
  /** Stops delivery at once. */
  close(): void;
}

export type StoreEvent =
  | { kind: 'put'; entry: Entry; previous: Entry | undefined }
  /** `entry` is the last state with the deletion's revision. */
  | { kind: 'delete'; entry: Entry; previous: Entry };

export interface Compacted {
  kind: 'compacted';
  compactedRevision: number;
}

export interface FutureRevision {
  kind: 'futureRevision';
  revision: number;
}
