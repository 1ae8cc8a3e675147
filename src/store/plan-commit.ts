import type { CommitRecord } from './mvcc-index.ts';
import type { CommitResult, Entry, Operation, StoreEvent } from './store.ts';

export type Planned = { kind: 'record'; record: CommitRecord } | Extract<CommitResult, { kind: 'conflict' }>;

/** Decides a commit against the state that `current` shows (pending writes included), and encodes it. Pure. */
export function planCommit(
  operations: readonly Operation[],
  revision: number,
  current: (key: string) => Entry | undefined,
): Planned {
  for (const operation of operations) {
    const found = current(operation.key);
    const { expectedRevision } = operation;
    const isMissing = operation.kind === 'delete' && !found;
    if (isMissing || (expectedRevision !== undefined && (found?.revision ?? 0) !== expectedRevision)) {
      return { kind: 'conflict', key: operation.key, current: found };
    }
  }
  const events: StoreEvent[] = [];
  for (const operation of operations) {
    if (operation.kind === 'check') continue;
    const { key } = operation;
    const previous = current(key);
    const { value, decoded } = operation.encode(revision);
    const createRevision = previous?.createRevision ?? revision;
    const entry: Entry = { key, value, revision, createRevision, decoded };
    if (operation.kind === 'put') events.push({ kind: 'put', entry, previous });
    else events.push({ kind: 'delete', entry, previous: previous as Entry });
  }
  return { kind: 'record', record: { revision, events } };
}
