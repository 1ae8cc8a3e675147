import { decodeBytes, encodeBytes } from '../template/bytes.ts';
import { printText } from '../template/format.ts';
import type { Execution } from '../template/execution.ts';
import { executionFunction, goFunction, type FunctionMap } from '../template/function.ts';
import { quote } from '../template/quote.ts';
import { compareStrings, describe, emptyMap, strings, type GoMap } from '../template/values.ts';
import {
  abbreviate,
  abbreviateBoth,
  camelCase,
  deleteSpace,
  delimitedCase,
  initials,
  isSpace,
  shapes,
  swapCase,
  wrapText,
} from './words.ts';
import { checkLength, splitText, textOf, textsOf } from './text.ts';

function indent(spaces: number, text: string): string {
  const pad = ' '.repeat(checkedCount(spaces));
  // Only what could be too long is counted.
  if (text.length * (spaces + 1) > 1e6) checkLength(text.length + spaces * text.split('\n').length);
  return pad + text.replaceAll('\n', `\n${pad}`);
}

/** Go panics for a negative count. */
function checkedCount(count: number): number {
  if (count < 0) throw new Error('strings: negative Repeat count');
  checkLength(count);
  return count;
}

/** A unit of UTF-16 is three bytes at most. */
const mostBytes = 3;

function trunc(count: number, text: string): string {
  if (text.length * mostBytes <= count) return text;
  const bytes = encodeBytes(text);
  if (count < 0 && bytes.length + count > 0) return decodeBytes(bytes.subarray(bytes.length + count));
  return count >= 0 && bytes.length > count ? decodeBytes(bytes.subarray(0, count)) : text;
}

function substr(start: number, end: number, text: string): string {
  const bytes = encodeBytes(text);
  const from = Math.max(start, 0);
  const to = start >= 0 && (end < 0 || end > bytes.length) ? bytes.length : end;
  if (from > to || to > bytes.length || to < 0) {
    const bounds = start < 0 ? `[:${to}]${to > bytes.length ? ` with length ${bytes.length}` : ''}` : `[${from}:${to}]`;
    throw new Error(`runtime error: slice bounds out of range ${bounds}`);
  }
  return decodeBytes(bytes.subarray(from, to));
}

function splitMap(x: Execution, parts: string[]): GoMap {
  x.produceParts(parts.length);
  const map = emptyMap();
  parts.forEach((part, i) => (map[`_${i}`] = part));
  return describe(map, { type: 'map[string]string', element: 'string' });
}

/** `strings.Trim`: all characters of `cutset` from both ends. */
function trimAll(cutset: string, text: string): string {
  const cut = new Set(cutset);
  const characters = Array.from(text);
  let start = 0;
  let end = characters.length;
  while (start < end && cut.has(characters[start] as string)) start++;
  while (end > start && cut.has(characters[end - 1] as string)) end--;
  return characters.slice(start, end).join('');
}

function replace(from: string, to: string, text: string): string {
  if (from !== '' && !text.includes(from)) return text;
  if (to.length > from.length) checkLength(text.length + (text.split(from).length - 1) * (to.length - from.length));
  if (from !== '') return text.split(from).join(to);
  return to + Array.from(text, (c) => c + to).join('');
}

/** strings.TrimSpace: what unicode.IsSpace names, which is not what JavaScript trims. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start] as string)) start++;
  while (end > start && isSpace(text[end - 1] as string)) end--;
  return text.slice(start, end);
}

function quoteAll(values: unknown[]): string {
  const [first] = values;
  if (values.length === 1 && typeof first === 'string') return quote(first);
  return values
    .filter((value) => value != null)
    .map((value) => quote(textOf(value)))
    .join(' ');
}

/** Sprig's functions on strings and lists of strings. */
export const stringFunctions: FunctionMap = {
  hello: goFunction([], () => 'Hello!'),
  trim: goFunction(['string'], trimSpace),
  trimAll: goFunction(['string', 'string'], trimAll),
  trimall: goFunction(['string', 'string'], trimAll),
  trimSuffix: goFunction(['string', 'string'], (suffix, text) =>
    suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  trimPrefix: goFunction(['string', 'string'], (prefix, text) =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  upper: goFunction(['string'], shapes.upper),
  lower: goFunction(['string'], shapes.lower),
  title: goFunction(['string'], shapes.title),
  untitle: goFunction(['string'], shapes.untitle),
  repeat: goFunction(['int', 'string'], (count, text) => {
    if (count < 0) checkedCount(count);
    checkLength(count * text.length);
    return text.repeat(text === '' ? 0 : count);
  }),
  substr: goFunction(['int', 'int', 'string'], substr),
  nospace: goFunction(['string'], deleteSpace),
  trunc: goFunction(['int', 'string'], trunc),
  abbrev: goFunction(['int', 'string'], (width, text) => (width < 4 ? text : abbreviate(text, 0, width))),
  abbrevboth: goFunction(['int', 'int', 'string'], abbreviateBoth),
  initials: goFunction(['string'], initials),
  swapcase: goFunction(['string'], swapCase),
  snakecase: goFunction(['string'], (text) => delimitedCase(text, '_')),
  kebabcase: goFunction(['string'], (text) => delimitedCase(text, '-')),
  camelcase: goFunction(['string'], camelCase),
  wrap: goFunction(['int', 'string'], (width, text) => wrapText(text, width, '\n', false)),
  wrapWith: goFunction(['int', 'string', 'string'], (width, separator, text) => wrapText(text, width, separator, true)),
  contains: goFunction(['string', 'string'], (part, text) => text.includes(part)),
  hasPrefix: goFunction(['string', 'string'], (prefix, text) => text.startsWith(prefix)),
  hasSuffix: goFunction(['string', 'string'], (suffix, text) => text.endsWith(suffix)),
  quote: goFunction(['...any'], (...values) => quoteAll(values)),
  squote: goFunction(['...any'], (...values) =>
    values
      .filter((value) => value != null)
      .map((value) => `'${printText(value)}'`)
      .join(' '),
  ),
  cat: goFunction(['...any'], (...values) =>
    values
      .filter((value) => value != null)
      .map(printText)
      .join(' '),
  ),
  indent: goFunction(['int', 'string'], indent),
  nindent: goFunction(['int', 'string'], (spaces, text) => `\n${indent(spaces, text)}`),
  replace: goFunction(['string', 'string', 'string'], replace),
  plural: goFunction(['string', 'string', 'int'], (one, many, count) => (count === 1 ? one : many)),
  toString: goFunction(['any'], textOf),
  toStrings: goFunction(['any'], textsOf),
  join: goFunction(['string', 'any'], (separator, list) => {
    const texts = textsOf(list);
    checkLength(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
    return texts.join(separator);
  }),
  sortAlpha: goFunction(['any'], (list) =>
    strings((list == null ? [textOf(list)] : textsOf(list)).sort(compareStrings)),
  ),
  split: executionFunction(['string', 'string'], (x, separator, text) => splitMap(x, splitText(text, separator))),
  splitn: executionFunction(['string', 'int', 'string'], (x, separator, n, text) =>
    splitMap(x, splitText(text, separator, n)),
  ),
  splitList: goFunction(['string', 'string'], (separator, text) => strings(splitText(text, separator))),
};
