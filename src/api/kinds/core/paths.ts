import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue } from '../../field-errors.ts';

/** A path that stays below where it starts. */
export function validateDescendingPath(causes: StatusCause[], value: string, path: string): void {
  if (value.startsWith('/')) causes.push(invalidValue(path, value, 'must be a relative path'));
  validateNoBackstep(causes, value, path);
}

export function validateNoBackstep(causes: StatusCause[], value: string, path: string): void {
  if (value.split('/').includes('..')) causes.push(invalidValue(path, value, "must not contain '..'"));
}
