import { encodeBytes, hasRawBytes } from './bytes.ts';

/** The escapes of Go's template functions html, js and urlquery. */

const html: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (c) => html[c] as string);
}

const js: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

export function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=]|[^ -\x7f]/gu, (c) => {
    const known = js[c];
    // A byte that is no text (values.ts) is kept.
    if (known !== undefined || hasRawBytes(c)) return known ?? c;
    const code = c.codePointAt(0) as number;
    if (code >= 0x80 && !/[\p{C}\p{Z}]/u.test(c)) return c;
    return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

/** url.QueryEscape: all but letters, digits and `-_.~` as bytes; a space as `+`. */
export function escapeQuery(text: string): string {
  let out = '';
  for (const byte of encodeBytes(text)) {
    const c = String.fromCharCode(byte);
    if (/[\w.~-]/.test(c)) out += c;
    else out += c === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
