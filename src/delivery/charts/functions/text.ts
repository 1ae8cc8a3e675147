import { decodeBytes } from '../template/bytes.ts';
import { printText } from '../template/format.ts';
import { strings } from '../template/values.ts';

/** Sprig's `strval`: a value as a string, bytes as what they spell. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return decodeBytes(value);
  return value == null ? '<nil>' : printText(value);
}

/** Sprig's `strslice`: a list's elements as strings, nil left out; anything else is a list of one. */
export function textsOf(value: unknown): string[] {
  if (value == null) return strings([]);
  if (value instanceof Uint8Array) return strings(Array.from(value, String));
  if (!Array.isArray(value)) return strings([textOf(value)]);
  return strings(value.filter((element) => element != null).map(textOf));
}

/** How long a string a function may make at once, in UTF-16 units; what a template prints in all has a limit of its own. */
const maxLength = 16 * 1024 * 1024;

export function checkLength(length: number): void {
  if (length > maxLength) throw new Error(`result is longer than ${maxLength} characters`);
}

/** `strings.Split` with at most `n` parts (all when negative), the rest in the last one. */
export function splitText(text: string, separator: string, n = -1): string[] {
  if (n === 0) return [];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (n < 0 || parts.length <= n) return parts;
  return [...parts.slice(0, n - 1), parts.slice(n - 1).join(separator)];
}
