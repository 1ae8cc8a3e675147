import type { Dataplane, DataplaneScope } from './dataplane.ts';
import { cutConnections, lostEndpoints } from './connections.ts';
import { differenceScript, fullScript } from './nft-script.ts';
import { runNft } from './run-nft.ts';
import type { ServiceRules } from './service-rules.ts';

/**
 * The data plane of the network namespace that this process lives in. The first apply (and one after a failure) makes
 * the table anew; later ones send the difference.
 */
export function createNftDataplane(scope: DataplaneScope): Dataplane {
  let applied: ReadonlyMap<string, ServiceRules> | undefined;
  return {
    async apply(rules) {
      const before = applied;
      applied = undefined;
      if (!before) {
        await runNft(fullScript(scope, rules));
      } else {
        const touched = new Set(
          [...before.keys(), ...rules.keys()].filter((key) => before.get(key) !== rules.get(key)),
        );
        // A hairpin address may belong to several services: those that share one with a changed service go along.
        const addresses = new Set<string>();
        for (const key of touched) {
          for (const ip of [...(before.get(key)?.hairpins ?? []), ...(rules.get(key)?.hairpins ?? [])])
            addresses.add(ip);
        }
        for (const [key, service] of rules) {
          if (!touched.has(key) && [...service.hairpins].some((ip) => addresses.has(ip))) touched.add(key);
        }
        const script = differenceScript(scope, chosen(before, touched), chosen(rules, touched));
        if (script) await runNft(script);
        await cutConnections(lostEndpoints(chosen(before, touched), chosen(rules, touched), rules.values()));
      }
      applied = new Map(rules);
    },
    async remove() {
      applied = undefined;
      await runNft(`add table ip ${scope.table}\ndelete table ip ${scope.table}\n`);
    },
  };
}

function chosen(rules: ReadonlyMap<string, ServiceRules>, keys: ReadonlySet<string>): ServiceRules[] {
  return [...keys].flatMap((key) => rules.get(key) ?? []);
}
