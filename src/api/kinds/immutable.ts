import { invalidValue } from '../field-errors.ts';
import type { StatusCause } from '../types/meta-v1.ts';

/** One cause when a field that may never change did change. */
export function immutable(path: string, value: unknown, old: unknown): StatusCause[] {
  return deepEqual(value, old) ? [] : [invalidValue(path, value, 'field is immutable')];
}

/** Equality of JSON values; a missing list and an empty one count as the same, as they do in the API. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || a === null) return isEmpty(b);
  if (b === undefined || b === null) return isEmpty(a);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!deepEqual(left[key], right[key])) return false;
  for (const key in right) if (left[key] === undefined && !isEmpty(right[key])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) && value.length === 0;
}
