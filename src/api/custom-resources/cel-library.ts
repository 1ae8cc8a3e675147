import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { jsonEquals } from '../plain-json.ts';
import { addQuantities, compareQuantities, parseQuantity, quantityToNumber, subtractQuantities } from '../quantity.ts';
import { registerAddresses } from './cel-addresses.ts';
import { registerConversions } from './cel-conversions.ts';
import { registerFormats } from './cel-formats.ts';
import { registerOptionals } from './cel-optionals.ts';
import { registerSemver } from './cel-semver.ts';
import { patternOf } from './value-checks.ts';

/** A quantity in a rule. */
class CelQuantity {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A URL in a rule. */
class CelUrl {
  readonly url: URL;
  constructor(url: URL) {
    this.url = url;
  }
}

/**
 * Functions that rules of Kubernetes have beyond CEL's own: strings, lists, sets, regular expressions, quantities,
 * URLs, addresses, formats, versions (the CEL libraries of the API's documentation).
 */
export function registerLibrary(environment: Environment): void {
  registerStrings(environment);
  registerLists(environment);
  registerSets(environment);
  registerQuantities(environment);
  registerUrls(environment);
  registerAddresses(environment);
  registerFormats(environment);
  registerSemver(environment);
  registerConversions(environment);
  registerOptionals(environment);
}

function registerStrings(environment: Environment): void {
  environment
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => text.charAt(Number(at)))
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction(
      'string.replace(string, string, int): string',
      (text: string, from: string, to: string, limit: bigint) => replaceSome(text, { from, to, limit: Number(limit) }),
    )
    .registerFunction('string.reverse(): string', (text: string) => Array.from(text).toReversed().join(''))
    .registerFunction('string.format(list): string', (text: string, values: unknown[]) => format(text, values))
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => found(text, pattern, 1)[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      found(text, pattern, -1),
    )
    .registerFunction('string.findAll(string, int): list<string>', (text: string, pattern: string, limit: bigint) =>
      found(text, pattern, Number(limit)),
    );
}

function replaceSome(text: string, { from, to, limit }: { from: string; to: string; limit: number }): string {
  let left = limit < 0 ? Infinity : limit;
  return text.replaceAll(from, (match) => (left-- > 0 ? to : match));
}

function found(text: string, pattern: string, limit: number): string[] {
  const matcher = patternOf(pattern)?.matcher(text);
  if (!matcher) throw new Error(`invalid regular expression: ${pattern}`);
  const matches: string[] = [];
  while ((limit < 0 || matches.length < limit) && matcher.find()) matches.push(matcher.group() ?? '');
  return matches;
}

/** `%s`, `%d`, `%f`, `%e`, `%x`, `%X`, `%o`, `%b` with the next value each (CEL's strings extension). */
function format(text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replaceAll(/%(%|(?:\.(\d+))?([sdfexXob]))/g, (_, all: string, digits?: string, verb?: string) => {
    if (all === '%') return '%';
    if (next >= values.length) throw new Error('index out of range while formatting');
    return formatOne(values[next++], verb ?? 's', digits === undefined ? 6 : Number(digits));
  });
}

function formatOne(value: unknown, verb: string, digits: number): string {
  switch (verb) {
    case 'f':
      return Number(value).toFixed(digits);
    case 'e':
      return Number(value).toExponential(digits);
    case 'x':
      return typeof value === 'string' ? Buffer.from(value).toString('hex') : BigInt(value as bigint).toString(16);
    case 'X':
      return formatOne(value, 'x', digits).toUpperCase();
    case 'o':
      return BigInt(value as bigint).toString(8);
    case 'b':
      return typeof value === 'boolean' ? String(value) : BigInt(value as bigint).toString(2);
    default:
      return printed(value);
  }
}

function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`;
  if (value instanceof Map)
    return `{${[...value].map(([key, inner]) => `${printed(key)}: ${printed(inner)}`).join(', ')}}`;
  return value instanceof Date ? value.toISOString() : String(value);
}

type Comparable = bigint | number | string;

function registerLists(environment: Environment): void {
  const extreme = (list: unknown[], isBetter: (a: Comparable, b: Comparable) => boolean): unknown => {
    if (list.length === 0) throw new Error('min and max of an empty list');
    return (list as Comparable[]).reduce((best, item) => (isBetter(item, best) ? item : best));
  };
  environment
    .registerFunction('list.isSorted(): bool', (list: Comparable[]) =>
      list.every((item, i) => i === 0 || (list[i - 1] as Comparable) <= item),
    )
    .registerFunction('list.sum(): dyn', (list: number[]) =>
      list.length === 0 ? 0n : list.reduce((sum, item) => sum + item),
    )
    .registerFunction('list.min(): dyn', (list: unknown[]) => extreme(list, (a, b) => a < b))
    .registerFunction('list.max(): dyn', (list: unknown[]) => extreme(list, (a, b) => a > b))
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], item: unknown) =>
      BigInt(list.findIndex((other) => celEquals(other, item))),
    )
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], item: unknown) =>
      BigInt(list.findLastIndex((other) => celEquals(other, item))),
    );
}

/** Equality of what rules compute with; maps by their entries. */
function celEquals(a: unknown, b: unknown): boolean {
  return jsonEquals(comparable(a), comparable(b));
}

function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(comparable);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]) => [String(key), comparable(inner)]));
  return value instanceof Date ? value.getTime() : value;
}

function registerSets(environment: Environment): void {
  class Sets {}
  const has = (list: unknown[], item: unknown): boolean => list.some((other) => celEquals(other, item));
  environment
    .registerType('SetsNamespace', { ctor: Sets, fields: {} })
    .registerConstant('sets', 'SetsNamespace', new Sets())
    .registerFunction('SetsNamespace.contains(list, list): bool', (_: Sets, list: unknown[], items: unknown[]) =>
      items.every((item) => has(list, item)),
    )
    .registerFunction('SetsNamespace.intersects(list, list): bool', (_: Sets, list: unknown[], items: unknown[]) =>
      items.some((item) => has(list, item)),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list, list): bool',
      (_: Sets, list: unknown[], items: unknown[]) =>
        items.every((item) => has(list, item)) && list.every((item) => has(items, item)),
    );
}

function registerQuantities(environment: Environment): void {
  const quantity = (text: string): CelQuantity => {
    if (!parseQuantity(text)) throw new Error(`quantities must match the regular expression of quantities: ${text}`);
    return new CelQuantity(text);
  };
  const compare = (a: CelQuantity, b: CelQuantity): number => compareQuantities(a.text, b.text);
  environment
    .registerType('Quantity', { ctor: CelQuantity, fields: {} })
    .registerFunction('quantity(string): Quantity', quantity)
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: CelQuantity, b: CelQuantity) => compare(a, b) > 0)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: CelQuantity, b: CelQuantity) => compare(a, b) < 0)
    .registerFunction('Quantity.compareTo(Quantity): int', (a: CelQuantity, b: CelQuantity) =>
      BigInt(Math.sign(compare(a, b))),
    )
    .registerFunction('Quantity.sign(): int', (a: CelQuantity) => BigInt(Math.sign(compareQuantities(a.text, '0'))))
    .registerFunction('Quantity.isInteger(): bool', (a: CelQuantity) => Number.isInteger(quantityToNumber(a.text)))
    .registerFunction('Quantity.asInteger(): int', (a: CelQuantity) => BigInt(quantityToNumber(a.text)))
    .registerFunction('Quantity.asApproximateFloat(): double', (a: CelQuantity) => quantityToNumber(a.text))
    .registerFunction('Quantity.add(Quantity): Quantity', (a: CelQuantity, b: CelQuantity) =>
      quantity(addQuantities(a.text, b.text)),
    )
    .registerFunction('Quantity.sub(Quantity): Quantity', (a: CelQuantity, b: CelQuantity) =>
      quantity(subtractQuantities(a.text, b.text)),
    )
    .registerFunction('Quantity.add(int): Quantity', (a: CelQuantity, b: bigint) =>
      quantity(addQuantities(a.text, String(b))),
    )
    .registerFunction('Quantity.sub(int): Quantity', (a: CelQuantity, b: bigint) =>
      quantity(subtractQuantities(a.text, String(b))),
    )
    .registerOperator('Quantity == Quantity', (a: CelQuantity, b: CelQuantity) => compare(a, b) === 0);
}

function registerUrls(environment: Environment): void {
  const url = (text: string): URL | undefined => {
    if (text.startsWith('/')) return undefined;
    return URL.canParse(text) ? new URL(text) : undefined;
  };
  environment
    .registerType('URL', { ctor: CelUrl, fields: {} })
    .registerFunction('isURL(string): bool', (text: string) => text.startsWith('/') || url(text) !== undefined)
    .registerFunction('url(string): URL', (text: string) => {
      const parsed = url(text) ?? (text.startsWith('/') ? new URL(text, 'none://') : undefined);
      if (!parsed) throw new Error(`URL parse error during conversion from string: ${text}`);
      return new CelUrl(parsed);
    })
    .registerFunction('URL.getScheme(): string', ({ url: { protocol } }: CelUrl) =>
      protocol === 'none:' ? '' : protocol.slice(0, -1),
    )
    .registerFunction('URL.getHost(): string', ({ url: parsed }: CelUrl) => parsed.host)
    .registerFunction('URL.getHostname(): string', ({ url: parsed }: CelUrl) => parsed.hostname)
    .registerFunction('URL.getPort(): string', ({ url: parsed }: CelUrl) => parsed.port)
    .registerFunction('URL.getEscapedPath(): string', ({ url: parsed }: CelUrl) => parsed.pathname)
    .registerFunction('URL.getQuery(): map<string, list<string>>', ({ url: { searchParams } }: CelUrl) => {
      return new Map([...searchParams.keys()].map((key) => [key, searchParams.getAll(key)]));
    });
}
