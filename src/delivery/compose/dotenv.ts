import { ComposeError } from './compose-error.ts';
import { type Lookup, substitute } from './interpolate.ts';

/** A variable of an env file; null: named without a value, which the environment gives. */
export type EnvEntries = Map<string, string | null>;

/**
 * Reads an env file by Compose's rules ("Use an environment file"): `KEY=VALUE`, `KEY: VALUE`, `export KEY=VALUE`,
 * comments, single quotes for literal values, double quotes with escapes, both over lines; values without quotes
 * and in double quotes may name variables: those of `lookup` come first, then the file's own, then those of `earlier`.
 * `format: raw` takes lines as they are.
 */
export function parseEnvFile(
  text: string,
  options: { file: string; lookup: Lookup; earlier?: Lookup; format?: 'raw' | undefined },
): EnvEntries {
  return options.format === 'raw' ? parseRaw(text) : new EnvFileReader(text.replace(/^\uFEFF/, ''), options).read();
}

function parseRaw(text: string): EnvEntries {
  const entries: EnvEntries = new Map();
  for (const line of text.split('\n')) {
    const trimmed = line.replace(/\r$/, '').trimStart();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const at = trimmed.indexOf('=');
    if (at < 0) entries.set(trimmed.trim(), null);
    else entries.set(trimmed.slice(0, at).trim(), trimmed.slice(at + 1));
  }
  return entries;
}

const keyPattern = /^(?:export\s+)?([^\s=:#]+)\s*([=:]?)/;
const keyCharacters = /^[\p{L}\p{N}_.\-[\]]+$/u;

class EnvFileReader {
  readonly #text: string;
  readonly #file: string;
  readonly #lookup: Lookup;
  readonly #earlier: Lookup;
  readonly #entries: EnvEntries = new Map();
  #at = 0;

  constructor(
    text: string,
    { file, lookup, earlier = () => undefined }: { file: string; lookup: Lookup; earlier?: Lookup },
  ) {
    this.#text = text.replaceAll('\r\n', '\n');
    this.#file = file;
    this.#lookup = lookup;
    this.#earlier = earlier;
  }

  read(): EnvEntries {
    while (this.#at < this.#text.length) {
      const line = this.#restOfLine();
      const trimmed = line.trimStart();
      if (trimmed === '' || trimmed.startsWith('#')) this.#at += line.length + 1;
      else this.#entry(line, line.length - trimmed.length);
    }
    return this.#entries;
  }

  #entry(line: string, indent: number): void {
    const found = keyPattern.exec(line.slice(indent));
    const [whole = '', key = '', separator = ''] = found ?? [];
    if (!found || !keyCharacters.test(key)) {
      // Values never appear in an error: they may be secrets.
      if (this.#at > 0 && this.#text[this.#at - 1] !== '\n') throw this.#error('unexpected text after a value');
      throw this.#error(`unexpected character in variable name near "${key.slice(0, 32)}"`);
    }
    if (separator === '') {
      const rest = line.slice(indent + whole.length).trim();
      if (rest !== '' && !rest.startsWith('#')) throw this.#error(`variable name "${key}" contains whitespace`);
      this.#entries.set(key, null);
      this.#at += line.length + 1;
      return;
    }
    this.#at += indent + whole.length;
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
    this.#entries.set(key, this.#value(key));
  }

  #value(key: string): string {
    const quote = this.#text[this.#at];
    if (quote === "'" || quote === '"') return this.#quoted(key, quote);
    const line = this.#restOfLine();
    const value = this.#expand(line.replace(/\s+#.*$|^#.*$/, '').trim());
    this.#at += line.length + 1;
    return value;
  }

  #quoted(key: string, quote: string): string {
    const start = this.#at + 1;
    let end = start;
    while (end < this.#text.length && this.#text[end] !== quote) end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) throw this.#error(`the value of ${key} has no closing quote`);
    const raw = this.#text.slice(start, end);
    // What follows on the line is an entry of its own.
    this.#at = end + 1;
    if (quote === "'") return raw.replaceAll("\\'", "'");
    return this.#expand(raw.replace(escapeSequence, (_, letter: string) => escaped(letter)));
  }

  #expand(text: string): string {
    if (!text.includes('$')) return text;
    const lookup: Lookup = (name) => this.#lookup(name) ?? this.#entries.get(name) ?? this.#earlier(name);
    try {
      return substitute(text, { lookup });
    } catch (error) {
      throw this.#error((error as Error).message);
    }
  }

  #restOfLine(): string {
    const end = this.#text.indexOf('\n', this.#at);
    return this.#text.slice(this.#at, end < 0 ? undefined : end);
  }

  #error(message: string): ComposeError {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return new ComposeError(message, { position: { file: this.#file, line } });
  }
}

/** What a backslash stands before in double quotes: a letter, or the octal number of a character after a zero. */
const escapeSequence = /\\([abcfnrtv$"\\]|0\d{0,3})/g;

function escaped(letter: string): string {
  if (letter === '$') return '$$';
  if (!letter.startsWith('0')) return escapes[letter] ?? letter;
  return /^0[0-3][0-7]{2}$/.test(letter) ? String.fromCodePoint(Number.parseInt(letter, 8)) : `\\${letter.slice(1)}`;
}

const escapes: Record<string, string> = {
  a: '\x07',
  b: '\b',
  c: '\\c',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
