import type { KubeObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, Resource, WatchEvent } from './client.ts';

/** What a list-then-watch knows of its server. */
export type ReflectorState =
  | { phase: 'listing'; failures: number }
  /** Everything up to `resourceVersion` is in the cache. */
  | { phase: 'watching'; resourceVersion: string; failures: number };

export type ReflectorInput<T extends KubeObject> =
  | { kind: 'listed'; resourceVersion: string; items: readonly T[] }
  | { kind: 'event'; event: WatchEvent<T> }
  /** The server ended the watch, as it does every few minutes. */
  | { kind: 'ended' }
  | { kind: 'failed'; error: unknown };

export type ReflectorEffect<T extends KubeObject> =
  | { kind: 'replace'; items: readonly T[] }
  | { kind: 'set'; object: T }
  | { kind: 'remove'; object: T }
  /** Before the next request. */
  | { kind: 'wait'; failures: number };

/**
 * List-then-watch as a pure state machine (the contract of the Kubernetes API, "Efficient detection of changes"): list, then
 * watch from the list's version; go on from the last version seen when the watch ends; list again when that is gone (410).
 */
export function step<T extends KubeObject>(
  state: ReflectorState,
  input: ReflectorInput<T>,
): { state: ReflectorState; effects: ReflectorEffect<T>[] } {
  switch (input.kind) {
    case 'listed':
      return {
        state: { phase: 'watching', resourceVersion: input.resourceVersion, failures: 0 },
        effects: [{ kind: 'replace', items: input.items }],
      };
    case 'ended':
      return { state, effects: [] };
    case 'failed': {
      const failures = state.failures + 1;
      return {
        state: isGone(input.error) ? { phase: 'listing', failures } : { ...state, failures },
        effects: [wait(failures)],
      };
    }
    case 'event':
      return stepEvent(state, input.event);
  }
}

function stepEvent<T extends KubeObject>(
  state: ReflectorState,
  event: WatchEvent<T>,
): { state: ReflectorState; effects: ReflectorEffect<T>[] } {
  if (event.type === 'ERROR') {
    const failures = state.failures + 1;
    const isExpired = event.object.code === 410;
    const next: ReflectorState = isExpired ? { phase: 'listing', failures: state.failures } : { ...state, failures };
    return { state: next, effects: isExpired ? [] : [wait(failures)] };
  }
  const resourceVersion = event.object.metadata.resourceVersion ?? '';
  const next: ReflectorState = { phase: 'watching', resourceVersion, failures: 0 };
  switch (event.type) {
    case 'BOOKMARK':
      return { state: next, effects: [] };
    case 'DELETED':
      return { state: next, effects: [{ kind: 'remove', object: event.object }] };
    case 'ADDED':
    case 'MODIFIED':
      return { state: next, effects: [{ kind: 'set', object: event.object }] };
  }
}

function wait(failures: number): { kind: 'wait'; failures: number } {
  return { kind: 'wait', failures };
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.code === 410;
}

const firstBackoffMs = 50;
const maxBackoffMs = 30_000;

/** How long to wait before the next request after so many failures in a row: doubling, with jitter of a half. */
export function backoffMs(failures: number, random: Random): number {
  return Math.min(firstBackoffMs * 2 ** (failures - 1), maxBackoffMs) * (1 + random.float() / 2);
}

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

/** Runs the state machine against a client until the signal. Never rejects. */
export async function runReflector<T extends KubeObject>(options: ReflectorOptions<T>): Promise<void> {
  const { client, resource, selection, clock, random, log, signal, onEffect } = options;
  let state: ReflectorState = { phase: 'listing', failures: 0 };
  const feed = async (input: ReflectorInput<T>): Promise<boolean> => {
    const before = state.phase;
    const { state: next, effects } = step(state, input);
    state = next;
    for (const effect of effects) {
      if (effect.kind !== 'wait') onEffect(effect);
      else await clock.sleep(backoffMs(effect.failures, random), signal).catch(() => {});
    }
    return state.phase === before;
  };
  while (!signal.aborted) {
    try {
      if (state.phase === 'listing') {
        const list = await client.list(resource, { ...selection, signal });
        await feed({ kind: 'listed', resourceVersion: list.metadata.resourceVersion ?? '', items: list.items });
        continue;
      }
      const { resourceVersion } = state;
      for await (const event of client.watch(resource, {
        ...selection,
        resourceVersion,
        allowBookmarks: true,
        signal,
      })) {
        if (!(await feed({ kind: 'event', event })) || event.type === 'ERROR') break;
      }
      await feed({ kind: 'ended' });
    } catch (error) {
      if (signal.aborted) return;
      log.debug('list or watch failed', { resource: resource.plural, error });
      await feed({ kind: 'failed', error });
    }
  }
}
