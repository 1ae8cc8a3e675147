import type { Compacted, Entry, FutureRevision, GetResult, ListRequest, ListResult, StoreEvent } from './store.ts';

/** All events of one commit. */
export interface CommitRecord {
  revision: number;
  events: readonly StoreEvent[];
}

/**
 * The durable state in memory: the newest entry of each key, in key order, and the events since the last compaction, from
 * which older states and late watches are served. Knows no disk and no time.
 */
export class MvccIndex {
  /** Keys of one kind together, so that a list touches only its own. */
  readonly #buckets = new Map<string, Bucket>();
  #log: CommitRecord[] = [];
  #revision = 0;
  #compactedRevision = 0;

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  current(key: string): Entry | undefined {
    return this.#buckets.get(bucketOf(key))?.entries.get(key);
  }

  apply(record: CommitRecord): void {
    for (const event of record.events) {
      const { key } = event.entry;
      const name = bucketOf(key);
      let bucket = this.#buckets.get(name);
      if (!bucket) this.#buckets.set(name, (bucket = new Bucket()));
      if (event.kind === 'put') bucket.put(event.entry);
      else bucket.delete(key);
    }
    this.#log.push(record);
    this.#revision = record.revision;
  }

  /** Starts from a state read from disk. */
  restore(state: { entries: Iterable<Entry>; log: CommitRecord[]; revision: number; compactedRevision: number }): void {
    for (const entry of state.entries) {
      const name = bucketOf(entry.key);
      let bucket = this.#buckets.get(name);
      if (!bucket) this.#buckets.set(name, (bucket = new Bucket()));
      bucket.put(entry);
    }
    this.#log = state.log;
    this.#revision = state.revision;
    this.#compactedRevision = state.compactedRevision;
  }

  get(key: string, revision: number | undefined): GetResult {
    const refused = this.#refusal(revision);
    if (refused) return refused;
    const entry = revision === undefined ? this.current(key) : this.#entryAt(key, revision);
    return entry ? { kind: 'found', entry } : { kind: 'notFound', revision: revision ?? this.#revision };
  }

  list({ prefix, revision, limit, after }: ListRequest): ListResult {
    const refused = this.#refusal(revision);
    if (refused) return refused;
    const at = revision ?? this.#revision;
    const changed = at < this.#revision ? this.#changesAfter(at, prefix) : undefined;
    const keys = this.#keys(prefix, changed);
    const start = after === undefined ? 0 : upperBound(keys, after);
    const entries: Entry[] = [];
    let remaining = 0;
    for (let i = start; i < keys.length; i++) {
      const key = keys[i] as string;
      const entry = changed?.has(key) ? changed.get(key) : this.current(key);
      if (!entry) continue;
      if (limit !== undefined && entries.length >= limit) {
        if (!changed) {
          remaining = keys.length - i;
          break;
        }
        remaining++;
      } else entries.push(entry);
    }
    return { kind: 'entries', entries, revision: at, remaining };
  }

  /** Commits after `revision`, oldest first; undefined when some of them are compacted. */
  recordsAfter(revision: number): readonly CommitRecord[] | undefined {
    if (revision < this.#compactedRevision) return undefined;
    return this.#log.slice(this.#indexAfter(revision));
  }

  /** Forgets history at or before `revision`. */
  compact(revision: number): void {
    if (revision <= this.#compactedRevision) return;
    this.#compactedRevision = Math.min(revision, this.#revision);
    this.#log = this.#log.slice(this.#indexAfter(this.#compactedRevision));
  }

  entries(): Iterable<Entry> {
    return [...this.#buckets.values()].flatMap((bucket) => [...bucket.entries.values()]);
  }

  #refusal(revision: number | undefined): Compacted | FutureRevision | undefined {
    if (revision === undefined) return undefined;
    if (revision > this.#revision) return { kind: 'futureRevision', revision: this.#revision };
    if (revision < this.#compactedRevision) return { kind: 'compacted', compactedRevision: this.#compactedRevision };
    return undefined;
  }

  #entryAt(key: string, revision: number): Entry | undefined {
    for (let i = this.#indexAfter(revision); i < this.#log.length; i++) {
      const event = this.#log[i]?.events.find((candidate) => candidate.entry.key === key);
      if (event) return event.previous;
    }
    return this.current(key);
  }

  /** What each key below `prefix` that changed after `revision` was at `revision`. */
  #changesAfter(revision: number, prefix: string): Map<string, Entry | undefined> {
    const changed = new Map<string, Entry | undefined>();
    for (let i = this.#indexAfter(revision); i < this.#log.length; i++) {
      for (const event of this.#log[i]?.events ?? []) {
        const { key } = event.entry;
        if (key.startsWith(prefix) && !changed.has(key)) changed.set(key, event.previous);
      }
    }
    return changed;
  }

  #keys(prefix: string, changed: Map<string, Entry | undefined> | undefined): string[] {
    const name = bucketOf(prefix);
    const buckets = name.length <= prefix.length ? [this.#buckets.get(name)] : this.#bucketsBelow(prefix);
    const keys = buckets.flatMap((bucket) => bucket?.keysBelow(prefix) ?? []);
    const gone = [...(changed ?? [])].filter(([key, entry]) => entry && !this.current(key)).map(([key]) => key);
    return gone.length > 0 ? [...keys, ...gone].sort(compareKeys) : keys;
  }

  #bucketsBelow(prefix: string): Bucket[] {
    return [...this.#buckets]
      .filter(([name]) => name.startsWith(prefix))
      .sort(([a], [b]) => compareKeys(a, b))
      .map(([, bucket]) => bucket);
  }

  /** Index of the first record with a revision greater than `revision`. */
  #indexAfter(revision: number): number {
    let [low, high] = [0, this.#log.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#log[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Entries of one kind with their keys in order; the order is restored when it is asked for. */
class Bucket {
  readonly entries = new Map<string, Entry>();
  #sorted: string[] = [];
  #added: string[] = [];
  #hasDeleted = false;

  put(entry: Entry): void {
    if (!this.entries.has(entry.key)) this.#added.push(entry.key);
    this.entries.set(entry.key, entry);
  }

  delete(key: string): void {
    this.entries.delete(key);
    this.#hasDeleted = true;
  }

  keysBelow(prefix: string): string[] {
    this.#sort();
    const start = lowerBound(this.#sorted, prefix);
    let end = start;
    const last = this.#sorted.at(-1);
    if (last?.startsWith(prefix)) end = this.#sorted.length;
    else while (end < this.#sorted.length && this.#sorted[end]?.startsWith(prefix)) end++;
    return this.#sorted.slice(start, end);
  }

  #sort(): void {
    if (this.#added.length === 0 && !this.#hasDeleted) return;
    const kept = this.#hasDeleted ? this.#sorted.filter((key) => this.entries.has(key)) : this.#sorted;
    const added = this.#hasDeleted ? [...new Set(this.#added)].filter((key) => this.entries.has(key)) : this.#added;
    this.#sorted = added.length === 0 ? kept : [...new Set([...kept, ...added])].sort(compareKeys);
    this.#added = [];
    this.#hasDeleted = false;
  }
}

/** `/apps/deployments/` of `/apps/deployments/default/web`. A shorter prefix gives a name longer than itself. */
function bucketOf(key: string): string {
  const second = key.indexOf('/', 1);
  const third = second < 0 ? -1 : key.indexOf('/', second + 1);
  return third < 0 ? `${key}/` : key.slice(0, third + 1);
}

/** Keys are ASCII (names of groups, kinds and objects), so that UTF-16 order is byte order. */
function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lowerBound(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(keys: readonly string[], key: string): number {
  const at = lowerBound(keys, key);
  return keys[at] === key ? at + 1 : at;
}
