import type { KubeObject } from '../../src/api/object.ts';
import { isApiError } from '../../src/api/status.ts';
import type { Client, Resource } from '../../src/client/client.ts';
import type { Store } from '../../src/store/store.ts';
import type { HistoryEvent, SimulatedDisk } from './simulated-disk.ts';

/** Answers of the API server that somebody heard, to be found on the disk when all is over. */
export class Acknowledgements {
  readonly #written: { uid: string; revision: number }[] = [];
  readonly #deleted: string[] = [];

  accept(answer: unknown): void {
    const { metadata, kind, details } = answer as KubeObject & { details?: { uid?: string } };
    if (kind === 'Status') {
      if (details?.uid) this.#deleted.push(details.uid);
    } else if (metadata?.uid) this.#written.push({ uid: metadata.uid, revision: Number(metadata.resourceVersion) });
  }

  lost(history: readonly HistoryEvent[]): string[] {
    const events = new Set<string>();
    const deletions = new Set<string>();
    for (const { revision, kind, value } of history) {
      const { uid } = (JSON.parse(Buffer.from(value).toString('utf8')) as KubeObject).metadata;
      events.add(`${uid} ${revision}`);
      if (kind === 'delete') deletions.add(uid ?? '');
    }
    return [
      ...this.#written
        .filter(({ uid, revision }) => !events.has(`${uid} ${revision}`))
        .map(({ uid, revision }) => `the write of ${uid} at ${revision} was acknowledged and is lost`),
      ...this.#deleted
        .filter((uid) => !deletions.has(uid))
        .map((uid) => `the deletion of ${uid} was acknowledged and is lost`),
    ];
  }

  get count(): number {
    return this.#written.length + this.#deleted.length;
  }
}

/** Follows the store itself from life to life, and has seen exactly its history at the end. */
export class StoreFollower {
  #seen = 0;
  #position = 0;
  readonly #disk: SimulatedDisk;
  readonly #fail: (problem: string) => void;

  constructor(disk: SimulatedDisk, fail: (problem: string) => void) {
    this.#disk = disk;
    this.#fail = fail;
  }

  follow(store: Store): void {
    store.watch(
      { prefix: '/', afterRevision: this.#position },
      {
        events: (events) => {
          for (const { kind, entry } of events) {
            const expected = this.#disk.history[this.#seen++];
            const isSame =
              expected?.revision === entry.revision && expected.key === entry.key && expected.kind === kind;
            if (!isSame) this.#fail(`the store tells ${kind} ${entry.key} at ${entry.revision} out of order`);
            this.#position = entry.revision;
          }
        },
        progress() {},
        ended: (reason) => {
          if (reason.kind === 'compacted') this.#fail('the store compacted what its follower had not seen');
        },
      },
    );
  }

  missed(): string[] {
    const missing = this.#disk.history.length - this.#seen;
    return missing === 0 ? [] : [`the follower of the store missed ${missing} events`];
  }
}

/** Watches a kind through a bad network, goes on where it was, and counts every event of the history once in order. */
export async function followKind(options: {
  client: Client;
  resource: Resource;
  disk: SimulatedDisk;
  signal: AbortSignal;
  wait: () => Promise<void>;
  fail: (problem: string) => void;
}): Promise<void> {
  const { client, resource, disk, signal, wait, fail } = options;
  const prefix = `/${resource.group || 'core'}/${resource.plural}/`;
  let position: number | undefined;
  const accept = (type: string, revision: number): void => {
    const next = disk.revisionsOf(prefix).find((found) => found > (position as number));
    const isRight = type === 'BOOKMARK' ? next === undefined || next > revision : next === revision;
    if (!isRight) fail(`a watch of ${resource.plural} at ${position} tells ${type} ${revision}, not ${next}`);
    position = revision;
  };
  while (!signal.aborted) {
    try {
      position ??= Number((await client.list(resource, { signal })).metadata.resourceVersion);
      const request = { resourceVersion: String(position), allowBookmarks: true, timeoutSeconds: 600, signal };
      for await (const event of client.watch(resource, request)) {
        if (event.type === 'ERROR') {
          if (event.object.code === 410) position = undefined;
          break;
        }
        accept(event.type, Number(event.object.metadata.resourceVersion));
      }
    } catch (error) {
      if (isApiError(error, 'Expired', 'Gone')) position = undefined;
    }
    await wait();
  }
}
