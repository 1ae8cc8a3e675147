import { invalidValue } from '../field-errors.ts';
import type { StatusCause } from '../types/meta-v1.ts';

/** Adds a cause unless the number is a port. */
export function validatePortNumber(causes: StatusCause[], path: string, port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    causes.push(invalidValue(path, port, 'must be between 1 and 65535, inclusive'));
  }
}
