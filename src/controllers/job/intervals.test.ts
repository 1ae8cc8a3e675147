import { expect, it } from 'vitest';
import { Intervals } from './intervals.ts';

it('writes neighbours as a list and three or more as a range', () => {
  expect(String(Intervals.of([7, 1, 3, 5, 4, 9, 8, 12, 13]))).toBe('1,3-5,7-9,12,13');
  expect(String(Intervals.none)).toBe('');
});

it('reads what it wrote, up to the limit', () => {
  const read = Intervals.parse('0,2-5,8,9', 9);
  expect([String(read), read.size, read.has(4), read.has(9)]).toEqual(['0,2-5,8', 6, true, false]);
  expect(Intervals.parse(undefined, 5).size).toBe(0);
});

it('joins, counts what two have in common, and finds what is missing', () => {
  const some = Intervals.of([0, 1, 4]);
  expect(String(some.union(Intervals.of([2, 3])))).toBe('0-4');
  expect(some.countOf(Intervals.of([1, 2, 3, 4]))).toBe(2);
  expect(some.firstMissing(3, 10)).toEqual([2, 3, 5]);
  expect(some.firstMissing(10, 5)).toEqual([2, 3]);
});
