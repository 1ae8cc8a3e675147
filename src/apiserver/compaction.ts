import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../store/store.ts';

/** History is kept for one to two of these, as upstream does with etcd. */
const intervalMs = 5 * 60_000;

/** Drops history that is old enough, for as long as the server runs. Answers the function that stops it. */
export function startCompaction({ store, clock, log }: { store: Store; clock: Clock; log: Logger }): () => void {
  let last = store.revision;
  let cancel = clock.setTimer(intervalMs, run);
  function run(): void {
    const target = last;
    last = store.revision;
    if (target > store.compactedRevision) {
      store.compact(target).catch((error: unknown) => log.warn('compaction failed', { error, revision: target }));
    }
    cancel = clock.setTimer(intervalMs, run);
  }
  return () => cancel();
}
