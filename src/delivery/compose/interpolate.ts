import { ComposeError } from './compose-error.ts';
import { locate, type Mapping, mapScalars, type Path } from './tree.ts';

/** Looks a variable up; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

/** A variable that a template names, as `docker compose config --variables` lists it. */
export interface TemplateVariable {
  name: string;
  required: boolean;
  defaultValue: string;
  presenceValue: string;
}

class TemplateError extends Error {}
/** `${NAME:?message}` with NAME unset: the message is the file's author's own. */
class MissingVariableError extends Error {}

const identifier = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const operator = /:?[-?+]/y;
/** `${A:-${B:-…}}` nests; nobody does so this deep. */
const maxDepth = 32;
/** A value may grow by what it names, within reason. */
const maxLength = 16 << 20;

export interface InterpolateOptions {
  lookup: Lookup;
  /** Called for each variable that is not set and has no default. */
  onUnset?: (name: string) => void;
}

/**
 * Replaces `$NAME` and `${NAME}` with its forms `:-` `-` (default), `:?` `?` (required), `:+` `+` (alternative) in a text;
 * `$$` is a dollar sign (Compose Specification, "Interpolation"). What a form offers may name variables in turn.
 */
export function substitute(text: string, options: InterpolateOptions): string {
  return new Template(text, options).all();
}

/** Interpolates every value of a file (not its keys). Throws {@link ComposeError} with file, line and key. */
export function interpolateTree(tree: Mapping, options: InterpolateOptions): Mapping {
  const change = (value: string, path: Path): string => {
    try {
      return substitute(value, options);
    } catch (error) {
      const at = { position: locate(tree, path), path };
      if (error instanceof MissingVariableError) {
        throw new ComposeError(`error while interpolating: ${error.message}`, at);
      }
      if (!(error instanceof TemplateError)) throw error;
      throw new ComposeError(
        `invalid interpolation format: ${JSON.stringify(value)}. You may need to escape any $ with another $`,
        at,
      );
    }
  };
  return mapScalars(tree, (value, path) =>
    typeof value === 'string' && value.includes('$') ? change(value, path) : value,
  ) as Mapping;
}

/** The variables that a file names, in the order of their names. */
export function variablesOf(tree: Mapping): TemplateVariable[] {
  const found = new Map<string, TemplateVariable>();
  const note = (variable: TemplateVariable): void => {
    const known = found.get(variable.name);
    found.set(variable.name, {
      ...variable,
      required: variable.required || known?.required === true,
      defaultValue: variable.defaultValue || (known?.defaultValue ?? ''),
      presenceValue: variable.presenceValue || (known?.presenceValue ?? ''),
    });
  };
  mapScalars(tree, (value, path) => {
    if (typeof value !== 'string' || !value.includes('$')) return value;
    try {
      new Template(value, { lookup: () => undefined }, note).all();
    } catch (error) {
      if (error instanceof TemplateError) throw new ComposeError(error.message, { position: locate(tree, path), path });
      throw error;
    }
    return value;
  });
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

class Template {
  readonly #text: string;
  readonly #options: InterpolateOptions;
  readonly #note: ((variable: TemplateVariable) => void) | undefined;
  #at = 0;
  #depth = 0;

  constructor(text: string, options: InterpolateOptions, note?: (variable: TemplateVariable) => void) {
    this.#text = text;
    this.#options = options;
    this.#note = note;
  }

  all(): string {
    return this.#until(undefined);
  }

  /** Up to the closing brace of the form that is being read, or to the end. */
  #until(end: '}' | undefined): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] as string;
      if (character === end) return result;
      if (character === '$') result += this.#variable();
      else {
        result += character;
        this.#at++;
      }
      if (result.length > maxLength) throw new TemplateError('the value grows too large');
    }
    if (end) throw new TemplateError('a brace is not closed');
    return result;
  }

  #variable(): string {
    this.#at++;
    const next = this.#text[this.#at];
    if (next === '$') {
      this.#at++;
      return '$';
    }
    if (next !== '{') {
      const name = this.#take(identifier);
      if (name === undefined) throw new TemplateError('no name after $');
      return this.#note ? this.#listed(name, '', '') : this.#plain(name);
    }
    this.#at++;
    this.#depth++;
    if (this.#depth > maxDepth) throw new TemplateError('nested too deeply');
    const value = this.#braced();
    if (this.#text[this.#at] !== '}') throw new TemplateError('a brace is not closed');
    this.#at++;
    this.#depth--;
    return value;
  }

  #braced(): string {
    const name = this.#take(identifier);
    if (name === undefined) throw new TemplateError('no name within braces');
    const kind = this.#take(operator);
    if (kind === undefined) return this.#note ? this.#listed(name, '', '') : this.#plain(name);
    if (this.#note) {
      const start = this.#at;
      this.#until('}');
      return this.#listed(name, kind, this.#text.slice(start, this.#at));
    }
    const value = this.#options.lookup(name);
    const isPresent = kind.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
    const wantsWord = kind.endsWith('+') ? isPresent : !isPresent;
    const word = wantsWord ? this.#until('}') : this.#skip();
    if (kind.endsWith('?') && !isPresent) {
      throw new MissingVariableError(`required variable ${name} is missing a value${word ? `: ${word}` : ''}`);
    }
    return wantsWord ? word : kind.endsWith('+') ? '' : (value ?? '');
  }

  /** Passes over a word that is not wanted: what it names is not looked at, and so cannot be missing. */
  #skip(): string {
    const lookup = (): string => '-';
    const rest = new Template(this.#text, { lookup });
    rest.#at = this.#at;
    rest.#depth = this.#depth;
    rest.#until('}');
    this.#at = rest.#at;
    return '';
  }

  #plain(name: string): string {
    const value = this.#options.lookup(name);
    if (value === undefined) this.#options.onUnset?.(name);
    return value ?? '';
  }

  #listed(name: string, kind: string, word: string): string {
    this.#note?.({
      name,
      required: kind.endsWith('?'),
      defaultValue: kind.endsWith('-') ? word : '',
      presenceValue: kind.endsWith('+') ? word : '',
    });
    return '';
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
