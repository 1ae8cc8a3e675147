import { isUsual, maxDepth, readQuickly, scalarOf, unsure } from './yaml-quick.ts';

/**
 * Finds out what kind of object a document is without making the object: charts render thousands, of which only the
 * head is asked for. What it takes, `yaml-quick.ts` reads, and gives the same.
 */

const headKey = /^(?:kind|metadata):/i;
const literalHeader = /^\|-?(?: +#.*| *)$/;

/** `kind` and `metadata` of a document that is a block map and surely YAML (null without them); `unsure` of any other. */
export function skimHead(text: string): unknown {
  return isUsual(text) && !text.includes('\t') ? new Skimmer(text).head() : unsure;
}

const space = 0x20;
const dash = 0x2d;
const hash = 0x23;
const colon = 0x3a;
const backslash = 0x5c;

class Skimmer {
  readonly #text: string;
  /** Columns of the collections that are open, and whether each is a list. */
  readonly #columns: number[] = [];
  readonly #lists: boolean[] = [];
  /** Whether the last key or dash is still without a value, which may begin in the next line. */
  #isOpen = true;
  /** Where the next line begins. */
  #next = 0;

  constructor(text: string) {
    this.#text = text;
  }

  head(): unknown {
    const text = this.#text;
    let wanted = '';
    let isWanted = false;
    for (let at = 0; at < text.length; at = this.#next) {
      const end = lineEnd(text, at);
      const start = afterSpaces(text, at, end);
      this.#next = end + 1;
      if (start === end || text.charCodeAt(start) === hash) continue;
      if (!this.#line(start - at, start, end)) return unsure;
      if (start === at && text.charCodeAt(at) !== dash) isWanted = headKey.test(text.slice(at, at + 9));
      if (isWanted) wanted += text.slice(at, this.#next);
    }
    return this.#columns[0] === 0 && this.#lists[0] === false ? readQuickly(wanted) : unsure;
  }

  /** A line whose content begins at `start`, in `column`. Whether it surely stands where it may. */
  #line(column: number, start: number, end: number): boolean {
    const text = this.#text;
    let isItem = isDash(text, start, end);
    if (!this.#place(column, isItem)) return false;
    while (isItem) {
      const next = afterSpaces(text, start + 1, end);
      this.#isOpen = true;
      if (next === end || text.charCodeAt(next) === hash) return true;
      isItem = isDash(text, next, end);
      if (!isItem && afterKey(text, next, end) < 0) return this.#scalar(next, end);
      column += next - start;
      start = next;
      if (!this.#open(column, isItem)) return false;
    }
    const after = afterKey(text, start, end);
    if (after < 0) return false;
    const value = afterSpaces(text, after, end);
    this.#isOpen = true;
    return value === end || text.charCodeAt(value) === hash || this.#scalar(value, end);
  }

  /** Closes what ended above this line, and opens what begins with it. */
  #place(column: number, isItem: boolean): boolean {
    const columns = this.#columns;
    const lists = this.#lists;
    let last = columns.length - 1;
    const current = columns[last] ?? -1;
    // A list may stand as far left as the key that it belongs to.
    const begins = column > current || (column === current && isItem && lists[last] === false);
    if (begins) return this.#isOpen && this.#open(column, isItem);
    while (last >= 0) {
      const open = columns[last] as number;
      if (open < column || (open === column && lists[last] === isItem)) break;
      last--;
    }
    columns.length = last + 1;
    lists.length = last + 1;
    return columns[last] === column;
  }

  #open(column: number, isList: boolean): boolean {
    this.#columns.push(column);
    this.#lists.push(isList);
    return this.#columns.length < maxDepth;
  }

  /** A value in its key's or dash's own line; but for a literal block no more of it may follow. */
  #scalar(start: number, end: number): boolean {
    this.#isOpen = false;
    const text = this.#text;
    if (text.charAt(start) !== '|') return isSureScalar(text, start, end);
    return literalHeader.test(text.slice(start, end)) && this.#literal(end + 1, this.#columns.at(-1) as number);
  }

  #literal(first: number, column: number): boolean {
    const text = this.#text;
    let end = lineEnd(text, first);
    const margin = afterSpaces(text, first, end) - first;
    if (first + margin >= end || margin <= column) return false;
    for (let at = first; at < text.length; at = end + 1) {
      end = lineEnd(text, at);
      const indent = afterSpaces(text, at, end) - at;
      const isBlank = at + indent === end;
      // Spaces alone, more than the margin, are content in the middle and something else at the end.
      if (isBlank && indent > margin) return false;
      if (!isBlank && indent < margin) return true;
      this.#next = end + 1;
    }
    return true;
  }
}

function lineEnd(text: string, at: number): number {
  const found = text.indexOf('\n', at);
  return found < 0 ? text.length : found;
}

function afterSpaces(text: string, at: number, end: number): number {
  while (at < end && text.charCodeAt(at) === space) at++;
  return at;
}

function isDash(text: string, at: number, end: number): boolean {
  return text.charCodeAt(at) === dash && (at + 1 === end || text.charCodeAt(at + 1) === space);
}

const longestKey = 128;

/** Behind the colon of a plain key that can be nothing but a string; -1 where there is none. */
function afterKey(text: string, start: number, end: number): number {
  if (!isLetter(text.charCodeAt(start))) return -1;
  let at = start + 1;
  while (at < end && isKeyCharacter(text.charCodeAt(at))) at++;
  if (at === end || text.charCodeAt(at) !== colon || at - start > longestKey) return -1;
  if (at + 1 < end && text.charCodeAt(at + 1) !== space) return -1;
  return at - start > longestWord || typeof scalarOf(text.slice(start, at)) === 'string' ? at + 1 : -1;
}

/** Of the words that are no strings (`false`). */
const longestWord = 5;

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

/** Letters, digits and `_ - . / $`. */
function isKeyCharacter(code: number): boolean {
  return isLetter(code) || (code >= 0x2d && code <= 0x39) || code === 0x5f || code === 0x24;
}

function isSureScalar(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start);
  if (first === 0x22) return endsAfter(text, afterDoubleQuoted(text, start + 1, end), end);
  if (!isLetter(first)) return scalarOf(text.slice(start, end)) !== unsure;
  for (let at = start + 1; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === colon && (at + 1 === end || text.charCodeAt(at + 1) === space)) return false;
    if (code === hash && text.charCodeAt(at - 1) === space) return true;
  }
  return true;
}

/** Past the quote that ends; -1 without one, or with an escape that is not among the usual ones. */
function afterDoubleQuoted(text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === backslash && !'nt"\\'.includes(text.charAt(++at))) return -1;
  }
  return -1;
}

function endsAfter(text: string, at: number, end: number): boolean {
  if (at < 0) return false;
  const rest = afterSpaces(text, at, end);
  return rest === end || (rest > at && text.charCodeAt(rest) === hash);
}
