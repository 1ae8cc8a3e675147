import { compareQuantities, parseQuantity } from '../../api/quantity.ts';
import { compileRelaxedPath } from './json-path-template.ts';

/** Sorts by the value at a path: numbers, times and quantities by size, texts by letters; without one first. Pure. */
export function sortByPath<T>(items: readonly T[], path: string, objectOf: (item: T) => unknown): T[] {
  const find = compileRelaxedPath(path);
  return items
    .map((item) => ({ item, value: find(objectOf(item))[0] }))
    .toSorted((a, b) => compare(a.value, b.value))
    .map(({ item }) => item);
}

function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [a, b].map((value) => (typeof value === 'string' ? value : JSON.stringify(value))) as [
    string,
    string,
  ];
  if (parseQuantity(left) && parseQuantity(right)) return compareQuantities(left, right);
  return left < right ? -1 : left > right ? 1 : 0;
}
