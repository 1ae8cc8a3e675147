import { isJsonObject } from './plain-json.ts';

/** Finds values in a JSON document. */
export type JsonPath = (document: unknown) => unknown[];

type Step = (value: unknown) => unknown[];

export interface JsonPathOptions {
  /** Whether an index past the end of a list throws IndexError, as in kubectl; default: it finds nothing. */
  isStrict?: boolean;
}

/** A list is shorter than a path says. */
export class IndexError extends Error {
  constructor(index: number, length: number) {
    super(`array index out of bounds: index ${index}, length ${length}`);
    this.name = 'IndexError';
  }
}

/**
 * Compiles a path of Kubernetes' JSONPath dialect as definitions of custom resources use it, without braces:
 * `.spec.a`, `['a.b']`, `[0]`, `[1:3]`, `[*]`, `..name`, `[?(@.type=="Ready")]`. Throws Error for one that is none.
 * A missing field finds nothing.
 */
export function compileJsonPath(text: string, options: JsonPathOptions = {}): JsonPath {
  const steps: Step[] = [];
  let at = 0;
  while (at < text.length) {
    const { step, end } = text[at] === '[' ? bracketStep(text, at, options) : fieldStep(text, at);
    steps.push(step);
    at = end;
  }
  return (document) => steps.reduce<unknown[]>((values, step) => values.flatMap(step), [document]);
}

interface Parsed {
  step: Step;
  end: number;
}

function fieldStep(text: string, start: number): Parsed {
  const match = /^(\.{0,2})((?:\\.|[^.[\\])*)/s.exec(text.slice(start)) as RegExpExecArray;
  const [whole, dots = '', escaped = ''] = match;
  if (dots === '' && start > 0) throw new Error(`unexpected ${JSON.stringify(text.slice(start))}`);
  const name = escaped.replaceAll(/\\(.)/gs, '$1');
  const end = start + whole.length;
  if (name === '' && dots !== '.' && text[end] !== '[') throw new Error(`a field name is missing at ${start}`);
  const own: Step = name === '' ? (value) => [value] : name === '*' ? children : field(name);
  return { end, step: dots === '..' ? (value) => descendants(value).flatMap(own) : own };
}

function field(name: string): Step {
  return (value) => (isJsonObject(value) && Object.hasOwn(value, name) ? [value[name]] : []);
}

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

function descendants(value: unknown): unknown[] {
  return [value, ...children(value).flatMap(descendants)];
}

function bracketStep(text: string, start: number, options: JsonPathOptions): Parsed {
  const end = closingBracket(text, start);
  const inside = text.slice(start + 1, end).trim();
  return { step: bracketed(inside, options), end: end + 1 };
}

/** Brackets in quotes and in filters do not count. */
function closingBracket(text: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let i = start; i < text.length; i++) {
    const letter = text[i] as string;
    if (quote !== '') {
      if (letter === '\\') i++;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '[') depth++;
    else if (letter === ']' && --depth === 0) return i;
  }
  throw new Error('unterminated array');
}

const quoted = /^(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")$/s;
const slice = /^(-?\d*):(-?\d*)(?::(\d+))?$/;

function bracketed(inside: string, options: JsonPathOptions): Step {
  if (inside === '*') return children;
  if (inside.startsWith('?')) return filter(inside.slice(1).trim());
  const range = slice.exec(inside);
  if (range) {
    const [, from = '', to = '', by = '1'] = range;
    const until = to === '' ? undefined : Number(to);
    return (value) =>
      Array.isArray(value) ? value.slice(Number(from), until).filter((_, i) => i % Math.max(1, Number(by)) === 0) : [];
  }
  const parts = inside.split(/,(?=(?:[^'"]|'[^']*'|"[^"]*")*$)/).map((part) => single(part.trim(), options));
  return (value) => parts.flatMap((part) => part(value));
}

function single(part: string, { isStrict = false }: JsonPathOptions): Step {
  const match = quoted.exec(part);
  if (match) return field((match[1] ?? match[2] ?? '').replaceAll(/\\(.)/gs, '$1'));
  if (!/^-?\d+$/.test(part)) throw new Error(`invalid array index ${part}`);
  const index = Number(part);
  return (value) => {
    const item: unknown = Array.isArray(value) ? value.at(index) : undefined;
    if (item === undefined && isStrict && Array.isArray(value)) throw new IndexError(index, value.length);
    return item === undefined ? [] : [item];
  };
}

const comparison = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s;

function filter(expression: string): Step {
  const body = /^\((.*)\)$/s.exec(expression)?.[1]?.trim();
  if (body === undefined) throw new Error(`invalid filter ${expression}`);
  const match = comparison.exec(body);
  if (!match) {
    const exists = operand(body);
    return (value) => children(value).filter((item) => exists(item) !== undefined);
  }
  const [, left = '', operator = '', right = ''] = match;
  const a = operand(left.trim());
  const b = operand(right.trim());
  return (value) => children(value).filter((item) => holds(a(item), operator, b(item)));
}

/** A path from the item (`@.type`) or a literal. */
function operand(text: string): (item: unknown) => unknown {
  if (text.startsWith('@')) {
    const path = compileJsonPath(text.slice(1));
    return (item) => path(item)[0];
  }
  const match = quoted.exec(text);
  if (match) {
    const literal = (match[1] ?? match[2] ?? '').replaceAll(/\\(.)/gs, '$1');
    return () => literal;
  }
  if (text === 'true' || text === 'false') return () => text === 'true';
  const number = Number(text);
  if (text === '' || Number.isNaN(number)) throw new Error(`unrecognized ${JSON.stringify(text)} in a filter`);
  return () => number;
}

function holds(a: unknown, operator: string, b: unknown): boolean {
  if (a === undefined || b === undefined) return false;
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    default:
      if (typeof a !== typeof b) return false;
      return order(a as string | number, operator, b as string | number);
  }
}

function order(a: string | number, operator: string, b: string | number): boolean {
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}
