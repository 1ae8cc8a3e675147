import type { KubeObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { WatchEvent } from './client.ts';

/** What a list-then-watch knows of its server. `failures` counts those in a row. */
export type ReflectorState =
  /** `resourceVersion` of the list: '0' any state will do, '' the newest, else not older than what was seen already. */
  | { phase: 'listing'; resourceVersion: string; failures: number }
  /** Everything up to `resourceVersion` is in the cache. */
  | { phase: 'watching'; resourceVersion: string; failures: number };

export type ReflectorInput<T extends KubeObject> =
  | { kind: 'listed'; resourceVersion: string; items: readonly T[] }
  | { kind: 'event'; event: WatchEvent<T> }
  /** The server ended the watch, as it does every few minutes. `wasUseful`: it brought an event, or lasted a while. */
  | { kind: 'ended'; wasUseful: boolean }
  | { kind: 'failed'; error: unknown };

export type ReflectorEffect<T extends KubeObject> =
  | { kind: 'replace'; items: readonly T[] }
  | { kind: 'set'; object: T }
  | { kind: 'remove'; object: T }
  /** Before the next request; jitter comes on top. */
  | { kind: 'wait'; delayMs: number };

export interface Step<T extends KubeObject> {
  state: ReflectorState;
  effects: ReflectorEffect<T>[];
}

export const initialState: ReflectorState = { phase: 'listing', resourceVersion: '0', failures: 0 };

/** A server that answers, but not well, is asked again as client-go does: 0.8 s doubling to 30 s. */
const answeredBackoffMs = 800;
/**
 * One that cannot be reached is mostly one that starts again: trying costs it nothing, and nodes should be back at
 * once.
 */
const unreachableBackoffMs = 50;
const maxBackoffMs = 30_000;

/**
 * List-then-watch as a pure state machine (the contract of the Kubernetes API, "Efficient detection of changes"):
 * list, then watch from the list's version; go on from the last version seen when the watch ends; list again when that
 * is gone (410).
 */
export function step<T extends KubeObject>(state: ReflectorState, input: ReflectorInput<T>): Step<T> {
  switch (input.kind) {
    case 'listed':
      return {
        // One failure is kept: a watch that the server refuses right after every list must not become a busy loop.
        state: {
          phase: 'watching',
          resourceVersion: input.resourceVersion,
          failures: Math.min(state.failures, 1),
        },
        effects: [{ kind: 'replace', items: input.items }],
      };
    case 'ended':
      return input.wasUseful ? { state: { ...state, failures: 0 }, effects: [] } : failed(state, answeredBackoffMs);
    case 'failed':
      return stepFailure(state, input.error);
    case 'event':
      return stepEvent(state, input.event);
  }
}

function stepFailure<T extends KubeObject>(state: ReflectorState, error: unknown): Step<T> {
  if (!(error instanceof ApiError)) return failed(state, unreachableBackoffMs);
  // A list of a certain version that is refused, as too old or as not yet there, is asked for without one.
  if (state.phase === 'listing') return failed({ ...state, resourceVersion: '' }, answeredBackoffMs);
  return isBusy(error.code) ? failed(state, answeredBackoffMs) : relist(state);
}

function stepEvent<T extends KubeObject>(state: ReflectorState, event: WatchEvent<T>): Step<T> {
  if (event.type === 'ERROR') {
    return isBusy(event.object.code ?? 500) ? failed(state, answeredBackoffMs) : relist(state);
  }
  const resourceVersion = event.object.metadata.resourceVersion ?? state.resourceVersion;
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

/** At once the first time, for history is compacted while a client is away; then ever more slowly. */
function relist<T extends KubeObject>({ resourceVersion, failures }: ReflectorState): Step<T> {
  const next = failed<T>({ phase: 'listing', resourceVersion, failures }, answeredBackoffMs);
  return failures === 0 ? { ...next, effects: [] } : next;
}

function failed<T extends KubeObject>(state: ReflectorState, firstMs: number): Step<T> {
  const failures = state.failures + 1;
  const delayMs = Math.min(firstMs * 2 ** (failures - 1), maxBackoffMs);
  return { state: { ...state, failures }, effects: [{ kind: 'wait', delayMs }] };
}

/**
 * Answers that say nothing about the version that was asked for: too many requests, and what proxies and starting
 * servers say.
 */
function isBusy(code: number): boolean {
  return code === 429 || code === 500 || code === 502 || code === 503;
}
