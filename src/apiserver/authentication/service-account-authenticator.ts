import type { Clock } from '../../base/clock.ts';
import { nodes, pods, secrets, serviceAccounts } from '../admission/lookup.ts';
import type { Collection, Lookup } from '../admission/lookup.ts';
import type { User } from '../handler.ts';
import type { Reference, TokenClaims, TokenSigner } from './tokens.ts';

/** How long a bound pod, secret or node is believed to exist after it was looked up: upstream's token cache, 10 s. */
const boundCheckMs = 10_000;
const cacheLimit = 4096;

export type TokenResult =
  | { kind: 'user'; user: User; audiences: readonly string[] }
  | { kind: 'foreign' }
  | { kind: 'invalid'; reason: string };

/** Tells whose a service-account token is, and whether it still holds. */
export interface TokenAuthenticator {
  /** `audiences`: the token must be for at least one of them. */
  authenticate(token: string, audiences: readonly string[]): Promise<TokenResult> | TokenResult;
}

interface CachedToken {
  claims: TokenClaims;
  user: User;
  /** Monotonic-free: epoch milliseconds of the last look at the bound object. */
  checkedAt: number;
}

export function createServiceAccountAuthenticator(options: {
  signer: TokenSigner;
  lookup: Lookup;
  clock: Clock;
}): TokenAuthenticator {
  const { signer, lookup, clock } = options;
  const cache = new Map<string, CachedToken>();

  /** What can be said at once: the times and the account; undefined when it takes a look into the store. */
  const quick = (known: CachedToken, audiences: readonly string[]): TokenResult | undefined => {
    const { claims, user } = known;
    const now = clock.now();
    if (claims.exp * 1000 <= now) return { kind: 'invalid', reason: 'service account token has expired' };
    if (claims.nbf * 1000 > now) return { kind: 'invalid', reason: 'service account token is not valid yet' };
    const agreed = claims.aud.filter((audience) => audiences.includes(audience));
    if (agreed.length === 0) {
      const text = `invalid audience: token audiences ${JSON.stringify(claims.aud)} is invalid for the target audiences`;
      return { kind: 'invalid', reason: `${text} ${JSON.stringify(audiences)}` };
    }
    const about = claims['kubernetes.io'];
    const account = lookup.get(serviceAccounts, about.namespace, about.serviceaccount.name);
    if (account?.metadata.uid !== about.serviceaccount.uid || account.metadata.deletionTimestamp) return undefined;
    const bound = about.pod ?? about.secret ?? about.node;
    if (bound && now - known.checkedAt > boundCheckMs) return undefined;
    return { kind: 'user', user, audiences: agreed };
  };

  const thorough = async (known: CachedToken, audiences: readonly string[]): Promise<TokenResult> => {
    const about = known.claims['kubernetes.io'];
    const { namespace } = about;
    const checks: [Collection, string, Reference | undefined, string][] = [
      [serviceAccounts, namespace, about.serviceaccount, 'service account'],
      [pods, namespace, about.pod, 'pod'],
      [secrets, namespace, about.secret, 'secret'],
      [nodes, '', about.pod ? undefined : about.node, 'node'],
    ];
    for (const [collection, home, reference, what] of checks) {
      if (!reference) continue;
      const problem = await gone({ lookup, collection, namespace: home, reference, now: clock.now() });
      if (problem) return { kind: 'invalid', reason: `${what} ${reference.name} ${problem}` };
    }
    known.checkedAt = clock.now();
    const result = quick(known, audiences);
    if (result) return result;
    // The account exists in the store and our cache has not heard of it yet.
    return { kind: 'user', user: known.user, audiences: known.claims.aud.filter((a) => audiences.includes(a)) };
  };

  return {
    authenticate(token, audiences) {
      let known = cache.get(token);
      if (!known) {
        const verified = signer.verify(token);
        if (verified.kind !== 'valid') return verified;
        known = { claims: verified.claims, user: userOf(verified.claims), checkedAt: Number.NEGATIVE_INFINITY };
        if (cache.size >= cacheLimit) cache.clear();
        cache.set(token, known);
      }
      return quick(known, audiences) ?? thorough(known, audiences);
    },
  };
}

/** Why a bound object does not count any more; an object on its way out still counts until its grace is over. */
async function gone(options: {
  lookup: Lookup;
  collection: Collection;
  namespace: string;
  reference: Reference;
  now: number;
}): Promise<string | undefined> {
  const { lookup, collection, namespace, reference, now } = options;
  const object = await lookup.fresh(collection, namespace, reference.name);
  if (!object) return 'has been deleted';
  if (object.metadata.uid !== reference.uid) return "has been replaced: its uid differs from the token's";
  const { deletionTimestamp } = object.metadata;
  // Pods get a minute past their deletion time, so that what runs in them can say goodbye.
  return deletionTimestamp && Date.parse(deletionTimestamp) + 60_000 < now ? 'has been deleted' : undefined;
}

function userOf(claims: TokenClaims): User {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] };
  if (pod) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  if (node) {
    extra['authentication.kubernetes.io/node-name'] = [node.name];
    extra['authentication.kubernetes.io/node-uid'] = [node.uid];
  }
  return {
    name: claims.sub,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
}
