import { abandonAttempts, cutConnections } from './connections.ts';
import type { Dataplane, DataplaneScope, TableFrame } from './dataplane.ts';
import { differenceScript, fullScript } from './nft-script.ts';
import type { Nft } from './nft-session.ts';
import { ReferenceCounts } from './reference-counts.ts';
import type { ServiceRules } from './service-rules.ts';

/**
 * The data plane of the network namespace that this process lives in. The first apply (and one after a failure) makes
 * the table anew; later ones send the difference, and look at nothing but the services that changed.
 */
export function createNftDataplane(scope: DataplaneScope, nft: Nft): Dataplane {
  let frame: TableFrame = { moreRanges: [], isCrowded: false };
  let applied: Map<string, ServiceRules> | undefined;
  let hairpins = new ReferenceCounts();
  let endpoints = new ReferenceCounts();
  let resting = new ReferenceCounts();
  return {
    family: scope.family,
    set(changes) {
      const next = { ...frame, ...changes };
      if (next.isCrowded === frame.isCrowded && next.moreRanges.join() === frame.moreRanges.join()) return;
      frame = next;
      applied = undefined;
    },
    async apply(rules, changed) {
      const before = applied;
      applied = undefined;
      if (!before) {
        [hairpins, endpoints, resting] = [new ReferenceCounts(), new ReferenceCounts(), new ReferenceCounts()];
        hairpins.replace([], partsOf(rules.values(), 'hairpins'));
        endpoints.replace([], partsOf(rules.values(), 'endpoints'));
        resting.replace([], partsOf(rules.values(), 'resting'));
        await nft.load(fullScript(scope, rules, frame));
        applied = new Map(rules);
        return;
      }
      const touched = [...changed].filter((key) => before.get(key) !== rules.get(key));
      const was = touched.flatMap((key) => before.get(key) ?? []);
      const is = touched.flatMap((key) => rules.get(key) ?? []);
      const moved = hairpins.replace(partsOf(was, 'hairpins'), partsOf(is, 'hairpins'));
      const { gone } = endpoints.replace(partsOf(was, 'endpoints'), partsOf(is, 'endpoints'));
      const { added: leftAlone } = resting.replace(partsOf(was, 'resting'), partsOf(is, 'resting'));
      const script = differenceScript(scope, { before: was, after: is, hairpins: moved });
      if (script) await nft.change(script);
      await Promise.all([cutConnections(gone), abandonAttempts(leftAlone)]);
      for (const key of touched) {
        const now = rules.get(key);
        if (now) before.set(key, now);
        else before.delete(key);
      }
      applied = before;
    },
    async remove() {
      applied = undefined;
      await nft.load(`add table ${scope.family} ${scope.table}\ndelete table ${scope.family} ${scope.table}\n`);
    },
  };
}

function* partsOf(rules: Iterable<ServiceRules>, part: 'hairpins' | 'endpoints' | 'resting'): Iterable<string> {
  for (const service of rules) yield* service[part];
}
