import { describe, expect, it } from 'vitest';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';

describe('Go durations', () => {
  it.each([
    ['0s', 0],
    ['1ns', 1],
    ['1.5µs', 1500],
    ['2ms', 2e6],
    ['1.5s', 1.5e9],
    ['1m0s', 60e9],
    ['1h30m5s', 5405e9],
    ['-2m0.5s', -120.5e9],
  ])('%s', (text, nanos) => {
    expect(parseGoDuration(text)).toBe(nanos);
    expect(formatGoDuration(nanos)).toBe(text);
  });

  it('reads other spellings, and refuses what Go refuses', () => {
    expect(['90s', '.5h', '+1h', '0', '1us'].map(parseGoDuration)).toEqual([90e9, 1800e9, 3600e9, 0, 1000]);
    expect(['', '1', '1d', 's', '1s2', ' 1s', '2562048h'].map(parseGoDuration)).toEqual(Array(7).fill(undefined));
  });

  it('are exact as integers', () => {
    expect([0n, 1500n, 60_000_000_000n, -9_223_372_036_854_775_808n].map(formatGoDuration)).toEqual([
      '0s',
      '1.5µs',
      '1m0s',
      '-2562047h47m16.854775808s',
    ]);
  });
});
