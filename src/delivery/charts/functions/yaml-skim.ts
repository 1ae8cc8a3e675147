import { isUsual, maxDepth, readQuickly, scalarOf, unsure, type Unsure } from './yaml-quick.ts';

/** Of an object's head these are asked for, and `metadata.labels` and the like are not. */
const kind = /^kind:/i;
const metadata = /^metadata:/i;
const metadataKey = /^(?:name|annotations):/i;
const literalHeader = /^\|-?(?: +#.*| *)$/;

const space = 0x20;
const dash = 0x2d;
const hash = 0x23;
const colon = 0x3a;
const backslash = 0x5c;

/** What a line is, whatever stands around it: many lines of a chart's manifests are the same. */
interface Line {
  /** Where its dashes stand, and its key (the last one, unless the line is an item that is a scalar). */
  readonly columns: readonly number[];
  /** Which of them are dashes: all, or all but the last. */
  readonly dashes: number;
  /** Its value: none yet, a scalar that ends with it, or a literal block that follows. */
  readonly value: 'open' | 'scalar' | 'literal';
  /** Where the value begins, behind dashes and key. */
  readonly valueAt: number;
  readonly text: string;
}

/** One of the head's lines; those of literal blocks have no depth. */
interface HeadLine {
  readonly text: string;
  /** 1 for the keys of the object itself; Infinity where the line is none of a key. */
  readonly depth: number;
  readonly column: number;
  readonly line: Line;
}

const blank = Symbol('blank');
type LineKind = Line | typeof blank | Unsure;

/** Lines that are kept: how many, and up to which length. */
const maxLines = 20_000;
const longestLine = 200;

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
  readonly #known = new Map<string, LineKind>();

  /**
   * The head of a block map that is surely YAML; where it is not of the usual form, `kind`, `metadata.name` and
   * `metadata.annotations` as they are. `unsure` of anything else.
   */
  head(text: string): { usual: ObjectHead } | { document: unknown } | Unsure {
    const lines = new Skim(text.split('\n'), (line) => this.#kindOf(line)).wanted();
    if (lines === unsure) return unsure;
    const usual = usualHead(lines);
    return usual ? { usual } : { document: readQuickly(lines.map((line) => line.text).join('\n')) };
  }

  #kindOf(line: string): LineKind {
    const known = this.#known.get(line);
    if (known !== undefined) return known;
    const found = kindOfLine(line);
    if (line.length <= longestLine && this.#known.size < maxLines) this.#known.set(line, found);
    return found;
  }
}

/** One document, line by line. */
class Skim {
  readonly #lines: readonly string[];
  readonly #kindOf: (line: string) => LineKind;
  /** Columns of the collections that are open, and whether each is a list. */
  readonly #columns: number[] = [];
  readonly #lists: boolean[] = [];
  /** Whether the last key or dash is still without a value, which may begin in the next line. */
  #isOpen = true;
  /** The line that comes next. */
  #next = 0;

  constructor(lines: readonly string[], kindOf: (line: string) => LineKind) {
    this.#lines = lines;
    this.#kindOf = kindOf;
  }

  /** The lines of the head. */
  wanted(): HeadLine[] | Unsure {
    const lines = this.#lines;
    const columns = this.#columns;
    const wanted: HeadLine[] = [];
    let isWanted = false;
    let isInMetadata = false;
    while (this.#next < lines.length) {
      const first = this.#next++;
      const line = this.#kindOf(lines[first] as string);
      if (line === blank) continue;
      if (line === unsure || !this.#place(line) || (line.value === 'literal' && !this.#literal())) return unsure;
      const depth = line.dashes > 0 ? Infinity : columns.length;
      if (depth === 1) {
        isInMetadata = metadata.test(line.text);
        isWanted = isInMetadata || kind.test(line.text);
      } else if (depth === 2 && isInMetadata) isWanted = metadataKey.test(line.text.slice(columns[1]));
      if (!isWanted) continue;
      wanted.push({ text: line.text, depth, column: line.columns[0] as number, line });
      for (const text of lines.slice(first + 1, this.#next)) wanted.push({ text, depth: Infinity, column: 0, line });
    }
    return columns[0] === 0 && this.#lists[0] === false ? wanted : unsure;
  }

  /** Whether a line surely stands where it may: closes what ended above it, and opens what begins with it. */
  #place(line: Line): boolean {
    const { columns, dashes } = line;
    if (!this.#begin(columns[0] as number, dashes > 0)) return false;
    for (let i = 1; i < columns.length; i++) if (!this.#open(columns[i] as number, i < dashes)) return false;
    this.#isOpen = line.value === 'open';
    return true;
  }

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

  #literal(): boolean {
    const lines = this.#lines;
    const first = lines[this.#next] ?? '';
    const margin = afterSpaces(first, 0, first.length);
    if (margin === first.length || margin <= (this.#columns.at(-1) as number)) return false;
    for (; this.#next < lines.length; this.#next++) {
      const line = lines[this.#next] as string;
      if (!isUsual(line) || line.includes('\t')) return false;
      const indent = afterSpaces(line, 0, line.length);
      const isBlank = indent === line.length;
      // Spaces alone, more than the margin, are content in the middle and something else at the end.
      if (isBlank && indent > margin) return false;
      if (!isBlank && indent < margin) return true;
    }
    return true;
  }
}

/** The head of most objects, from its lines: kind, name and annotations are strings, and no key is there twice. */
function usualHead(lines: readonly HeadLine[]): ObjectHead | undefined {
  const annotations: Record<string, string> = {};
  const values: Record<string, string | undefined> = {};
  for (const { text, depth, column, line } of lines) {
    const key = depth === Infinity ? '' : text.slice(column, text.indexOf(':', column));
    const known = depth === 3 ? annotations : values;
    if (Object.hasOwn(known, key)) return undefined;
    if (line.value === 'open') {
      if (depth > 2 || key !== (depth === 1 ? 'metadata' : 'annotations')) return undefined;
      values[key] = undefined;
      continue;
    }
    const isUsual = depth === 3 || key === (depth === 1 ? 'kind' : 'name');
    const scalar = isUsual && line.value === 'scalar' ? scalarOf(text.slice(line.valueAt)) : undefined;
    if (typeof scalar !== 'string') return undefined;
    known[key] = scalar;
  }
  return { kind: values['kind'] ?? '', name: values['name'] ?? '', annotations };
}

function kindOfLine(text: string): LineKind {
  if (!isUsual(text) || text.includes('\t')) return unsure;
  const end = text.length;
  let start = afterSpaces(text, 0, end);
  if (start === end || text.charCodeAt(start) === hash) return blank;
  const columns = [start];
  let dashes = 0;
  while (isDash(text, start, end)) {
    dashes++;
    start = afterSpaces(text, start + 1, end);
    if (start === end || text.charCodeAt(start) === hash) return { text, columns, dashes, value: 'open', valueAt: end };
    if (!isDash(text, start, end) && afterKey(text, start, end) < 0) {
      return lineWith(text, start, { columns, dashes });
    }
    columns.push(start);
  }
  const after = afterKey(text, start, end);
  if (after < 0) return unsure;
  const value = afterSpaces(text, after, end);
  if (value === end || text.charCodeAt(value) === hash) return { text, columns, dashes, value: 'open', valueAt: end };
  return lineWith(text, value, { columns, dashes });
}

/** A line whose value begins in it, at `at`; but for a literal block no more of it may follow. */
function lineWith(text: string, at: number, { columns, dashes }: Pick<Line, 'columns' | 'dashes'>): LineKind {
  if (text.charAt(at) === '|') {
    return literalHeader.test(text.slice(at)) ? { text, columns, dashes, value: 'literal', valueAt: at } : unsure;
  }
  return isSureScalar(text, at, text.length) ? { text, columns, dashes, value: 'scalar', valueAt: at } : unsure;
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
