import { int64, isMap, mapSet } from '../template/values.ts';
import type { Values } from '../chart/chart.ts';

/**
 * `--set` and its kin: `a.b=c,list[0].x=1,all={x,y}` (Helm documentation, "The Format and Limitations of --set"). A
 * backslash before `,`, `.`, `=`, `[`, `{` or `}` takes its meaning away.
 */
export type SetKind = 'typed' | 'string' | 'json' | 'file';

class SetError extends Error {}

const maxIndex = 65_536;
const maxNesting = 30;

/** Changes `into` as the text says; `readFile` reads what `file` values name. @throws SetError in Helm's words */
export function setValues(
  into: Values,
  text: string,
  { kind, readFile }: { kind: SetKind; readFile?: (path: string) => unknown },
): void {
  const parser = new SetParser(text, kind, readFile);
  while (!parser.atEnd) parser.key(into, 0);
}

/** `--set-literal`: everything after the first `=` is the value, as it stands; a backslash is one in the key as well. */
export function setLiteral(into: Values, text: string): void {
  const parser = new SetParser(text, 'string', undefined, true);
  if (!parser.atEnd) parser.key(into, 0);
}

class SetParser {
  readonly #text: string;
  readonly #kind: SetKind;
  readonly #readFile: ((path: string) => unknown) | undefined;
  readonly #isLiteral: boolean;
  #at = 0;

  constructor(text: string, kind: SetKind, readFile?: (path: string) => unknown, isLiteral = false) {
    this.#text = text;
    this.#kind = kind;
    this.#readFile = readFile;
    this.#isLiteral = isLiteral;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** One `name=value`, or what of it belongs into this map. */
  key(into: Values, nesting: number): void {
    const { text: name, stop } = this.#until(this.#isLiteral ? '=[.' : '=[,.');
    switch (stop) {
      case undefined:
        if (name === '') return;
        throw new SetError(`key ${JSON.stringify(name)} has no value`);
      case '[':
        return this.#indexed(into, name, nesting);
      case '=':
        return set(into, name, this.#value(name));
      case ',':
        throw new SetError(`key ${JSON.stringify(name)} has no value (cannot end with ,)`);
      default:
        return this.#nested(into, name, nesting + 1);
    }
  }

  #nested(into: Values, name: string, nesting: number): void {
    if (nesting > maxNesting) {
      throw new SetError(`value name nested level is greater than maximum supported nested level of ${maxNesting}`);
    }
    const before = Object.hasOwn(into, name) ? into[name] : undefined;
    if (before !== undefined && before !== null && !isMap(before)) {
      throw new SetError(`unable to parse key: ${JSON.stringify(name)} is not a map`);
    }
    const inner: Values = before ?? {};
    this.key(inner, nesting);
    if (Object.keys(inner).length === 0) throw new SetError(`key map ${JSON.stringify(name)} has no value`);
    set(into, name, inner);
  }

  #indexed(into: Values, name: string, nesting: number): void {
    const index = this.#index();
    const before = Object.hasOwn(into, name) ? into[name] : undefined;
    if (before !== undefined && before !== null && !Array.isArray(before)) {
      throw new SetError(`unable to parse key: ${JSON.stringify(name)} is not a list`);
    }
    set(into, name, this.#item((before as unknown[] | undefined) ?? [], index, nesting));
  }

  #index(): number {
    const { text, stop } = this.#until(']');
    if (stop === undefined) throw new SetError('error parsing index: EOF');
    if (!/^[+-]?\d+$/.test(text)) {
      throw new SetError(`error parsing index: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    const index = Number(text);
    if (index < 0) throw new SetError(`negative ${index} index not allowed`);
    if (index > maxIndex) {
      throw new SetError(`index of ${index} is greater than maximum supported index of ${maxIndex}`);
    }
    return index;
  }

  /** The list with the item at `index` set by what follows. */
  #item(list: readonly unknown[], index: number, nesting: number): unknown[] {
    const { text, stop } = this.#until('[.=');
    if (text !== '') {
      throw new SetError(`unexpected data at end of array index: ${JSON.stringify(text)}`);
    }
    const before = list[index];
    switch (stop) {
      case '=':
        return withItem(list, index, this.#value(`[${index}]`));
      case '[': {
        const inner = Array.isArray(before) ? (before as unknown[]) : [];
        return withItem(list, index, this.#item(inner, this.#index(), nesting));
      }
      case '.': {
        const inner: Values = isMap(before) ? before : {};
        this.key(inner, nesting);
        return withItem(list, index, inner);
      }
      default:
        // Nothing behind the index: the list is there, and as it was.
        return [...list];
    }
  }

  #value(name: string): unknown {
    if (this.#isLiteral) return this.#rest();
    if (this.#kind === 'json') return this.#json(name);
    if (this.#text[this.#at] === '{') return this.#list();
    const { text } = this.#until(',');
    return this.#read(text);
  }

  #rest(): string {
    const rest = this.#text.slice(this.#at);
    this.#at = this.#text.length;
    return rest;
  }

  #list(): unknown[] {
    this.#at++;
    const list: unknown[] = [];
    for (;;) {
      const { text, stop } = this.#until(',}');
      if (stop === undefined) throw new SetError("list must terminate with '}'");
      // `{}` is a list of nothing; Helm makes it a list of one empty string, which nobody can mean.
      if (stop === '}' && list.length === 0 && text === '') {
        this.#skipComma();
        return list;
      }
      list.push(this.#read(text));
      if (stop === '}') {
        this.#skipComma();
        return list;
      }
    }
  }

  #skipComma(): void {
    if (this.#text[this.#at] === ',') this.#at++;
  }

  /** A JSON value, up to the comma behind it; nothing at all is null. */
  #json(name: string): unknown {
    const rest = this.#text.slice(this.#at);
    const empty = /^\s*(?:,|$)/.exec(rest);
    if (empty) {
      this.#at += empty[0].length;
      return null;
    }
    const length = jsonLength(rest);
    let value: unknown;
    try {
      value = JSON.parse(rest.slice(0, length));
    } catch {
      // The parser's own words quote the value, which may be a secret.
      throw new SetError(`the value of ${JSON.stringify(name)} is not valid JSON`);
    }
    this.#at += length;
    this.#at += /^\s*,?/.exec(this.#text.slice(this.#at))?.[0].length ?? 0;
    return value;
  }

  #read(text: string): unknown {
    if (this.#kind === 'file') return this.#readFile?.(text);
    return this.#kind === 'string' ? text : typed(text);
  }

  /** Text up to one of the characters, without the backslashes that guard what follows them. */
  #until(stops: string): { text: string; stop: string | undefined } {
    let text = '';
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at++] as string;
      if (stops.includes(c)) return { text, stop: c };
      if (c !== '\\' || this.#isLiteral) text += c;
      else if (this.#at < this.#text.length) text += this.#text[this.#at++] as string;
    }
    return { text, stop: undefined };
  }
}

/** Where the JSON value at the start of a text ends. */
function jsonLength(text: string): number {
  const start = /^\s*/.exec(text)?.[0].length ?? 0;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text[at] as string;
    if (c === '"') {
      at = stringEnd(text, at);
      if (depth === 0) return at + 1;
    } else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') {
      if (--depth <= 0) return at + 1;
    } else if (depth === 0 && /[,\s]/.test(c)) return at;
  }
  return text.length;
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return text.length - 1;
}

/** true, false and null in any case, whole numbers without a leading zero; everything else is a string. */
function typed(text: string): unknown {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  if (lower === 'null') return null;
  if (text !== '0' && !/^[+-]?\d+$/.test(text)) return text;
  if (text !== '0' && text.startsWith('0')) return text;
  const number = BigInt(text.replace(/^\+/, ''));
  return number === BigInt.asIntN(64, number) ? int64(number) : text;
}

function set(into: Values, name: string, value: unknown): void {
  if (name !== '') mapSet(into, name, value);
}

function withItem(list: readonly unknown[], index: number, value: unknown): unknown[] {
  const copy = [...list];
  while (copy.length < index) copy.push(null);
  copy[index] = value;
  return copy;
}
