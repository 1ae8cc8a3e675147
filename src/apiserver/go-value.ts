import { isJsonObject } from '../api/plain-json.ts';

/** A JSON value as Go's `%+v` prints it, which is how upstream shows a patch in its errors: `map[spec:map[replicas:x]]`. */
export function formatGoValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(formatGoValue).join(' ')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const fields = Object.keys(value).toSorted();
  return `map[${fields.map((field) => `${field}:${formatGoValue(value[field])}`).join(' ')}]`;
}
