import { GoStruct, integerOf, compareStrings, isTrue, kindOf, typeOf } from './values.ts';

/** Go's comparisons in templates: eq, ne, lt, le, gt, ge. */

type BasicKind = 'bool' | 'int' | 'uint' | 'float' | 'string' | undefined;

function basicKind(value: unknown): BasicKind {
  const kind = kindOf(value);
  if (kind === 'bool' || kind === 'string') return kind;
  if (kind === 'float64') return 'float';
  if (kind.startsWith('uint')) return 'uint';
  return kind.startsWith('int') && kind !== 'invalid' ? 'int' : undefined;
}

export function equalsAny(first: unknown, others: readonly unknown[]): boolean {
  if (others.length === 0) throw new Error('missing argument for comparison');
  return others.some((other) => equals(first, other));
}

function equals(a: unknown, b: unknown): boolean {
  const kind = basicKind(a);
  const other = basicKind(b);
  const integers = integerOf(a);
  if (kind !== other) {
    if ((kind === 'int' && other === 'uint') || (kind === 'uint' && other === 'int')) return integers === integerOf(b);
    if (a != null && b != null) throw incompatible(a, b);
    return false;
  }
  if (kind !== undefined) return integers === undefined ? a === b : integers === integerOf(b);
  if (a == null || b == null) return a == null && b == null;
  if (kindOf(a) !== kindOf(b)) throw new Error(`non-comparable types ${typeOf(a)}, ${typeOf(b)}`);
  if (!(a instanceof GoStruct)) throw new Error(`non-comparable type ${typeOf(b)}`);
  return a === b;
}

function incompatible(a: unknown, b: unknown): Error {
  return new Error(`incompatible types for comparison: ${typeOf(a)} and ${typeOf(b)}`);
}

export function lessThan(a: unknown, b: unknown): boolean {
  const kind = basicKind(a);
  const other = basicKind(b);
  if (kind === undefined || other === undefined) throw new Error('invalid type for comparison');
  const [x, y] = [integerOf(a), integerOf(b)];
  if (x !== undefined && y !== undefined) return x < y;
  if (kind !== other) throw incompatible(a, b);
  if (kind === 'bool') throw new Error('invalid type for comparison');
  return kind === 'float' ? (a as number) < (b as number) : compareStrings(a as string, b as string) < 0;
}

export function lessOrEqual(a: unknown, b: unknown): boolean {
  return lessThan(a, b) || equals(a, b);
}

export function not(value: unknown): boolean {
  return !isTrue(value);
}
