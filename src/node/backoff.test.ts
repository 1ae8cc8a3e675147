import { expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';
import { formatGoDuration } from '../api/go-duration.ts';

const settings = { initialMs: 10_000, maxMs: 300_000 };

it('doubles from the first delay to the longest', () => {
  const backoff = createBackoff(settings);
  const delays: string[] = [];
  let now = 0;
  for (let i = 0; i < 7; i++) {
    backoff.next('a', now);
    delays.push(formatGoDuration(backoff.delayMs('a') * 1e6));
    now += backoff.delayMs('a');
  }
  expect(delays).toEqual(['10s', '20s', '40s', '1m20s', '2m40s', '5m0s', '5m0s']);
});

it('counts what remains from what the delay is about', () => {
  const backoff = createBackoff(settings);
  expect(backoff.remainingMs('a', 0, 0)).toBe(0);
  backoff.next('a', 0);
  expect(backoff.remainingMs('a', 5000, 2000)).toBe(7000);
  expect(backoff.remainingMs('a', 12_000, 2000)).toBe(0);
});

it('starts anew after twice the longest delay without trouble', () => {
  const backoff = createBackoff(settings);
  backoff.next('a', 0);
  backoff.next('a', 1000);
  expect(backoff.remainingMs('a', 601_001, 601_001)).toBe(0);
  backoff.next('a', 601_001);
  expect(backoff.delayMs('a')).toBe(10_000);
});

it('forgets by prefix', () => {
  const backoff = createBackoff(settings);
  backoff.next('u1/a', 0);
  backoff.next('u2/a', 0);
  backoff.reset('u1/');
  expect([backoff.delayMs('u1/a'), backoff.delayMs('u2/a')]).toEqual([0, 10_000]);
});
