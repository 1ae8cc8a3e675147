import type { Encoded, Entry, Operation, Store, StoreEvent, WatchSink } from '../../src/store/store.ts';

/** A store under test. `reopen` closes it and opens the same data again, where the implementation keeps any. */
export interface StoreUnderTest {
  store: Store;
  reopen?: () => Promise<Store>;
  release: () => Promise<void>;
}

export function document(text: string): (revision: number) => Encoded {
  return (revision) => ({ value: Buffer.from(JSON.stringify({ text, revision })) });
}

export const put = (key: string, text: string, expectedRevision?: number): Operation => ({
  kind: 'put',
  key,
  expectedRevision,
  encode: document(text),
});

export const remove = (key: string, expectedRevision?: number): Operation => ({
  kind: 'delete',
  key,
  expectedRevision,
  encode: document('gone'),
});

export function textOf(entry: Entry): string {
  return (JSON.parse(Buffer.from(entry.value).toString()) as { text: string }).text;
}

/** Commits and answers the revision; throws when the store does not commit. */
export async function commit(store: Store, ...operations: Operation[]): Promise<number> {
  const result = await store.commit(operations);
  if (result.kind !== 'committed') throw new Error(`not committed: ${result.kind}`);
  return result.revision;
}

/** `name=text@revision` of everything below `prefix`. */
export async function shown(store: Store, prefix = '/', revision?: number): Promise<string[]> {
  const result = await store.list({ prefix, revision });
  if (result.kind !== 'entries') throw new Error(`not listed: ${result.kind}`);
  return result.entries.map((entry) => `${entry.key.slice(prefix.length)}=${textOf(entry)}@${entry.revision}`);
}

/** A sink that remembers everything, and lets a test wait for it. */
export class Recorder implements WatchSink {
  readonly calls: (readonly StoreEvent[])[] = [];
  readonly progressed: number[] = [];
  end: Parameters<WatchSink['ended']>[0] | undefined;
  #changed: (() => void)[] = [];

  get lines(): string[] {
    return this.calls.flat().map((event) => `${event.kind} ${event.entry.key}@${event.entry.revision}`);
  }

  events(events: readonly StoreEvent[]): void {
    this.calls.push(events);
    this.#wake();
  }

  progress(revision: number): void {
    this.progressed.push(revision);
    this.#wake();
  }

  ended(reason: Parameters<WatchSink['ended']>[0]): void {
    this.end = reason;
    this.#wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
