import { invalidValue } from '../field-errors.ts';
import type { StatusCause } from '../types/meta-v1.ts';

/** Adds a cause when a number that may not be negative is; nothing for a field that is not there. */
export function nonNegative(causes: StatusCause[], path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) {
    causes.push(invalidValue(path, value, 'must be greater than or equal to 0'));
  }
}
