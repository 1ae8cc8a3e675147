import { locate, TemplateError } from './error.ts';
import { describeToken, Lexer, type Token, type TokenType } from './lex.ts';
import type { Source } from './nodes.ts';

/** The tokens of a source, which may be looked at and given back; and what is said of those that are not expected. */
export class TokenStream {
  readonly #source: Source;
  readonly #lexer: Lexer;
  /** Tokens that were given back, the next one last. */
  readonly #pending: Token[] = [];
  #last: Token = { type: 'text', position: 0, value: '', line: 1 };
  /** Where the first `}}` is of the action whose text was asked for. */
  #firstEnd = -1;
  /** The line on which the action began; 0 outside of actions. */
  actionLine = 0;

  constructor(source: Source) {
    this.#source = source;
    this.#lexer = new Lexer(source.text);
  }

  next(): Token {
    const pending = this.#pending.pop();
    if (pending) return pending;
    this.#last = this.#lexer.next();
    return this.#last;
  }

  peek(): Token {
    const token = this.next();
    this.#pending.push(token);
    return token;
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.type === 'space') token = this.next();
    return token;
  }

  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.#pending.push(token);
    return token;
  }

  giveBack(...tokens: Token[]): void {
    this.#pending.push(...tokens);
  }

  /** Whether the action whose delimiter was looked at last may be a definition. */
  mayDefine(): boolean {
    return this.#lexer.mayDefine();
  }

  /** What is left of the action that was begun, to its first `}}`; undefined when that is not easily said. */
  actionText(): string | undefined {
    const text = this.#pending.length === 0 ? this.#lexer.actionText() : undefined;
    this.#firstEnd = text === undefined ? -1 : this.#lexer.position + text.length;
    return text;
  }

  /** Goes past an action of which so much is left before its right delimiter. */
  skipAction(length: number): void {
    this.#last = this.#lexer.skipAction(length);
  }

  /** Whether the action that has just ended did so at its first `}}`, which may be in quotes. */
  endedAtFirst(): boolean {
    return this.#last.type === 'right delimiter' && this.#last.position === this.#firstEnd;
  }

  expect(context: string, ...types: TokenType[]): Token {
    const token = this.nextNonSpace();
    if (!types.includes(token.type)) this.unexpected(token, context);
    return token;
  }

  /** @throws TemplateError at the last token */
  fail(message: string): never {
    const { name, text } = this.#source;
    const location = { ...locate(name, text, this.#last.position), line: this.#last.line };
    throw new TemplateError('parse', `template: ${name}:${this.#last.line}: ${message}`, location);
  }

  unexpected(token: Token, context: string): never {
    if (token.type !== 'error') this.fail(`unexpected ${describeToken(token)} in ${context}`);
    let extra = '';
    if (this.actionLine !== 0 && this.actionLine !== token.line) {
      const word = token.value.endsWith(' action') ? '' : ' in action';
      extra = `${word} started at ${this.#source.name}:${this.actionLine}`;
    }
    this.fail(token.value + extra);
  }
}
