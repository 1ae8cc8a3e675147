import { isUsual, maxDepth, maxLength, readQuickly, scalarOf, unsure, type Unsure } from './yaml-quick.ts';

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
  readonly key: string;
  readonly value: LineValue;
  /** The value where it is one that heads usually have. */
  readonly string: string | undefined;
}

/** Lines that are kept: how many, and up to which length. */
const maxLines = 20_000;
const longestLine = 200;

/** What Helm asks a document for. */
export interface ObjectHead {
  kind: string;
  name: string;
  annotations: Record<string, string>;
}

/** A collection that is open, and those around it. There is one for each way to the same one: they are compared as such. */
class Level {
  readonly column: number;
  readonly isList: boolean;
  readonly outer: Level | undefined;
  /** 1 for the object itself. */
  readonly depth: number;
  readonly #inner: Level[] = [];
  /** Places in it, by what else is known there. */
  readonly #places: Place[] = [];

  constructor(column: number, isList: boolean, outer: Level | undefined) {
    this.column = column;
    this.isList = isList;
    this.outer = outer;
    this.depth = outer ? outer.depth + 1 : 0;
  }

  inner(column: number, isList: boolean): Level {
    for (const level of this.#inner) if (level.column === column && level.isList === isList) return level;
    const level = new Level(column, isList, this);
    this.#inner.push(level);
    return level;
  }

  place(isOpen: boolean, isInMetadata: boolean, isWanted: boolean): Place {
    const index = (isOpen ? 4 : 0) + (isInMetadata ? 2 : 0) + (isWanted ? 1 : 0);
    return (this.#places[index] ??= new Place(this, isOpen, isInMetadata, isWanted));
  }
}

/** Where in a document a line begins. */
class Place {
  readonly level: Level;
  /** Whether the last key or dash is still without a value, which may begin in the next line. */
  readonly isOpen: boolean;
  readonly isInMetadata: boolean;
  /** Whether lines that are further in are part of the head. */
  readonly isWanted: boolean;
  /** What lines that were seen here do. */
  readonly steps = new Map<string, Step | Unsure>();

  constructor(level: Level, isOpen: boolean, isInMetadata: boolean, isWanted: boolean) {
    this.level = level;
    this.isOpen = isOpen;
    this.isInMetadata = isInMetadata;
    this.isWanted = isWanted;
  }
}

/** What a line does: where it leads, what it says of the head, and whether a literal block follows. */
interface Step {
  readonly to: Place;
  readonly head: HeadLine | undefined;
  readonly isLiteral: boolean;
}

/**
 * Finds out what kind of object a document is without making the object: charts render thousands, of which only the
 * head is asked for. What it takes, `yaml-quick.ts` reads, and gives the same. Most lines of a chart's manifests are also
 * those of others, at the same place: what such a line does is found out once.
 */
export class HeadSkimmer {
  readonly #line = new LineSkim();
  readonly #first = new Level(-1, false, undefined).place(true, false, false);
  #kept = 0;

  /**
   * The head of a block map that is surely YAML; where it is not of the usual form, `kind`, `metadata.name` and
   * `metadata.annotations` as they are. `unsure` of anything else.
   */
  head(text: string): { usual: ObjectHead } | { document: unknown } | Unsure {
    const lines = this.#wanted(text);
    if (lines === unsure) return unsure;
    const usual = usualHead(lines);
    return usual ? { usual } : { document: readQuickly(lines.map((line) => line.text).join('\n')) };
  }

  /** The lines of the head. */
  #wanted(text: string): HeadLine[] | Unsure {
    if (text.length > maxLength) return unsure;
    const wanted: HeadLine[] = [];
    let place = this.#first;
    for (let start = 0, end = 0; end < text.length; start = end + 1) {
      end = lineEnd(text, start);
      const line = text.slice(start, end);
      const step = place.steps.get(line) ?? this.#look(place, line);
      if (step === unsure) return unsure;
      place = step.to;
      if (step.head) wanted.push(step.head);
      if (!step.isLiteral) continue;
      const from = end + 1;
      end = literalEnd(text, end, place.level.column);
      if (end < 0) return unsure;
      const content = text.slice(from, end);
      if (!isPlainText(content)) return unsure;
      if (place.isWanted) {
        wanted.push({ text: content, depth: Infinity, key: '', value: 'literal', string: undefined });
      }
    }
    return isTopMap(place.level) ? wanted : unsure;
  }

  #look(place: Place, line: string): Step | Unsure {
    const step = isPlainText(line) ? this.#step(place, line) : unsure;
    if (line.length <= longestLine && this.#kept < maxLines) {
      this.#kept++;
      place.steps.set(line, step);
    }
    return step;
  }

  #step(place: Place, line: string): Step | Unsure {
    const first = afterSpaces(line, 0, line.length);
    if (isNothing(line, first, line.length)) return { to: place, head: undefined, isLiteral: false };
    const skim = this.#line;
    const isItem = isDash(line, first, line.length);
    const value = skim.line(line, place, first);
    if (value === unsure) return unsure;
    const depth = isItem ? Infinity : skim.level.depth;
    let { isInMetadata, isWanted } = place;
    if (depth === 1) {
      isInMetadata = beginsWith(metadata, line, first);
      isWanted = isInMetadata || beginsWith(kind, line, first);
    } else if (depth === 2 && isInMetadata) isWanted = beginsWith(metadataKey, line, first);
    return {
      to: skim.level.place(value === 'open', isInMetadata, isWanted),
      head: isWanted ? skim.headLine(depth, value) : undefined,
      isLiteral: value === 'literal',
    };
  }
}

/** Whether the outermost of what is open is a map that begins its line. */
function isTopMap(level: Level): boolean {
  let top = level;
  while (top.depth > 1 && top.outer) top = top.outer;
  return top.column === 0 && !top.isList;
}

/** One line, from a place on. */
class LineSkim {
  #text = '';
  #level: Level | undefined;
  #isOpen = false;
  /** Where the last key begins, and its value. */
  #keyAt = 0;
  #valueAt = 0;

  /** What is open behind the line. */
  get level(): Level {
    return this.#level as Level;
  }

  headLine(depth: number, value: LineValue): HeadLine {
    const text = this.#text;
    const key = depth === Infinity ? '' : text.slice(this.#keyAt, text.indexOf(':', this.#keyAt));
    const isUsual = value === 'scalar' && (depth === 3 || key === (depth === 1 ? 'kind' : 'name'));
    const scalar = isUsual ? scalarOf(text.slice(this.#valueAt)) : undefined;
    return { text, depth, key, value, string: typeof scalar === 'string' ? scalar : undefined };
  }

  /** What the line gives from `first` on, where it begins; opens and closes collections. */
  line(text: string, place: Place, first: number): LineValue | Unsure {
    this.#text = text;
    this.#level = place.level;
    this.#isOpen = place.isOpen;
    const end = text.length;
    const isItem = isDash(text, first, end);
    let at = first;
    if (!this.#begin(first, isItem)) return unsure;
    for (let isInner = isItem; isInner; isInner = isDash(text, at, end)) {
      if (at !== first && !this.#open(at, true)) return unsure;
      at = afterSpaces(text, at + 1, end);
      if (isNothing(text, at, end)) return 'open';
    }
    const after = afterKey(text, at, end);
    if (after < 0) return isItem ? this.#value(at) : unsure;
    if (at !== first && !this.#open(at, false)) return unsure;
    this.#keyAt = at;
    const value = afterSpaces(text, after, end);
    return isNothing(text, value, end) ? 'open' : this.#value(value);
  }

  /** Which value begins at `at`; but for a literal block no more of it may follow the line. */
  #value(at: number): LineValue | Unsure {
    const text = this.#text;
    this.#valueAt = at;
    if (text.charAt(at) === '|') return literalHeader.test(text.slice(at)) ? 'literal' : unsure;
    const isSure = isSimpleScalar(text, at, text.length) ?? scalarOf(text.slice(at)) !== unsure;
    return isSure ? 'scalar' : unsure;
  }

  /** Whether what begins at `column` surely may: closes what ended above it. */
  #begin(column: number, isItem: boolean): boolean {
    let level = this.level;
    // A list may stand as far left as the key that it belongs to.
    const begins = column > level.column || (column === level.column && isItem && !level.isList);
    if (begins) return this.#isOpen && this.#open(column, isItem);
    while (level.column > column || (level.column === column && level.isList !== isItem)) level = level.outer as Level;
    this.#level = level;
    return level.column === column;
  }

  #open(column: number, isList: boolean): boolean {
    this.#level = this.level.inner(column, isList);
    return this.#level.depth < maxDepth;
  }
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}

/** Whether a text is of characters that need no closer look. */
function isPlainText(text: string): boolean {
  return isUsual(text) && !text.includes('\t');
}

/** Where the last line ends of a literal block whose header ends at `headerEnd`; -1 where that is not sure. */
function literalEnd(text: string, headerEnd: number, column: number): number {
  let lastEnd = headerEnd;
  let margin = -1;
  for (let start = headerEnd + 1, end = headerEnd; end < text.length; start = end + 1) {
    end = lineEnd(text, start);
    const indent = afterSpaces(text, start, end) - start;
    const isBlank = start + indent === end;
    if (margin < 0) {
      margin = indent;
      if (isBlank || margin <= column) return -1;
    }
    // Spaces alone, more than the margin, are content in the middle and something else at the end.
    if (isBlank && indent > margin) return -1;
    if (!isBlank && indent < margin) break;
    lastEnd = end;
  }
  return margin < 0 ? -1 : lastEnd;
}

function beginsWith(key: RegExp, text: string, at: number): boolean {
  key.lastIndex = at;
  return key.test(text);
}

/** The head of most objects, from its lines: kind, name and annotations are strings, and no key is there twice. */
function usualHead(lines: readonly HeadLine[]): ObjectHead | undefined {
  const annotations: Record<string, string> = {};
  const values: Record<string, string | undefined> = {};
  for (const { depth, key, value, string } of lines) {
    const known = depth === 3 ? annotations : values;
    if (Object.hasOwn(known, key)) return undefined;
    if (value === 'open') {
      if (depth > 2 || key !== (depth === 1 ? 'metadata' : 'annotations')) return undefined;
      values[key] = undefined;
      continue;
    }
    if (string === undefined) return undefined;
    known[key] = string;
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
