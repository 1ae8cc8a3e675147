import { quote, unquoteChar } from './quote.ts';

const maxInt64 = 2n ** 63n - 1n;
const maxUint64 = 2n ** 64n - 1n;

interface NumberValue {
  readonly integer: bigint | undefined;
  readonly float: number | undefined;
  readonly isFloat: boolean;
}

/** A number or character constant by Go's rules: what it is as an integer and as a float, where it can be one. */
export function parseNumber(
  text: string,
  type: 'char constant' | 'complex' | 'number',
): NumberValue | { readonly error: string } {
  if (type === 'char constant') {
    const code = unquoteChar(text);
    if (typeof code === 'string') return { error: code };
    return { integer: BigInt(code), float: code, isFloat: false };
  }
  if (type === 'complex' || text.endsWith('i')) return { error: `complex numbers are not supported: ${quote(text)}` };
  const integer = parseInteger(text);
  const looksFloat = /[.eEpP]/.test(text) && !/^[+-]?0[xX][^.pP]*$/.test(text);
  if (integer !== undefined && integer >= -maxInt64 - 1n && integer <= maxUint64) {
    return { integer, float: Number(integer), isFloat: false };
  }
  const float = parseGoFloat(text);
  if (float === undefined) return { error: `illegal number syntax: ${quote(text)}` };
  if (!looksFloat) return { error: `integer overflow: ${quote(text)}` };
  const whole = Number.isInteger(float) && Math.abs(float) < 2 ** 63 ? BigInt(float) : undefined;
  return { integer: whole, float, isFloat: true };
}

/** `strconv.ParseInt(text, 0, …)` without a limit on its size: prefixes 0x, 0o, 0b and 0, underscores between digits. */
export function parseInteger(text: string): bigint | undefined {
  if (/^[1-9]\d{0,14}$/.test(text)) return BigInt(text);
  if (text.length > 200) return undefined;
  const match =
    /^([+-]?)(?:0[xX]((?:_?[\da-fA-F])+)|0[oO]((?:_?[0-7])+)|0[bB]((?:_?[01])+)|0((?:_?[0-7])+)|(0|[1-9](?:_?\d)*))$/.exec(
      text,
    );
  if (!match) return undefined;
  const [, sign, hex, octal, binary, oldOctal, decimal] = match;
  const digits = (hex ?? octal ?? binary ?? oldOctal ?? decimal ?? '').replaceAll('_', '');
  const prefix = hex !== undefined ? '0x' : binary !== undefined ? '0b' : decimal !== undefined ? '' : '0o';
  const size = BigInt(prefix + digits);
  return sign === '-' ? -size : size;
}

/** `strconv.ParseFloat(text, 64)`: decimal or hexadecimal floats, Inf and NaN; undefined when it is none, or out of range. */
export function parseGoFloat(text: string): number | undefined {
  if (/^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text.replaceAll('_', ''));
    return Number.isFinite(value) ? value : undefined;
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special) {
    if (special[2]?.toLowerCase() === 'nan') return special[1] === '' ? Number.NaN : undefined;
    return special[1] === '-' ? -Infinity : Infinity;
  }
  const hex = /^([+-]?)0[xX]((?:_?[\da-fA-F])*)(?:\.([\da-fA-F_]*))?[pP]([+-]?\d+)$/.exec(text);
  if (!hex) return undefined;
  const [, sign, whole = '', fraction = '', exponent] = hex;
  const digits = (whole + fraction).replaceAll('_', '');
  if (digits === '') return undefined;
  const scale = Number(exponent) - 4 * fraction.replaceAll('_', '').length;
  const value = Number(BigInt(`0x${digits}`)) * 2 ** scale;
  return Number.isFinite(value) ? (sign === '-' ? -value : value) : undefined;
}
