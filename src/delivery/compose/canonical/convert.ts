import { ComposeError } from '../compose-error.ts';
import { isMapping, locate, type Mapping, type Path, type Value, textOf } from '../tree.ts';
import { formatDuration, parseBytes, parseDuration } from '../units.ts';
import { booleanOf } from '../yaml-scalar.ts';

/** Where a value stands, for what is said about it. */
export class Place {
  readonly #root: Mapping;
  readonly path: Path;

  constructor(root: Mapping, path: Path = []) {
    this.#root = root;
    this.path = path;
  }

  in(key: string | number): Place {
    return new Place(this.#root, [...this.path, key]);
  }

  fail(message: string): ComposeError {
    return new ComposeError(message, { position: locate(this.#root, this.path), path: this.path });
  }
}

/** Brings a value to its canonical form; undefined leaves it out. */
export type Convert = (value: Value, at: Place) => unknown;

/** A mapping with known keys: they come out in this order, extensions after them. */
export function struct(fields: Record<string, Convert>): Convert {
  const names = Object.keys(fields);
  return (value, at) => {
    const given = isMapping(value) ? value : {};
    const result: Record<string, unknown> = {};
    for (const name of names) {
      const inner = given[name];
      if (inner === undefined || inner === null) continue;
      const converted = fields[name]?.(inner, at.in(name));
      if (converted !== undefined) result[name] = converted;
    }
    for (const name of Object.keys(given).sort())
      if (name.startsWith('x-')) result[name] = extension(given[name] ?? null);
    return result;
  };
}

/** A structure that says nothing when it is empty. */
export function dense(convert: Convert): Convert {
  return (value, at) => {
    const result = convert(value, at) as object;
    return Object.keys(result).length > 0 ? result : undefined;
  };
}

/** A text; an empty one says nothing. */
export const text: Convert = (value) => (value === '' ? undefined : textOf(value));

/** A boolean where false says nothing. */
export const flag: Convert = (value, at) => toBoolean(value, at) || undefined;

/** A boolean where false says something. */
export const boolean: Convert = (value, at) => toBoolean(value, at);

export function toBoolean(value: Value, at: Place): boolean {
  const result = typeof value === 'boolean' ? value : booleanOf(textOf(value));
  if (result === undefined) throw at.fail(`invalid boolean: ${textOf(value)}`);
  return result;
}

export const integer = (value: Value, at: Place): number => {
  const number = typeof value === 'number' ? value : Number(textOf(value).trim() || Number.NaN);
  if (!Number.isSafeInteger(number)) throw at.fail(`invalid integer: ${textOf(value)}`);
  return number;
};

export const natural = (value: Value, at: Place): number => {
  const number = integer(value, at);
  if (number < 0) throw at.fail('must be greater than or equal to 0');
  return number;
};

const number = (value: Value, at: Place): number => {
  const result = typeof value === 'number' ? value : Number(textOf(value).trim() || Number.NaN);
  if (!Number.isFinite(result)) throw at.fail(`invalid number: ${textOf(value)}`);
  return result;
};

/** An integer where zero says nothing. */
export const count: Convert = (value, at) => integer(value, at) || undefined;
/** A number where zero says nothing. */
export const amount: Convert = (value, at) => number(value, at) || undefined;

/** A size, as a text of bytes: it may be larger than what other readers of YAML keep in a number. */
export const bytes: Convert = (value, at) => {
  const result = parseBytes(value as string | number);
  if (result === undefined) throw at.fail(`invalid size: '${textOf(value)}'`);
  return result === 0 ? undefined : String(result);
};

export const duration: Convert = (value, at) => {
  const result = parseDuration(textOf(value));
  if (result === undefined) throw at.fail(`invalid duration: ${JSON.stringify(value)}`);
  return formatDuration(result);
};

/** A duration where none says nothing. */
export const delay: Convert = (value, at) => (parseDuration(textOf(value)) === 0 ? undefined : duration(value, at));

/** A list of texts, or a single one. */
export const strings: Convert = (value) =>
  value === '' ? undefined : nonEmpty(listOf(value).map((item) => scalarText(item)));

export function list(convert: Convert): Convert {
  return (value, at) => {
    const items = listOf(value).flatMap((item, index) => {
      const converted = convert(item, at.in(index));
      return converted === undefined ? [] : [converted];
    });
    return nonEmpty(items);
  };
}

export function mappingOf(convert: Convert): Convert {
  return (value, at) => {
    if (!isMapping(value)) return undefined;
    const entries = Object.entries(value).map(([key, inner]) => [key, convert(inner, at.in(key))] as const);
    return entries.length > 0 ? sorted(Object.fromEntries(entries)) : undefined;
  };
}

/** Labels and the like: values are texts, a missing one is empty. */
export const labels: Convert = (value) => pairsWith(value, (inner) => (inner === null ? '' : scalarText(inner)));

/** Environment: a variable without a value gets the environment's later, and is null until then. */
export const environment: Convert = (value) => pairsWith(value, (inner) => (inner === null ? null : scalarText(inner)));

/** What is not of the specification stays as it is, its keys in order. */
export function extension(value: Value): Value {
  if (Array.isArray(value)) return value.map(extension);
  if (!isMapping(value)) return value;
  return sorted(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, extension(inner)])));
}

/** Options that may be given several times: each a list of texts. */
export const multiOptions: Convert = (value) =>
  isMapping(value)
    ? sorted(Object.fromEntries(Object.entries(value).map(([key, given]) => [key, listOf(given).map(scalarText)])))
    : undefined;

/** A mapping, or a list of `KEY=VALUE`. */
function pairsWith(value: Value, convert: (inner: Value) => string | null): unknown {
  const given = isMapping(value) ? Object.entries(value) : listOf(value).map((item) => pairOf(textOf(item)));
  const entries = given.map(([key, inner]) => [key, convert(inner)] as const);
  return entries.length > 0 ? sorted(Object.fromEntries(entries)) : undefined;
}

function pairOf(text: string): [string, Value] {
  const at = text.indexOf('=');
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

export function listOf(value: Value): Value[] {
  return Array.isArray(value) ? value : value === null ? [] : [value];
}

/** As Go prints a value: whole numbers without an exponent. */
export function scalarText(value: Value): string {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) >= 1e21) return BigInt(value).toString();
  return value === null ? '' : textOf(value);
}

export function sorted<T>(mapping: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(mapping).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function nonEmpty<T>(items: T[]): T[] | undefined {
  return items.length > 0 ? items : undefined;
}
