import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/status.ts';
import type { KubeObject } from '../api/object.ts';
import { initialState, type ReflectorInput, type ReflectorState, step } from './reflector-state.ts';

const item = (name: string, resourceVersion: string): KubeObject => ({ metadata: { name, resourceVersion } });
const listed = (resourceVersion: string): ReflectorInput<KubeObject> => ({
  kind: 'listed',
  resourceVersion,
  items: [],
});
const bookmark = (resourceVersion: string): ReflectorInput<KubeObject> => ({
  kind: 'event',
  event: { type: 'BOOKMARK', object: { metadata: { resourceVersion } } },
});
const refused = (reason: 'Expired' | 'Timeout' | 'TooManyRequests'): ReflectorInput<KubeObject> => ({
  kind: 'failed',
  error: ApiError.of(reason, 'no'),
});
const broken: ReflectorInput<KubeObject> = { kind: 'failed', error: new Error('connection refused') };

/** Runs inputs through the machine; answers the last state and the waits on the way. */
function run(...inputs: ReflectorInput<KubeObject>[]): { state: ReflectorState; waits: number[] } {
  let state = initialState;
  const waits: number[] = [];
  for (const input of inputs) {
    const { state: next, effects } = step(state, input);
    state = next;
    for (const effect of effects) if (effect.kind === 'wait') waits.push(effect.delayMs);
  }
  return { state, waits };
}

describe('a reflector', () => {
  it('lists any state, then watches from the list', () => {
    expect(initialState).toEqual({ phase: 'listing', resourceVersion: '0', failures: 0 });
    const items = [item('a', '3')];
    const { state, effects } = step(initialState, { kind: 'listed', resourceVersion: '7', items });
    expect(state).toEqual({ phase: 'watching', resourceVersion: '7', failures: 0 });
    expect(effects).toEqual([{ kind: 'replace', items }]);
  });

  it('turns events into changes and remembers how far it came', () => {
    const watching = run(listed('7')).state;
    const added = step(watching, { kind: 'event', event: { type: 'ADDED', object: item('a', '8') } });
    expect(added.effects).toEqual([{ kind: 'set', object: item('a', '8') }]);
    const removed = step(added.state, { kind: 'event', event: { type: 'DELETED', object: item('a', '9') } });
    expect(removed.effects).toEqual([{ kind: 'remove', object: item('a', '9') }]);
    expect(removed.state).toMatchObject({ resourceVersion: '9' });
    expect(run(listed('7'), bookmark('50')).state).toMatchObject({ resourceVersion: '50' });
  });

  it('goes on from there when the watch ends or breaks', () => {
    const useful = run(listed('7'), bookmark('8'), { kind: 'ended', wasUseful: true });
    expect(useful).toEqual({ state: { phase: 'watching', resourceVersion: '8', failures: 0 }, waits: [] });
    const cut = run(listed('7'), bookmark('8'), broken, broken, broken);
    expect(cut.state).toMatchObject({ phase: 'watching', resourceVersion: '8' });
    expect(cut.waits).toEqual([50, 100, 200]);
    expect(run(listed('7'), refused('TooManyRequests')).state.phase).toBe('watching');
  });

  it('lists again, not older than what it saw, when its version is gone', () => {
    const gone = { type: 'ERROR', object: { metadata: {}, code: 410, reason: 'Expired' } } as const;
    const { state, waits } = run(listed('7'), bookmark('8'), { kind: 'event', event: gone });
    expect(state).toMatchObject({ phase: 'listing', resourceVersion: '8' });
    expect(waits).toEqual([]);
    expect(run(listed('7'), refused('Expired')).state).toMatchObject({ phase: 'listing', resourceVersion: '7' });
  });

  it('lists the newest state when the server does not have the version asked for', () => {
    const { state } = run(listed('7'), refused('Expired'), refused('Timeout'));
    expect(state).toMatchObject({ phase: 'listing', resourceVersion: '' });
  });

  it('slows down, to 30 s at most, when the server answers badly', () => {
    const failures = Array.from({ length: 8 }, () => refused('TooManyRequests'));
    expect(run(...failures).waits).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  });

  it('is no busy loop against a server that refuses every watch', () => {
    const round = [listed('7'), refused('Expired')];
    expect(run(...round, ...round, ...round).waits).toEqual([1600, 1600]);
    const short = [{ kind: 'ended', wasUseful: false } as const, { kind: 'ended', wasUseful: false } as const];
    expect(run(listed('7'), ...short).waits).toEqual([800, 1600]);
  });

  it('forgets failures when an event arrives', () => {
    expect(run(broken, broken, broken, listed('7'), bookmark('8'), broken).waits).toEqual([50, 100, 200, 50]);
  });
});
