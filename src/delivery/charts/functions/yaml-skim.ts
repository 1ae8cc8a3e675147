import { isUsual, maxDepth, readQuickly, scalarOf, unsure, type Unsure } from './yaml-quick.ts';

/** Of an object's head these are asked for, and `metadata.labels` and the like are not. */
const kind = /kind:/iy;
const metadata = /metadata:/iy;
const metadataKey = /(?:name|annotations):/iy;
const literalHeader = /^\|-?(?: +#.*| *)$/;

const space = 0x20;
const dash = 0x2d;
const hash = 0x23;
const colon = 0x3a;
const backslash = 0x5c;

/** What a line gives its last key or dash: nothing yet, a scalar that ends with it, or a literal block that follows. */
type LineValue = 'open' | 'scalar' | 'literal';

/** One of the head's lines. */
interface HeadLine {
  readonly text: string;
  /** 1 for the keys of the object itself; Infinity where the line is none of a key, or of a literal block. */
  readonly depth: number;
  /** Where its key begins, and its value. */
  readonly column: number;
  readonly valueAt: number;
  readonly value: LineValue;
}

/** Scalars that are kept: how many, and up to which length. */
const maxScalars = 20_000;
const longestScalar = 200;

/** What Helm asks a document for. */
export interface ObjectHead {
  kind: string;
  name: string;
  annotations: Record<string, string>;
}

/**
 * Finds out what kind of object a document is without making the object: charts render thousands, of which only the
 * head is asked for. What it takes, `yaml-quick.ts` reads, and gives the same.
 */
export class HeadSkimmer {
  /** Whether scalars that need a closer look are surely some: many of a chart's manifests have the same. */
  readonly #scalars = new Map<string, boolean>();

  /**
   * The head of a block map that is surely YAML; where it is not of the usual form, `kind`, `metadata.name` and
   * `metadata.annotations` as they are. `unsure` of anything else.
   */
  head(text: string): { usual: ObjectHead } | { document: unknown } | Unsure {
    if (!isUsual(text) || text.includes('\t')) return unsure;
    const lines = new Skim(text, (scalar) => this.#isScalar(scalar)).wanted();
    if (lines === unsure) return unsure;
    const usual = usualHead(lines);
    return usual ? { usual } : { document: readQuickly(lines.map((line) => line.text).join('\n')) };
  }

  #isScalar(text: string): boolean {
    const known = this.#scalars.get(text);
    if (known !== undefined) return known;
    const isScalar = scalarOf(text) !== unsure;
    if (text.length <= longestScalar && this.#scalars.size < maxScalars) this.#scalars.set(text, isScalar);
    return isScalar;
  }
}

/** One document, character by character: lines make no strings, but for those of the head. */
class Skim {
  readonly #text: string;
  readonly #isScalar: (text: string) => boolean;
  /** Columns of the collections that are open, and whether each is a list. */
  readonly #columns: number[] = [];
  readonly #lists: boolean[] = [];
  /** Whether the last key or dash is still without a value, which may begin in the next line. */
  #isOpen = true;
  /** The line that is looked at: where it begins, where its last key does, where its value does, and where it ends. */
  #start = 0;
  #keyAt = 0;
  #valueAt = 0;
  #end = -1;

  constructor(text: string, isScalar: (text: string) => boolean) {
    this.#text = text;
    this.#isScalar = isScalar;
  }

  /** The lines of the head. */
  wanted(): HeadLine[] | Unsure {
    const text = this.#text;
    const columns = this.#columns;
    const wanted: HeadLine[] = [];
    let isWanted = false;
    let isInMetadata = false;
    while (this.#next()) {
      const first = afterSpaces(text, this.#start, this.#end);
      if (first === this.#end || text.charCodeAt(first) === hash) continue;
      const isItem = isDash(text, first, this.#end);
      const value = this.#line(first, isItem);
      if (value === unsure) return unsure;
      this.#isOpen = value === 'open';
      const depth = isItem ? Infinity : columns.length;
      if (depth === 1) {
        isInMetadata = beginsWith(metadata, text, first);
        isWanted = isInMetadata || beginsWith(kind, text, first);
      } else if (depth === 2 && isInMetadata) isWanted = beginsWith(metadataKey, text, first);
      if (isWanted) wanted.push(this.#headLine(depth, value));
      if (value !== 'literal') continue;
      const from = this.#end + 1;
      if (!this.#literal()) return unsure;
      const content = text.slice(from, this.#end);
      if (isWanted) wanted.push({ text: content, depth: Infinity, column: 0, valueAt: 0, value: 'literal' });
    }
    return columns[0] === 0 && this.#lists[0] === false ? wanted : unsure;
  }

  #next(): boolean {
    if (this.#end === this.#text.length) return false;
    this.#start = this.#end + 1;
    const end = this.#text.indexOf('\n', this.#start);
    this.#end = end < 0 ? this.#text.length : end;
    return true;
  }

  #headLine(depth: number, value: LineValue): HeadLine {
    const start = this.#start;
    const text = this.#text.slice(start, this.#end);
    return { text, depth, value, column: this.#keyAt - start, valueAt: this.#valueAt - start };
  }

  /** What the line from `first` on gives; opens and closes collections. */
  #line(first: number, isItem: boolean): LineValue | Unsure {
    const text = this.#text;
    const end = this.#end;
    let at = first;
    if (!this.#begin(first - this.#start, isItem)) return unsure;
    for (let isInner = isItem; isInner; isInner = isDash(text, at, end)) {
      if (at !== first && !this.#open(at - this.#start, true)) return unsure;
      at = afterSpaces(text, at + 1, end);
      if (isNothing(text, at, end)) return 'open';
    }
    const after = afterKey(text, at, end);
    if (after < 0) return isItem ? this.#value(at) : unsure;
    if (at !== first && !this.#open(at - this.#start, false)) return unsure;
    this.#keyAt = at;
    const value = afterSpaces(text, after, end);
    return isNothing(text, value, end) ? 'open' : this.#value(value);
  }

  /** Which value begins at `at`; but for a literal block no more of it may follow the line. */
  #value(at: number): LineValue | Unsure {
    const text = this.#text;
    this.#valueAt = at;
    if (text.charAt(at) === '|') return literalHeader.test(text.slice(at, this.#end)) ? 'literal' : unsure;
    const isSure = isSimpleScalar(text, at, this.#end) ?? this.#isScalar(text.slice(at, this.#end));
    return isSure ? 'scalar' : unsure;
  }

  /** Whether what begins at `column` surely may: closes what ended above it. */
  #begin(column: number, isItem: boolean): boolean {
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
      columns.pop();
      lists.pop();
    }
    return columns[last] === column;
  }

  #open(column: number, isList: boolean): boolean {
    this.#columns.push(column);
    this.#lists.push(isList);
    return this.#columns.length < maxDepth;
  }

  /** Goes to the last line of a literal block. */
  #literal(): boolean {
    const text = this.#text;
    let lastEnd = this.#end;
    let margin = -1;
    while (this.#next()) {
      const indent = afterSpaces(text, this.#start, this.#end) - this.#start;
      const isBlank = this.#start + indent === this.#end;
      if (margin < 0) {
        margin = indent;
        if (isBlank || margin <= (this.#columns.at(-1) as number)) return false;
      }
      // Spaces alone, more than the margin, are content in the middle and something else at the end.
      if (isBlank && indent > margin) return false;
      if (!isBlank && indent < margin) break;
      lastEnd = this.#end;
    }
    this.#end = lastEnd;
    return margin >= 0;
  }
}

function beginsWith(key: RegExp, text: string, at: number): boolean {
  key.lastIndex = at;
  return key.test(text);
}

/** The head of most objects, from its lines: kind, name and annotations are strings, and no key is there twice. */
function usualHead(lines: readonly HeadLine[]): ObjectHead | undefined {
  const annotations: Record<string, string> = {};
  const values: Record<string, string | undefined> = {};
  for (const { text, depth, column, value, valueAt } of lines) {
    const key = depth === Infinity ? '' : text.slice(column, text.indexOf(':', column));
    const known = depth === 3 ? annotations : values;
    if (Object.hasOwn(known, key)) return undefined;
    if (value === 'open') {
      if (depth > 2 || key !== (depth === 1 ? 'metadata' : 'annotations')) return undefined;
      values[key] = undefined;
      continue;
    }
    const isUsual = depth === 3 || key === (depth === 1 ? 'kind' : 'name');
    const scalar = isUsual && value === 'scalar' ? scalarOf(text.slice(valueAt)) : undefined;
    if (typeof scalar !== 'string') return undefined;
    known[key] = scalar;
  }
  return { kind: values['kind'] ?? '', name: values['name'] ?? '', annotations };
}

function afterSpaces(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && text.charCodeAt(at) === space) at++;
  return at;
}

/** Whether nothing but a comment is left of a line. */
function isNothing(text: string, at: number, end: number): boolean {
  return at === end || text.charCodeAt(at) === hash;
}

function isDash(text: string, at: number, end: number): boolean {
  return text.charCodeAt(at) === dash && (at + 1 === end || text.charCodeAt(at + 1) === space);
}

const longestKey = 128;
/** Of the words that are no strings (`false`), and what they begin with. */
const longestWord = 5;
const wordStart = /[yntfo]/i;

/** Behind the colon of a plain key that can be nothing but a string; -1 where there is none. */
function afterKey(text: string, start: number, end: number): number {
  if (!isLetter(text.charCodeAt(start))) return -1;
  let at = start + 1;
  while (at < end && isKeyCharacter(text.charCodeAt(at))) at++;
  if (at === end || text.charCodeAt(at) !== colon || at - start > longestKey) return -1;
  if (at + 1 < end && text.charCodeAt(at + 1) !== space) return -1;
  const mayBeWord = at - start <= longestWord && wordStart.test(text.charAt(start));
  return mayBeWord && typeof scalarOf(text.slice(start, at)) !== 'string' ? -1 : at + 1;
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

/** Letters, digits and `_ - . / $`. */
function isKeyCharacter(code: number): boolean {
  return isLetter(code) || (code >= 0x2d && code <= 0x39) || code === 0x5f || code === 0x24;
}

/** Whether a scalar of the usual kinds surely ends with its line; undefined where that needs a closer look. */
function isSimpleScalar(text: string, start: number, end: number): boolean | undefined {
  const first = text.charCodeAt(start);
  if (first === 0x22) return endsAfter(text, afterDoubleQuoted(text, start + 1, end), end);
  if (!isLetter(first)) return isSmallNumber(text, start, end) || undefined;
  for (let at = start + 1; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === colon && (at + 1 === end || text.charCodeAt(at + 1) === space)) return false;
    if (code === hash && text.charCodeAt(at - 1) === space) return true;
  }
  return true;
}

const mostDigits = 15;

function isSmallNumber(text: string, start: number, end: number): boolean {
  if (end - start > mostDigits) return false;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
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
