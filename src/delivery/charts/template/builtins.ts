import { equalsAny, lessOrEqual, lessThan, not } from './compare.ts';
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts';
import { sprint, sprintf, sprintln } from './format.ts';
import {
  canBeNil,
  executionFunction,
  goFunction,
  isAssignable,
  argumentOf,
  parameterName,
  type FunctionMap,
  type GoFunction,
} from './function.ts';
import { byteLength, decodeBytes, encodeBytes } from './bytes.ts';
import {
  descriptionOf,
  describe,
  GoInteger,
  integerOf,
  isFunction,
  isMap,
  kindOf,
  mapGet,
  typeOf,
  zeroOf,
} from './values.ts';

/** The functions that every Go template has; `and` and `or` are evaluated by the compiler. */
export const builtins: FunctionMap = {
  and: goFunction(['value', '...value'], () => undefined),
  or: goFunction(['value', '...value'], () => undefined),
  not: goFunction(['value'], not),
  call: executionFunction(['value', '...value'], (x, fn, ...args) => {
    if (fn == null) throw new Error('call of nil');
    if (!isFunction(fn)) throw new Error(`non-function of type ${typeOf(fn)}`);
    return (fn as GoFunction).call(preparedArguments(fn as GoFunction, args), x);
  }),
  html: goFunction(['...any'], (...args) => escapeHtml(textOf(args))),
  js: goFunction(['...any'], (...args) => escapeJs(textOf(args))),
  urlquery: goFunction(['...any'], (...args) => escapeQuery(textOf(args))),
  index: goFunction(['value', '...value'], (item, ...indexes) => {
    if (item == null) throw new Error('index of untyped nil');
    return indexes.reduce(indexOne, item);
  }),
  slice: goFunction(['value', '...value'], slice),
  len: goFunction(['value'], length),
  print: goFunction(['...any'], (...args) => sprint(args)),
  printf: goFunction(['string', '...any'], (format, ...args) => sprintf(format, args)),
  println: goFunction(['...any'], (...args) => sprintln(args)),
  eq: goFunction(['value', '...value'], (a, ...others) => equalsAny(a, others)),
  ne: goFunction(['value', 'value'], (a, b) => !equalsAny(a, [b])),
  lt: goFunction(['value', 'value'], lessThan),
  le: goFunction(['value', 'value'], lessOrEqual),
  gt: goFunction(['value', 'value'], (a, b) => !lessOrEqual(a, b)),
  ge: goFunction(['value', 'value'], (a, b) => !lessThan(a, b)),
};

function textOf(args: readonly unknown[]): string {
  const [first] = args;
  return args.length === 1 && typeof first === 'string' ? first : sprint(args.map((a) => a ?? '<no value>'));
}

function preparedArguments(fn: GoFunction, args: readonly unknown[]): unknown[] {
  const { parameters, variadic } = fn;
  const fixed = variadic ? parameters.length - 1 : parameters.length;
  if (variadic ? args.length < fixed : args.length !== fixed) {
    throw new Error(`wrong number of args: got ${args.length} want ${variadic ? 'at least ' : ''}${fixed}`);
  }
  return args.map((arg, i) => {
    const type = parameters[Math.min(i, parameters.length - 1)] ?? 'any';
    if (arg == null) {
      if (canBeNil(type)) return null;
      throw new Error(`arg ${i}: value is nil; should be of type ${parameterName(type)}`);
    }
    if (isAssignable(arg, type)) return argumentOf(arg, type);
    throw new Error(`arg ${i}: value has type ${typeOf(arg)}; should be ${parameterName(type)}`);
  });
}

function indexOne(item: unknown, index: unknown): unknown {
  if (item == null) throw new Error('index of nil pointer');
  if (typeof item === 'string') {
    const bytes = encodeBytes(item);
    return new GoInteger('uint8', BigInt(bytes[arrayIndex(index, bytes.length)] ?? outOfRange('string')));
  }
  if (item instanceof Uint8Array) {
    return new GoInteger('uint8', BigInt(item[arrayIndex(index, item.length)] ?? outOfRange('slice')));
  }
  if (Array.isArray(item)) {
    const at = arrayIndex(index, item.length);
    return at < item.length ? (item[at] ?? null) : outOfRange('slice');
  }
  if (!isMap(item)) throw new Error(`can't index item of type ${pointedType(item)}`);
  if (index == null) throw new Error('value is nil; should be of type string');
  if (typeof index !== 'string') throw new Error(`value has type ${typeOf(index)}; should be string`);
  const value = mapGet(item, index);
  return value === undefined ? zeroOf(descriptionOf(item)?.element) : value;
}

/** Go checks for the length itself later, in other words. */
function outOfRange(what: 'slice' | 'string'): never {
  throw new Error(`reflect: ${what} index out of range`);
}

function arrayIndex(index: unknown, capacity: number): number {
  const integer = integerOf(index);
  if (integer === undefined) {
    const what = index == null ? 'nil' : `type ${typeOf(index)}`;
    throw new Error(`cannot index slice/array with ${what}`);
  }
  if (integer < 0n || integer > BigInt(capacity)) throw new Error(`index out of range: ${integer}`);
  return Number(integer);
}

function slice(item: unknown, ...indexes: unknown[]): unknown {
  if (item == null) throw new Error('slice of untyped nil');
  if (indexes.length > 3) throw new Error(`too many slice indexes: ${indexes.length}`);
  const isString = typeof item === 'string';
  if (isString && indexes.length === 3) throw new Error('cannot 3-index slice a string');
  if (!isString && !Array.isArray(item) && !(item instanceof Uint8Array)) {
    throw new Error(`can't slice item of type ${typeOf(item)}`);
  }
  const whole = isString ? encodeBytes(item) : item;
  const [from = 0, to = whole.length, capacity = whole.length] = indexes.map((i) => arrayIndex(i, whole.length));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new Error(`invalid slice index: ${to} > ${capacity}`);
  if (isString) return decodeBytes((whole as Uint8Array).subarray(from, to));
  if (item instanceof Uint8Array) return item.subarray(from, to);
  const part = (item as unknown[]).slice(from, to);
  const description = descriptionOf(item as unknown[]);
  return description ? describe(part, description) : part;
}

/** The type of what a pointer points to, or of the value itself. */
function pointedType(value: unknown): string {
  return typeOf(value).replace('*', '');
}

/** A length as Go counts it: strings in bytes. */
function length(item: unknown): bigint {
  if (item === undefined) throw new Error('reflect: call of reflect.Value.Type on zero Value');
  if (item === null) throw new Error('len of nil pointer');
  if (typeof item === 'string') return BigInt(byteLength(item));
  if (Array.isArray(item) || item instanceof Uint8Array) return BigInt(item.length);
  if (isMap(item) && kindOf(item) === 'map') return BigInt(Object.keys(item).length);
  throw new Error(`len of type ${pointedType(item)}`);
}
