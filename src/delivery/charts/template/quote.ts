import { decodeBytes } from './bytes.ts';

/** Go's quoted strings: strconv.Quote and Unquote. */

const simpleEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** What may need an escape, quotes of both kinds among it. */
const unusual = /[^\x20-\x21\x23-\x26\x28-\x5b\x5d-\x7e]/gu;
const notGraphic = /[\p{C}\p{Z}]/u;

/** strconv.Quote; `ascii` as QuoteToASCII (`%+q`). Bytes that are no UTF-8 (lone surrogates U+DC80 …) become `\xNN`. */
export function quote(text: string, ascii = false, mark = '"'): string {
  if (isPlain(text)) return mark + text + mark;
  return mark + text.replace(unusual, (c) => (c === mark ? `\\${mark}` : escapeRune(c, ascii))) + mark;
}

/** Whether nothing in a text needs an escape, whatever the quotes. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x27 || code === 0x5c) return false;
  }
  return true;
}

function escapeRune(c: string, ascii: boolean): string {
  const simple = simpleEscapes[c];
  if (simple !== undefined) return simple;
  const code = c.codePointAt(0) as number;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  if (code >= 0x20 && code < 0x7f) return c;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (!ascii && !notGraphic.test(c)) return c;
  const hex = code.toString(16);
  return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/** strconv.Unquote for `"…"` and `` `…` ``; undefined when Go would refuse it. */
export function unquote(quoted: string): string | undefined {
  const mark = quoted[0];
  if (quoted.length < 2 || quoted.at(-1) !== mark) return undefined;
  const body = quoted.slice(1, -1);
  if (mark === '`') return body.includes('`') ? undefined : body.replaceAll('\r', '');
  if (mark !== '"' || body.includes('\n')) return undefined;
  if (!body.includes('\\')) return body.includes('"') ? undefined : body;
  return unescape(body, '"');
}

/** The code point of a character constant `'x'`; what is wrong with it otherwise. */
export function unquoteChar(quoted: string): number | string {
  const body = unescape(quoted.slice(1, -1), "'");
  if (body === undefined || body === '') return 'invalid syntax';
  if (Array.from(body).length !== 1) return `malformed character constant: ${quoted}`;
  const code = body.codePointAt(0) as number;
  return code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
}

const escaped: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

function unescape(body: string, mark: string): string | undefined {
  let out = '';
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) out += decodeBytes(Uint8Array.from(bytes));
    bytes = [];
  };
  for (let i = 0; i < body.length; i++) {
    const c = body[i] as string;
    if (c === mark) return undefined;
    if (c !== '\\') {
      flush();
      out += c;
      continue;
    }
    const escape = body[++i];
    if (escape === undefined) return undefined;
    const simple = escape === mark ? mark : escaped[escape];
    if (simple !== undefined) {
      flush();
      out += simple;
      continue;
    }
    const numeric = numericEscape(body, i);
    if (numeric === undefined) return undefined;
    i = numeric.end - 1;
    if (numeric.byte) bytes.push(numeric.code);
    else {
      flush();
      out += String.fromCodePoint(numeric.code);
    }
  }
  flush();
  return out;
}

function numericEscape(body: string, at: number): { code: number; end: number; byte: boolean } | undefined {
  const kind = body[at] as string;
  const octal = /^[0-7]{3}/.exec(body.slice(at, at + 3));
  if (octal) {
    const code = Number.parseInt(octal[0], 8);
    return code > 255 ? undefined : { code, end: at + 3, byte: true };
  }
  const length = kind === 'x' ? 2 : kind === 'u' ? 4 : kind === 'U' ? 8 : 0;
  const hex = body.slice(at + 1, at + 1 + length);
  if (length === 0 || hex.length !== length || !/^[\da-fA-F]+$/.test(hex)) return undefined;
  const code = Number.parseInt(hex, 16);
  if (kind !== 'x' && (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))) return undefined;
  return { code, end: at + 1 + length, byte: kind === 'x' };
}
