import { formatFloat } from '../template/format-number.ts';
import { compareStrings, sortKeys } from '../template/values.ts';
import { encodeJson, toJsonValue, type JsonValue } from './json.ts';
import { looksLikeOther } from './yaml-scalar.ts';

/** Writes YAML as go-yaml does: sorted keys, its choice of quotes and blocks, its folding of long lines. */

interface Style {
  /** Lists in maps stand two columns further in (go-yaml v3). */
  readonly indentsLists: boolean;
  /** Past this column a line is broken at the next space. */
  readonly width: number;
  /** Floats that are whole are written as integers, as they come out of JSON. */
  readonly wholeFloats: boolean;
  /** Undefined: keys stay in their order. */
  readonly compareKeys: ((a: string, b: string) => number) | undefined;
  /** Blocks may hold tabs (go-yaml v3); otherwise such text is quoted. */
  readonly tabsInBlocks: boolean;
}

const classic: Style = {
  indentsLists: false,
  width: 80,
  wholeFloats: true,
  compareKeys: (a, b) => compareNaturally(a, b, false),
  tabsInBlocks: false,
};
const pretty: Style = {
  indentsLists: true,
  width: Infinity,
  wholeFloats: false,
  compareKeys: (a, b) => compareNaturally(a, b, true),
  tabsInBlocks: true,
};

const ordered: Style = { ...pretty, wholeFloats: true, compareKeys: undefined };

/** What go-yaml refuses to read, and sigs.k8s.io/yaml reads its JSON with it. */
const unreadable = /[\x7f-\x84\x86-\x9f\ufffe\uffff]/;

/** sigs.k8s.io/yaml's Marshal. @throws Error for what JSON cannot hold, or YAML cannot */
export function emitYaml(value: unknown): string {
  const text = new Emitter(classic).document(toJsonValue(value));
  // They are written as escapes.
  if (/\\(?:x[789][\dA-F]|uFFF[EF])/.test(text) && holdsUnreadable(value)) {
    throw new Error('error converting JSON to YAML: yaml: control characters are not allowed');
  }
  return text;
}

/** go-yaml v3's, indented by two: Helm's `toYamlPretty`. */
export function emitPrettyYaml(value: unknown): string {
  return new Emitter(pretty).document(toJsonValue(value));
}

/** As {@link emitPrettyYaml}, with keys in their order and whole numbers as such: what Docker's tools write. */
export function emitYamlInOrder(value: unknown): string {
  return new Emitter(ordered).document(toJsonValue(value));
}

function holdsUnreadable(value: unknown): boolean {
  return unreadable.test(encodeJson(value));
}

const step = 2;
/** Most strings: they need no look at each character. */
const simple = /^[\w/][\w./-]*$/;

class Emitter {
  readonly #style: Style;
  /** Lines that are finished, and the one that is not. */
  #done = '';
  #line = '';

  constructor(style: Style) {
    this.#style = style;
  }

  document(value: JsonValue): string {
    this.#value(value, -step, 'root');
    this.#freshLine();
    return this.#done;
  }

  #freshLine(): void {
    if (this.#line === '') return;
    this.#done += `${this.#line}\n`;
    this.#line = '';
  }

  #write(text: string): void {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) this.#line += text;
    else {
      this.#done += this.#line + text.slice(0, end);
      this.#line = text.slice(end);
    }
  }

  /** `indent` is that of the collection around; `at` tells what stands before the value on its line. */
  #value(value: JsonValue, indent: number, at: 'root' | 'key' | 'item'): void {
    if (Array.isArray(value) && value.length > 0) this.#list(value, indent, at);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) this.#map(value, indent, at);
    else this.#write((at === 'root' ? '' : ' ') + this.#scalar(value, indent, at));
  }

  #list(list: readonly JsonValue[], indent: number, at: 'root' | 'key' | 'item'): void {
    const own = at === 'key' && !this.#style.indentsLists ? Math.max(indent, 0) : indent + step;
    list.forEach((element, i) => {
      if (i === 0 && at === 'item') this.#write(' -');
      else {
        this.#freshLine();
        this.#line = `${' '.repeat(own)}-`;
      }
      this.#value(element, own, 'item');
    });
  }

  #map(map: { [key: string]: JsonValue }, indent: number, at: 'root' | 'key' | 'item'): void {
    const keys = Object.keys(map);
    if (keys.length === 0) {
      this.#write(at === 'root' ? '{}' : ' {}');
      return;
    }
    const own = indent + step;
    if (this.#style.compareKeys) sortKeys(keys, this.#style.compareKeys);
    keys.forEach((key, i) => {
      if (i === 0 && at === 'item') this.#write(' ');
      else {
        this.#freshLine();
        this.#line = ' '.repeat(own);
      }
      this.#entry(key, map[key] as JsonValue, own);
    });
  }

  #entry(key: string, value: JsonValue, own: number): void {
    const isSimple = (key.length <= 42 || Buffer.byteLength(key) <= 128) && !breakAnywhere.test(key);
    if (isSimple) {
      this.#line += `${this.#string(key, own, 'simple key')}:`;
      this.#value(value, own, 'key');
    } else {
      this.#write('? ');
      this.#write(this.#string(key, own, 'value'));
      this.#freshLine();
      this.#write(`${' '.repeat(own)}:`);
      this.#value(value, own, 'item');
    }
  }

  #scalar(value: JsonValue, indent: number, at: 'root' | 'key' | 'item'): string {
    if (typeof value === 'string') return this.#string(value, indent, 'value', at === 'root' ? 0 : 1);
    if (typeof value === 'number') return this.#number(value);
    return typeof value === 'object' && value !== null ? '[]' : String(value);
  }

  #number(value: number): string {
    // JSON's -0 is read as an integer.
    if (value === 0 && this.#style.wholeFloats) return '0';
    if (this.#style.wholeFloats && Number.isInteger(value) && value > -(2 ** 63) && value < 2 ** 64) {
      return formatFloat(value, 'f');
    }
    return formatFloat(value, 'g');
  }

  #string(text: string, indent: number, as: 'simple key' | 'value', gap = 0): string {
    if (simple.test(text) && text.length < 80 && !looksLikeOther(text)) return text;
    const shape = analyze(text, this.#style.tabsInBlocks);
    const quoted = looksLikeOther(text);
    const isKey = as === 'simple key';
    const inner = Math.max(indent, 0) + (indent < 0 ? step : step);
    const block = text.includes('\n') && shape.blockAllowed && !isKey;
    if (block) return this.#literal(text, indent < 0 ? step : indent + step);
    const column = isKey ? 0 : this.#column() + gap;
    const fold = {
      width: isKey ? Infinity : this.#style.width,
      column,
      pad: `\n${' '.repeat(indent < 0 ? step : inner)}`,
    };
    if (text.includes('\n') || quoted) return doubleQuoted(text, fold);
    if (shape.plainAllowed && !(text === '' && isKey)) return foldPlain(text, fold);
    return shape.singleAllowed ? singleQuoted(text, fold) : doubleQuoted(text, fold);
  }

  #column(): number {
    const line = this.#line;
    return /^[\0-\x7f]*$/.test(line) ? line.length : Array.from(line).length;
  }

  /** `|`, with `-` or `+` for what becomes of line breaks at the end, and the indentation where it cannot be seen. */
  #literal(text: string, indent: number): string {
    const hint = /^[ \n\r\u0085\u2028\u2029]/.test(text) ? String(step) : '';
    const end = /[\n\r\u0085\u2028\u2029]$/;
    const chomp = !end.test(text) ? '-' : text.length === 1 || end.test(text.slice(0, -1)) ? '+' : '';
    const pad = ' '.repeat(indent);
    const lines = text.split('\n').map((line) => (line === '' ? '' : pad + line));
    return `|${hint}${chomp}\n${lines.join('\n')}`;
  }
}

interface Shape {
  readonly plainAllowed: boolean;
  readonly singleAllowed: boolean;
  readonly blockAllowed: boolean;
}

/** Neither printable for go-yaml: controls, tabs, all beyond the basic plane. */
const special = /[^\n\r\x20-\x7e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\ud800-\udfff]/;
/** The same, but for tabs. */
const beyondTabs = /[^\t\n\x20-\x7e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const indicatorAtStart = /^(?:[#,[\]{}&*!|>'"%@`]|[?:-](?=[ \t\n\r\u0085\u2028\u2029]|$)|---|\.\.\.)/;
const indicatorInside = /:(?=[ \t]|$)|[ \t\n\r]#/;
const breakAnywhere = /[\n\r\u0085\u2028\u2029]/;

function analyze(text: string, tabsInBlocks: boolean): Shape {
  if (text === '') return { plainAllowed: true, singleAllowed: true, blockAllowed: false };
  const hasSpecial = text.includes('\r') || special.test(text);
  const spaceBreak = / [\n\r\u0085\u2028\u2029]/.test(text);
  const breakSpace = /[\n\r\u0085\u2028\u2029] /.test(text);
  const edges = /^[ \n\r\u0085\u2028\u2029]|[ \n\r\u0085\u2028\u2029]$/.test(text);
  const breaks = breakAnywhere.test(text);
  const bad = spaceBreak || hasSpecial;
  return {
    plainAllowed:
      !bad &&
      !breakSpace &&
      !edges &&
      !breaks &&
      !indicatorAtStart.test(text) &&
      !indicatorInside.test(text.slice(1)) &&
      !/^:(?=[ \t]|$)/.test(text),
    singleAllowed: !bad && !breakSpace,
    blockAllowed: !spaceBreak && !(hasSpecial && (!tabsInBlocks || beyondTabs.test(text))) && !text.endsWith(' '),
  };
}

interface Fold {
  readonly width: number;
  /** Where the scalar starts on its line. */
  readonly column: number;
  /** A line break and the indentation after it. */
  readonly pad: string;
}

/** Breaks lines at single spaces past the width. */
function foldPlain(text: string, fold: Fold): string {
  return foldSpaces(text, fold, fold.column, (i) => text[i + 1] !== ' ');
}

function foldSpaces(text: string, fold: Fold, start: number, mayBreak: (i: number) => boolean): string {
  if (start + text.length <= fold.width) return text;
  let out = '';
  let column = start;
  let spaces = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === ' ' && !spaces && column > fold.width && mayBreak(i)) {
      out += fold.pad;
      column = fold.pad.length - 1;
    } else {
      out += c;
      if (!isLowSurrogate(c)) column++;
    }
    spaces = c === ' ';
  }
  return out;
}

function isLowSurrogate(c: string): boolean {
  return c >= '\udc00' && c <= '\udfff';
}

function singleQuoted(text: string, fold: Fold): string {
  const doubled = text.replaceAll("'", "''");
  const last = doubled.length - 1;
  const mayBreak = (i: number): boolean => i > 0 && i < last && doubled[i + 1] !== ' ';
  return `'${foldSpaces(doubled, fold, fold.column + 1, mayBreak)}'`;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\u0085': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function doubleQuoted(text: string, fold: Fold): string {
  const characters = Array.from(text);
  let out = '"';
  let column = fold.column + 1;
  let spaces = false;
  characters.forEach((c, i) => {
    if (c === ' ' && !spaces && column > fold.width && i > 0 && i < characters.length - 1) {
      out += fold.pad;
      column = fold.pad.length - 1;
      if (characters[i + 1] === ' ') {
        out += '\\';
        column++;
      }
      spaces = true;
      return;
    }
    const written = c === ' ' ? c : escapeCharacter(c);
    out += written;
    column += written === c ? 1 : written.length;
    spaces = c === ' ';
  });
  return `${out}"`;
}

function escapeCharacter(c: string): string {
  const known = escapes[c];
  if (known !== undefined) return known;
  if (!special.test(c)) return c;
  const code = c.codePointAt(0) as number;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/**
 * go-yaml's order of keys: numbers in them by their value, letters after all else; but, since v3 (`digitsFirst`), letters
 * before what goes on a number.
 */
function compareNaturally(a: string, b: string, digitsFirst: boolean): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === length) return a.length - b.length;
  const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
  if (isPlainLetter(unitA) && isPlainLetter(unitB)) return unitA - unitB;
  const digits = isDigit(a[i - 1]);
  // A character past U+FFFF differs in its second half, or in both.
  if (i > 0 && isHighSurrogate(a.charCodeAt(i - 1))) i--;
  const [x, y] = [characterAt(a, i), characterAt(b, i)];
  const [isLetterA, isLetterB] = [isLetter(x), isLetter(y)];
  if (isLetterA && isLetterB) return compareStrings(x, y);
  if (isLetterA || isLetterB) return (digits && digitsFirst ? isLetterA : isLetterB) ? -1 : 1;
  return compareNumbers(a, b, i);
}

function compareNumbers(a: string, b: string, at: number): number {
  let base = 0;
  if (a[at] === '0' || b[at] === '0') {
    for (let j = at - 1; j >= 0 && isDigit(a[j]); j--) if (a[j] !== '0') base = 1;
  }
  const [first, second] = [digitsAt(a, at), digitsAt(b, at)];
  // Longer ones wrap around, as Go's do.
  const [x, y] = [BigInt.asIntN(64, BigInt(`${base}${first}`)), BigInt.asIntN(64, BigInt(`${base}${second}`))];
  if (x !== y) return x < y ? -1 : 1;
  if (first.length !== second.length) return first.length - second.length;
  return compareStrings(a[at] as string, b[at] as string);
}

function digitsAt(text: string, at: number): string {
  let end = at;
  while (isDigit(text[end])) end++;
  return text.slice(at, end);
}

function isPlainLetter(unit: number): boolean {
  return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function characterAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) as number);
}

function isDigit(c: string | undefined): boolean {
  return c !== undefined && c >= '0' && c <= '9';
}

function isLetter(c: string): boolean {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c > '\x7f' && /\p{L}/u.test(c));
}
