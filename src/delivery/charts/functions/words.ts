import { decodeBytes, encodeBytes } from '../template/bytes.ts';
import { checkLength } from './text.ts';

/** Letters and words: Sprig's functions on case, abbreviation and wrapping, by the rules of the libraries that it uses. */

const ascii = /^[\0-\x7f]*$/;
/** unicode.IsSpace's, for a class of a pattern. */
const space = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const spaceCharacter = new RegExp(`^[${space}]$`);

/** Go maps rune by rune: no ß to SS, no final sigma. */
function mapRunes(text: string, map: (c: string) => string): string {
  if (ascii.test(text)) return map(text);
  let out = '';
  for (const c of text) {
    const mapped = map(c);
    out += Array.from(mapped).length === 1 ? mapped : c;
  }
  return out;
}

const toUpper = (c: string): string => c.toUpperCase();
/** İ is i here, without the dot above that Unicode keeps. */
const toLower = (c: string): string => (c === '\u0130' ? 'i' : c.toLowerCase());

function isSeparator(c: string): boolean {
  if (c <= '\x7f') return !/\w/.test(c);
  return !/[\p{L}\p{Nd}]/u.test(c) && isSpace(c);
}

/** strings.Title: the first letter of every word in upper case, the others as they are. */
function title(text: string): string {
  let previous = ' ';
  let out = '';
  for (const c of text) {
    out += isSeparator(previous) ? mapRunes(c, toUpper) : c;
    previous = c;
  }
  return out;
}

/** The first letter of every word in lower case; only space ends a word. */
function untitle(text: string): string {
  let next = true;
  let out = '';
  for (const c of text) {
    const space = isSpace(c);
    out += next && !space ? mapRunes(c, toLower) : c;
    next = space;
  }
  return out;
}

export const shapes = {
  upper: (text: string): string => mapRunes(text, toUpper),
  lower: (text: string): string => mapRunes(text, toLower),
  title,
  untitle,
};

/** unicode.IsSpace. */
export function isSpace(c: string): boolean {
  return spaceCharacter.test(c);
}

export function swapCase(text: string): string {
  let out = '';
  for (const c of text) {
    if (/\p{Lu}|\p{Lt}/u.test(c)) out += mapRunes(c, toLower);
    else out += /\p{Ll}/u.test(c) ? mapRunes(c, toUpper) : c;
  }
  return out;
}

/** The library goes through bytes and takes each for a character; so does this. */
function latin(text: string): string {
  return ascii.test(text) ? text : encodeBytes(text).toString('latin1');
}

function unlatin(text: string): string {
  return ascii.test(text) ? text : decodeBytes(Buffer.from(text, 'latin1'));
}

export function deleteSpace(text: string): string {
  const bytes = latin(text);
  const kept = Array.from(bytes)
    .filter((c) => !isSpace(c))
    .join('');
  return kept.length === bytes.length ? text : kept;
}

export function initials(text: string): string {
  let gap = true;
  let out = '';
  for (const c of latin(text)) {
    if (isSpace(c)) gap = true;
    else if (gap) {
      out += c;
      gap = false;
    }
  }
  return out;
}

/** At most `width` bytes, from `offset` on when there is room, with `...` where something was left out. */
export function abbreviate(text: string, offset: number, width: number): string {
  return unlatin(abbreviateBytes(latin(text), offset, width));
}

function abbreviateBytes(text: string, offset: number, width: number): string {
  if (text === '' || width < 4) return '';
  if (text.length <= width) return text;
  let start = Math.min(offset, text.length);
  if (text.length - start < width - 3) start = text.length - (width - 3);
  if (start <= 4) return `${text.slice(0, width - 3)}...`;
  if (width < 7) return '';
  if (start + width - 3 < text.length) return `...${abbreviateBytes(text.slice(start), 0, width - 3)}`;
  return `...${text.slice(text.length - (width - 3))}`;
}

export function abbreviateBoth(left: number, right: number, text: string): string {
  return right < 4 || (left > 0 && right < 7) ? text : abbreviate(text, left, right);
}

/** Lines of at most `width` bytes, broken at spaces; words that are longer are cut only when asked for. */
export function wrapText(text: string, width: number, separator: string, cutsWords: boolean): string {
  const bytes = latin(text);
  const lineEnd = latin(separator === '' ? '\n' : separator);
  const length = Math.max(width, 1);
  checkLength(bytes.length + (bytes.length / length) * lineEnd.length);
  let out = '';
  let offset = 0;
  while (bytes.length - offset > length) {
    if (bytes[offset] === ' ') {
      offset++;
      continue;
    }
    const space = bytes.slice(offset, offset + length + 1).lastIndexOf(' ');
    let end = space >= 0 ? offset + space : offset + length;
    let skip = 1;
    if (space < 0) {
      if (cutsWords) skip = 0;
      else {
        end = bytes.indexOf(' ', end);
        if (end < 0) break;
      }
    }
    out += bytes.slice(offset, end) + lineEnd;
    offset = end + skip;
  }
  return unlatin(out + bytes.slice(offset));
}

function isConnector(c: string | undefined): boolean {
  return c === '-' || c === '_' || (c !== undefined && isSpace(c));
}

/**
 * `http_server` to `HttpServer` (xstrings' ToPascalCase): connectors in front stay, and of the capitals that a word begins
 * with only the first does; later ones are the word's own.
 */
export function camelCase(text: string): string {
  const runes = Array.from(text);
  let out = '';
  let at = 0;
  while (isConnector(runes[at])) out += runes[at++];
  // The library writes the last of nothing but connectors twice.
  if (at >= runes.length) return out + (runes.at(-1) ?? '');
  const first = runes[at] as string;
  let isInCapitals = isCapital(first);
  let previous = mapRunes(first, toUpper);
  for (at++; at < runes.length; at++) {
    let rune = runes[at] as string;
    if (isConnector(previous) && isConnector(rune)) out += previous;
    else if (isConnector(previous)) {
      isInCapitals = isCapital(rune);
      rune = mapRunes(rune, toUpper);
    } else {
      isInCapitals &&= isCapital(rune);
      if (isInCapitals) rune = mapRunes(rune, toLower);
      out += previous;
    }
    previous = rune;
  }
  return out + previous;
}

function isCapital(rune: string): boolean {
  return /\p{Lu}/u.test(rune);
}

type WordType = 'none' | 'number' | 'upper' | 'alphabet' | 'connector' | 'punctuation' | 'other';

interface Word {
  readonly type: WordType;
  readonly text: string;
}

/** Chinese characters belong to no word of letters. */
const letter = '(?![\\u3400-\\u4d85\\u4e00-\\u9fcc\\u{20000}-\\u{2b81d}])\\p{L}';
const small = `(?!\\p{Lu})${letter}`;

const wordPatterns: readonly [WordType, RegExp][] = [
  ['connector', new RegExp(`[-_${space}]+`, 'uy')],
  ['punctuation', /(?:(?![-_])\p{P}|(?<=\p{P})[-_])+/uy],
  ['upper', new RegExp(`\\p{Lu}+(?=\\p{Lu}${small})|\\p{Lu}{2,}|\\p{Lu}(?:${small})*`, 'uy')],
  ['alphabet', new RegExp(`(?:${small})+`, 'uy')],
  ['number', /\p{N}+/uy],
  ['other', new RegExp(`(?:(?!${letter})[^-_${space}\\p{N}\\p{P}])+`, 'uy')],
];

/** Cuts a name into words: `HTTPServer2xx` is HTTP, Server, 2, xx. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < text.length;) {
    const found = wordPatterns.find(([, pattern]) => {
      pattern.lastIndex = at;
      return pattern.test(text);
    });
    const end = found ? found[1].lastIndex : at + 1;
    words.push({ type: found?.[0] ?? 'other', text: text.slice(at, end) });
    at = end;
  }
  return words;
}

/** `HTTPServer` to `http_server` or `http-server`: words in lower case, joined; a number goes with what follows it. */
export function delimitedCase(text: string, connector: string): string {
  const words = wordsOf(text);
  let at = 0;
  let out = '';
  const none: Word = { type: 'none', text: '' };
  const next = (): Word => words[at++] ?? none;
  const write = ({ type, text: word }: Word): void => {
    if (type !== 'upper' && type !== 'connector') out += word;
    else for (const c of word) out += isConnector(c) ? connector : mapRunes(c, toLower);
  };
  const joins = ({ type }: Word): boolean => type !== 'connector' && type !== 'punctuation';
  const writeRun = (): void => {
    while (word.type === 'alphabet' || word.type === 'number') {
      write(word);
      word = next();
    }
    if (word.type !== 'none' && joins(word)) out += connector;
  };
  let word = next();
  while (at < words.length) {
    if (word.type !== 'connector') write(word);
    const previous = word;
    word = next();
    if (previous.type === 'number') writeRun();
    else if (previous.type === 'connector') write(previous);
    else if (previous.type === 'punctuation') continue;
    else if (word.type !== 'number') {
      if (joins(word)) out += connector;
    } else if (at < words.length) {
      const number = word;
      word = next();
      if (word.type !== 'alphabet') {
        // A number is part of the word before it: Bld4Floor is bld4_floor.
        write(number);
        if (joins(word)) out += connector;
        continue;
      }
      // Unless lower case letters follow: HTTP2xx is http_2xx.
      out += connector;
      write(number);
      writeRun();
    }
  }
  write(word);
  return out;
}
