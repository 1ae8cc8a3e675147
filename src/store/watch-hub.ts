import { yieldToEventLoop } from '../base/yield.ts';
import type { Compacted, Key, StoreEvent, Watch, WatchRequest, WatchSink } from './store.ts';

/** Commits that a watch reads from history before it lets others run. */
const catchUpSlice = 500;

interface Watcher {
  readonly prefix: string;
  readonly sink: WatchSink;
  /** Everything up to here has been delivered. */
  position: number;
  /** False while it reads history. */
  live: boolean;
  open: boolean;
  progressWanted: number;
}

/** The events of every commit since the last compaction, and everyone who wants them. */
export class WatchHub {
  /** `#commits[i]` are the events of revision `#compacted + 1 + i`. */
  #commits: (readonly StoreEvent[])[] = [];
  #compacted: number;
  #closed = false;
  /** Live watchers by their prefix: an event asks only for the handful of prefixes of its own key. */
  readonly #live = new Map<string, Set<Watcher>>();
  readonly #catchingUp = new Set<Watcher>();

  constructor(compacted: number) {
    this.#compacted = compacted;
  }

  get revision(): number {
    return this.#compacted + this.#commits.length;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  /** Takes the next revisions' events without telling anyone: history that was read back. */
  restore(events: readonly StoreEvent[]): void {
    this.#commits.push(events);
  }

  /** Takes the events of the next revisions, one element for each, and delivers them. */
  publish(commits: readonly (readonly StoreEvent[])[]): void {
    const deliveries = new Map<Watcher, StoreEvent[]>();
    for (const events of commits) {
      this.#commits.push(events);
      if (this.#live.size === 0) continue;
      for (const event of events) this.#collect(event, deliveries);
    }
    const revision = this.revision;
    for (const [watcher, events] of deliveries) {
      if (!watcher.open) continue;
      watcher.position = Math.max(watcher.position, revision);
      guarded(() => watcher.sink.events(events));
    }
  }

  watch(request: WatchRequest, sink: WatchSink): Watch {
    const { prefix, afterRevision } = request;
    const watcher: Watcher = { prefix, sink, position: afterRevision, live: false, open: true, progressWanted: 0 };
    this.#catchingUp.add(watcher);
    queueMicrotask(() => void this.#catchUp(watcher));
    return {
      requestProgress: () => {
        watcher.progressWanted++;
        if (watcher.live) queueMicrotask(() => this.#progress(watcher));
      },
      close: () => this.#drop(watcher),
    };
  }

  /** The events at or before `revision`, which are then gone. */
  compact(revision: number): (readonly StoreEvent[])[] {
    const dropped = this.#commits.splice(0, revision - this.#compacted);
    this.#compacted += dropped.length;
    return dropped;
  }

  close(): void {
    this.#closed = true;
    const watchers = [...this.#catchingUp, ...[...this.#live.values()].flatMap((set) => [...set])];
    for (const watcher of watchers) this.#end(watcher, { kind: 'closed' });
  }

  #collect(event: StoreEvent, deliveries: Map<Watcher, StoreEvent[]>): void {
    const { key, revision } = event.entry;
    for (const prefix of prefixesOf(key)) {
      for (const watcher of this.#live.get(prefix) ?? []) {
        if (revision <= watcher.position) continue;
        const events = deliveries.get(watcher);
        if (events) events.push(event);
        else deliveries.set(watcher, [event]);
      }
    }
  }

  async #catchUp(watcher: Watcher): Promise<void> {
    while (watcher.open) {
      if (this.#closed) return this.#end(watcher, { kind: 'closed' });
      if (watcher.position < this.#compacted) {
        return this.#end(watcher, { kind: 'compacted', compactedRevision: this.#compacted });
      }
      if (watcher.position >= this.revision) return this.#goLive(watcher);
      const from = watcher.position - this.#compacted;
      const commits = this.#commits.slice(from, from + catchUpSlice);
      watcher.position += commits.length;
      const events = commits.flatMap((commit) => commit.filter((event) => event.entry.key.startsWith(watcher.prefix)));
      if (events.length > 0) guarded(() => watcher.sink.events(events));
      if (watcher.position < this.revision) await yieldToEventLoop();
    }
  }

  #goLive(watcher: Watcher): void {
    this.#catchingUp.delete(watcher);
    watcher.live = true;
    const set = this.#live.get(watcher.prefix);
    if (set) set.add(watcher);
    else this.#live.set(watcher.prefix, new Set([watcher]));
    this.#progress(watcher);
  }

  #progress(watcher: Watcher): void {
    for (; watcher.open && watcher.progressWanted > 0; watcher.progressWanted--) {
      guarded(() => watcher.sink.progress(this.revision));
    }
  }

  #end(watcher: Watcher, reason: Compacted | { kind: 'closed' }): void {
    if (!watcher.open) return;
    this.#drop(watcher);
    guarded(() => watcher.sink.ended(reason));
  }

  #drop(watcher: Watcher): void {
    watcher.open = false;
    this.#catchingUp.delete(watcher);
    const set = this.#live.get(watcher.prefix);
    if (set?.delete(watcher) && set.size === 0) this.#live.delete(watcher.prefix);
  }
}

/** `/`, `/core/`, `/core/pods/`, `/core/pods/default/` for `/core/pods/default/web`. */
function prefixesOf(key: Key): string[] {
  const prefixes: string[] = [];
  for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
    prefixes.push(key.slice(0, slash + 1));
  }
  return prefixes;
}

/** One sink's bug must be loud, but must not keep events from the others. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
