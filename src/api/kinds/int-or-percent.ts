import { invalidValue } from '../field-errors.ts';
import type { StatusCause } from '../types/meta-v1.ts';

const percentPattern = /^[0-9]+%$/;
const percentRule =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for " +
  "validation is '[0-9]+%')";

/** A number that is not negative, or a percentage of at most 100. */
export function validateIntOrPercent(path: string, value: number | string): StatusCause[] {
  if (typeof value === 'number') {
    return value < 0 ? [invalidValue(path, value, 'must be greater than or equal to 0')] : [];
  }
  if (!percentPattern.test(value)) return [invalidValue(path, value, percentRule)];
  return percentOf(value) > 100 ? [invalidValue(path, value, 'must not be greater than 100%')] : [];
}

/** A number that is not negative, or a percentage of any size. */
export function validateIntOrAnyPercent(path: string, value: number | string): StatusCause[] {
  if (typeof value === 'string' && percentPattern.test(value)) return [];
  return validateIntOrPercent(path, value);
}

/** `25%` as 25; 0 for what is no percentage. */
export function percentOf(value: string): number {
  return percentPattern.test(value) ? Number(value.slice(0, -1)) : 0;
}

/** The number that the value has when it is no percentage, else the percentage. */
export function isZero(value: number | string | undefined): boolean {
  return typeof value === 'string' ? percentOf(value) === 0 : (value ?? 0) === 0;
}
