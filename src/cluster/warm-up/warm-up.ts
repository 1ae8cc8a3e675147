import { rmSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import type { Handler } from '../../apiserver/handler.ts';
import type { Listener } from '../../apiserver/listener.ts';
import { unreachableConnector } from '../../apiserver/streaming/unreachable-connector.ts';
import { silentLogger } from '../../base/log.ts';
import { yieldToEventLoop } from '../../base/yield.ts';
import { localControllerSettings } from '../../controllers/settings.ts';
import { openLmdbStore } from '../../store/lmdb.ts';
import { createControlPlane, type Surroundings } from '../control-plane.ts';
import type { ClusterPki } from '../pki.ts';
import { type Call, type Connection, connectTo } from './connection.ts';
import { preparation, round } from './load.ts';

/**
 * V8 compiles what runs often, and until then a server takes three times as long for a request. So a server that is
 * new, and has nothing to do, does something: it calls itself, over its own listener, and a control plane of its own
 * over a store that is thrown away answers. Nothing of it is seen in the cluster, its metrics or its log.
 */
export interface WarmUp {
  /** The handler as it is, but the warm-up waits while it is asked for something. */
  stepBackFor(handler: Handler): Handler;
  /** Begins once it is quiet. Resolves when it is over, whatever came of it. */
  start(listener: Listener): Promise<void>;
  /** Resolves when nothing of it is left. */
  stop(): Promise<void>;
}

export interface WarmUpOptions extends Surroundings {
  pki: Pick<ClusterPki, 'authority' | 'admin' | 'serviceAccountKey'>;
  /** For the stores that are thrown away. It is emptied before and removed after. */
  directory: string;
  /** How much each control plane in turn has to do; default: enough. */
  rounds?: readonly number[];
}

/** Nobody has come for so long: whoever started the cluster has got what they wanted for now. */
const quietBeforeMs = 3000;
/** Between requests; so much later than somebody else's the next one comes. */
const quietBetweenMs = 50;
const connections = 4;
/**
 * A call that always reached the same control plane's functions would be compiled for those alone. The first one is
 * there to be another.
 */
const enoughRounds = [60, 400];
/**
 * When V8 compiles a function: it gets a tick each time that it has run for so long (in bytes of bytecode), and is
 * compiled after so many ticks, and one more for each so many bytes of its own. Few and short ticks make few rounds
 * enough. Afterwards it is as it is by default (V8 11.3): a load that is under way has better use for the processors
 * than functions that hardly count. The garbage stays until V8 comes for it: compiled code goes together with the last
 * object of a shape that it was compiled for.
 */
const eagerCompilation = { interruptBudget: 8_000, ticksBeforeOptimization: 2, bytecodeSizeAllowancePerTick: 100_000 };
const usualCompilation = { interruptBudget: 67_584, ticksBeforeOptimization: 3, bytecodeSizeAllowancePerTick: 150 };
/** Signs of life, several a second on a big cluster. They cost little and wait for nobody. */
const heartbeats = '/apis/coordination.k8s.io/';

export function createWarmUp(options: WarmUpOptions): WarmUp {
  const { clock, log, rounds = enoughRounds } = options;
  let lastRequest = clock.monotonic();
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;
  const quiet = async (forMs: number): Promise<void> => {
    for (;;) {
      signal.throwIfAborted();
      const left = lastRequest + forMs - clock.monotonic();
      if (left <= 0) return;
      await clock.sleep(Math.ceil(left), signal);
    }
  };
  const run = async (listener: Listener): Promise<void> => {
    await quiet(quietBeforeMs);
    setCompilation(eagerCompilation);
    try {
      for (const count of rounds) await exercise(listener, { ...options, count, quiet: () => quiet(quietBetweenMs) });
    } finally {
      setCompilation(usualCompilation);
    }
  };
  return {
    stepBackFor: (handler) => (request, context) => {
      if (!request.path.startsWith(heartbeats)) lastRequest = clock.monotonic();
      return handler(request, context);
    },
    start(listener) {
      running = run(listener).catch((error: unknown) => {
        if (!signal.aborted) log.warn('the server could not warm up', { error });
      });
      return running;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function setCompilation(flags: typeof eagerCompilation): void {
  setFlagsFromString(`--interrupt-budget=${flags.interruptBudget}`);
  setFlagsFromString(`--ticks-before-optimization=${flags.ticksBeforeOptimization}`);
  setFlagsFromString(`--bytecode-size-allowance-per-tick=${flags.bytecodeSizeAllowancePerTick}`);
}

/** One control plane, made, worked with and taken down. */
async function exercise(
  listener: Listener,
  options: WarmUpOptions & { count: number; quiet: () => Promise<void> },
): Promise<void> {
  const { pki, directory, clock, random, log, count, quiet } = options;
  const { authority, admin, serviceAccountKey } = pki;
  rmSync(directory, { recursive: true, force: true });
  const store = await openLmdbStore({ path: directory });
  const plane = await createControlPlane({
    ...{ store, clock, random, log: silentLogger, serviceAccountKey },
    certificateAuthority: authority.certificate,
    serviceCidr: '10.96.0.0/16',
    advertise: { address: '127.0.0.1', port: listener.port },
    connector: unreachableConnector,
    // Nobody sends signs of life for these nodes.
    controllers: { ...localControllerSettings, nodeMonitorGracePeriodMs: 3_600_000 },
    evictionAfterSeconds: 2,
  });
  const secureContext = createSecureContext({ ca: authority.certificate, cert: admin.certificate, key: admin.key });
  const opened: Connection[] = [];
  const open = async (): Promise<Connection> => {
    const connection = await connectTo(listener, { handler: plane.api.handler, secureContext });
    opened.push(connection);
    return connection;
  };
  const perform = async (connection: Connection, calls: readonly Call[]): Promise<void> => {
    for (const call of calls) {
      await quiet();
      const status = await connection.call(call);
      if (status >= 400) log.debug('the warm-up was refused something', { path: call.path, status });
      await yieldToEventLoop();
    }
  };
  let next = 0;
  const work = async (): Promise<void> => {
    const connection = await open();
    while (next < count) await perform(connection, round(next++));
  };
  try {
    await plane.startParts({ controllers: true, scheduler: true });
    const first = await open();
    first.watch('/api/v1/pods?watch=true');
    await perform(await open(), preparation());
    await Promise.all(Array.from({ length: connections }, work));
  } finally {
    for (const connection of opened) connection.close();
    await plane.stop();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
