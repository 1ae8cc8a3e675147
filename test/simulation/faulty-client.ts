import type { KubeObject } from '../../src/api/object.ts';
import { ApiError, type StatusReason } from '../../src/api/status.ts';
import type { Random } from '../../src/base/random.ts';
import type { SimulatedClock } from '../../src/base/simulated-clock.ts';
import type { Client, Resource, WatchEvent, WatchOptions } from '../../src/client/client.ts';

/** How bad the network is. Rates are shares of calls, or of watches. */
export interface Weather {
  refused: number;
  /** The server did it; nobody heard. */
  answerLost: number;
  overloaded: number;
  late: number;
  timedOut: number;
  /** Watches that end early, break, stall and break, or are told that their version is gone. */
  watchTrouble: number;
  /** Watches whose events come late. */
  watchLate: number;
}

export const fairWeather: Weather = {
  ...{ refused: 0, answerLost: 0, overloaded: 0, late: 0, timedOut: 0 },
  ...{ watchTrouble: 0, watchLate: 0 },
};

/** What lies between a component and the API server: cut for good when the component dies. */
export interface Link {
  /** The server of now as this user, and the signal of its end; throws while there is none. */
  server(): { client: Client; ended: AbortSignal };
  /** The component's own end. */
  cut: AbortSignal;
  clock: SimulatedClock;
  random: Random;
  weather: () => Weather;
  /** Told of every answer that reached the component. */
  acknowledged: (answer: unknown) => void;
}

const watchTroubles = ['ended', 'broken', 'stalled', 'expired'] as const;

/** A client over a network that fails in the ways of {@link Weather}. */
export function createFaultyClient(link: Link): Client {
  const read = <T>(ask: (client: Client) => Promise<T>): Promise<T> => call(link, ask, false);
  const write = <T>(ask: (client: Client) => Promise<T>): Promise<T> => call(link, ask, true);
  return {
    get: (resource, name, options) => read((client) => client.get(resource, name, options)),
    list: (resource, options) => read((client) => client.list(resource, options)),
    raw: (method, path, body) => read((client) => client.raw(method, path, body)),
    watch: (resource, options) => watch(link, resource, options),
    create: (resource, object, options) => write((client) => client.create(resource, object, options)),
    createSubresource: (resource, name, subresource, body, options) =>
      read((client) => client.createSubresource(resource, name, subresource, body, options)),
    update: (resource, object, options) => write((client) => client.update(resource, object, options)),
    patch: (resource, name, patch, options) => write((client) => client.patch(resource, name, patch, options)),
    delete: (resource, name, options) => write((client) => client.delete(resource, name, options)),
    deleteCollection: (resource, options) => read((client) => client.deleteCollection(resource, options)),
  };
}

async function call<T>(link: Link, ask: (client: Client) => Promise<T>, isWrite: boolean): Promise<T> {
  const { clock, random } = link;
  link.cut.throwIfAborted();
  const weather = link.weather();
  // Every answer takes a while: two who undo each other's work must not stop the clock.
  await clock.sleep(0.2 + 2 * random.float());
  if (random.float() < weather.late) await clock.sleep(1 + random.int(300));
  if (random.float() < weather.timedOut) {
    await clock.sleep(10_000);
    throw new Error('the request timed out');
  }
  link.cut.throwIfAborted();
  const { client, ended } = link.server();
  if (random.float() < weather.refused) throw new Error('connect ECONNREFUSED');
  if (random.float() < weather.overloaded) {
    const reasons: StatusReason[] = ['TooManyRequests', 'InternalError', 'ServiceUnavailable', 'Timeout'];
    throw ApiError.of(reasons[random.int(reasons.length)] as StatusReason, 'the server is in trouble');
  }
  const answer = await whileUp(ask(client), [ended, link.cut]);
  if (isWrite) link.acknowledged(answer);
  if (random.float() < weather.answerLost) throw new Error('read ECONNRESET');
  return answer;
}

/** The answer, unless either end dies first. */
function whileUp<T>(answer: Promise<T>, ends: readonly AbortSignal[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error('read ECONNRESET'));
    for (const end of ends) end.addEventListener('abort', fail, { once: true });
    answer.then(resolve, reject).finally(() => {
      for (const end of ends) end.removeEventListener('abort', fail);
    });
  });
}

async function* watch<T extends KubeObject>(
  link: Link,
  resource: Resource<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const { clock, random } = link;
  link.cut.throwIfAborted();
  const { client, ended } = link.server();
  const weather = link.weather();
  const trouble =
    random.float() < weather.watchTrouble ? watchTroubles[random.int(watchTroubles.length)] : ('none' as const);
  const lateMs = random.float() < weather.watchLate ? 1 + random.int(500) : 0;
  let burstEndMs = -1;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  const ends = [ended, link.cut, ...(options.signal ? [options.signal] : [])];
  for (const end of ends) end.addEventListener('abort', stop, { once: true });
  const cancel = trouble === 'none' ? () => {} : clock.setTimer(random.int(20_000), stop);
  try {
    for await (const event of client.watch(resource, { ...options, signal: abort.signal })) {
      // What came meanwhile comes with it: late, and no slower.
      if (lateMs > 0 && clock.monotonic() > burstEndMs) {
        await clock.sleep(lateMs, abort.signal).catch(() => undefined);
        burstEndMs = clock.monotonic();
      }
      if (abort.signal.aborted) break;
      yield event;
    }
    if (options.signal?.aborted) return;
    if (ended.aborted || link.cut.aborted) throw new Error('socket hang up');
    if (!abort.signal.aborted || trouble === 'ended') return;
    if (trouble === 'expired') {
      yield { type: 'ERROR', object: ApiError.of('Expired', 'too old resource version').status };
      return;
    }
    if (trouble === 'stalled') await clock.sleep(5_000, link.cut);
    throw new Error('socket hang up');
  } finally {
    cancel();
    for (const end of ends) end.removeEventListener('abort', stop);
  }
}
