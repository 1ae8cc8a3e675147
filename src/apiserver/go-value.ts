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

const goKinds: Readonly<Record<string, string>> = { array: 'slice', object: 'map', number: 'int64' };

/**
 * What upstream says of a value that a field cannot hold where it does not read JSON but fits a patched object to a
 * type (apimachinery's unstructured converter), from what its JSON reader says. Other reasons stay as they are.
 */
export function conversionReason(reason: string): string {
  const [, value = '', type = ''] = /^json: cannot unmarshal (\w+)(?: \S+)? into .* of type (\S+)$/.exec(reason) ?? [];
  if (type === '') return reason;
  const kind = goKinds[value] ?? value;
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (type.startsWith('map[')) return `cannot restore map from ${kind}`;
  if (type.includes('.')) return `cannot restore struct from: ${kind}`;
  return type === 'string' && kind === 'int64' ? 'cannot convert int64 to string' : `unrecognized type: ${type}`;
}
