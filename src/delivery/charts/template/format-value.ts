import { formatFloat } from './format-number.ts';
import { encodeBytes } from './bytes.ts';
import { nestedTooDeep, valueCounter } from './error.ts';
import { quote } from './quote.ts';
import { GoInteger, GoStruct, isFunction, isNil, mapGet, sortedKeys, typeOf, type GoMap } from './values.ts';

/** The flags of one directive of a format. */
export interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  plusV: boolean;
  sharpV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

export const noFlags: Readonly<Flags> = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  plusV: false,
  sharpV: false,
  width: undefined,
  precision: undefined,
};

/** How deep values may be nested: a map can be made to hold itself. */
const maxDepth = 200;

/** Prints values by one directive, as Go's fmt does: every kind of value has its verbs, and says which it does not know. */
export class Printer {
  readonly #flags: Flags;
  readonly #count = valueCounter();

  constructor(flags: Flags) {
    this.#flags = flags;
  }

  /** A value that was given as an argument. */
  value(value: unknown, verb: string): string {
    if (value == null && verb === 'T') return this.#pad('<nil>');
    if (verb === 'T') return this.#pad(this.#truncate(typeOf(value)));
    if (value == null) return verb === 'v' ? this.#pad('<nil>') : this.#badVerb(value, verb);
    if (verb === 'p') return this.#pointer(value);
    return this.#print(value, verb, 0);
  }

  #print(value: unknown, verb: string, depth: number): string {
    this.#count();
    if (depth > maxDepth) throw nestedTooDeep(maxDepth);
    switch (typeof value) {
      case 'boolean':
        return verb === 't' || verb === 'v' ? this.#pad(String(value)) : this.#badVerb(value, verb);
      case 'string':
        return this.#string(value, verb);
      case 'number':
        return this.#float(value, verb);
      case 'bigint':
        return this.#integer(value, verb, value);
      default:
        return this.#composite(value, verb, depth);
    }
  }

  #composite(value: unknown, verb: string, depth: number): string {
    if (value == null) return this.#flags.sharpV ? 'interface {}(nil)' : '<nil>';
    const text = value instanceof GoStruct ? value.text?.() : value instanceof GoInteger ? value.text : undefined;
    if (text !== undefined && !this.#flags.sharpV && 'vsxXq'.includes(verb)) return this.#string(text, verb);
    if (value instanceof GoInteger) return this.#integer(value.value, verb, value);
    if (value instanceof Uint8Array) return this.#bytes(value, verb, depth);
    if (Array.isArray(value)) return this.#slice(value, verb, depth);
    if (value instanceof GoStruct) return this.#struct(value, verb, depth);
    if (isFunction(value)) return this.#pad('0x0');
    return this.#map(value as GoMap, verb, depth);
  }

  /** `%!d(string=hi)`: the value keeps flags, width and precision. */
  #badVerb(value: unknown, verb: string): string {
    if (value == null) return `%!${verb}(<nil>)`;
    return `%!${verb}(${typeOf(value)}=${this.#print(value, 'v', 0)})`;
  }

  #pad(text: string): string {
    const { width, minus, zero } = this.#flags;
    if (width === undefined) return text;
    const length = /[\ud800-\udfff]/.test(text) ? Array.from(text).length : text.length;
    if (length >= width) return text;
    if (minus) return text + ' '.repeat(width - length);
    return (zero ? '0' : ' ').repeat(width - length) + text;
  }

  #string(text: string, verb: string): string {
    switch (verb) {
      case 'v':
        return this.#flags.sharpV ? this.#pad(quote(this.#truncate(text))) : this.#pad(this.#truncate(text));
      case 's':
        return this.#pad(this.#truncate(text));
      case 'q': {
        const cut = this.#truncate(text);
        if (this.#flags.sharp && canBackquote(cut)) return this.#pad(`\`${cut}\``);
        return this.#pad(quote(cut, this.#flags.plus));
      }
      case 'x':
      case 'X':
        return this.#hex(encodeBytes(text), verb);
      default:
        return this.#badVerb(text, verb);
    }
  }

  #truncate(text: string): string {
    const { precision } = this.#flags;
    if (precision === undefined || text.length <= precision) return text;
    return Array.from(text).slice(0, precision).join('');
  }

  #hex(bytes: Uint8Array, verb: string): string {
    const { precision, space, sharp } = this.#flags;
    const cut = precision === undefined ? bytes : bytes.subarray(0, precision);
    const prefix = sharp ? `0${verb}` : '';
    const digits = Array.from(cut, (byte) => byte.toString(16).padStart(2, '0'));
    const text = space ? digits.map((d) => prefix + d).join(' ') : digits.length > 0 ? prefix + digits.join('') : '';
    return this.#pad(verb === 'X' ? text.toUpperCase() : text);
  }

  #float(value: number, verb: string): string {
    const text = this.#floatText(value, verb);
    return text === undefined ? this.#badVerb(value, verb) : this.#signedFloat(this.#sharpFloat(text, verb));
  }

  #floatText(value: number, verb: string): string | undefined {
    const { precision } = this.#flags;
    switch (verb) {
      case 'v':
        return formatFloat(value, 'g', precision);
      case 'e':
      case 'E':
        return formatFloat(value, verb, precision ?? 6);
      case 'f':
      case 'F':
        return formatFloat(value, 'f', precision ?? 6);
      case 'g':
      case 'G':
        return formatFloat(value, verb, precision ?? -1);
      case 'b':
      case 'x':
      case 'X':
        return binaryFloat(value, verb, precision);
      default:
        return undefined;
    }
  }

  /** `#`: there is always a point, and `%g` keeps the zeros at the end, six digits in all. */
  #sharpFloat(text: string, verb: string): string {
    if (!this.#flags.sharp || verb === 'b' || !/\d/.test(text)) return text;
    const mark = text.search(verb === 'x' || verb === 'X' ? /p/i : /e/i);
    const [mantissa, tail] = mark < 0 ? [text, ''] : [text.slice(0, mark), text.slice(mark)];
    const asked = 'vgGx'.includes(verb) ? (this.#flags.precision ?? 6) : 0;
    const significant = mantissa.replace(/^[-+]/, '').replace('.', '').replace(/^0+/, '').length;
    const hasPoint = mantissa.includes('.');
    const lone = !hasPoint && /^[-+]?0$/.test(mantissa) ? 1 : 0;
    return mantissa + (hasPoint ? '' : '.') + '0'.repeat(Math.max(asked - significant - lone, 0)) + tail;
  }

  #signedFloat(text: string): string {
    const { plus, space, zero, width } = this.#flags;
    let sign = text[0] === '-' || text[0] === '+' ? (text[0] as string) : '+';
    const size = sign === text[0] ? text.slice(1) : text;
    if (space && sign === '+' && !plus) sign = ' ';
    const isNumber = size !== 'Inf' && size !== 'NaN';
    const shown = plus || sign !== '+' || (size === 'Inf' && text[0] === '+') ? sign : '';
    if (size === 'NaN' && !plus && sign === '+') return this.#padSpaces(size);
    if (zero && isNumber && width !== undefined) return shown + size.padStart(width - shown.length, '0');
    return isNumber ? this.#pad(shown + size) : this.#padSpaces(shown + size);
  }

  #padSpaces(text: string): string {
    return new Printer({ ...this.#flags, zero: false }).#pad(text);
  }

  #integer(value: bigint, verb: string, original: unknown): string {
    switch (verb) {
      case 'v':
        if (this.#flags.sharpV && original instanceof GoInteger && original.type.startsWith('uint')) {
          return `0x${value.toString(16)}`;
        }
        return this.#digits(value, 10, verb);
      case 'd':
        return this.#digits(value, 10, verb);
      case 'b':
        return this.#digits(value, 2, verb);
      case 'o':
      case 'O':
        return this.#digits(value, 8, verb);
      case 'x':
      case 'X':
        return this.#digits(value, 16, verb);
      case 'c':
        return this.#pad(rune(value));
      case 'q':
        return this.#pad(quote(rune(value), this.#flags.plus, "'"));
      case 'U':
        return this.#unicode(value);
      default:
        return this.#badVerb(original, verb);
    }
  }

  #digits(value: bigint, base: number, verb: string): string {
    const { precision, width, zero, plus, space, sharp, minus } = this.#flags;
    const negative = value < 0n;
    let digits = (negative ? -value : value).toString(base);
    if (precision !== undefined) {
      if (precision === 0 && value === 0n) return this.#padSpaces('');
      digits = digits.padStart(precision, '0');
    } else if (zero && width !== undefined && !minus) {
      digits = digits.padStart(width - (negative || plus || space ? 1 : 0), '0');
    }
    if (sharp && base === 8 && digits[0] !== '0') digits = `0${digits}`;
    if (sharp && base === 2) digits = `0b${digits}`;
    if (sharp && base === 16) digits = `0x${digits}`;
    if (verb === 'O') digits = `0o${digits}`;
    const sign = negative ? '-' : plus ? '+' : space ? ' ' : '';
    return this.#padSpaces(sign + (verb === 'X' ? digits.toUpperCase() : digits));
  }

  #unicode(value: bigint): string {
    const { precision, sharp } = this.#flags;
    const hex = BigInt.asUintN(64, value)
      .toString(16)
      .toUpperCase()
      .padStart(Math.max(precision ?? 4, 4), '0');
    const shown = sharp && isPrintable(value) ? ` '${rune(value)}'` : '';
    return this.#padSpaces(`U+${hex}${shown}`);
  }

  #bytes(value: Uint8Array, verb: string, depth: number): string {
    switch (verb) {
      case 's':
      case 'q':
        return this.#string(Buffer.from(value).toString('utf8'), verb);
      case 'x':
      case 'X':
        return this.#hex(value, verb);
      case 'v':
      case 'd': {
        if (this.#flags.sharpV) {
          return `[]byte{${Array.from(value, (byte) => `0x${byte.toString(16)}`).join(', ')}}`;
        }
        return `[${Array.from(value, (byte) => this.#print(BigInt(byte), 'd', depth + 1)).join(' ')}]`;
      }
      default:
        return `[${Array.from(value, (byte) => this.#print(new GoInteger('uint8', BigInt(byte)), verb, depth + 1)).join(' ')}]`;
    }
  }

  #slice(value: readonly unknown[], verb: string, depth: number): string {
    if (verb === 'p') return this.#pointer(value);
    const elements = value.map((element) => this.#print(element ?? null, verb, depth + 1));
    if (this.#flags.sharpV && isNil(value)) return `${typeOf(value)}(nil)`;
    return this.#flags.sharpV ? `${typeOf(value)}{${elements.join(', ')}}` : `[${elements.join(' ')}]`;
  }

  #map(value: GoMap, verb: string, depth: number): string {
    const key = (name: string): string => this.#print(name, verb, depth + 1);
    const entries = sortedKeys(value).map((name) => {
      return `${key(name)}:${this.#print(mapGet(value, name) ?? null, verb, depth + 1)}`;
    });
    if (!this.#flags.sharpV) return `map[${entries.join(' ')}]`;
    return isNil(value) ? `${typeOf(value)}(nil)` : `${typeOf(value)}{${entries.join(', ')}}`;
  }

  #struct(value: GoStruct, verb: string, depth: number): string {
    const isPointer = value.type.startsWith('*');
    if (isPointer && depth > 0) return '0xc000000000';
    const names = Object.keys(value.fields);
    const { plusV, sharpV } = this.#flags;
    const fields = names.map((name) => {
      const text = this.#print(value.fields[name] ?? null, verb, depth + 1);
      return plusV || sharpV ? `${name}:${text}` : text;
    });
    const body = `{${fields.join(sharpV ? ', ' : ' ')}}`;
    const type = sharpV ? value.type.replace('*', '') : '';
    return `${isPointer ? '&' : ''}${type}${body}`;
  }

  /** Addresses mean nothing here: all are the same. */
  #pointer(value: unknown): string {
    const isReference = typeof value === 'object' && !(value instanceof GoInteger);
    return isReference ? this.#pad('0xc000000000') : this.#badVerb(value, 'p');
  }
}

/** Whether a character can be seen: of spaces, only the common one. */
function isPrintable(value: bigint): boolean {
  return (
    value === 0x20n || (value >= 0n && value <= 0x10ffffn && !/[\p{C}\p{Z}]/u.test(String.fromCodePoint(Number(value))))
  );
}

function rune(value: bigint): string {
  const isValid = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn);
  return isValid ? String.fromCodePoint(Number(value)) : '\ufffd';
}

/** Whether a string can stand between backquotes as it is. */
function canBackquote(text: string): boolean {
  return !/[`\p{Cc}\ufeff\udc80-\udcff]/u.test(text.replace(/[\t\x80-\x9f]/g, ''));
}

/** `%b` (4503599627370496p-52) and `%x` (0x1.8p+01). */
function binaryFloat(value: number, verb: string, precision: number | undefined): string {
  if (!Number.isFinite(value)) return formatFloat(value, 'g');
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const raw = Number(bits >> 52n);
  const mantissa = (bits & 0xfffffffffffffn) | (raw === 0 ? 0n : 1n << 52n);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (verb === 'b') {
    const exponent = Math.max(raw, 1) - 1075;
    return `${sign}${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
  }
  const text = hexFloat(mantissa, raw, precision);
  return sign + (verb === 'X' ? text.toUpperCase() : text);
}

function hexFloat(mantissa: bigint, raw: number, precision: number | undefined): string {
  let whole = mantissa;
  let exponent = raw - 1023;
  if (whole === 0n) exponent = 0;
  else if (raw === 0) {
    for (exponent = -1022; whole < 1n << 52n; exponent--) whole <<= 1n;
  }
  let digits = (whole & 0xfffffffffffffn).toString(16).padStart(13, '0');
  let lead = whole >> 52n;
  if (precision === undefined) digits = digits.replace(/0+$/, '');
  else if (precision < 13) {
    const shift = BigInt(4 * (13 - precision));
    const half = 1n << (shift - 1n);
    const rest = whole & ((1n << shift) - 1n);
    let kept = whole >> shift;
    if (rest > half || (rest === half && kept % 2n === 1n)) kept++;
    lead = kept >> BigInt(4 * precision);
    if (lead > 1n) {
      lead = 1n;
      exponent++;
    }
    digits = precision === 0 ? '' : (kept & ((1n << BigInt(4 * precision)) - 1n)).toString(16).padStart(precision, '0');
  } else digits = digits.padEnd(precision, '0');
  const size = Math.abs(exponent).toString().padStart(2, '0');
  return `0x${lead}${digits ? `.${digits}` : ''}p${exponent < 0 ? '-' : '+'}${size}`;
}
