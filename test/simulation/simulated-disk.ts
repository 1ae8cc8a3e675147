import { createHash } from 'node:crypto';
import type { Random } from '../../src/base/random.ts';
import type { SimulatedClock } from '../../src/base/simulated-clock.ts';
import { MvccIndex } from '../../src/store/mvcc-index.ts';
import { type Journal, type JournalCommit, MvccStore } from '../../src/store/mvcc-store.ts';
import type { Key, Store, StoreEvent } from '../../src/store/store.ts';
import { WatchHub } from '../../src/store/watch-hub.ts';

interface Mount {
  isAlive: boolean;
  inFlight: readonly JournalCommit[];
}

/** What was written, as the checkers want it. */
export interface HistoryEvent {
  revision: number;
  kind: StoreEvent['kind'];
  key: Key;
  value: Uint8Array;
}

/**
 * A disk that outlives the store on it. Writes take simulated time, fail while it is full, and a crash keeps or loses
 * whatever was on its way, whole batches at a time. Everything that ever became durable stays known to the checkers.
 */
export class SimulatedDisk {
  readonly history: HistoryEvent[] = [];
  isFull = false;
  /** Share of flushes that fail. */
  failureRate = 0;
  /** Share of flushes that take up to 4 ms instead of none. */
  slowRate = 0;
  readonly #clock: SimulatedClock;
  readonly #random: Random;
  readonly #byKey = new Map<string, number[]>();
  #commits: JournalCommit[] = [];
  #compacted = 0;
  #mount: Mount | undefined;

  constructor(clock: SimulatedClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A store that holds what became durable. */
  open(): Store {
    const index = new MvccIndex();
    const hub = new WatchHub(this.#compacted);
    for (const { revision, events } of this.#commits) {
      const restored = events.map((event) => reread(event, index));
      for (const event of restored) index.apply(event);
      if (revision > this.#compacted) hub.restore(restored);
    }
    for (const { events } of this.#commits) {
      for (const { entry } of events) if (entry.revision <= this.#compacted) index.prune(entry.key, this.#compacted);
    }
    const mount: Mount = { isAlive: true, inFlight: [] };
    this.#mount = mount;
    return new MvccStore(this.#journal(mount), { index, hub });
  }

  /** The machine is off: a flush under way was in time or was not, and nothing more comes. */
  crash(): void {
    const mount = this.#mount;
    if (!mount) return;
    mount.isAlive = false;
    if (this.#random.float() < 0.5) this.#keep(mount.inFlight);
    this.#mount = undefined;
  }

  /** Revisions under `prefix` in order. */
  revisionsOf(prefix: string): readonly number[] {
    return this.#byKey.get(prefix) ?? [];
  }

  /** Equal for equal histories. */
  digest(): string {
    const hash = createHash('sha256');
    for (const { revision, kind, key, value } of this.history) hash.update(`${revision} ${kind} ${key} `).update(value);
    return hash.digest('hex');
  }

  #journal(mount: Mount): Journal {
    const assertAlive = (): void => {
      if (!mount.isAlive) throw new Error('the machine is off');
    };
    return {
      append: async (commits) => {
        assertAlive();
        mount.inFlight = commits;
        const isSlow = this.#random.float() < this.slowRate;
        if (isSlow) await this.#clock.sleep(1 + this.#random.int(4));
        assertAlive();
        mount.inFlight = [];
        if (this.isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        if (this.#random.float() < this.failureRate) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
        this.#keep(commits);
      },
      compact: (revision) => {
        assertAlive();
        this.#compacted = revision;
      },
      discard: (versions) => {
        assertAlive();
        const gone = new Set(versions.map(({ revision, key }) => `${revision} ${key}`));
        this.#commits = this.#commits.flatMap(({ revision, events }) => {
          if (revision > this.#compacted) return [{ revision, events }];
          const kept = events.filter(({ entry }) => !gone.has(`${revision} ${entry.key}`));
          return kept.length > 0 ? [{ revision, events: kept }] : [];
        });
      },
      close() {},
    };
  }

  #keep(commits: readonly JournalCommit[]): void {
    for (const { revision, events } of commits) {
      this.#commits.push({ revision, events });
      for (const { kind, entry } of events) {
        const { key, value } = entry;
        this.history.push({ revision, kind, key, value });
        const prefix = key.split('/').slice(0, 3).join('/') + '/';
        const known = this.#byKey.get(prefix);
        if (!known) this.#byKey.set(prefix, [revision]);
        else if (known.at(-1) !== revision) known.push(revision);
      }
    }
  }
}

/** As it comes back from disk: bytes, and nothing that the last process knew. */
function reread({ kind, entry }: StoreEvent, index: MvccIndex): StoreEvent {
  const { key, value, revision, createRevision } = entry;
  const fresh = { key, value: Uint8Array.from(value), revision, createRevision };
  const previous = index.current(key);
  return kind === 'put' ? { kind, entry: fresh, previous } : { kind, entry: fresh, previous: previous ?? fresh };
}
