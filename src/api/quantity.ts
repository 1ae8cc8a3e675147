import { ApiError } from './status.ts';

/** How a quantity was written, and is written again: `12Mi`, `12M`, `12e6`. */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

/** An exact amount. `nano` counts billionths: nothing finer can be represented, finer input was rounded away from zero. */
export interface Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

const nanoPerUnit = 1_000_000_000n;
/** Binary amounts are capped at the largest int64. */
const binaryCap = (2n ** 63n - 1n) * nanoPerUnit;
/** Far above anything meaningful, and keeps one short text from making a number of a million digits. */
const exponentLimit = 400;

const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const decimalSuffixOf = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";

/** The parts of a text, after apimachinery's scanner; `.` and a lone sign are zero there too. */
const shape = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

/** Parses what `resource.Quantity` accepts; undefined for anything else. */
export function parseQuantity(text: string): Quantity | undefined {
  const parsed = parse(text);
  return typeof parsed === 'string' ? undefined : parsed;
}

/** The text as the API serialises it again: `0.5` is `500m`, `1024Ki` is `1Mi`. Throws BadRequest when it is no quantity. */
export function canonicalQuantity(value: string | number): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (plain.test(text)) return text;
  const known = canonicalTexts.get(text);
  if (known !== undefined) return known;
  const canonical = isKept(text) ? text : formatQuantity(mustParse(text.trim()));
  remember(canonicalTexts, text, canonical);
  return canonical;
}

/** Canonical text of an amount: no fraction, the largest suffix that loses nothing, in its own format where possible. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const size = nano < 0n ? -nano : nano;
  if (format === 'BinarySI' && size >= 1024n * nanoPerUnit && size % nanoPerUnit === 0n) {
    let units = nano / nanoPerUnit;
    let power = 0;
    while (units % 1024n === 0n && power < binarySuffixes.length) {
      units /= 1024n;
      power++;
    }
    return `${units}${power === 0 ? '' : binarySuffixes[power - 1]}`;
  }
  let mantissa = nano;
  let exponent = -9;
  const highest = format === 'DecimalExponent' ? Number.POSITIVE_INFINITY : 18;
  while (mantissa % 1000n === 0n && exponent < highest) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (format !== 'DecimalExponent') return `${mantissa}${decimalSuffixOf.get(exponent) ?? ''}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

/** Negative, zero or positive as `a` is smaller than, equal to or larger than `b`. */
export function compareQuantities(a: string, b: string): number {
  if (a === b) return 0;
  const difference = mustParse(a).nano - mustParse(b).nano;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The sum in the format of `a` (of `b` where `a` is zero), canonical. */
export function addQuantities(a: string, b: string): string {
  const [left, right] = [mustParse(a), mustParse(b)];
  return formatQuantity({
    nano: left.nano + right.nano,
    format: left.nano === 0n ? right.format : left.format,
  });
}

export function subtractQuantities(a: string, b: string): string {
  const [left, right] = [mustParse(a), mustParse(b)];
  return formatQuantity({
    nano: left.nano - right.nano,
    format: left.nano === 0n ? right.format : left.format,
  });
}

/** Whole units, fractions rounded up (away from zero): bytes of memory. */
export function quantityToNumber(text: string): number {
  return cached(wholeUnits, text, nanoPerUnit);
}

/** Thousandths, finer fractions rounded up: millicores. */
export function quantityToMilli(text: string): number {
  return cached(thousandths, text, nanoPerUnit / 1000n);
}

const cacheLimit = 4096;
/** Nobody writes longer ones, except to fill memory. */
const longestKept = 32;
const quantities = new Map<string, Quantity>();
const canonicalTexts = new Map<string, string>();
const wholeUnits = new Map<string, number>();
const thousandths = new Map<string, number>();

/** The commonest canonical forms, told without parsing. */
const plain = /^(?:0|[1-9][0-9]{0,2}[mkMGT]?|[1-9][0-9]?Gi)$/;

/** Texts repeat (every pod of a workload asks for the same), so a few thousand answers save nearly all the parsing. */
function remember<V>(cache: Map<string, V>, text: string, value: V): void {
  if (cache.size >= cacheLimit) cache.clear();
  cache.set(text, value);
}

function cached(cache: Map<string, number>, text: string, divisor: bigint): number {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const value = Number(divideUp(mustParse(text).nano, divisor));
  remember(cache, text, value);
  return value;
}

function mustParse(text: string): Quantity {
  const parsed = parse(text);
  if (typeof parsed === 'string') throw ApiError.of('BadRequest', parsed);
  return parsed;
}

/** The quantity, or what is wrong with the text. */
function parse(text: string): Quantity | string {
  const known = quantities.get(text);
  if (known) return known;
  const parsed = parseAnew(text);
  if (typeof parsed !== 'string' && text.length <= longestKept) remember(quantities, text, parsed);
  return parsed;
}

function parseAnew(text: string): Quantity | string {
  const match = text === '' ? null : shape.exec(text);
  if (!match) return wrongFormat;
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  const unit = interpretSuffix(suffix);
  if (!unit) return wrongSuffix;
  const digits = BigInt(`0${whole}${fraction}`);
  let { format } = unit;
  let nano: bigint;
  if (format === 'BinarySI') {
    nano = divideUp(digits * 1024n ** BigInt(unit.exponent) * nanoPerUnit, 10n ** BigInt(fraction.length));
    if (nano > binaryCap) nano = binaryCap;
    if (nano > 0n && nano < nanoPerUnit) format = 'DecimalSI';
  } else {
    const exponent = unit.exponent + 9 - fraction.length;
    nano = exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideUp(digits, 10n ** BigInt(-exponent));
  }
  return { nano: sign === '-' ? -nano : nano, format };
}

function interpretSuffix(suffix: string): { exponent: number; format: QuantityFormat } | undefined {
  const decimal = decimalSuffixes[suffix];
  if (decimal !== undefined) return { exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary >= 0) return { exponent: binary + 1, format: 'BinarySI' };
  if (!/^[eE][-+]?[0-9]+$/.test(suffix)) return undefined;
  const exponent = Number(suffix.slice(1));
  return Math.abs(exponent) > exponentLimit ? undefined : { exponent, format: 'DecimalExponent' };
}

/**
 * Upstream keeps a text as it was written when its fast parser thinks it canonical already (so `+5`, `1E3` and `1.500`
 * stay); reads through the API show exactly that.
 */
function isKept(text: string): boolean {
  const match = shape.exec(text);
  if (!match || text === '') return false;
  const [, , whole = '', fraction = '', suffix = ''] = match;
  const unit = interpretSuffix(suffix);
  if (!unit) return false;
  const digits = `${whole === '' ? '0' : whole}${fraction}`;
  if (unit.format === 'BinarySI') {
    if (text.includes('.')) return false;
    const precision = 15 - digits.length - Math.trunc(unit.exponent * 3) - 1;
    return precision >= 0 && BigInt(digits) % 8n !== 0n;
  }
  if (digits.length > 18) return false;
  const scale = unit.exponent - fraction.length;
  return scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}

function divideUp(amount: bigint, divisor: bigint): bigint {
  const quotient = amount / divisor;
  if (quotient * divisor === amount) return quotient;
  return amount < 0n ? quotient - 1n : quotient + 1n;
}
