import { apiVersionOf, type KubeObject } from '../api/object.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, Resource } from './client.ts';
import { initialState, type ReflectorEffect, type ReflectorInput, step } from './reflector-state.ts';

export interface ReflectorOptions<T extends KubeObject> {
  client: Client;
  resource: Resource<T>;
  selection: { namespace?: string; fieldSelector?: string };
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
  onEffect: (effect: Exclude<ReflectorEffect<T>, { kind: 'wait' }>) => void;
}

/** A watch without an event that ends sooner than this was refused rather than served. */
const usefulMs = 1000;
/** Watches are asked to last between this and twice this, so that they do not all end together. */
const minWatchSeconds = 300;

/** Runs the state machine against a client until the signal. Never rejects. */
export async function runReflector<T extends KubeObject>(options: ReflectorOptions<T>): Promise<void> {
  const { clock, random, log, signal, resource, onEffect } = options;
  let state = initialState;
  while (!signal.aborted) {
    let waitMs = 0;
    const feed = (input: ReflectorInput<T>): void => {
      const { state: next, effects } = step(state, input);
      state = next;
      for (const effect of effects) {
        if (effect.kind === 'wait') waitMs = effect.delayMs * (1 + random.float());
        else onEffect(effect);
      }
    };
    try {
      if (state.phase === 'listing') feed(await list(options, state.resourceVersion));
      else await watch(options, state.resourceVersion, (input) => (feed(input), state.phase === 'watching'));
    } catch (error) {
      if (signal.aborted) return;
      log.debug('list or watch failed', { resource: resource.plural, error });
      feed({ kind: 'failed', error });
    }
    if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

async function list<T extends KubeObject>(
  { client, resource, selection, signal }: ReflectorOptions<T>,
  resourceVersion: string,
): Promise<ReflectorInput<T>> {
  const { metadata, items } = await client.list(resource, { ...selection, resourceVersion, signal });
  // Lists leave out the type of their items, and cached objects are used by themselves.
  const type = { apiVersion: apiVersionOf(resource.group, resource.version), kind: resource.kind };
  const typed = items.map((item) => (item.kind === undefined ? { ...type, ...item } : item));
  return { kind: 'listed', resourceVersion: metadata.resourceVersion ?? '', items: typed };
}

/** Feeds one watch's events for as long as `feed` answers that the watch is still wanted. */
async function watch<T extends KubeObject>(
  { client, resource, selection, clock, random, signal }: ReflectorOptions<T>,
  resourceVersion: string,
  feed: (input: ReflectorInput<T>) => boolean,
): Promise<void> {
  const start = clock.monotonic();
  const timeoutSeconds = minWatchSeconds + random.int(minWatchSeconds);
  let wasUseful = false;
  const request = { ...selection, resourceVersion, timeoutSeconds, allowBookmarks: true, signal };
  for await (const event of client.watch(resource, request)) {
    const isWanted = feed({ kind: 'event', event });
    if (!isWanted || event.type === 'ERROR') return;
    wasUseful = true;
  }
  feed({ kind: 'ended', wasUseful: wasUseful || clock.monotonic() - start >= usefulMs });
}
