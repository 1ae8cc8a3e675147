import type { Clock } from '../base/clock.ts';
import { createTrackedConnections } from './connections.ts';
import type { Dataplane, DataplaneScope, TableFrame } from './dataplane.ts';
import { differenceScript, fullScript, goneMinutes, lookScript, removalScript } from './nft-script.ts';
import type { Nft } from './nft-session.ts';
import { ReferenceCounts } from './reference-counts.ts';
import type { ServiceRules } from './service-rules.ts';

/**
 * The data plane of the network namespace that this process lives in. The first apply (and one after a failure) makes
 * the table anew; later ones send the difference, and look at nothing but the services that changed.
 */
export function createNftDataplane(scope: DataplaneScope, nft: Nft, clock: Clock): Dataplane {
  let frame: TableFrame = { moreRanges: [], isCrowded: false };
  let applied: Map<string, ServiceRules> | undefined;
  let hairpins = new ReferenceCounts();
  let endpoints = new ReferenceCounts();
  let entries = new ReferenceCounts();
  /** Monotonic: until when packets are looked up that may be on their way to an endpoint that is gone. */
  let cutUntilMs: number | undefined;
  const connections = createTrackedConnections(scope.family);
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
        [hairpins, endpoints, entries] = [new ReferenceCounts(), new ReferenceCounts(), new ReferenceCounts()];
        hairpins.replace([], partsOf(rules.values(), 'hairpins'));
        endpoints.replace([], partsOf(rules.values(), 'endpoints'));
        entries.replace([], partsOf(rules.values(), 'datagramEntries'));
        await nft.load(fullScript(scope, rules, frame));
        cutUntilMs = undefined;
        applied = new Map(rules);
        return;
      }
      const touched = [...changed].filter((key) => before.get(key) !== rules.get(key));
      const was = touched.flatMap((key) => before.get(key) ?? []);
      const is = touched.flatMap((key) => rules.get(key) ?? []);
      const moved = hairpins.replace(partsOf(was, 'hairpins'), partsOf(is, 'hairpins'));
      const exchanged = endpoints.replace(partsOf(was, 'endpoints'), partsOf(is, 'endpoints'));
      const opened = entries.replace(partsOf(was, 'datagramEntries'), partsOf(is, 'datagramEntries')).added;
      const script = differenceScript(scope, { before: was, after: is, hairpins: moved, endpoints: exchanged });
      if (script) await nft.change(script);
      if (exchanged.gone.some((endpoint) => endpoint.startsWith('tcp '))) {
        cutUntilMs = clock.monotonic() + goneMinutes * 60_000;
      }
      const gone = new Set(exchanged.gone.filter((endpoint) => !endpoint.startsWith('tcp ')));
      connections.forget([...gone, ...touched.flatMap((key) => parted(before.get(key), rules.get(key), gone))]);
      connections.forgetUntranslated(opened);
      connections.forgetAttempts(touched.flatMap((key) => failed(before.get(key), rules.get(key))));
      for (const key of touched) {
        const now = rules.get(key);
        if (now) before.set(key, now);
        else before.delete(key);
      }
      applied = before;
    },
    async isLost() {
      if (!applied) return false;
      try {
        const isOver = cutUntilMs !== undefined && clock.monotonic() >= cutUntilMs;
        if (isOver) cutUntilMs = undefined;
        await nft.change(lookScript(scope, isOver));
        return false;
      } catch {
        applied = undefined;
        return true;
      }
    },
    async remove() {
      applied = undefined;
      await nft.load(removalScript(scope));
    },
  };
}

/** Endpoints that the service had, and that fail now: one that comes and is not ready yet has had no connections. */
function failed(was: ServiceRules | undefined, is: ServiceRules | undefined): string[] {
  if (!was || !is) return [];
  return [...is.failing].filter((endpoint) => was.endpoints.has(endpoint) && !was.failing.has(endpoint));
}

/**
 * Endpoints that datagrams do not go on to any more from one of the service's entries, though they are there (`gone` are
 * not): another service may have them. With the entry: `udp address port entry-address entry-port`.
 */
export function parted(
  was: ServiceRules | undefined,
  is: ServiceRules | undefined,
  gone: ReadonlySet<string>,
): string[] {
  return [...(was?.datagramWays ?? [])].flatMap(([entry, ends]) =>
    [...ends]
      .filter((end) => !is?.datagramWays.get(entry)?.has(end) && !gone.has(`udp ${end}`))
      .map((end) => `udp ${end} ${entry}`),
  );
}

function* partsOf(rules: Iterable<ServiceRules>, part: 'hairpins' | 'endpoints' | 'datagramEntries'): Iterable<string> {
  for (const service of rules) yield* service[part];
}
