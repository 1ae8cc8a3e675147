import { spawn } from 'node:child_process';
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
export function createNftPolicyDataplane(scope: PolicyScope): PolicyDataplane {
  let applied: PolicyRules | undefined;
  let isKnown = false;
  return {
    async apply(rules) {
      const script = nextScript(rules);
      if (script === undefined) return void (applied = rules);
      isKnown = false;
      await runNft(script);
      isKnown = true;
      applied = rules;
    },
  };

  function nextScript(rules: PolicyRules | undefined): string | undefined {
    if (!rules) return isKnown && !applied ? undefined : removalScript(scope);
    return isKnown && applied ? policyDifference(scope, applied, rules) : fullPolicyScript(scope, rules);
  }
}

/** Runs one `nft` transaction; rejects with what nft says. */
function runNft(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const nft = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let message = '';
    nft.stderr.on('data', (chunk: Buffer) => {
      message += chunk.toString();
    });
    nft.on('error', reject);
    nft.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`nft refused the policies: ${message.trim().split('\n').slice(0, 3).join(' ')}`));
    });
    nft.stdin.on('error', () => {});
    nft.stdin.end(script);
  });
}
