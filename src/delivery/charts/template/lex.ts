import { quote } from './quote.ts';

/** Kinds of tokens, as Go's text/template/parse has them. */
export type TokenType =
  | 'error'
  | 'bool'
  | 'char'
  | 'char constant'
  | 'complex'
  | 'assign'
  | 'declare'
  | 'EOF'
  | 'field'
  | 'identifier'
  | 'left delimiter'
  | 'left paren'
  | 'number'
  | 'pipe'
  | 'raw string'
  | 'right delimiter'
  | 'right paren'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | 'dot'
  | Keyword;

type Keyword = (typeof keywords)[number];
const keywords = [
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'nil',
  'template',
  'with',
] as const;
const keywordSet: ReadonlySet<string> = new Set(keywords);

export interface Token {
  readonly type: TokenType;
  /** Where it starts in the text, in UTF-16 units. */
  readonly position: number;
  readonly value: string;
  /** The line on which it starts, from 1. */
  readonly line: number;
}

const wordRun = /[\p{L}\p{Nd}_]*/uy;
/** What could be a number; the parser checks it. */
const number =
  /[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)i?/y;
/** In UTF-16 units: how long an action may be to be looked up as a whole. */
const longestAction = 200;
const trailingSpace = /[ \t\r\n]+$/;

/** Cuts a template into tokens, one at a time, by the rules of Go's lexer. */
export class Lexer {
  readonly #text: string;
  #position = 0;
  #line = 1;
  #insideAction = false;
  #parenDepth = 0;
  #done = false;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    if (this.#done) return this.#token('EOF', this.#position);
    return this.#insideAction ? this.#insideNext() : this.#textNext();
  }

  get position(): number {
    return this.#position;
  }

  /** What is left of the action that was begun, to its first `}}`; undefined when it is long, or has no end. */
  actionText(): string | undefined {
    const end = this.#text.indexOf('}}', this.#position);
    return end < 0 || end - this.#position > longestAction ? undefined : this.#text.slice(this.#position, end);
  }

  /** Goes past the action that was begun, which has so much left before its right delimiter: that is given. */
  skipAction(length: number): Token {
    const end = this.#position + length;
    const trims = isSpace(this.#text.charCodeAt(end - 2)) && this.#text.charCodeAt(end - 1) === 0x2d;
    this.#skipTo(end);
    const token = this.#token('right delimiter', end + 2);
    this.#leaveAction(trims ? end - 2 : end, trims);
    return token;
  }

  /** Whether the action that was begun may be a definition. */
  mayDefine(): boolean {
    let at = this.#position;
    while (isSpace(this.#text.charCodeAt(at))) at++;
    return this.#text.startsWith('define', at);
  }

  /** The token from here to `end`. */
  #token(type: TokenType, end: number): Token {
    const token = { type, position: this.#position, value: this.#text.slice(this.#position, end), line: this.#line };
    this.#skipTo(end);
    return token;
  }

  /** A token that holds no line break. */
  #lineToken(type: TokenType, end: number): Token {
    const position = this.#position;
    this.#position = end;
    return { type, position, value: this.#text.slice(position, end), line: this.#line };
  }

  #skipTo(end: number): void {
    const text = this.#text;
    for (let at = text.indexOf('\n', this.#position); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) {
      this.#line++;
    }
    this.#position = end;
  }

  #error(message: string): Token {
    this.#done = true;
    return { type: 'error', position: this.#position, value: message, line: this.#line };
  }

  #textNext(): Token {
    for (;;) {
      const text = this.#text;
      const found = text.indexOf('{{', this.#position);
      if (found < 0) {
        if (this.#position < text.length) return this.#token('text', text.length);
        this.#done = true;
        return this.#token('EOF', this.#position);
      }
      const trims = text[found + 2] === '-' && isSpace(text.charCodeAt(found + 3));
      const textEnd = trims ? this.#trimmedEnd(found) : found;
      if (textEnd > this.#position) return this.#token('text', textEnd);
      this.#skipTo(found);
      const afterMarker = found + 2 + (trims ? 2 : 0);
      if (!text.startsWith('/*', afterMarker)) {
        const token = this.#token('left delimiter', found + 2);
        this.#skipTo(afterMarker);
        this.#insideAction = true;
        this.#parenDepth = 0;
        return token;
      }
      const error = this.#skipComment(afterMarker);
      if (error) return error;
    }
  }

  #trimmedEnd(found: number): number {
    let end = found;
    while (end > this.#position && isSpace(this.#text.charCodeAt(end - 1))) end--;
    return end;
  }

  #skipComment(start: number): Token | undefined {
    this.#skipTo(start);
    const end = this.#text.indexOf('*/', start + 2);
    if (end < 0) return this.#error('unclosed comment');
    this.#skipTo(end + 2);
    const trims = this.#trimsRight(end + 2);
    if (!trims && !this.#text.startsWith('}}', end + 2)) {
      return this.#error('comment ends before closing delimiter');
    }
    this.#leaveAction(end + 2, trims);
    return undefined;
  }

  #trimsRight(at: number): boolean {
    return isSpace(this.#text.charCodeAt(at)) && this.#text.startsWith('-}}', at + 1);
  }

  /** Past a right delimiter that starts at `at`, and the space that it trims. */
  #leaveAction(at: number, trims: boolean): void {
    this.#insideAction = false;
    let end = at + (trims ? 4 : 2);
    if (trims) while (isSpace(this.#text.charCodeAt(end))) end++;
    this.#skipTo(end);
  }

  #insideNext(): Token {
    const text = this.#text;
    const at = this.#position;
    const trims = this.#trimsRight(at);
    if (trims || isRightDelimiter(text, at)) {
      if (this.#parenDepth > 0) return this.#error('unclosed left paren');
      if (trims) this.#skipTo(at + 2);
      const token = this.#token('right delimiter', this.#position + 2);
      this.#leaveAction(at, trims);
      return token;
    }
    if (at >= text.length) return this.#error('unclosed action');
    const c = text[at] as string;
    if (isSpace(c.charCodeAt(0))) return this.#space();
    switch (c) {
      case '=':
        return this.#lineToken('assign', at + 1);
      case ':':
        return text[at + 1] === '=' ? this.#lineToken('declare', at + 2) : this.#error('expected :=');
      case '|':
        return this.#lineToken('pipe', at + 1);
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string');
      case "'":
        return this.#quoted("'", 'char constant', 'unterminated character constant');
      case '`': {
        const end = text.indexOf('`', at + 1);
        return end < 0 ? this.#error('unterminated raw quoted string') : this.#token('raw string', end + 1);
      }
      case '$':
        return this.#fieldOrVariable('variable', 'variable');
      case '(':
        this.#parenDepth++;
        return this.#lineToken('left paren', at + 1);
      case ')':
        if (--this.#parenDepth < 0) return this.#error('unexpected right paren');
        return this.#lineToken('right paren', at + 1);
      default:
        return this.#wordOrNumber(c);
    }
  }

  #wordOrNumber(c: string): Token {
    const at = this.#position;
    if (c === '.' && !isDigit(this.#text[at + 1])) {
      return at + 1 < this.#text.length ? this.#fieldOrVariable('field', 'dot') : this.#lineToken('dot', at + 1);
    }
    if (c === '.' || c === '+' || c === '-' || isDigit(c)) return this.#number();
    const end = this.#wordEnd(at);
    if (end > at) return this.#identifier(end);
    if (c >= ' ' && c <= '~') return this.#token('char', at + 1);
    return this.#error(`unrecognized character in action: ${this.#unicodeAt(at)}`);
  }

  #space(): Token {
    let end = this.#position + 1;
    while (isSpace(this.#text.charCodeAt(end))) end++;
    // The last space belongs to the delimiter that trims.
    if (this.#trimsRight(end - 1)) end--;
    return end > this.#position ? this.#token('space', end) : this.#insideNext();
  }

  #identifier(end: number): Token {
    const word = this.#text.slice(this.#position, end);
    if (!this.#isTerminator(end)) {
      this.#skipTo(end);
      return this.#error(`bad character ${this.#unicodeAt(end)}`);
    }
    if (keywordSet.has(word)) return this.#lineToken(word as Keyword, end);
    return this.#lineToken(word === 'true' || word === 'false' ? 'bool' : 'identifier', end);
  }

  /** `.name`, `$name`, or the bare `.` or `$`. */
  #fieldOrVariable(type: 'field' | 'variable', bare: 'dot' | 'variable'): Token {
    const start = this.#position + 1;
    if (this.#isTerminator(start)) return this.#lineToken(bare, start);
    const end = this.#wordEnd(start);
    if (!this.#isTerminator(end)) return this.#error(`bad character ${this.#unicodeAt(end)}`);
    return this.#lineToken(type, end);
  }

  #quoted(mark: string, type: 'string' | 'char constant', message: string): Token {
    const text = this.#text;
    for (let i = this.#position + 1; i < text.length && text[i] !== '\n'; i++) {
      if (text[i] === mark) return this.#token(type, i + 1);
      if (text[i] === '\\' && text[++i] === '\n') break;
    }
    return this.#error(message);
  }

  #number(): Token {
    const end = this.#numberEnd(this.#position);
    if (end.bad) return this.#error(`bad number syntax: ${quote(this.#text.slice(this.#position, end.at))}`);
    const sign = this.#text[end.at];
    if (sign !== '+' && sign !== '-') return this.#lineToken('number', end.at);
    const second = this.#numberEnd(end.at);
    if (second.bad || this.#text[second.at - 1] !== 'i') {
      return this.#error(`bad number syntax: ${quote(this.#text.slice(this.#position, second.at))}`);
    }
    return this.#token('complex', second.at);
  }

  /** Where a run of what could be a number ends; the parser checks it. */
  #numberEnd(start: number): { at: number; bad: boolean } {
    const text = this.#text;
    let at = start;
    while (isDigitCode(text.charCodeAt(at))) at++;
    // Most numbers are a few digits.
    if (at > start && this.#isTerminator(at) && text[at] !== '.') return { at, bad: false };
    number.lastIndex = start;
    number.test(text);
    at = number.lastIndex;
    const word = this.#wordEnd(at);
    return word > at ? { at: at + (text.codePointAt(at)! > 0xffff ? 2 : 1), bad: true } : { at, bad: false };
  }

  #wordEnd(at: number): number {
    const text = this.#text;
    let end = at;
    let code = text.charCodeAt(end);
    while (isAsciiWord(code)) code = text.charCodeAt(++end);
    if (!(code > 0x7f)) return end;
    wordRun.lastIndex = at;
    wordRun.test(text);
    return Math.max(at, wordRun.lastIndex);
  }

  #isTerminator(at: number): boolean {
    const text = this.#text;
    if (at >= text.length) return true;
    const code = text.charCodeAt(at);
    return isSpace(code) || '.,|:)('.includes(String.fromCharCode(code)) || isRightDelimiter(text, at);
  }

  /** `U+0040 '@'`, as `%#U` prints it. */
  #unicodeAt(at: number): string {
    const code = this.#text.codePointAt(at);
    if (code === undefined) return 'U+FFFFFFFFFFFFFFFF';
    const hex = code.toString(16).toUpperCase().padStart(4, '0');
    const character = String.fromCodePoint(code);
    return /[\p{C}\p{Z}]/u.test(character) && character !== ' ' ? `U+${hex}` : `U+${hex} '${character}'`;
  }
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13;
}

function isRightDelimiter(text: string, at: number): boolean {
  return text.charCodeAt(at) === 0x7d && text.charCodeAt(at + 1) === 0x7d;
}

function isDigitCode(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A letter, a digit or `_`. */
function isAsciiWord(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || isDigitCode(code) || code === 0x5f;
}

function isDigit(c: string | undefined): boolean {
  return c !== undefined && c >= '0' && c <= '9';
}

/** A token as parse errors name it. */
export function describeToken(token: Token): string {
  if (token.type === 'EOF') return 'EOF';
  if (token.type === 'error') return token.value;
  if (keywordSet.has(token.type) || token.type === 'dot') return `<${token.value}>`;
  const characters = Array.from(token.value);
  return characters.length > 10 ? `${quote(characters.slice(0, 10).join(''))}...` : quote(token.value);
}

/** The text without the space at its end. */
export function isBlank(text: string): boolean {
  return text.replace(trailingSpace, '').trim() === '';
}
