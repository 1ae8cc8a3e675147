import type { TypeCheckResult } from '@marcbachmann/cel-js';

type CelError = NonNullable<TypeCheckResult['error']>;
interface Span {
  start: number;
  end: number;
}

/** A function that is not there at all is told of in other words than one that does not fit. */
type HasFunction = (name: string) => boolean;

/**
 * What is wrong with an expression, as cel-go says it: clients show it, and look for its words. `isRewritten`: the engine
 * saw another text than the user's, whose places say nothing.
 */
export function celProblem(
  text: string,
  error: CelError | undefined,
  { isRewritten = false, hasFunction }: { isRewritten?: boolean; hasFunction: HasFunction },
): string {
  const message = messageOf(error, hasFunction);
  if (error === undefined || isRewritten) return `ERROR: <input>: ${message}`;
  const before = text.slice(0, placeOf(text, error));
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n') - 1;
  const shown = text.split('\n')[line - 1] ?? '';
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${shown}\n | ${'.'.repeat(column)}^`;
}

function messageOf(error: CelError | undefined, hasFunction: HasFunction): string {
  const text = error?.message.split('\n', 1)[0] ?? '';
  if (error?.name === 'ParseError') return `Syntax error: ${text}`;
  const called = /^found no matching overload for '(?:.+\.)?(\w+)\(.*\)'$/.exec(text)?.[1];
  if (called !== undefined && !hasFunction(called)) return undeclared(called);
  for (const [pattern, say] of messages) {
    const match = pattern.exec(text);
    if (match) return say(...(match.slice(1) as [string, string, string]));
  }
  return text;
}

const messages: readonly (readonly [RegExp, (a: string, b: string, c: string) => string])[] = [
  [/^no such overload: (.+) (\S+) (.+)$/, (left, op, right) => noOverload(operatorName(op), `(${left}, ${right})`)],
  [/^no such overload: (.)(.+)$/, (op, operand) => noOverload(`${op}_`, `(${operand})`)],
  [
    /^Ternary branches must have the same type, got '(.+)' and '(.+)'$/,
    (yes, no) => noOverload('_?_:_', `(bool, ${yes}, ${no})`),
  ],
  [/^Ternary condition must be bool, got '(.+)'$/, (actual) => notOfType('bool', actual)],
  [/^Logical operator requires bool operands, got '(.+)'$/, (actual) => notOfType('bool', actual)],
  [/^Unknown variable: (.+)$/, undeclared],
  [/^No such key: (.+)$/, (name) => `undefined field '${name}'`],
  [/^Cannot index type '(.+)'$/, (type) => `type '${typeName(type)}' does not support field selection`],
  [/^List index must be int, got '(.+)'$/, (type) => noOverload('_[_]', `(list, ${type})`)],
  [/^found no matching overload for '(.+)\.(\w+)\((.*)\)'$/, (on, name, given) => noOverload(name, `${on}.(${given})`)],
  [/^found no matching overload for '(\w+)(\(.*\))'$/, (name, given) => noOverload(name, given)],
];

function undeclared(name: string): string {
  return `undeclared reference to '${name}' (in container '')`;
}

function noOverload(name: string, types: string): string {
  return `found no matching overload for '${name}' applied to '${typeName(types)}'`;
}

function notOfType(wanted: string, actual: string): string {
  return `expected type '${wanted}' but found '${typeName(actual)}'`;
}

function operatorName(operator: string): string {
  return operator === 'in' ? '@in' : `_${operator}_`;
}

/** `map<string, int>` is `map(string, int)` in cel-go's words. */
function typeName(type: string): string {
  return type.replaceAll('<', '(').replaceAll('>', ')');
}

/** Where cel-go puts the mark: at the operator, at a call's parenthesis, at the dot of a field. */
function placeOf(text: string, { node, range }: CelError): number {
  const start = range?.start ?? 0;
  const [left, right] = partsOf(node?.args);
  const after = left?.end ?? start;
  switch (node?.op) {
    case '.':
      return orElse(text.lastIndexOf('.', start), start);
    case '[]':
      return orElse(text.indexOf('[', after), start);
    case '?:':
      return orElse(text.indexOf('?', after), start);
    case 'call':
    case 'rcall':
      return orElse(text.indexOf('(', after), start);
    default: {
      const at = right ? text.indexOf(node?.op ?? '', after) : -1;
      return at < (right?.start ?? 0) ? orElse(at, start) : start;
    }
  }
}

function orElse(found: number, otherwise: number): number {
  return found < 0 ? otherwise : found;
}

/** Of operands: a call's first is its name, and its others may be a list. */
function partsOf(args: unknown): Span[] {
  const isSpan = (value: unknown): value is Span =>
    typeof value === 'object' && value !== null && typeof (value as Partial<Span>).start === 'number';
  return Array.isArray(args) ? args.filter(isSpan) : [];
}
