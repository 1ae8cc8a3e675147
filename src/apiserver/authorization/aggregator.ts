import type { Logger } from '../../base/log.ts';
import type { Store } from '../../store/store.ts';
import { clusterRoles } from '../admission/lookup.ts';
import { putObject, storeKey } from '../admission/store-lookup.ts';
import type { StoreLookup } from '../admission/store-lookup.ts';
import { collect } from './aggregation.ts';

/**
 * Keeps the rules of aggregated cluster roles what their selectors say, after every change of any cluster role.
 * Level-triggered: each round computes every aggregated role from what is stored, and writes those that differ.
 */
export function startAggregator(options: { store: Store; lookup: StoreLookup; log: Logger }): { close(): void } {
  const { store, lookup, log } = options;
  let closed = false;
  let running = false;
  let again = false;

  const round = async (): Promise<void> => {
    for (const role of Array.from(lookup.list(clusterRoles))) {
      if (!role.aggregationRule || closed) continue;
      const rules = collect(role, lookup.list(clusterRoles));
      if (JSON.stringify(rules) === JSON.stringify(role.rules ?? [])) continue;
      const key = storeKey(clusterRoles, '', role.metadata.name ?? '');
      const found = await store.get(key);
      if (found.kind !== 'found' || String(found.entry.revision) !== role.metadata.resourceVersion) continue;
      const result = await store.commit([putObject(key, { ...role, rules } as typeof role, found.entry)]);
      // A conflict needs nothing: the change that won brings its own event, and with it the next round.
      if (result.kind === 'failed') log.error('cannot write an aggregated role', { role: key, error: result.error });
    }
  };
  const run = async (): Promise<void> => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      await round();
    } while (again && !closed);
    running = false;
  };
  lookup.subscribe(clusterRoles, () => {
    if (!closed) run().catch((error: unknown) => log.error('aggregating roles failed', { error }));
  });
  return {
    close() {
      closed = true;
    },
  };
}
