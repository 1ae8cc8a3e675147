import type { FunctionMap } from './function.ts';

/**
 * Go's dynamic values, as templates see them, in plain JavaScript:
 *
 * | Go                                   | here                                                    |
 * |--------------------------------------|---------------------------------------------------------|
 * | no value (the zero reflect.Value)    | `undefined`                                             |
 * | nil in an interface                  | `null`                                                  |
 * | bool, string, float64                | `boolean`, `string`, `number`                           |
 * | int                                  | `bigint`                                                |
 * | int64, uint8 and the other integers  | `GoInteger`                                             |
 * | []byte                               | `Uint8Array`                                            |
 * | []interface {}                       | array                                                   |
 * | map[string]interface {}              | object with own keys (any prototype; never looked at)   |
 * | other slices and maps ([]string …)   | array, object, with `describe(value, {type, …})`        |
 * | structs and pointers to them         | `GoStruct`                                              |
 * | functions                            | `GoFunction` (function.ts)                              |
 *
 * A byte of a Go string that is no UTF-8 is the lone surrogate U+DC00 + byte (bytes.ts): binary content survives.
 */
export type GoMap = Record<string, unknown>;

export type IntegerType =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'uintptr'
  | 'time.Duration'
  | 'time.Month'
  | 'time.Weekday';

/** An integer of another type than `int`. */
export class GoInteger {
  readonly type: IntegerType;
  readonly value: bigint;
  /** What its `String` method gives, for types that have one. */
  readonly text: string | undefined;
  constructor(type: IntegerType, value: bigint, text?: string) {
    this.type = type;
    this.value = value;
    this.text = text;
  }
}

export function int64(value: bigint | number): GoInteger {
  return new GoInteger('int64', BigInt.asIntN(64, typeof value === 'bigint' ? value : BigInt(value)));
}

interface StructParts {
  /** As Go prints it: `time.Time`, `*semver.Version`. */
  readonly type: string;
  /** In the order of declaration. */
  readonly fields?: GoMap;
  readonly methods?: FunctionMap;
  /** What `String` or `Error` gives, for types that have it. */
  readonly text?: () => string;
  /** The fields as encoding/json sees them; the fields themselves when absent. */
  readonly json?: () => unknown;
  /** What functions of ours keep in it. */
  readonly inner?: unknown;
}

/** A struct, or a pointer to one when the type starts with `*`. */
export class GoStruct {
  readonly type: string;
  readonly fields: GoMap;
  readonly methods: FunctionMap;
  readonly text: (() => string) | undefined;
  readonly json: (() => unknown) | undefined;
  readonly inner: unknown;
  constructor(parts: StructParts) {
    this.type = parts.type;
    this.fields = parts.fields ?? emptyMap();
    this.methods = parts.methods ?? {};
    this.text = parts.text;
    this.json = parts.json;
    this.inner = parts.inner;
  }
}

/** What an array or object is in Go when it is not the plain `[]interface {}` or `map[string]interface {}`. */
export interface Description {
  /** `[]string`, `map[string]string`, `chartutil.Values` … */
  readonly type: string;
  /** The type of its elements; absent for `interface {}`. */
  readonly element?: string;
  readonly methods?: FunctionMap;
  /** A nil slice or map: empty, but `null` in JSON and YAML. */
  readonly isNil?: boolean;
}

const descriptions = new WeakMap<object, Description>();

export function describe<T extends object>(value: T, description: Description): T {
  descriptions.set(value, description);
  return value;
}

export function descriptionOf(value: object): Description | undefined {
  return descriptions.get(value);
}

/** Whether a list or map that has nothing in it is Go's nil. */
export function isNil(value: object): boolean {
  return descriptions.get(value)?.isNil === true;
}

export function nilList(): unknown[] {
  return describe([], { type: '[]interface {}', isNil: true });
}

export function nilMap(): GoMap {
  return describe(emptyMap(), { type: 'map[string]interface {}', isNil: true });
}

const stringSlice: Description = { type: '[]string', element: 'string' };

export function strings(list: string[]): string[] {
  return describe(list, stringSlice);
}

/** A map that has no prototype to leak. */
export function emptyMap(): GoMap {
  return Object.create(null) as GoMap;
}

export function isMap(value: unknown): value is GoMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof GoStruct) &&
    !(value instanceof GoInteger) &&
    !(value instanceof Uint8Array)
  );
}

/** A map's element; undefined when it has no such key. */
export function mapGet(map: GoMap, key: string): unknown {
  return Object.hasOwn(map, key) ? (map[key] ?? null) : undefined;
}

export function mapSet(map: GoMap, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else map[key] = value;
}

/** Go orders strings by their bytes, which is the order of code points, not of UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand above the rest of the plane.
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** A map's keys in the order in which Go's templates, fmt, JSON and YAML (by bytes) go through them. */
export function sortedKeys(map: GoMap): string[] {
  return sortKeys(Object.keys(map), compareStrings);
}

/** Most maps have few keys, which the engine's sort makes tables for that are larger than the maps. */
const fewKeys = 12;

/** Sorts in place. */
export function sortKeys(keys: string[], compare: (a: string, b: string) => number): string[] {
  if (keys.length > fewKeys) return keys.sort(compare);
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (; at > 0 && compare(keys[at - 1] as string, key) > 0; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}

export function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return value instanceof GoInteger ? value.value : undefined;
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'parameters' in value && 'call' in value && isCallable(value);
}

function isCallable(value: object): boolean {
  return typeof (value as { call: unknown }).call === 'function';
}

export type Kind =
  | 'invalid'
  | 'bool'
  | 'string'
  | 'float64'
  | 'int'
  | Exclude<IntegerType, `time.${string}`>
  | 'map'
  | 'slice'
  | 'struct'
  | 'ptr'
  | 'func';

/** reflect's Kind of a value. */
export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    case 'bigint':
      return 'int';
    default:
      if (value == null) return 'invalid';
      if (Array.isArray(value) || value instanceof Uint8Array) return 'slice';
      if (value instanceof GoStruct) return value.type.startsWith('*') ? 'ptr' : 'struct';
      if (value instanceof GoInteger) return integerKind(value.type);
      return isFunction(value) ? 'func' : 'map';
  }
}

function integerKind(type: IntegerType): Exclude<IntegerType, `time.${string}`> | 'int' {
  if (type === 'time.Duration') return 'int64';
  return type === 'time.Month' || type === 'time.Weekday' ? 'int' : type;
}

/** A value's type as `%T` prints it. */
export function typeOf(value: unknown): string {
  if (value == null) return '<nil>';
  // The types of scalars have the names of their kinds.
  if (typeof value !== 'object') return kindOf(value);
  if (value instanceof GoStruct || value instanceof GoInteger) return value.type;
  if (value instanceof Uint8Array) return '[]uint8';
  const described = descriptions.get(value)?.type;
  if (Array.isArray(value)) return described ?? '[]interface {}';
  return isFunction(value) ? 'func' : (described ?? 'map[string]interface {}');
}

/** Go's truth: not the zero of its type, nor empty. Structs are always true. */
export function isTrue(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.length > 0;
    case 'boolean':
      return value;
    case 'number':
      return value !== 0;
    case 'bigint':
      return value !== 0n;
    default:
      if (value == null) return false;
      if (Array.isArray(value) || value instanceof Uint8Array) return value.length > 0;
      if (value instanceof GoInteger) return value.value !== 0n;
      if (value instanceof GoStruct || isFunction(value)) return true;
      for (const key in value) if (Object.hasOwn(value, key)) return true;
      return false;
  }
}

/** The zero value of an element type. */
export function zeroOf(type: string | undefined): unknown {
  switch (type) {
    case undefined:
      return null;
    case 'string':
      return '';
    case 'bool':
      return false;
    case 'int':
      return 0n;
    case 'float64':
      return 0;
    case '[]uint8':
      return new Uint8Array();
    default:
      return null;
  }
}
