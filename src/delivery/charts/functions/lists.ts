import { nestedTooDeep, valueCounter } from '../template/error.ts';
import type { Execution } from '../template/execution.ts';
import { executionFunction, goFunction, type FunctionMap, type GoFunction } from '../template/function.ts';
import {
  describe,
  descriptionOf,
  emptyMap,
  GoInteger,
  GoStruct,
  integerOf,
  isFunction,
  isMap,
  isNil,
  kindOf,
  mapGet,
  mapSet,
  nilList,
  nilMap,
  sortedKeys,
  strings,
  typeOf,
  type GoMap,
} from '../template/values.ts';
import { toInteger } from './numbers.ts';
import { textOf } from './text.ts';

/** How many elements a function may make at once. */
const maxElements = 1_000_000;
/** How deep maps may be nested. */
const maxDepth = 500;

function checkElements(count: number): void {
  if (count > maxElements) throw new Error(`result has more than ${maxElements} elements`);
}

/** The elements of any slice; other values give Sprig's error. */
function elementsOf(value: unknown, doing: string): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Uint8Array) return Array.from(value, (byte) => new GoInteger('uint8', BigInt(byte)));
  if (value == null) throw new Error('runtime error: invalid memory address or nil pointer dereference');
  throw new Error(`${doing} ${kindOf(value)}`);
}

/** reflect.DeepEqual: types must be the same, too. */
export function deepEqual(a: unknown, b: unknown, count = valueCounter()): boolean {
  count();
  if (a == null || b == null) return a == null && b == null;
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (typeOf(a) !== typeOf(b)) return false;
  if (a === b) return true;
  if (isNil(a) !== isNil(b)) return false;
  if (a instanceof GoInteger) return a.value === integerOf(b);
  if (a instanceof GoStruct)
    return b instanceof GoStruct && deepEqual(a.fields, b.fields, count) && a.text?.() === b.text?.();
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((element, i) => deepEqual(element, b[i], count));
  }
  if (isFunction(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => equalEntries(a as GoMap, b, key, count));
}

function equalEntries(a: GoMap, b: GoMap, key: string, count: () => void): boolean {
  return Object.hasOwn(b, key) && deepEqual(a[key], b[key], count);
}

/** Whether a value is the zero of its type, or empty: Sprig's rule, which is that of `if`, but for structs' pointers. */
export function isEmpty(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value === '';
    case 'number':
      return value === 0;
    case 'bigint':
      return value === 0n;
    case 'boolean':
      return !value;
    default:
      if (value == null) return true;
      if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
      if (value instanceof GoInteger) return value.value === 0n;
      return isMap(value) && !isFunction(value) && Object.keys(value).length === 0;
  }
}

function sliceList(list: unknown, ...indexes: unknown[]): unknown {
  const elements = elementsOf(list, 'list should be type of slice or array but');
  if (elements.length === 0) return null;
  const start = indexes.length > 0 ? Number(toInteger(indexes[0])) : 0;
  const end = indexes.length < 2 ? elements.length : Number(toInteger(indexes[1]));
  if (start < 0 || start > end || end > elements.length)
    throw new Error('reflect.Value.Slice: slice index out of bounds');
  const part = elements.slice(start, end);
  const description = descriptionOf(list as object);
  return description ? describe(part, description) : part;
}

function chunk(size: number, list: unknown): unknown[] {
  const elements = elementsOf(list, 'Cannot chunk type');
  // How many there are is reckoned as Sprig does, which knows no negative size.
  const count = Math.floor((elements.length - 1) / size) + 1;
  if (size === 0 || count < 0 || (size < 0 && count > 0)) throw new Error('runtime error: makeslice: len out of range');
  const chunks: unknown[] = [];
  for (let i = 0; i < count; i++) chunks.push(elements.slice(i * size, (i + 1) * size));
  return describe(chunks, { type: '[][]interface {}', element: '[]interface {}' });
}

function concat(...lists: unknown[]): unknown[] {
  checkElements(lists.reduce<number>((sum, list) => sum + (Array.isArray(list) ? list.length : 0), 0));
  const whole = lists.flatMap((list) => {
    if (list == null) throw new Error('runtime error: invalid memory address or nil pointer dereference');
    if (!Array.isArray(list)) throw new Error(`Cannot concat type ${kindOf(list)} as list`);
    return list as unknown[];
  });
  return whole.length === 0 ? nilList() : whole;
}

/** What accounts for each part of a value that is made. */
function partsOf(x: Execution): () => void {
  return () => x.produceParts(1);
}

/** Accounts for all parts of the map or list that a function makes of a text. */
export function countingParts(fn: GoFunction): GoFunction {
  const visit = (value: unknown, count: () => void): void => {
    count();
    if (Array.isArray(value)) for (const element of value) visit(element, count);
    else if (isMap(value)) for (const key of Object.keys(value)) visit(value[key], count);
  };
  return {
    ...fn,
    call: (args, x) => {
      const result = fn.call(args, x);
      visit(result, partsOf(x));
      return result;
    },
  };
}

/** A function and its twin that Sprig calls `must…`: an error ends a template either way. */
function withMust(functions: FunctionMap): FunctionMap {
  const twins = Object.entries(functions).map(([name, fn]): [string, GoFunction] => {
    return [`must${name[0]?.toUpperCase()}${name.slice(1)}`, fn];
  });
  return { ...functions, ...Object.fromEntries(twins) };
}

/** What is left of a list: nil when there was nothing to take from. */
function orNil(part: unknown[], whole: unknown): unknown[] {
  return (whole as unknown[]).length === 0 ? nilList() : part;
}

function firstOf(elements: unknown[], at: number): unknown {
  return elements.at(at) ?? null;
}

const append = goFunction(['any', 'any'], (list, value) => {
  const elements = elementsOf(list, 'Cannot push on type');
  checkElements(elements.length);
  return [...elements, value];
});
const list = goFunction(['...any'], (...values) => values);

/** Sprig's functions on lists. */
export const listFunctions: FunctionMap = {
  list,
  tuple: list,
  ...withMust({
    append,
    push: append,
    prepend: goFunction(['any', 'any'], (elements, value) => [
      value,
      ...elementsOf(elements, 'Cannot prepend on type'),
    ]),
    first: goFunction(['any'], (value) => firstOf(elementsOf(value, 'Cannot find first on type'), 0)),
    last: goFunction(['any'], (value) => firstOf(elementsOf(value, 'Cannot find last on type'), -1)),
    rest: goFunction(['any'], (value) => orNil(elementsOf(value, 'Cannot find rest on type').slice(1), value)),
    initial: goFunction(['any'], (value) =>
      orNil(elementsOf(value, 'Cannot find initial on type').slice(0, -1), value),
    ),
    reverse: goFunction(['any'], (value) => [...elementsOf(value, 'Cannot find reverse on type')].reverse()),
    compact: goFunction(['any'], (value) =>
      elementsOf(value, 'Cannot compact on type').filter((element) => !isEmpty(element)),
    ),
    uniq: goFunction(['any'], (value) => unique(elementsOf(value, 'Cannot find uniq on type'))),
    without: goFunction(['any', '...any'], (value, ...omitted) =>
      elementsOf(value, 'Cannot find without on type').filter((e) => !omitted.some((other) => deepEqual(e, other))),
    ),
    has: goFunction(['any', 'any'], (needle, haystack) =>
      haystack == null
        ? false
        : elementsOf(haystack, 'Cannot find has on type').some((element) => deepEqual(needle, element)),
    ),
    slice: goFunction(['any', '...any'], sliceList),
    chunk: goFunction(['int', 'any'], chunk),
  }),
  concat: goFunction(['...any'], concat),
};

/** Scalars are looked up, the rest is compared one by one. */
function unique(elements: unknown[]): unknown[] {
  const scalars = new Set<unknown>();
  const kept: unknown[] = [];
  const compared: unknown[] = [];
  for (const element of elements) {
    if (typeof element !== 'object' || element === null) {
      if (scalars.has(element ?? null)) continue;
      scalars.add(element ?? null);
    } else {
      if (compared.some((other) => deepEqual(element, other))) continue;
      compared.push(element);
    }
    kept.push(element);
  }
  return kept;
}

function given(map: GoMap | null): GoMap {
  return map ?? emptyMap();
}

function writable(map: GoMap | null): GoMap {
  if (map === null || isNil(map)) throw new Error('assignment to entry in nil map');
  return map;
}

function dict(...entries: unknown[]): GoMap {
  const map = emptyMap();
  for (let i = 0; i < entries.length; i += 2) {
    mapSet(map, textOf(entries[i]), i + 1 < entries.length ? entries[i + 1] : '');
  }
  return map;
}

function dig(...args: unknown[]): unknown {
  if (args.length < 3) throw new Error('dig needs at least three arguments');
  let value: unknown = plainMap(args.at(-1));
  const keys = args.slice(0, -2);
  const noKey = keys.findIndex((key) => typeof key !== 'string');
  if (noKey >= 0) throw new Error(`interface conversion: interface {} is ${nilOr(keys[noKey])}, not string`);
  for (const key of keys as string[]) {
    value = mapGet(plainMap(value), key);
    if (value === undefined) return args.at(-2);
  }
  return value;
}

function plainMap(value: unknown): GoMap {
  if (isMap(value) && !isFunction(value) && descriptionOf(value)?.element === undefined) return value;
  throw new Error(`interface conversion: interface {} is ${nilOr(value)}, not map[string]interface {}`);
}

function nilOr(value: unknown): string {
  return value == null ? 'nil' : typeOf(value);
}

interface Merge {
  readonly overwrite: boolean;
  readonly count: () => void;
}

/**
 * mergo.Merge, as Sprig uses it: what `target` lacks, or has empty, comes from `source`; with `overwrite`, the source wins.
 * Maps are merged, lists are not.
 */
function mergeInto(target: GoMap, source: GoMap, { overwrite, count }: Merge, depth = 0): void {
  if (depth > maxDepth) throw nestedTooDeep(maxDepth);
  for (const key of Object.keys(source)) {
    count();
    const from = source[key] ?? null;
    const into = Object.hasOwn(target, key) ? target[key] : undefined;
    const bothMaps = isMap(from) && isMap(into);
    if (bothMaps) mergeInto(into, from, { overwrite, count }, depth + 1);
    if (from === null ? overwrite : bothMaps ? isEmpty(into) : overwrite || isEmpty(into)) mapSet(target, key, from);
  }
}

function merge(overwrite: boolean): GoFunction {
  return executionFunction(['map', '...map'], (x, target, ...sources) => {
    const isNothing = target === null || isNil(target);
    if (isNothing && sources.length === 0) return nilMap();
    const into = isNothing ? emptyMap() : target;
    x.yaml.clear();
    for (const source of sources) {
      mergeInto(into, given(source), { overwrite, count: valueCounter(partsOf(x)) });
    }
    return into;
  });
}

/** copystructure.Copy. */
function deepCopy(value: unknown, count: () => void, depth = 0): unknown {
  count();
  if (depth > maxDepth) throw nestedTooDeep(maxDepth);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) {
    return described(
      value,
      value.map((element) => deepCopy(element, count, depth + 1)),
    );
  }
  if (!isMap(value) || isFunction(value)) return value;
  const copy = emptyMap();
  for (const key of Object.keys(value)) mapSet(copy, key, deepCopy(value[key], count, depth + 1));
  return described(value, copy);
}

function described<T extends object>(original: object, copy: T): T {
  const description = descriptionOf(original);
  return description ? describe(copy, description) : copy;
}

const copyFunction = executionFunction(['any'], (x, value) => {
  if (value == null) throw new Error('reflect: call of reflect.Value.Type on zero Value');
  return deepCopy(value, valueCounter(partsOf(x)));
});

/** Sprig's functions on maps. */
export const dictFunctions: FunctionMap = {
  dict: goFunction(['...any'], dict),
  get: goFunction(
    ['map', 'string'],
    (map, key) => mapGet(given(map), key) ?? (Object.hasOwn(given(map), key) ? null : ''),
  ),
  set: executionFunction(['map', 'string', 'any'], (x, map, key, value) => {
    x.yaml.clear();
    mapSet(writable(map), key, value);
    return map;
  }),
  unset: executionFunction(['map', 'string'], (x, map, key) => {
    x.yaml.clear();
    delete given(map)[key];
    return map ?? nilMap();
  }),
  hasKey: goFunction(['map', 'string'], (map, key) => Object.hasOwn(given(map), key)),
  pluck: goFunction(['string', '...map'], (key, ...maps) =>
    maps.filter((map) => Object.hasOwn(given(map), key)).map((map) => given(map)[key] ?? null),
  ),
  // Go gives keys and values in any order; here the order is always the same.
  keys: goFunction(['...map'], (...maps) => strings(maps.flatMap((map) => sortedKeys(given(map))))),
  values: goFunction(['map'], (map) => sortedKeys(given(map)).map((key) => given(map)[key] ?? null)),
  pick: executionFunction(['map', '...string'], (x, map, ...keys) =>
    picked(x, given(map), (key) => keys.includes(key)),
  ),
  omit: executionFunction(['map', '...string'], (x, map, ...keys) =>
    picked(x, given(map), (key) => !keys.includes(key)),
  ),
  merge: merge(false),
  mustMerge: merge(false),
  mergeOverwrite: merge(true),
  mustMergeOverwrite: merge(true),
  deepCopy: copyFunction,
  mustDeepCopy: copyFunction,
  dig: goFunction(['...any'], dig),
};

function picked(x: Execution, map: GoMap, isPicked: (key: string) => boolean): GoMap {
  const result = emptyMap();
  const keys = sortedKeys(map);
  x.produceParts(keys.length);
  for (const key of keys) if (isPicked(key)) mapSet(result, key, map[key]);
  return result;
}
