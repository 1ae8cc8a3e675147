/**
 * A second look at JSON text, for what `JSON.parse` does not tell: where and why it is malformed, in the words of Go's
 * encoding/json (clients show them), and which object keys stand twice. Slow compared with `JSON.parse`: called only
 * when there is something to report.
 */
export function syntaxProblem(text: string): string {
  try {
    new Scanner(text).scan();
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message;
    throw error;
  }
  return 'invalid JSON';
}

/** Paths of keys that stand more than once in one object: `spec.containers[0].image`. `text` is valid JSON. */
export function duplicateKeys(text: string): string[] {
  const scanner = new Scanner(text);
  scanner.scan();
  return scanner.duplicates;
}

/**
 * What strict decoding found, in the order of the text, as Go's decoder comes upon it: an unknown field where it first
 * stands, a duplicate where it stands again. One that is unknown is not told of as a duplicate, too. `text` is valid
 * JSON; both lists have paths of its keys.
 */
export function inTextOrder(
  text: string,
  found: { unknown: readonly string[]; duplicates: readonly string[] },
): { kind: 'unknown' | 'duplicate'; path: string }[] {
  const unknown = new Set(found.unknown);
  const duplicates = new Set(found.duplicates.filter((path) => !unknown.has(path)));
  const ordered: ReturnType<typeof inTextOrder> = [];
  new Scanner(text, (path, isAgain) => {
    if (unknown.delete(path)) ordered.push({ kind: 'unknown', path });
    else if (isAgain && duplicates.delete(path)) ordered.push({ kind: 'duplicate', path });
  }).scan();
  return ordered;
}

/**
 * How many `"key":` the text has. Against {@link countKeys} of the parsed value this tells in a few microseconds that
 * no key stands twice. `text` is valid JSON.
 */
export function countKeysInText(text: string): number {
  let count = 0;
  for (let open = text.indexOf('"'); open >= 0;) {
    let close = text.indexOf('"', open + 1);
    while (text.charCodeAt(close - 1) === backslash && isEscaped(text, close)) close = text.indexOf('"', close + 1);
    let next = close + 1;
    while (isSpace(text.charCodeAt(next))) next++;
    if (text.charCodeAt(next) === colon) count++;
    open = text.indexOf('"', next);
  }
  return count;
}

/** Keys in all objects of a parsed value. Values nested deeper than `depth` levels throw `TooDeep`. */
export function countKeys(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) throw new TooDeep();
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) if (typeof item === 'object') count += countKeys(item, depth - 1);
    return count;
  }
  for (const key in value) {
    count++;
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === 'object') count += countKeys(inner, depth - 1);
  }
  return count;
}

export class TooDeep extends Error {}

const backslash = 0x5c;
const colon = 0x3a;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isEscaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(quote - 1 - slashes) === backslash) slashes++;
  return slashes % 2 === 1;
}

class SyntaxProblem extends Error {}

const maxDepth = 2000;
const reportLimit = 100;

class Scanner {
  readonly duplicates: string[] = [];
  readonly #text: string;
  readonly #onKey: ((path: string, isAgain: boolean) => void) | undefined;
  #at = 0;
  #path: (string | number)[] = [];

  constructor(text: string, onKey?: (path: string, isAgain: boolean) => void) {
    this.#text = text;
    this.#onKey = onKey;
  }

  scan(): void {
    this.#value();
    if (this.#peek() !== '') this.#refuse('after top-level value');
  }

  /** The next character that is not white space; '' at the end. */
  #peek(): string {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.charAt(this.#at);
  }

  #value(): void {
    const first = this.#peek();
    if (this.#path.length > maxDepth) throw new SyntaxProblem('exceeded max depth');
    if (first === '{') this.#object();
    else if (first === '[') this.#array();
    else if (first === '"') this.#string();
    else if (/[-0-9]/.test(first)) this.#number();
    else if (first === 't') this.#literal('true');
    else if (first === 'f') this.#literal('false');
    else if (first === 'n') this.#literal('null');
    else this.#refuse('looking for beginning of value');
  }

  #object(): void {
    this.#at++;
    if (this.#peek() === '}') {
      this.#at++;
      return;
    }
    const seen = new Set<string>();
    for (;;) {
      if (this.#peek() !== '"') this.#refuse('looking for beginning of object key string');
      const key = this.#string();
      if (this.#peek() !== ':') this.#refuse('after object key');
      this.#at++;
      this.#path.push(key);
      if (seen.has(key) && this.duplicates.length < reportLimit) this.duplicates.push(joinPath(this.#path));
      this.#onKey?.(joinPath(this.#path), seen.has(key));
      seen.add(key);
      this.#value();
      this.#path.pop();
      const next = this.#peek();
      if (next !== ',' && next !== '}') this.#refuse('after object key:value pair');
      this.#at++;
      if (next === '}') return;
    }
  }

  #array(): void {
    this.#at++;
    if (this.#peek() === ']') {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.#path.push(index);
      this.#value();
      this.#path.pop();
      const next = this.#peek();
      if (next !== ',' && next !== ']') this.#refuse('after array element');
      this.#at++;
      if (next === ']') return;
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const letter = this.#text.charAt(this.#at);
      if (letter === '' || letter < ' ') this.#refuse('in string literal');
      this.#at++;
      if (letter === '"') return JSON.parse(this.#text.slice(start, this.#at)) as string;
      if (letter !== '\\') continue;
      const escape = this.#text.charAt(this.#at);
      if (!'"\\/bfnrtu'.includes(escape) || escape === '') this.#refuse('in string escape code');
      this.#at++;
      for (let i = 0; escape === 'u' && i < 4; i++, this.#at++) {
        if (!/[0-9a-fA-F]/.test(this.#text.charAt(this.#at))) this.#refuse('in \\u hexadecimal character escape');
      }
    }
  }

  #number(): void {
    if (this.#text.charAt(this.#at) === '-') this.#at++;
    if (this.#text.charAt(this.#at) === '0') this.#at++;
    else this.#digits('in numeric literal');
    if (this.#text.charAt(this.#at) === '.') {
      this.#at++;
      this.#digits('after decimal point in numeric literal');
    }
    if (/[eE]/.test(this.#text.charAt(this.#at))) {
      this.#at++;
      if (/[-+]/.test(this.#text.charAt(this.#at))) this.#at++;
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(where: string): void {
    if (!/[0-9]/.test(this.#text.charAt(this.#at))) this.#refuse(where);
    while (/[0-9]/.test(this.#text.charAt(this.#at))) this.#at++;
  }

  #literal(word: string): void {
    for (const letter of word) {
      if (this.#text.charAt(this.#at) !== letter) this.#refuse(`in literal ${word} (expecting '${letter}')`);
      this.#at++;
    }
  }

  #refuse(where: string): never {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new SyntaxProblem('unexpected end of JSON input');
    throw new SyntaxProblem(`invalid character ${quoteCharacter(String.fromCodePoint(code))} ${where}`);
  }
}

function quoteCharacter(letter: string): string {
  if (letter === "'") return "'\\''";
  if (letter === '"') return "'\"'";
  return `'${JSON.stringify(letter).slice(1, -1)}'`;
}

/** `spec.containers[0].image` */
export function joinPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}
