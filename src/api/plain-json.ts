/** Plain JSON values: what the patches and the codecs work on. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A deep copy that nobody else holds, whatever of the original was frozen. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  const copy: JsonObject = {};
  for (const key in value) setKey(copy, key, cloneJson(value[key]));
  return copy as T;
}

/** Sets a key that may come from outside: `__proto__` is a key like any other. */
export function setKey(object: JsonObject, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The value under a key of its own, never one of the prototype's. */
export function getKey(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Equality of JSON values: the order of keys does not count. Every write asks for it, so it leaves no garbage. */
export function jsonEquals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && areListsEqual(a, b);
  return !Array.isArray(b) && areObjectsEqual(a as JsonObject, b as JsonObject);
}

function areListsEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!jsonEquals(a[i], b[i])) return false;
  return true;
}

function areObjectsEqual(a: JsonObject, b: JsonObject): boolean {
  let surplus = 0;
  for (const key in a) {
    if (!Object.hasOwn(b, key) || !jsonEquals(a[key], b[key])) return false;
    surplus++;
  }
  for (const _ in b) surplus--;
  return surplus === 0;
}

/** A value as Go's `%v` prints it: `map[image:nginx name:web]`. Some of upstream's messages quote values so. */
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goFormat).join(' ')}]`;
  if (!isJsonObject(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const entries = Object.keys(value)
    .toSorted()
    .map((key) => `${key}:${goFormat(value[key])}`);
  return `map[${entries.join(' ')}]`;
}
