import { describe, expect, it } from 'vitest';
import { dockerDuration, dockerSize } from './docker-units.ts';

describe("Docker's units", () => {
  it.each([
    [0, 'Less than a second'],
    [1500, '1 second'],
    [59_999, '59 seconds'],
    [60_000, 'About a minute'],
    [119_999, 'About a minute'],
    [120_000, '2 minutes'],
    [3_600_000, 'About an hour'],
    [1.5 * 3_600_000, '2 hours'],
    [47 * 3_600_000, '47 hours'],
    [48 * 3_600_000, '2 days'],
    [14 * 24 * 3_600_000, '2 weeks'],
    [60 * 24 * 3_600_000, '2 months'],
    [729 * 24 * 3_600_000, '24 months'],
    [730 * 24 * 3_600_000, '2 years'],
  ])('%d ms are %s', (ms, text) => expect(dockerDuration(ms)).toBe(text));

  it.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [4_269_678, '4.27MB'],
    [187_654_321, '188MB'],
    [2.5e15, '2.5PB'],
  ])('%d bytes are %s', (bytes, text) => expect(dockerSize(bytes)).toBe(text));
});
