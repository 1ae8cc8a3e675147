import { generateKeyPairSync } from 'node:crypto';
import { silentLogger, type Logger } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../../src/base/simulated-clock.ts';
import type { KubeObject } from '../../src/api/object.ts';
import { isApiError } from '../../src/api/status.ts';
import type { Client, ListOptions, Resource } from '../../src/client/client.ts';
import type { Informers } from '../../src/client/informers.ts';
import { createInformers } from '../../src/client/shared-informers.ts';
import { type Controllers, createControllers } from '../../src/controllers/manager.ts';
import type { LocalVolumes } from '../../src/controllers/volumes/local-provisioner.ts';
import type { ControllerSettings } from '../../src/controllers/settings.ts';
import { createAuthority } from '../../src/cluster/certificates.ts';
import { createRequestSigner } from '../../src/cluster/request-signer.ts';
import { createSecurity } from '../../src/apiserver/security.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { startTestApiServer } from './api-server.ts';
import { PodRunner } from './pod-runner.ts';

/** A whole control plane but for the scheduler, on a clock that stands still until it is told to go on. */
export interface ControllerWorld {
  client: Client;
  clock: SimulatedClock;
  informers: Informers;
  runner: PodRunner;
  /** Where the data of volumes would be. */
  directories: ReadonlySet<string>;
  /** What the controllers complained about. */
  warnings: string[];
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<T[]>;
  /** Goes on until the check holds; answers how long that took. Throws after `limitMs`, both in simulated milliseconds. */
  until(what: string, check: () => Promise<boolean>, limitMs?: number): Promise<number>;
  /** Other controllers, which know nothing of what was, take over. */
  restartControllers(): Promise<void>;
  stop(): Promise<void>;
}

const stepMs = 5;
const serviceAccountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

export async function startControllerWorld(
  options: { settings?: Partial<ControllerSettings>; nodes?: number; watchDelayMs?: number } = {},
): Promise<ControllerWorld> {
  const clock = createSimulatedClock();
  const random = seededRandom(1);
  const store = createMemoryStore();
  const { authorizers, admission, endpoints, ...security } = createSecurity({
    store,
    clock,
    random,
    log: silentLogger,
    serviceAccountKey,
    issuer: 'https://kubernetes.default.svc',
    defaultTolerationSeconds: { notReady: 1, unreachable: 1 },
  });
  await security.bootstrap();
  const api = await startTestApiServer({ store, clock, random, authorizers, admission, endpoints });
  const { client } = api;
  const warnings: string[] = [];
  const log = warningsInto(warnings);
  const clientFor = (account: string): Client => api.server.clientFor(userOf(account));
  const reader = delayed(clientFor('kube-controller-manager'), clock, options.watchDelayMs ?? 0);
  const informers = createInformers({ client: reader, clock, random, log });
  const settings = options.settings ?? {};
  const directories = new Set<string>();
  const localVolumes = volumesIn(directories);
  const begin = (from: Informers): Controllers =>
    createControllers({
      clientFor,
      informers: from,
      clock,
      random,
      log,
      settings,
      serviceAccountCa: 'the CA',
      certificateSigner: createRequestSigner(createAuthority('ca', clock.now()), clock),
      localVolumes,
    });
  let controllers = begin(informers);
  await controllers.start();
  const runner = new PodRunner({ client, informers, clock });
  for (let i = 1; i <= (options.nodes ?? 2); i++) await runner.addNode(`node-${i}`);
  await clock.settle();
  return {
    client,
    clock,
    informers,
    runner,
    warnings,
    directories,
    list: async (resource, listOptions) => (await client.list(resource, listOptions)).items,
    until: (what, check, limitMs = 10_000) => until({ clock, warnings, limitMs }, what, check),
    async restartControllers() {
      await controllers.stop();
      controllers = begin(createInformers({ client: reader, clock, random, log }));
      await controllers.start();
    },
    async stop() {
      runner.stop();
      const stopped = controllers.stop();
      await clock.settle();
      await stopped;
      informers.stop();
      security.close();
      await api.close();
    },
  };
}

async function until(
  world: { clock: SimulatedClock; warnings: readonly string[]; limitMs: number },
  what: string,
  check: () => Promise<boolean>,
): Promise<number> {
  const { clock, warnings, limitMs } = world;
  const start = clock.monotonic();
  while (!(await check())) {
    if (clock.monotonic() - start >= limitMs)
      throw new Error(`not within ${limitMs} ms: ${what}\n${warnings.join('\n')}`);
    await clock.advance(stepMs);
  }
  return clock.monotonic() - start;
}

function volumesIn(directories: Set<string>): LocalVolumes {
  return {
    ...{ provisioner: 'timonel.dev/local', root: '/volumes' },
    create: (path) => Promise.resolve(void directories.add(path)),
    remove: (path) => Promise.resolve(void directories.delete(path)),
  };
}

function warningsInto(warnings: string[]): Logger {
  const log: Logger = {
    ...silentLogger,
    debug: (message, { error } = {}) => {
      // Nothing may be forbidden to a controller but what namespaces on their way out refuse.
      if (isApiError(error, 'Forbidden') && !error.status.details?.causes)
        warnings.push(`${message}: ${error.message}`);
    },
    warn: (message, fields) => warnings.push(`${message} ${String(fields?.key)} ${String(fields?.error)}`),
    with: () => log,
  };
  return log;
}

/** Every controller has the rights of its own account and no more. */
function userOf(account: string): { name: string; groups: string[] } {
  if (account === 'kube-controller-manager') return { name: `system:${account}`, groups: ['system:authenticated'] };
  const groups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'];
  return { name: `system:serviceaccount:kube-system:${account}`, groups };
}

/** A client whose watches are behind: every event arrives late, in order. */
function delayed(client: Client, clock: SimulatedClock, delayMs: number): Client {
  if (delayMs === 0) return client;
  const watch: Client['watch'] = async function* (resource, options) {
    for await (const event of client.watch(resource, options)) {
      await clock.sleep(delayMs, options.signal);
      yield event;
    }
  };
  return new Proxy(client, {
    get(target, property) {
      if (property === 'watch') return watch;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
