import { expect, it } from 'vitest';
import type { Pod } from '../../api/types/core-v1.ts';
import { pod } from '../../../test/support/objects.ts';
import { backoffMs, nextBackoff } from './backoff.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const endedAfter = (seconds: number): Pod =>
  pod('ended', { metadata: { creationTimestamp: new Date(start + seconds * 1000).toISOString() } });

it('waits 10 s, then twice as long with each failure, up to ten minutes', () => {
  const waits = [0, 1, 2, 3, 7, 20].map((failures) => backoffMs({ failures, lastFailure: start }, start) / 1000);
  expect(waits).toEqual([0, 10, 20, 40, 600, 600]);
  expect(backoffMs({ failures: 1, lastFailure: start }, start + 4_000)).toBe(6_000);
});

it('starts anew after a success, counting the failures that came after it', () => {
  const first = nextBackoff(undefined, [], [endedAfter(1), endedAfter(5)]);
  expect(first).toEqual({ failures: 2, lastFailure: start + 5_000 });
  expect(nextBackoff(first, [], [endedAfter(9)])).toEqual({ failures: 3, lastFailure: start + 9_000 });
  expect(nextBackoff(first, [endedAfter(7)], [endedAfter(6), endedAfter(8)])).toEqual({
    failures: 1,
    lastFailure: start + 8_000,
  });
  expect(nextBackoff(first, [endedAfter(7)], [])).toEqual({ failures: 0, lastFailure: 0 });
});
