import { type ScannedToken, type TokenKind, YamlProblem, YamlScanner } from './yaml-scanner.ts';

/** How deep collections may be nested here; what is deeper is refused elsewhere. */
const maxDepth = 500;

/**
 * What go-yaml finds wrong with the structure of a text's first document, in its words and with the line that it shows
 * (`line 3: could not find expected ':'`). Undefined when it finds nothing.
 */
export function structuralProblem(text: string): string | undefined {
  try {
    new Grammar(new YamlScanner(text)).document();
    return undefined;
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    return `${error.line > 0 ? `line ${error.line}: ` : ''}${error.message}`;
  }
}

/** libyaml's grammar: its parser counts lines from 0, and does not tell the first. */
class Grammar {
  readonly #scanner: YamlScanner;
  #token: ScannedToken;
  #depth = 0;

  constructor(scanner: YamlScanner) {
    this.#scanner = scanner;
    this.#token = scanner.next();
  }

  #next(): void {
    this.#token = this.#scanner.next();
  }

  #is(...kinds: TokenKind[]): boolean {
    return kinds.includes(this.#token.kind);
  }

  #fail(problem: string): never {
    throw new YamlProblem(problem, this.#token.line);
  }

  document(): void {
    if (this.#is('stream end')) return;
    const hasDirectives = this.#is('directive');
    while (this.#is('directive')) this.#next();
    if (this.#is('document start')) this.#next();
    else if (hasDirectives) this.#fail('did not find expected <document start>');
    else if (this.#is('document end')) this.#fail('did not find expected node content');
    if (!this.#is('document start', 'document end', 'stream end')) this.#node('block');
  }

  #node(context: 'block' | 'indentless' | 'flow'): void {
    if (++this.#depth > maxDepth) this.#fail(`exceeded max depth of ${maxDepth}`);
    if (this.#is('alias')) this.#next();
    else {
      const hasProperties = this.#is('property');
      while (this.#is('property')) this.#next();
      this.#content(context, hasProperties);
    }
    this.#depth--;
  }

  #content(context: 'block' | 'indentless' | 'flow', mayBeEmpty: boolean): void {
    if (context === 'indentless' && this.#is('block entry')) return this.#indentlessSequence();
    if (this.#is('scalar')) return this.#next();
    if (this.#is('flow sequence start')) return this.#flowSequence();
    if (this.#is('flow mapping start')) return this.#flowMapping();
    if (context !== 'flow' && this.#is('block sequence start')) return this.#blockSequence();
    if (context !== 'flow' && this.#is('block mapping start')) return this.#blockMapping();
    if (!mayBeEmpty) this.#fail('did not find expected node content');
  }

  #blockSequence(): void {
    this.#next();
    while (this.#is('block entry')) {
      this.#next();
      if (!this.#is('block entry', 'block end')) this.#node('block');
    }
    if (!this.#is('block end')) this.#fail("did not find expected '-' indicator");
    this.#next();
  }

  #indentlessSequence(): void {
    while (this.#is('block entry')) {
      this.#next();
      if (!this.#is('block entry', 'key', 'value', 'block end')) this.#node('block');
    }
  }

  #blockMapping(): void {
    this.#next();
    while (this.#is('key')) {
      this.#next();
      if (!this.#is('key', 'value', 'block end')) this.#node('indentless');
      if (!this.#is('value')) continue;
      this.#next();
      if (!this.#is('key', 'value', 'block end')) this.#node('indentless');
    }
    if (!this.#is('block end')) this.#fail('did not find expected key');
    this.#next();
  }

  #flowSequence(): void {
    this.#next();
    for (let isFirst = true; !this.#is('flow sequence end'); isFirst = false) {
      if (!isFirst) {
        if (!this.#is('flow entry')) this.#fail("did not find expected ',' or ']'");
        this.#next();
        if (this.#is('flow sequence end')) break;
      }
      if (this.#is('key')) this.#flowPair('flow sequence end');
      else this.#node('flow');
    }
    this.#next();
  }

  #flowPair(end: TokenKind): void {
    this.#next();
    if (!this.#is('value', 'flow entry', end)) this.#node('flow');
    if (!this.#is('value')) return;
    this.#next();
    if (!this.#is('flow entry', end)) this.#node('flow');
  }

  #flowMapping(): void {
    this.#next();
    for (let isFirst = true; !this.#is('flow mapping end'); isFirst = false) {
      if (!isFirst) {
        if (!this.#is('flow entry')) this.#fail("did not find expected ',' or '}'");
        this.#next();
        if (this.#is('flow mapping end')) break;
      }
      if (this.#is('key')) this.#flowPair('flow mapping end');
      else this.#node('flow');
    }
    this.#next();
  }
}
