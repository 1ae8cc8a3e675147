import { hasRawBytes } from '../template/bytes.ts';
import { nestedTooDeep, valueCounter } from '../template/error.ts';
import { formatFloat } from '../template/format-number.ts';
import { quote } from '../template/quote.ts';
import {
  sortedKeys,
  GoInteger,
  GoStruct,
  isFunction,
  isMap,
  isNil,
  kindOf,
  mapSet,
  nilList,
  nilMap,
  type GoMap,
} from '../template/values.ts';

/** encoding/json, as Go's functions in templates use it. */

/** How deep values may be nested. */
const maxDepth = 500;

/** What JSON has, of Go's values: bytes as base64, structs as objects; keys are as they come, integers stay exact. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [key: string]: JsonValue };

/** @throws Error in Go's words for what JSON cannot hold: infinities, functions, values nested too deep */
export function toJsonValue(value: unknown, depth = 0, count = valueCounter(), rawBytes = '\ufffd'): JsonValue {
  count();
  if (depth > maxDepth) throw nestedTooDeep(maxDepth);
  switch (typeof value) {
    case 'string':
      return hasRawBytes(value) ? value.replace(/[\udc80-\udcff]/gu, rawBytes) : value;
    case 'boolean':
    case 'bigint':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw new Error(`json: unsupported value: ${formatFloat(value, 'g')}`);
      return value;
    default:
      return value == null ? null : compositeJson(value, depth, count, rawBytes);
  }
}

function compositeJson(value: unknown, depth: number, count: () => void, rawBytes: string): JsonValue {
  if (value instanceof GoInteger) return value.value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) {
    if (value.length === 0) return isNil(value) ? null : [];
    return value.map((element) => toJsonValue(element, depth + 1, count, rawBytes));
  }
  if (value instanceof GoStruct) {
    return toJsonValue(value.json ? value.json() : value.fields, depth + 1, count, rawBytes);
  }
  if (isFunction(value) || !isMap(value)) throw new Error(`json: unsupported type: ${kindOf(value)}`);
  // Not without a prototype: V8 keeps such objects as tables, in which all is slower.
  const object: GoMap = {};
  const keys = Object.keys(value);
  if (keys.length === 0 && isNil(value)) return null;
  for (const key of keys) mapSet(object, key, toJsonValue(value[key], depth + 1, count, rawBytes));
  return object as { [key: string]: JsonValue };
}

interface JsonOptions {
  /** `<`, `>` and `&` as \u003c …, as json.Marshal does. */
  readonly escapesHtml?: boolean;
  readonly indent?: string;
}

export function encodeJson(value: unknown, { escapesHtml = true, indent = '' }: JsonOptions = {}): string {
  const text = write(toJsonValue(value, 0, valueCounter(), rawByteMark), indent, '\n');
  return escapesHtml ? text.replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`) : text;
}

function write(value: JsonValue, indent: string, lineStart: string): string {
  if (typeof value === 'string') return quoteJson(value);
  if (typeof value === 'number') return jsonNumber(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = lineStart + indent;
  const [separator, colon] = indent === '' ? [',', ':'] : [`,${inner}`, ': '];
  const parts = Array.isArray(value)
    ? value.map((element) => write(element, indent, inner))
    : sortedKeys(value).map((key) => quoteJson(key) + colon + write(value[key] as JsonValue, indent, inner));
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  return indent === ''
    ? `${open}${parts.join(',')}${close}`
    : `${open}${inner}${parts.join(separator)}${lineStart}${close}`;
}

/** A byte that is no UTF-8, until it is written: as `\\ufffd`, not as the character. */
const rawByteMark = '\udc80';

/** As JavaScript, but for the line separators, which Go escapes. */
function quoteJson(text: string): string {
  if (text.includes(rawByteMark) && hasRawBytes(text))
    return text
      .split(/\udc80/u)
      .map(quoteJson)
      .join('\\ufffd')
      .replaceAll('"\\ufffd"', '\\ufffd');
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}

/** Exponents below 1e-6 and from 1e21 on, without a zero in front. */
function jsonNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-6 && size < 1e21)) return formatFloat(value, 'f');
  return formatFloat(value, 'e').replace(/e-0(\d)$/, 'e-$1');
}

const targets = {
  map: 'map[string]interface {}',
  list: '[]interface {}',
} as const;

/** Reads a document that must be an object or a list. @throws Error in Go's words */
export function decodeJsonAs(text: string, kind: 'map' | 'list'): unknown {
  const value = decodeJson(text);
  if (value === null) return kind === 'map' ? nilMap() : nilList();
  const is = Array.isArray(value) ? 'list' : typeof value === 'object' ? 'map' : typeof value;
  if (is === kind) return value;
  const found = is === 'list' ? 'array' : is === 'map' ? 'object' : is === 'boolean' ? 'bool' : is;
  throw new Error(`json: cannot unmarshal ${found} into Go value of type ${targets[kind]}`);
}

/** @throws Error in Go's words */
export function decodeJson(text: string): unknown {
  try {
    return JSON.parse(text) as GoMap;
  } catch {
    throw new Error(explainSyntax(text));
  }
}

const token =
  /[ \t\r\n]*(?:("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([[\]{}:,]))/uy;

/** Why Go refuses a text that is no JSON. */
function explainSyntax(text: string): string {
  const open: string[] = [];
  /** What is allowed next. */
  let expects = 'beginning of value';
  for (let at = 0; ;) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) return unexpected(text, at, expects);
    const [whole, string, number, word, mark] = match;
    const start = at + whole.length - (mark ?? string ?? number ?? word ?? '').length;
    const isValue = mark === undefined || mark === '{' || mark === '[';
    const wanted = accepts(expects, mark, string !== undefined, isValue, open);
    if (!wanted) return unexpected(text, start, expects);
    at = token.lastIndex;
    if (mark === '{' || mark === '[') open.push(mark);
    if (mark === '}' || mark === ']') open.pop();
    expects = nextExpectation(expects, mark, open);
  }
}

function accepts(
  expects: string,
  mark: string | undefined,
  isString: boolean,
  isValue: boolean,
  open: string[],
): boolean {
  switch (expects) {
    case 'beginning of value':
      return isValue;
    case 'beginning of value or ]':
      return isValue || mark === ']';
    case 'beginning of object key string':
      return isString || mark === '}';
    case 'object key string':
      return isString;
    case 'after object key':
      return mark === ':';
    case 'after object key:value pair':
      return mark === ',' || mark === '}';
    case 'after array element':
      return mark === ',' || mark === ']';
    default:
      return open.length > 0;
  }
}

function nextExpectation(expects: string, mark: string | undefined, open: string[]): string {
  if (mark === '{') return 'beginning of object key string';
  if (mark === '[') return 'beginning of value or ]';
  if (mark === ':') return 'beginning of value';
  if (mark === ',') return open.at(-1) === '{' ? 'object key string' : 'beginning of value';
  if (expects === 'beginning of object key string' && mark === undefined) return 'after object key';
  if (expects === 'object key string') return 'after object key';
  if (open.length === 0) return 'after top-level value';
  return open.at(-1) === '{' ? 'after object key:value pair' : 'after array element';
}

function unexpected(text: string, from: number, expects: string): string {
  const at = from + (/^[ \t\r\n]*/.exec(text.slice(from))?.[0].length ?? 0);
  const c = text[at];
  if (c === undefined) return 'unexpected end of JSON input';
  const number = /-?\d+$/.exec(text.slice(0, at))?.[0];
  if (number !== undefined && at === from && isInteger(text, at - number.length) && /[.eE]/.test(c))
    return inNumber(text, at - number.length);
  const literal = ['true', 'false', 'null'].find((word) => word[0] === c);
  const atValue = expects.startsWith('beginning of value');
  if (atValue && literal !== undefined) return inLiteral(text, at, literal);
  if (c === '"' && (atValue || expects.includes('key string'))) return inString(text, at);
  if (atValue && /[-\d]/.test(c)) return inNumber(text, at);
  const where = expects.startsWith('after')
    ? expects
    : `looking for ${expects.replace(' or ]', '').replace(/^object/, 'beginning of object')}`;
  return `invalid character ${quoteCharacter(c)} ${where}`;
}

/** Whether the digits from here on are a number's first, not its fraction or exponent. */
function isInteger(text: string, at: number): boolean {
  return !/\d(?:\.|\.?\d*[eE][-+]?)$/.test(text.slice(Math.max(at - 400, 0), at));
}

function inLiteral(text: string, at: number, literal: string): string {
  const i = Array.from(literal).findIndex((c, offset) => text[at + offset] !== c);
  const c = text[at + i];
  return `invalid character ${quoteCharacter(c ?? ' ')} in literal ${literal} (expecting ${quoteCharacter(literal[i] as string)})`;
}

function inString(text: string, start: number): string {
  for (let at = start + 1; at < text.length; at++) {
    const c = text[at] as string;
    if (c < ' ') return `invalid character ${quoteCharacter(c)} in string literal`;
    if (c !== '\\') continue;
    const escape = text[++at] ?? ' ';
    if (escape === 'u') {
      const bad = Array.from(text.slice(at + 1, at + 5).padEnd(4)).find((digit) => !/[\da-fA-F]/.test(digit));
      if (bad !== undefined) return `invalid character ${quoteCharacter(bad)} in \\u hexadecimal character escape`;
    } else if (!'"\\/bfnrt'.includes(escape)) {
      return `invalid character ${quoteCharacter(escape)} in string escape code`;
    }
  }
  return 'unexpected end of JSON input';
}

function inNumber(text: string, at: number): string {
  const [, whole = '', rest = ''] =
    /^(-?(?:\d+(?:\.\d+|\.(?!\d))?(?:(?<!\.)[eE][+-]?)?)?)(.?)/su.exec(text.slice(at)) ?? [];
  const where =
    whole === '-'
      ? 'in numeric literal'
      : /[eE]/.test(whole)
        ? 'in exponent of numeric literal'
        : 'after decimal point in numeric literal';
  // Go looks whether a space could follow where the text ends.
  return `invalid character ${quoteCharacter(rest || ' ')} ${where}`;
}

/** Go tells of a byte, not of a character. */
function quoteCharacter(text: string): string {
  const c = text > '\x7f' ? String.fromCharCode(Buffer.from(text, 'utf8')[0] as number) : text;
  if (c === "'") return `'\\''`;
  if (c === '"') return `'"'`;
  return `'${quote(c).slice(1, -1)}'`;
}

/** JSON as encoding/json writes a struct: fields in their order, and what would mean something in HTML escaped. */
export function structJson(data: unknown): string {
  const escape = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, escape);
}
