import { silentLogger } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { kinds, virtualKinds } from '../../src/api/kinds.ts';
import type { ApiServer, ApiServerOptions } from '../../src/apiserver/server.ts';
import { createApiServer } from '../../src/apiserver/server.ts';
import type { Client } from '../../src/client/client.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import type { Clock } from '../../src/base/clock.ts';

export interface TestApiServer {
  server: ApiServer;
  /** Acts as a member of system:masters. */
  client: Client;
  store: Store;
  clock: Clock;
  close(): Promise<void>;
}

/** An API server over the memory store: everybody may do everything, and no admission plugin looks on, unless `options` say so. */
export async function startTestApiServer(options: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const store = options.store ?? createMemoryStore();
  const clock = options.clock ?? systemClock;
  const server = await createApiServer({
    kinds,
    virtualKinds,
    random: seededRandom(1),
    log: silentLogger,
    authenticators: [],
    authorizers: [],
    admission: [],
    endpoints: [],
    serviceNetwork: { serviceCidr: '10.96.0.0/16' },
    ...options,
    store,
    clock,
  });
  return {
    server,
    client: server.clientFor({ name: 'system:admin', groups: ['system:masters', 'system:authenticated'] }),
    store,
    clock,
    async close() {
      await server.close();
      await store.close();
    },
  };
}
