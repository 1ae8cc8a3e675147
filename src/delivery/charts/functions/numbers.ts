import { printText, sprint } from '../template/format.ts';
import { goFunction, type FunctionMap, type GoFunction } from '../template/function.ts';
import { parseGoFloat, parseInteger } from '../template/number-literal.ts';
import { describe, int64, integerOf, type GoInteger } from '../template/values.ts';

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

/** cast.ToInt64: what cannot be converted is 0. Strings are read as Go's literals, `.0` at the end left out. */
export function toInteger(value: unknown): bigint {
  switch (typeof value) {
    case 'bigint':
      return value;
    case 'number':
      return floatToInteger(value);
    case 'boolean':
      return value ? 1n : 0n;
    case 'string': {
      const integer = parseInteger(value.replace(/\.0*$/, (zeros) => (zeros.length > 1 ? '' : zeros)));
      return integer === undefined || integer < minInt64 || integer > maxInt64 ? 0n : integer;
    }
    default:
      return BigInt.asIntN(64, integerOf(value) ?? 0n);
  }
}

/** What amd64 makes of a float that no int64 can hold is the smallest one. */
function floatToInteger(value: number): bigint {
  const whole = Math.trunc(value);
  return Math.abs(whole) < 2 ** 63 ? BigInt(whole) : minInt64;
}

/** cast.ToFloat64: what cannot be converted is 0. */
function toFloat(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'string':
      return parseGoFloat(value) ?? 0;
    default:
      return Number(integerOf(value) ?? 0n);
  }
}

function divisor(value: unknown): bigint {
  const integer = toInteger(value);
  if (integer === 0n) throw new Error('runtime error: integer divide by zero');
  return integer;
}

/** A decimal number: `coefficient` × 10^-`scale`. Sprig adds and multiplies floats this way. */
interface Decimal {
  readonly coefficient: bigint;
  readonly scale: number;
}

function toDecimalNumber(value: unknown): Decimal {
  const float = toFloat(value);
  if (!Number.isFinite(float)) throw new Error(`Cannot create a Decimal from ${printText(float)}`);
  const [mantissa = '0', exponent = '0'] = float.toExponential().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return normalized({ coefficient: BigInt(whole + fraction), scale: fraction.length - Number(exponent) });
}

function normalized({ coefficient, scale }: Decimal): Decimal {
  return scale >= 0 ? { coefficient, scale } : { coefficient: coefficient * 10n ** BigInt(-scale), scale: 0 };
}

function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  const raise = (d: Decimal): bigint => d.coefficient * 10n ** BigInt(scale - d.scale);
  return [raise(a), raise(b), scale];
}

function add(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = aligned(a, b);
  return { coefficient: x + y, scale };
}

function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { ...b, coefficient: -b.coefficient });
}

function multiply(a: Decimal, b: Decimal): Decimal {
  return { coefficient: a.coefficient * b.coefficient, scale: a.scale + b.scale };
}

/** 16 digits after the point, rounded half away from zero. */
function divide(a: Decimal, b: Decimal): Decimal {
  if (b.coefficient === 0n) throw new Error('decimal division by 0');
  const [x, y] = aligned(a, b);
  const scaled = x * 10n ** 16n;
  const quotient = scaled / y;
  const rest = scaled % y;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const away = twice >= (y < 0n ? -y : y) ? 1n : 0n;
  return { coefficient: quotient + (scaled < 0n !== y < 0n ? -away : away), scale: 16 };
}

function decimalOperation(
  first: unknown,
  rest: readonly unknown[],
  operate: (a: Decimal, b: Decimal) => Decimal,
): number {
  const result = rest.map(toDecimalNumber).reduce(operate, toDecimalNumber(first));
  return Number(`${result.coefficient}e${-result.scale}`);
}

/** `from` up or down to, but without, `to`. */
function range(from: number, to: number, step: number): number[] {
  if (to < from ? step >= 0 : step <= 0) return [];
  const count = Math.ceil((to - from) / step);
  if (count > 1_000_000) throw new Error(`a list of ${count} numbers is too long`);
  return Array.from({ length: Math.max(count, 0) }, (_, i) => from + i * step);
}

function ints(numbers: number[]): bigint[] {
  return describe(numbers.map(BigInt), { type: '[]int', element: 'int' });
}

/** The shell's `seq`. */
function seq(...params: number[]): string {
  const [first = 0, second = 0, third = 0] = params;
  if (params.length === 0 || params.length > 3) return '';
  const start = params.length === 1 ? 1 : first;
  const end = params.length === 1 ? first : params.length === 2 ? second : third;
  const down = end < start;
  const step = params.length === 3 ? second : down ? -1 : 1;
  if (params.length === 3 && down && step > 0) return '';
  return range(start, end + (down ? -1 : 1), step).join(' ');
}

/** Go's math.Pow(10, n) by repeated squares, whose last bit differs from that of `**`. */
function powerOfTen(n: number): number {
  let [product, exponent] = [1, 0];
  let [square, squareExponent] = [0.625, 4];
  for (let bits = Math.min(Math.abs(n), 1000); bits > 0; bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1) {
      product *= square;
      exponent += squareExponent;
    }
    square *= square;
    squareExponent *= 2;
    if (square < 0.5) {
      square *= 2;
      squareExponent--;
    }
  }
  if (n < 0) [product, exponent] = [1 / product, -exponent];
  const half = Math.trunc(exponent / 2);
  return product * 2 ** half * 2 ** (exponent - half);
}

function round(value: unknown, places: number, ...options: number[]): number {
  const power = powerOfTen(places);
  const digit = power * toFloat(value);
  const rounded = digit - Math.trunc(digit) >= (options[0] ?? 0.5) ? Math.ceil(digit) : Math.floor(digit);
  return rounded / power;
}

function extreme(better: (a: bigint, b: bigint) => boolean): GoFunction {
  return goFunction(['any', '...any'], (first, ...rest) =>
    int64(rest.map(toInteger).reduce((best, next) => (better(next, best) ? next : best), toInteger(first))),
  );
}

const max = extreme((a, b) => a > b);

function toDecimal(value: unknown): GoInteger {
  const text = sprint([value]);
  if (!/^[+-]?[0-7]{1,100}$/.test(text)) return int64(0n);
  const size = BigInt(`0o${text.replace(/^[+-]/, '')}`);
  const signed = text.startsWith('-') ? -size : size;
  return int64(signed < minInt64 || signed > maxInt64 ? 0n : signed);
}

function atoi(text: string): bigint {
  const match = /^([+-]?)0*(\d+)$/.exec(text);
  if (!match) return 0n;
  const value = BigInt(`${match[1] === '-' ? '-' : ''}${match[2]?.slice(0, 25)}`);
  // strconv.Atoi gives the nearest it can, beside its error, which is dropped.
  return value > maxInt64 ? maxInt64 : value < minInt64 ? minInt64 : value;
}

/** Sprig's arithmetic and conversions of numbers. */
export const numberFunctions: FunctionMap = {
  atoi: goFunction(['string'], atoi),
  int: goFunction(['any'], toInteger),
  int64: goFunction(['any'], (value) => int64(toInteger(value))),
  float64: goFunction(['any'], toFloat),
  toDecimal: goFunction(['any'], toDecimal),
  add1: goFunction(['any'], (value) => int64(toInteger(value) + 1n)),
  add: goFunction(['...any'], (...values) => int64(values.map(toInteger).reduce((a, b) => a + b, 0n))),
  sub: goFunction(['any', 'any'], (a, b) => int64(toInteger(a) - toInteger(b))),
  div: goFunction(['any', 'any'], (a, b) => int64(toInteger(a) / divisor(b))),
  mod: goFunction(['any', 'any'], (a, b) => int64(toInteger(a) % divisor(b))),
  mul: goFunction(['any', '...any'], (first, ...rest) =>
    int64(rest.map(toInteger).reduce((a, b) => BigInt.asIntN(64, a * b), toInteger(first))),
  ),
  add1f: goFunction(['any'], (value) => decimalOperation(value, [1], add)),
  addf: goFunction(['...any'], (...values) => decimalOperation(0, values, add)),
  subf: goFunction(['any', '...any'], (first, ...rest) => decimalOperation(first, rest, subtract)),
  divf: goFunction(['any', '...any'], (first, ...rest) => decimalOperation(first, rest, divide)),
  mulf: goFunction(['any', '...any'], (first, ...rest) => decimalOperation(first, rest, multiply)),
  max,
  biggest: max,
  min: extreme((a, b) => a < b),
  maxf: goFunction(['any', '...any'], (first, ...rest) => Math.max(toFloat(first), ...rest.map(toFloat))),
  minf: goFunction(['any', '...any'], (first, ...rest) => Math.min(toFloat(first), ...rest.map(toFloat))),
  ceil: goFunction(['any'], (value) => Math.ceil(toFloat(value))),
  floor: goFunction(['any'], (value) => Math.floor(toFloat(value))),
  round: goFunction(['any', 'int', '...float64'], round),
  until: goFunction(['int'], (count) => ints(range(0, count, count < 0 ? -1 : 1))),
  untilStep: goFunction(['int', 'int', 'int'], (start, stop, step) => ints(range(start, stop, step))),
  seq: goFunction(['...int'], seq),
};
