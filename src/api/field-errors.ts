import type { StatusCause } from './types/meta-v1.ts';

/**
 * Causes of a 422, one for each way a field can be wrong. Reasons are metav1.CauseType; messages are those of
 * apimachinery's field.Error, which clients and their tests match. `path` is the field's: `spec.ports[0].name`.
 */
export function required(path: string, detail: string): StatusCause {
  return cause('FieldValueRequired', path, withDetail('Required value', detail));
}

export function invalidValue(path: string, value: unknown, detail: string): StatusCause {
  return cause('FieldValueInvalid', path, withDetail(`Invalid value: ${shown(value)}`, detail));
}

/** The value is of another JSON type than the field; `value` is shown as what was found. */
export function typeInvalid(path: string, value: unknown, detail: string): StatusCause {
  return cause('FieldValueTypeInvalid', path, withDetail(`Invalid value: ${shown(value)}`, detail));
}

export function notSupported(path: string, value: unknown, supported: readonly string[]): StatusCause {
  const list = supported.map((item) => JSON.stringify(item)).join(', ');
  const detail = supported.length > 0 ? `supported values: ${list}` : '';
  return cause('FieldValueNotSupported', path, withDetail(`Unsupported value: ${shown(value)}`, detail));
}

export function duplicate(path: string, value: unknown): StatusCause {
  return cause('FieldValueDuplicate', path, `Duplicate value: ${shown(value)}`);
}

export function valueNotFound(path: string, value: unknown): StatusCause {
  return cause('FieldValueNotFound', path, `Not found: ${shown(value)}`);
}

export function forbidden(path: string, detail: string): StatusCause {
  return cause('FieldValueForbidden', path, withDetail('Forbidden', detail));
}

/** `limit` counts bytes. */
export function tooLong(path: string, limit: number): StatusCause {
  return cause('FieldValueTooLong', path, `Too long: may not be more than ${limit} ${limit === 1 ? 'byte' : 'bytes'}`);
}

export function tooMany(path: string, actual: number, limit: number): StatusCause {
  const items = limit === 1 ? 'item' : 'items';
  return cause('FieldValueTooMany', path, `Too many: ${actual}: must have at most ${limit} ${items}`);
}

function cause(reason: string, field: string, message: string): StatusCause {
  return { reason, message, field };
}

function withDetail(head: string, detail: string): string {
  return detail === '' ? head : `${head}: ${detail}`;
}

/** Strings are quoted, everything else is JSON; a missing value is Go's zero value of an unknown type. */
function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
