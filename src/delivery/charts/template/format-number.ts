/** strconv.FormatFloat, on exact decimals: Go rounds halves to even digits, JavaScript does not. */

interface Decimal {
  /** Significant digits, without zeros at either end; empty for zero. */
  readonly digits: string;
  /** Where the decimal point stands: 0.DIGITS × 10^point. */
  readonly point: number;
}

type FloatFormat = 'e' | 'E' | 'f' | 'g' | 'G';

/** `precision` -1: as few digits as represent the value uniquely. */
export function formatFloat(value: number, format: FloatFormat, precision = -1): string {
  const isShort =
    format === 'f' ? Number.isSafeInteger(value) : format === 'g' && Number.isInteger(value) && Math.abs(value) < 1e6;
  return isShort && precision < 0 && !Object.is(value, -0) ? String(value) : formatAny(value, format, precision);
}

function formatAny(value: number, format: FloatFormat, precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  return sign + formatSize(size, format, precision);
}

function formatSize(size: number, format: FloatFormat, precision: number): string {
  if (format === 'f') {
    const decimal = precision < 0 ? shortest(size) : round(exact(size), exact(size).point + precision);
    return fixed(decimal, precision < 0 ? Math.max(decimal.digits.length - decimal.point, 0) : precision);
  }
  if (format === 'e' || format === 'E') {
    const decimal = precision < 0 ? shortest(size) : round(exact(size), precision + 1);
    return exponential(decimal, precision < 0 ? Math.max(decimal.digits.length - 1, 0) : precision, format);
  }
  const significant = precision === 0 ? 1 : precision;
  const decimal = significant < 0 ? shortest(size) : round(exact(size), significant);
  let limit = significant;
  if (limit > decimal.digits.length && decimal.digits.length >= decimal.point) limit = decimal.digits.length;
  if (significant < 0) limit = 6;
  const exponent = decimal.point - 1;
  const length = decimal.digits.length;
  if (decimal.digits !== '' && (exponent < -4 || exponent >= Math.max(limit, decimal.digits === '' ? 1 : limit))) {
    return exponential(decimal, Math.max(length - 1, 0), format === 'g' ? 'e' : 'E');
  }
  return fixed(decimal, Math.max(length - decimal.point, 0));
}

function shortest(size: number): Decimal {
  if (size === 0) return { digits: '', point: 0 };
  const [mantissa, exponent] = size.toExponential().split('e') as [string, string];
  return trimmed(mantissa.replace('.', ''), Number(exponent) + 1);
}

const view = new DataView(new ArrayBuffer(8));

/** Every binary fraction has an exact decimal form. */
function exact(size: number): Decimal {
  if (size === 0) return { digits: '', point: 0 };
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const rawExponent = Number(bits >> 52n);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = rawExponent === 0 ? fraction : fraction | 0x10000000000000n;
  const exponent = Math.max(rawExponent, 1) - 1075;
  if (exponent >= 0) {
    const digits = (mantissa << BigInt(exponent)).toString();
    return trimmed(digits, digits.length);
  }
  const digits = (mantissa * 5n ** BigInt(-exponent)).toString();
  return trimmed(digits, digits.length + exponent);
}

function trimmed(digits: string, point: number): Decimal {
  return { digits: digits.replace(/0+$/, ''), point };
}

/** The first `count` digits, halves to even. */
function round({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: '', point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const isOdd = count > 0 && Number(kept[count - 1]) % 2 === 1;
  const up = rest[0] === '5' && rest.length === 1 ? isOdd : (rest[0] as string) >= '5';
  if (!up) return trimmedOrZero(kept, point);
  const next = (BigInt(kept || '0') + 1n).toString().padStart(count, '0');
  return trimmedOrZero(next, point + next.length - count);
}

function trimmedOrZero(digits: string, point: number): Decimal {
  const decimal = trimmed(digits, point);
  return decimal.digits === '' ? { digits: '', point: 0 } : decimal;
}

function fixed({ digits, point }: Decimal, decimals: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  if (decimals === 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  return `${whole}.${fraction.padEnd(decimals, '0').slice(0, decimals)}`;
}

function exponential({ digits, point }: Decimal, decimals: number, letter: 'e' | 'E'): string {
  const exponent = digits === '' ? 0 : point - 1;
  const first = digits[0] ?? '0';
  const rest = decimals > 0 ? `.${digits.slice(1).padEnd(decimals, '0').slice(0, decimals)}` : '';
  const size = Math.abs(exponent).toString().padStart(2, '0');
  return `${first}${rest}${letter}${exponent < 0 ? '-' : '+'}${size}`;
}
