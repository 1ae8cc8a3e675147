import type { KubeObject } from '../../object.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue } from '../../field-errors.ts';
import { configMapKey } from '../../names.ts';
import { deepEqual } from '../immutable.ts';

/** Config maps and secrets hold at most 1 MiB of data. */
export const largestData = 1024 * 1024;

export function validateDataKeys(data: Record<string, string> | undefined, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const key in data) for (const text of configMapKey(key)) causes.push(invalidValue(`${path}[${key}]`, key, text));
  return causes;
}

/** Bytes that base64 text stands for. */
export function decodedLength(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}

/** Once marked immutable, data stays as it is and the mark stays too. */
export function validateImmutableData<T extends KubeObject & { immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): StatusCause[] {
  if (!old.immutable) return [];
  const causes: StatusCause[] = [];
  if (!object.immutable) causes.push(forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const field of fields) {
    if (!deepEqual(object[field], old[field])) {
      causes.push(forbidden(field, 'field is immutable when `immutable` is set'));
    }
  }
  return causes;
}
