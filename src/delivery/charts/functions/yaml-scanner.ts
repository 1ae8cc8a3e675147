/**
 * Cuts YAML into tokens as libyaml and go-yaml do, as far as it takes to know where they find a mistake: what scalars
 * hold is not looked at. `yaml-problem.ts` puts the tokens together.
 */

export type TokenKind =
  | 'stream end'
  | 'document start'
  | 'document end'
  | 'directive'
  | 'block sequence start'
  | 'block mapping start'
  | 'block end'
  | 'block entry'
  | 'flow sequence start'
  | 'flow sequence end'
  | 'flow mapping start'
  | 'flow mapping end'
  | 'flow entry'
  | 'key'
  | 'value'
  | 'property'
  | 'alias'
  | 'scalar';

export interface ScannedToken {
  readonly kind: TokenKind;
  /** From 0. */
  readonly line: number;
}

/** A mistake in go-yaml's words; its line is what go-yaml shows (0: none). */
export class YamlProblem extends Error {
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

interface SimpleKey {
  possible: boolean;
  required: boolean;
  /** Where its token goes among all tokens, counted from the first. */
  token: number;
  index: number;
  line: number;
  column: number;
}

const noKey: SimpleKey = { possible: false, required: false, token: 0, index: 0, line: 0, column: 0 };
const longestKey = 1024;

export class YamlScanner {
  readonly #text: string;
  #at = 0;
  #line = 0;
  #column = 0;
  readonly #tokens: ScannedToken[] = [];
  /** How many tokens were taken. */
  #taken = 0;
  #indent = -1;
  readonly #indents: number[] = [];
  #flowLevel = 0;
  #keyAllowed = true;
  readonly #keys: SimpleKey[] = [{ ...noKey }];
  #ended = false;

  constructor(text: string) {
    this.#text = text.replace(/\r\n?/g, '\n');
  }

  /** The next token. @throws YamlProblem */
  next(): ScannedToken {
    while (this.#needsMore()) this.#fetch();
    this.#taken++;
    return this.#tokens.shift() ?? { kind: 'stream end', line: this.#line };
  }

  #needsMore(): boolean {
    if (this.#ended) return false;
    if (this.#tokens.length === 0) return true;
    this.#staleKeys();
    // The first token may be a key, which is known only behind it.
    return this.#keys.some(({ possible, token }) => possible && token === this.#taken);
  }

  #fail(problem: string): never {
    // Scanners, unlike the parser, count lines from 1, but for the first, which is not told.
    throw new YamlProblem(problem, this.#line === 0 ? 0 : this.#line + 1);
  }

  #peek(offset = 0): string {
    return this.#text[this.#at + offset] ?? '';
  }

  #isBlank(offset = 0): boolean {
    const c = this.#peek(offset);
    return c === '' || c === ' ' || c === '\t' || c === '\n';
  }

  #skip(count = 1): void {
    for (let i = 0; i < count; i++) {
      if (this.#peek() === '\n') {
        this.#line++;
        this.#column = 0;
      } else this.#column++;
      this.#at++;
    }
  }

  #push(kind: TokenKind, line = this.#line): void {
    this.#tokens.push({ kind, line });
  }

  #fetch(): void {
    this.#skipToToken();
    this.#staleKeys();
    this.#unroll(this.#column);
    const c = this.#peek();
    if (c === '') return this.#fetchEnd();
    if (this.#column === 0 && c === '%') return this.#fetchDirective();
    if (this.#column === 0 && this.#isMarker()) return this.#fetchMarker();
    if (c === '[' || c === '{') return this.#fetchFlowStart(c === '[' ? 'flow sequence start' : 'flow mapping start');
    if (c === ']' || c === '}') return this.#fetchFlowEnd(c === ']' ? 'flow sequence end' : 'flow mapping end');
    if (c === ',') return this.#fetchFlowEntry();
    if (c === '-' && this.#isBlank(1)) return this.#fetchBlockEntry();
    if (c === '?' && (this.#flowLevel > 0 || this.#isBlank(1))) return this.#fetchKey();
    if (c === ':' && (this.#flowLevel > 0 || this.#isBlank(1))) return this.#fetchValue();
    if (c === '*' || c === '&') return this.#fetchAnchor(c);
    if (c === '!') return this.#fetchTag();
    if ((c === '|' || c === '>') && this.#flowLevel === 0) return this.#fetchBlockScalar();
    if (c === "'" || c === '"') return this.#fetchQuoted(c);
    if (this.#startsPlain(c)) return this.#fetchPlain();
    this.#fail('found character that cannot start any token');
  }

  #startsPlain(c: string): boolean {
    if (c === '-') return !(this.#peek(1) === ' ' || this.#peek(1) === '\t');
    if (this.#flowLevel === 0 && (c === '?' || c === ':')) return !this.#isBlank(1);
    return !(this.#isBlank() || '-?:,[]{}#&*!|>\'"%@`'.includes(c));
  }

  #isMarker(): boolean {
    const marker = this.#text.slice(this.#at, this.#at + 3);
    return (marker === '---' || marker === '...') && this.#isBlank(3);
  }

  #skipToToken(): void {
    for (;;) {
      while (this.#peek() === ' ' || ((this.#flowLevel > 0 || !this.#keyAllowed) && this.#peek() === '\t'))
        this.#skip();
      if (this.#peek() === '#') while (this.#peek() !== '' && this.#peek() !== '\n') this.#skip();
      if (this.#peek() !== '\n') return;
      this.#skip();
      if (this.#flowLevel === 0) this.#keyAllowed = true;
    }
  }

  // Simple keys: what may turn out to be one when a colon follows

  #staleKeys(): void {
    for (const key of this.#keys) {
      if (!key.possible || (key.line === this.#line && key.index + longestKey >= this.#at)) continue;
      if (key.required) this.#fail("could not find expected ':'");
      key.possible = false;
    }
  }

  #saveKey(): void {
    const required = this.#flowLevel === 0 && this.#indent === this.#column;
    if (!this.#keyAllowed) return;
    this.#removeKey();
    this.#keys[this.#keys.length - 1] = {
      ...{ possible: true, required, token: this.#taken + this.#tokens.length },
      ...{ index: this.#at, line: this.#line, column: this.#column },
    };
  }

  #removeKey(): void {
    const key = this.#keys.at(-1) as SimpleKey;
    if (key.possible && key.required) this.#fail("could not find expected ':'");
    key.possible = false;
  }

  // Indents

  #roll(column: number, kind: TokenKind, at = -1, line = this.#line): void {
    if (this.#flowLevel > 0 || this.#indent >= column) return;
    this.#indents.push(this.#indent);
    this.#indent = column;
    if (at < 0) this.#push(kind, line);
    else this.#tokens.splice(at - this.#taken, 0, { kind, line });
  }

  #unroll(column: number): void {
    if (this.#flowLevel > 0) return;
    while (this.#indent > column) {
      this.#push('block end');
      this.#indent = this.#indents.pop() ?? -1;
    }
  }

  // Tokens

  #fetchEnd(): void {
    if (this.#column !== 0) {
      this.#column = 0;
      this.#line++;
    }
    this.#unroll(-1);
    this.#removeKey();
    this.#keyAllowed = false;
    this.#push('stream end');
    this.#ended = true;
  }

  #fetchDirective(): void {
    this.#unroll(-1);
    this.#removeKey();
    this.#keyAllowed = false;
    this.#push('directive');
    while (this.#peek() !== '' && this.#peek() !== '\n') this.#skip();
  }

  #fetchMarker(): void {
    this.#unroll(-1);
    this.#removeKey();
    this.#keyAllowed = false;
    this.#push(this.#peek() === '-' ? 'document start' : 'document end');
    this.#skip(3);
  }

  #fetchFlowStart(kind: TokenKind): void {
    this.#saveKey();
    this.#keys.push({ ...noKey });
    this.#flowLevel++;
    this.#keyAllowed = true;
    this.#push(kind);
    this.#skip();
  }

  #fetchFlowEnd(kind: TokenKind): void {
    this.#removeKey();
    if (this.#flowLevel > 0) {
      this.#flowLevel--;
      this.#keys.pop();
    }
    this.#keyAllowed = false;
    this.#push(kind);
    this.#skip();
  }

  #fetchFlowEntry(): void {
    this.#removeKey();
    this.#keyAllowed = true;
    this.#push('flow entry');
    this.#skip();
  }

  #fetchBlockEntry(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.#fail('block sequence entries are not allowed in this context');
      this.#roll(this.#column, 'block sequence start');
    }
    this.#removeKey();
    this.#keyAllowed = true;
    this.#push('block entry');
    this.#skip();
  }

  #fetchKey(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) this.#fail('mapping keys are not allowed in this context');
      this.#roll(this.#column, 'block mapping start');
    }
    this.#removeKey();
    this.#keyAllowed = this.#flowLevel === 0;
    this.#push('key');
    this.#skip();
  }

  #fetchValue(): void {
    const key = this.#keys.at(-1) as SimpleKey;
    if (key.possible) {
      this.#tokens.splice(key.token - this.#taken, 0, { kind: 'key', line: key.line });
      this.#roll(key.column, 'block mapping start', key.token, key.line);
      key.possible = false;
      this.#keyAllowed = false;
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#keyAllowed) this.#fail('mapping values are not allowed in this context');
        this.#roll(this.#column, 'block mapping start');
      }
      this.#keyAllowed = this.#flowLevel === 0;
    }
    this.#push('value');
    this.#skip();
  }

  #fetchAnchor(c: string): void {
    this.#saveKey();
    this.#keyAllowed = false;
    this.#push(c === '*' ? 'alias' : 'property');
    this.#skip();
    const start = this.#at;
    while (/[\w-]/.test(this.#peek())) this.#skip();
    const isEnded = this.#isBlank() || '?:,]}%@`'.includes(this.#peek());
    if (this.#at === start || !isEnded) this.#fail('did not find expected alphabetic or numeric character');
  }

  #fetchTag(): void {
    this.#saveKey();
    this.#keyAllowed = false;
    this.#push('property');
    const isVerbatim = this.#peek(1) === '<';
    while (!this.#isBlank() && !(isVerbatim && this.#peek() === '>')) this.#skip();
    if (!isVerbatim) return;
    if (this.#peek() !== '>') this.#fail("did not find the expected '>'");
    this.#skip();
  }

  #fetchBlockScalar(): void {
    this.#removeKey();
    this.#keyAllowed = true;
    this.#push('scalar');
    this.#skip();
    const indicators = /^(?:[+-][1-9]?|[1-9][+-]?)?/.exec(this.#text.slice(this.#at, this.#at + 2))?.[0] ?? '';
    this.#skip(indicators.length);
    if (this.#peek() === '0') this.#fail('found an indentation indicator equal to 0');
    while (this.#peek() === ' ' || this.#peek() === '\t') this.#skip();
    if (this.#peek() === '#') while (this.#peek() !== '' && this.#peek() !== '\n') this.#skip();
    if (this.#peek() !== '' && this.#peek() !== '\n') this.#fail('did not find expected comment or line break');
    this.#skipLine();
    const given = /\d/.exec(indicators)?.[0];
    let indent = given === undefined ? 0 : Math.max(this.#indent, 0) + Number(given);
    if (indent === 0) indent = this.#blockIndent();
    for (;;) {
      while (this.#column < indent && this.#peek() === ' ') this.#skip();
      if (this.#peek() === '\n') this.#skip();
      else if (this.#column === indent && this.#peek() !== '') {
        while (this.#peek() !== '' && this.#peek() !== '\n') this.#skip();
        this.#skipLine();
      } else return;
    }
  }

  #skipLine(): void {
    if (this.#peek() === '\n') this.#skip();
  }

  /** That of the first line that says something; longer ones of spaces alone count, too. */
  #blockIndent(): number {
    let widest = 0;
    for (;;) {
      while (this.#peek() === ' ') this.#skip();
      widest = Math.max(widest, this.#column);
      if (this.#peek() === '\t') this.#fail('found a tab character where an indentation space is expected');
      if (this.#peek() !== '\n') break;
      this.#skip();
    }
    return Math.max(widest, this.#indent + 1, 1);
  }

  #fetchQuoted(mark: string): void {
    this.#saveKey();
    this.#keyAllowed = false;
    this.#push('scalar');
    this.#skip();
    for (;;) {
      if (this.#column === 0 && this.#isMarker()) this.#fail('found unexpected document indicator');
      const c = this.#peek();
      if (c === '') this.#fail('found unexpected end of stream');
      if (c === mark && !(mark === "'" && this.#peek(1) === "'")) break;
      if (c === mark) this.#skip();
      else if (c === '\\' && mark === '"') this.#escape();
      this.#skip();
    }
    this.#skip();
  }

  #escape(): void {
    const c = this.#peek(1);
    if (!'0abt\tnvfre "\'/\\N_LPxuU\n'.includes(c)) this.#fail('found unknown escape character');
    const digits = c === 'x' ? 2 : c === 'u' ? 4 : c === 'U' ? 8 : 0;
    const code = this.#text.slice(this.#at + 2, this.#at + 2 + digits);
    if (!new RegExp(`^[\\da-fA-F]{${digits}}$`).test(code)) this.#fail('did not find expected hexdecimal number');
    this.#skip();
  }

  #fetchPlain(): void {
    this.#saveKey();
    this.#keyAllowed = false;
    this.#push('scalar');
    const indent = this.#indent + 1;
    let hasBreaks = false;
    for (;;) {
      if ((this.#column === 0 && this.#isMarker()) || this.#peek() === '#') break;
      const start = this.#at;
      while (!this.#isBlank() && !this.#endsPlain()) this.#skip();
      if (this.#at > start) hasBreaks = false;
      if (!(this.#isBlank() && this.#peek() !== '')) break;
      while (this.#isBlank() && this.#peek() !== '') {
        if (this.#peek() === '\t' && hasBreaks && this.#column < indent)
          this.#fail('found a tab character that violates indentation');
        if (this.#peek() === '\n') hasBreaks = true;
        this.#skip();
      }
      if (this.#flowLevel === 0 && this.#column < indent) break;
    }
    if (hasBreaks) this.#keyAllowed = true;
  }

  #endsPlain(): boolean {
    const c = this.#peek();
    if (c === ':') return this.#isBlank(1) || (this.#flowLevel > 0 && ',?[]{}'.includes(this.#peek(1)));
    return this.#flowLevel > 0 && (',[]{}'.includes(c) || (c === '?' && this.#isBlank(1)));
  }
}
