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

/** What follows a dollar sign and stands for something: another one, a name, or a brace. Others are themselves. */
const opening = /[$]|[_a-zA-Z][_a-zA-Z0-9]*|\{/y;
const braced = /([_a-zA-Z][_a-zA-Z0-9]*)(:?[-?+])?/y;
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
 * `$$` is a dollar sign (Compose Specification, "Interpolation"). What a form offers may name variables in turn, and is
 * looked at also where it is not taken (compose-go's template package). A dollar sign before anything else is itself.
 */
export function substitute(text: string, options: InterpolateOptions, depth = 0): string {
  let result = '';
  for (const part of partsOf(text)) {
    result += typeof part === 'string' ? part : valueOf(part, options, depth);
    if (result.length > maxLength) throw new TemplateError('the value grows too large');
  }
  return result;
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
  const note = ({ name, operator, word }: Reference): void => {
    const known = found.get(name);
    found.set(name, {
      name,
      required: operator.endsWith('?') || known?.required === true,
      defaultValue: (operator.endsWith('-') && word) || (known?.defaultValue ?? ''),
      presenceValue: (operator.endsWith('+') && word) || (known?.presenceValue ?? ''),
    });
  };
  const noteAll = (text: string, depth = 0): void => {
    if (depth > maxDepth) throw new TemplateError('nested too deeply');
    for (const part of partsOf(text)) {
      if (typeof part === 'string') continue;
      note(part);
      if (!part.operator.endsWith('?')) noteAll(part.word, depth + 1);
    }
  };
  mapScalars(tree, (value, path) => {
    if (typeof value !== 'string' || !value.includes('$')) return value;
    try {
      noteAll(value);
    } catch (error) {
      if (error instanceof TemplateError) throw new ComposeError(error.message, { position: locate(tree, path), path });
      throw error;
    }
    return value;
  });
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A variable as a template names it: `${NAME:-word}`. */
interface Reference {
  name: string;
  /** Empty for `$NAME` and `${NAME}`. */
  operator: string;
  word: string;
}

/** A template's texts and references. A form with an operator ends on its own line. */
function* partsOf(text: string): Generator<string | Reference> {
  let at = 0;
  let line = { end: -1, lastBrace: -1 };
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) break;
    yield text.slice(at, dollar);
    const word = take(opening, text, dollar + 1)?.[0];
    at = dollar + 1 + (word?.length ?? 0);
    if (word === undefined || word === '$') yield '$';
    else if (word !== '{') yield { name: word, operator: '', word: '' };
    else {
      if (line.end < at) line = lineAt(text, at);
      const [reference, end] = readBraced(text, at, line.lastBrace);
      yield reference;
      at = end;
    }
  }
  yield text.slice(at);
}

function lineAt(text: string, at: number): { end: number; lastBrace: number } {
  const found = text.indexOf('\n', at);
  const end = found < 0 ? text.length : found;
  return { end, lastBrace: text.lastIndexOf('}', end) };
}

function readBraced(text: string, at: number, lastBrace: number): [Reference, number] {
  const [whole, name, operator = ''] = take(braced, text, at) ?? [];
  if (whole === undefined || name === undefined) throw new TemplateError('no name within braces');
  const start = at + whole.length;
  if (operator === '') {
    if (text[start] !== '}') throw new TemplateError('a brace is not closed');
    return [{ name, operator, word: '' }, start + 1];
  }
  if (lastBrace < start) throw new TemplateError('a brace is not closed');
  const end = closingBrace(text, at, lastBrace);
  return [{ name, operator, word: text.slice(start, end) }, end + 1];
}

/** Where the brace before `at` is closed; where braces do not match, the line's last one does it. */
function closingBrace(text: string, at: number, lastBrace: number): number {
  let open = 1;
  for (let index = at + 1; index <= lastBrace; index++) {
    if (text[index] === '}' && --open === 0) return index;
    // What comes right after an opening brace is part of a name.
    if (text[index] === '{') {
      open++;
      index++;
    }
  }
  return lastBrace;
}

function valueOf({ name, operator, word }: Reference, options: InterpolateOptions, depth: number): string {
  if (depth >= maxDepth) throw new TemplateError('nested too deeply');
  if (operator === '') {
    const value = options.lookup(name);
    if (value === undefined) options.onUnset?.(name);
    return value ?? '';
  }
  const offered = substitute(word, options, depth + 1);
  const value = options.lookup(name);
  const isPresent = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  if (operator.endsWith('?') && !isPresent) {
    throw new MissingVariableError(`required variable ${name} is missing a value${offered ? `: ${offered}` : ''}`);
  }
  if (operator.endsWith('?')) return value ?? '';
  if (operator.endsWith('+')) return isPresent ? offered : (value ?? '');
  return isPresent ? (value ?? '') : offered;
}

function take(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
