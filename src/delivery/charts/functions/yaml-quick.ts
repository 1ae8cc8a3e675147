import { mapSet, type GoMap } from '../template/values.ts';
import { resolveScalar } from './yaml-scalar.ts';

/**
 * Reads the YAML that charts give and objects are written in, many times faster than a reader of all of YAML: block
 * maps and lists, plain and quoted scalars on one line, literal blocks, short flow collections, comments. Whatever it
 * is not sure of, mistakes too, it leaves to the whole reader (`yaml-whole.ts`), which gives the same for all that
 * this one reads.
 */

/** Not for this reader. An own value, since null is a document's. */
export const unsure = Symbol('unsure');
export type Unsure = typeof unsure;

export const maxDepth = 60;
/** In UTF-16 units: what is longer has its limits elsewhere. */
export const maxLength = 8 * 1024 * 1024;
/** Other characters than these may break lines, or may not stand in YAML. */
const unusual = /[^\n\t\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;

export function readQuickly(text: string): unknown {
  return isUsual(text) ? new QuickReader(text).document() : unsure;
}

/** Whether a text is short enough, and of characters that need no closer look. */
export function isUsual(text: string): boolean {
  return text.length <= maxLength && !unusual.test(text);
}

/** Keys that are nothing but keys; what a word may stand for (`yes`, `null`) is looked up beside it. */
const plainKey = /^[A-Za-z_./$][\w./$-]*$/;
const quotedKey = /^(?:"([^"\\]*)"|'([^']*)') *:(?= |$)/;
const literalHeader = /^\|(-?)(?: +#.*| *)$/;
const endOfValue = /^(?: *| +#.*)$/;
const doubleQuoted = /^"((?:[^"\\]|\\.)*)"/;
const singleQuoted = /^'((?:[^']|'')*)'/;
/** What a line surely begins with that goes on with words. */
const goesOn = /^[\w(./$"']/;
/** Of a quoted scalar on several lines, in UTF-16 units, and in how many lines its quote may be without ending it. */
const maxFolded = 8 * 1024;
const maxQuotes = 20;
/** What begins something else than a plain scalar. */
const indicators = new Set('-?:,[]{}#&*!|>\'"%@`=<');

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

class QuickReader {
  readonly #lines: string[];
  /** The current line, the column where its content begins, and its content (from there). */
  #at = -1;
  #column = 0;
  #content = '';
  #depth = 0;

  constructor(text: string) {
    this.#lines = text.split('\n');
  }

  document(): unknown {
    if (!this.#next()) return this.#column === -2 ? unsure : null;
    // Directives and markers of documents are for the whole reader; so is a scalar alone.
    const value = this.#collection(this.#column, -1);
    return this.#column === -1 ? value : unsure;
  }

  /** Goes to the next line that says something. At the end the column is -1, and -2 where it is not sure. */
  #next(): boolean {
    const lines = this.#lines;
    for (;;) {
      const line = lines[++this.#at];
      if (line === undefined) return this.#stop(-1);
      let column = 0;
      while (line.charCodeAt(column) === 0x20) column++;
      if (column === line.length) continue;
      const first = line.charCodeAt(column);
      if (line.includes('\t')) return this.#stop(-2);
      if (first === 0x23) continue;
      if (column === 0 && (line.startsWith('---') || line.startsWith('...') || first === 0x25)) return this.#stop(-2);
      this.#column = column;
      this.#content = column === 0 ? line : line.slice(column);
      return true;
    }
  }

  #stop(column: number): false {
    this.#column = column;
    this.#content = '';
    return false;
  }

  /** The block collection whose first line is the current one, at `column`; `parent` is that of the one around it. */
  #collection(column: number, parent: number): unknown {
    if (column <= parent || ++this.#depth > maxDepth) return unsure;
    const value = isItem(this.#content) ? this.#list(column) : this.#map(column);
    this.#depth--;
    return value;
  }

  #list(column: number): unknown {
    const list: unknown[] = [];
    while (this.#column === column && isItem(this.#content)) {
      let offset = 1;
      while (this.#content.charCodeAt(offset) === 0x20) offset++;
      const rest = this.#content.slice(offset);
      const value = isInnerCollection(rest) ? this.#compact(column + offset, rest) : this.#value(rest, column, false);
      if (value === unsure) return unsure;
      list.push(value);
    }
    return this.#column > column ? unsure : list;
  }

  /** `- name: x` or `- - x`: a collection that begins in an item's own line. */
  #compact(column: number, rest: string): unknown {
    const parent = this.#column;
    this.#column = column;
    this.#content = rest;
    return this.#collection(column, parent);
  }

  #map(column: number): unknown {
    const map: GoMap = {};
    while (this.#column === column) {
      const content = this.#content;
      let key: string;
      let after: number;
      const quoted = content.startsWith('"') || content.startsWith("'") ? quotedKey.exec(content) : null;
      if (quoted) {
        key = quoted[1] ?? quoted[2] ?? '';
        after = quoted[0].length;
      } else {
        const colon = content.indexOf(':');
        key = content.slice(0, colon);
        if (colon < 1 || !plainKey.test(key) || resolveScalar(key) !== undefined) return unsure;
        after = colon + 1;
      }
      if (key.length > 128 || (after < content.length && content.charCodeAt(after) !== 0x20)) return unsure;
      while (content.charCodeAt(after) === 0x20) after++;
      const value = this.#value(content.slice(after), column, true);
      if (value === unsure) return unsure;
      mapSet(map, key, value);
    }
    return this.#column > column ? unsure : map;
  }

  /** What stands behind a key or a dash, in this line or below it. Leaves the reader at the line after it. */
  #value(text: string, column: number, isInMap: boolean): unknown {
    if (text === '' || text.startsWith('#')) {
      this.#next();
      if (this.#column > column) return this.#collection(this.#column, column);
      // A list may stand as far left as the key that it belongs to.
      if (isInMap && this.#column === column && isItem(this.#content)) return this.#collection(column, column - 1);
      return null;
    }
    if (text.startsWith('|')) return this.#literal(text, column);
    const value = scalarOf(text);
    if (value === unsure) return this.#quotedOn(text, column);
    const at = this.#at;
    this.#next();
    return this.#column > column ? this.#plainOn(text, at, column) : value;
  }

  /** Words that go on below, which is a string: long lines are written so. */
  #plainOn(first: string, at: number, column: number): unknown {
    if (!/^[A-Za-z]/.test(first) || first.includes(' #')) return unsure;
    let folded = first.trimEnd();
    for (let next = at + 1; this.#column > column; next++, this.#next()) {
      const content = this.#content;
      // An empty line or a comment between them means something else.
      if (this.#at !== next || !goesOn.test(content) || /: |:$| #/.test(content)) return unsure;
      folded += ` ${content.trimEnd()}`;
    }
    return folded;
  }

  /** A quoted scalar that ends some lines below. */
  #quotedOn(first: string, column: number): unknown {
    const quote = first.charAt(0);
    if (quote !== '"' && quote !== "'") return unsure;
    let folded = first.trimEnd();
    let quotes = 0;
    for (let at = this.#at + 1; ; at++) {
      const line = this.#lines[at] ?? '';
      const content = line.trim();
      const indent = line.indexOf(content.charAt(0));
      if (content === '' || indent <= column || line.includes('\t') || folded.endsWith('\\')) return unsure;
      folded += ` ${content}`;
      if (folded.length > maxFolded) return unsure;
      if (!content.includes(quote)) continue;
      const value = scalarOf(folded);
      if (value === unsure && ++quotes > maxQuotes) return unsure;
      if (value === unsure) continue;
      this.#at = at;
      this.#next();
      return this.#column > column ? unsure : value;
    }
  }

  #literal(header: string, column: number): unknown {
    const [, chomping] = literalHeader.exec(header) ?? [];
    if (chomping === undefined) return unsure;
    const lines = this.#lines;
    const first = lines[this.#at + 1] ?? '';
    let indent = 0;
    while (first.charCodeAt(indent) === 0x20) indent++;
    if (indent === first.length || indent <= column || first.charCodeAt(indent) === 0x09) return unsure;
    const margin = ' '.repeat(indent);
    const content: string[] = [];
    for (let line = lines[++this.#at]; line !== undefined; line = lines[++this.#at]) {
      if (line.startsWith(margin)) {
        // Spaces alone, more than the margin, are content in the middle and something else at the end.
        if (line.length > indent && line.charCodeAt(line.length - 1) === 0x20 && line.trim() === '') return unsure;
        content.push(line.slice(indent));
      } else if (/^ *$/.test(line)) content.push('');
      else break;
    }
    this.#at--;
    this.#next();
    if (this.#column > column) return unsure;
    while (content.at(-1) === '') content.pop();
    return content.join('\n') + (chomping === '-' ? '' : '\n');
  }
}

function isItem(content: string): boolean {
  return content.charCodeAt(0) === 0x2d && (content.length === 1 || content.charCodeAt(1) === 0x20);
}

/** Whether an item begins a list or a map of its own: a colon makes a map, but for those within quotes or brackets. */
function isInnerCollection(rest: string): boolean {
  if (isItem(rest)) return true;
  const first = rest.charAt(0);
  if (first === '"' || first === "'") return quotedKey.test(rest);
  return first !== '{' && first !== '[' && /^[^#]*?:(?: |$)/.test(rest);
}

/** A scalar or a flow collection that ends with its line, from its first character on. */
export function scalarOf(text: string): unknown {
  const first = text.charAt(0);
  if (first === '"' || first === "'") {
    const match = (first === '"' ? doubleQuoted : singleQuoted).exec(text);
    if (!match || !endOfValue.test(text.slice(match[0].length))) return unsure;
    return first === '"' ? unescaped(match[1] as string) : (match[1] as string).replaceAll("''", "'");
  }
  if (first === '[' || first === '{') return flowOf(text);
  if (indicators.has(first) && !(first === '-' && /^-[\w.]/.test(text))) return unsure;
  let end = text.indexOf(' #');
  if (end < 0) end = text.length;
  while (text.charCodeAt(end - 1) === 0x20) end--;
  const plain = end === text.length ? text : text.slice(0, end);
  if (plain.includes(': ') || plain.endsWith(':')) return unsure;
  return typed(plain);
}

function typed(plain: string): unknown {
  const value = resolveScalar(plain);
  if (value === undefined) return plain;
  if (typeof value === 'bigint') return Number(value);
  // What JSON cannot hold is an error.
  return typeof value === 'number' && !Number.isFinite(value) ? unsure : value;
}

function unescaped(text: string): string | Unsure {
  if (!text.includes('\\')) return text;
  let isKnown = true;
  const plain = text.replace(/\\(.)/g, (_, escaped: string) => {
    isKnown &&= escaped in escapes;
    return escapes[escaped] ?? '';
  });
  return isKnown ? plain : unsure;
}

/** Of flow collections those whose scalars leave no doubt. */
function flowOf(text: string): unknown {
  const tokens = new FlowTokens(text);
  const value = flowValue(tokens, 0);
  return value !== unsure && endOfValue.test(tokens.rest()) ? value : unsure;
}

const flowToken = / *(?:([[\]{},])|"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_/.][\w./-]*)) */y;

class FlowTokens {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  /** A sign, or a scalar; undefined for anything else. Only a closing sign leaves the spaces after it. */
  next(): { sign: string } | { value: unknown; text: string } | undefined {
    flowToken.lastIndex = this.#at;
    const match = flowToken.exec(this.#text);
    if (!match) return undefined;
    const [whole, sign, double, single, plain] = match;
    this.#at += sign === ']' || sign === '}' ? whole.trimEnd().length : whole.length;
    if (sign !== undefined) return { sign };
    const text = double ?? single ?? plain ?? '';
    return { text, value: plain === undefined ? text : typed(plain) };
  }

  /** Takes a colon that ends a key. */
  colon(): boolean {
    if (!/^:(?: |$)/.test(this.#text.slice(this.#at, this.#at + 2))) return false;
    this.#at++;
    return true;
  }

  rest(): string {
    return this.#text.slice(this.#at);
  }
}

function flowValue(tokens: FlowTokens, depth: number, first = tokens.next()): unknown {
  if (!first || depth > maxDepth) return unsure;
  if ('value' in first) return first.value;
  if (first.sign === '[') return flowList(tokens, depth);
  return first.sign === '{' ? flowMap(tokens, depth) : unsure;
}

function flowList(tokens: FlowTokens, depth: number): unknown {
  const list: unknown[] = [];
  for (let token = tokens.next(); ; token = tokens.next()) {
    if (token && 'sign' in token && token.sign === ']' && list.length === 0) return list;
    const value = flowValue(tokens, depth + 1, token);
    if (value === unsure) return unsure;
    list.push(value);
    const end = tokens.next();
    if (!end || !('sign' in end)) return unsure;
    if (end.sign === ']') return list;
    if (end.sign !== ',') return unsure;
  }
}

function flowMap(tokens: FlowTokens, depth: number): unknown {
  const map: GoMap = {};
  for (let key = tokens.next(), isFirst = true; ; key = tokens.next(), isFirst = false) {
    if (key && 'sign' in key && key.sign === '}' && isFirst) return map;
    if (!key || !('text' in key) || key.value !== key.text || !tokens.colon()) return unsure;
    const value = flowValue(tokens, depth + 1);
    if (value === unsure) return unsure;
    mapSet(map, key.text, value);
    const end = tokens.next();
    if (!end || !('sign' in end)) return unsure;
    if (end.sign === '}') return map;
    if (end.sign !== ',') return unsure;
  }
}
