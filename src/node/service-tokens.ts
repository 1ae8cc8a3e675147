import type { Client } from '../client/client.ts';
import { serviceAccounts } from '../client/resources.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { TokenRequest } from '../api/types/authentication-v1.ts';
import type { Pod, ServiceAccountTokenProjection } from '../api/types/core-v1.ts';
import { tokenKey } from './volume-payload.ts';

/** The service account tokens of one pod's volumes, asked for with TokenRequest and renewed before they expire. */
export interface ServiceTokens {
  /** Tokens for these projections by {@link tokenKey}; asks for what is missing or due. */
  get(pod: Pod, projections: readonly ServiceAccountTokenProjection[]): Promise<ReadonlyMap<string, string>>;
  stop(): void;
}

interface Held {
  token: string;
  /** Epoch milliseconds: from then on a new one is asked for. */
  renewAtMs: number;
}

/** A token is renewed after 80 % of its life, and at the latest after a day (upstream's token manager). */
const renewAfter = 0.8;
const longestAgeMs = 24 * 3_600_000;

export function createServiceTokens(options: {
  client: Client;
  clock: Clock;
  random: Random;
  /** A token is due: {@link ServiceTokens.get} will give another. */
  due: () => void;
}): ServiceTokens {
  const { client, clock, random, due } = options;
  const held = new Map<string, Held>();
  let cancel = (): void => undefined;
  let isStopped = false;

  async function request(pod: Pod, projection: ServiceAccountTokenProjection): Promise<Held> {
    const { name, namespace = '', uid } = pod.metadata;
    const body: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        ...(projection.audience && { audiences: [projection.audience] }),
        expirationSeconds: projection.expirationSeconds ?? 3600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: name ?? '', uid: uid ?? '' },
      },
    };
    const account = { namespace, name: pod.spec?.serviceAccountName || 'default' };
    const answer = await client.createSubresource<TokenRequest, TokenRequest>(serviceAccounts, account, 'token', body);
    const now = clock.now();
    const expiresMs = Date.parse(answer.status?.expirationTimestamp ?? '') || now + 3_600_000;
    const lifeMs = Math.min((expiresMs - now) * renewAfter, longestAgeMs);
    // Pods that started together do not come back together.
    return { token: answer.status?.token ?? '', renewAtMs: now + lifeMs - Math.floor(random.float() * 10_000) };
  }

  return {
    async get(pod, projections) {
      await Promise.all(
        projections.map(async (projection) => {
          const key = tokenKey(projection);
          const current = held.get(key);
          if (current && current.renewAtMs > clock.now()) return;
          try {
            held.set(key, await request(pod, projection));
          } catch (error) {
            if (!current) throw new Error(`failed to fetch token: ${(error as Error).message}`, { cause: error });
            // The old one still works for a while.
            held.set(key, { ...current, renewAtMs: clock.now() + 60_000 });
          }
        }),
      );
      cancel();
      const next = Math.min(...[...held.values()].map((token) => token.renewAtMs));
      if (Number.isFinite(next) && !isStopped) cancel = clock.setTimer(Math.max(1000, next - clock.now()), due);
      return new Map([...held].map(([key, { token }]) => [key, token]));
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
