import type { Nft } from '../nft-session.ts';
import type { PolicyRules } from './policy-rules.ts';
import { fullPolicyScript, policyDifference, type PolicyScope, removalScript } from './policy-script.ts';

/** Policy rules in the kernel. */
export interface PolicyDataplane {
  /** Brings the kernel to `rules`, in one transaction; undefined removes everything. Rejects when the kernel refuses. */
  apply(rules: PolicyRules | undefined): Promise<void>;
}

/**
 * The policy table of the network namespace that this process lives in. The first apply (and one after a failure)
 * replaces whatever an earlier process left, in one transaction; later ones send the difference.
 */
export function createNftPolicyDataplane(scope: PolicyScope, nft: Nft): PolicyDataplane {
  let applied: PolicyRules | undefined;
  let isKnown = false;
  return {
    async apply(rules) {
      const isChange = isKnown && applied && rules;
      const script = nextScript(rules);
      if (script === undefined) return void (applied = rules);
      isKnown = false;
      await (isChange ? nft.change(script) : nft.load(script));
      isKnown = true;
      applied = rules;
    },
  };

  function nextScript(rules: PolicyRules | undefined): string | undefined {
    if (!rules) return isKnown && !applied ? undefined : removalScript(scope);
    return isKnown && applied ? policyDifference(scope, applied, rules) : fullPolicyScript(scope, rules);
  }
}
