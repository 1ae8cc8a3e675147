import { silentLogger } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { createSecurity } from '../../src/apiserver/security.ts';
import { createSigningKey } from '../../src/cluster/certificates.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { startTestApiServer, type TestApiServer } from './api-server.ts';

const serviceAccountKey = createSigningKey();

/** A server with admission and what else security has, over a store of its own. `close` ends both. */
export async function startSecuredServer(
  options: Pick<Parameters<typeof startTestApiServer>[0] & object, 'endpoints'> = {},
): Promise<TestApiServer> {
  const store = createMemoryStore();
  const random = seededRandom(1);
  const security = createSecurity({
    ...{ store, random, clock: systemClock, log: silentLogger, serviceAccountKey, issuer: 'https://x' },
  });
  await security.bootstrap();
  const { admission, webhooks } = security;
  const api = await startTestApiServer({ store, random, admission, webhooks, ...options });
  return {
    ...api,
    async close() {
      security.close();
      await api.close();
    },
  };
}
