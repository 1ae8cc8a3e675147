import type { Environment } from '@marcbachmann/cel-js/evaluator';

/** A version in a rule (semver.org, 2.0.0). */
class CelSemver {
  readonly core: readonly bigint[];
  readonly prerelease: readonly string[];
  constructor(core: readonly bigint[], prerelease: readonly string[]) {
    this.core = core;
    this.prerelease = prerelease;
  }
}

const number = '(0|[1-9]\\d*)';
const identifiers = (each: string): string => `(${each}(?:\\.${each})*)`;
const syntax = new RegExp(
  `^${number}\\.${number}\\.${number}` +
    `(?:-${identifiers('(?:0|[1-9]\\d*|\\d*[A-Za-z-][\\dA-Za-z-]*)')})?(?:\\+${identifiers('[\\dA-Za-z-]+')})?$`,
);

/** What may be mended: a `v` in front, missing minor and patch versions, leading zeros. */
function normalized(text: string): string {
  const [, core = '', rest = ''] = /^v?(\d+(?:\.\d+){0,2})(.*)$/s.exec(text) ?? [];
  const numbers = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (numbers.length < 3) numbers.push('0');
  return core === '' ? text : numbers.join('.') + rest;
}

function parse(text: string): CelSemver | undefined {
  const match = syntax.exec(text);
  return match ? new CelSemver(match.slice(1, 4).map(BigInt), match[4]?.split('.') ?? []) : undefined;
}

function semver(text: string): CelSemver {
  const version = parse(text);
  if (!version) throw new Error(`semver parse error during conversion from string: ${text}`);
  return version;
}

function order<T extends bigint | number | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return order(BigInt(a), BigInt(b));
  return isNumberA === isNumberB ? order(a, b) : isNumberA ? -1 : 1;
}

function compare(a: CelSemver, b: CelSemver): number {
  for (const [i, part] of a.core.entries()) {
    const ordered = order(part, b.core[i] as bigint);
    if (ordered !== 0) return ordered;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return order(b.prerelease.length, a.prerelease.length);
  for (const [i, part] of a.prerelease.entries()) {
    const other = b.prerelease[i];
    if (other === undefined) return 1;
    const ordered = compareIdentifiers(part, other);
    if (ordered !== 0) return ordered;
  }
  return order(a.prerelease.length, b.prerelease.length);
}

/** The library of versions (API documentation, "Common Expression Language in Kubernetes"). */
export function registerSemver(environment: Environment): void {
  environment
    .registerType('Semver', { ctor: CelSemver, fields: {} })
    .registerFunction('semver(string): Semver', semver)
    .registerFunction('semver(string, bool): Semver', (text: string, normalizes: boolean) =>
      semver(normalizes ? normalized(text) : text),
    )
    .registerFunction('isSemver(string): bool', (text: string) => parse(text) !== undefined)
    .registerFunction(
      'isSemver(string, bool): bool',
      (text: string, normalizes: boolean) => parse(normalizes ? normalized(text) : text) !== undefined,
    )
    .registerOperator('Semver == Semver', (a: CelSemver, b: CelSemver) => compare(a, b) === 0)
    .registerFunction('Semver.compareTo(Semver): int', (a: CelSemver, b: CelSemver) => BigInt(compare(a, b)))
    .registerFunction('Semver.isLessThan(Semver): bool', (a: CelSemver, b: CelSemver) => compare(a, b) < 0)
    .registerFunction('Semver.isGreaterThan(Semver): bool', (a: CelSemver, b: CelSemver) => compare(a, b) > 0);
  for (const [i, name] of ['major', 'minor', 'patch'].entries()) {
    environment.registerFunction(`Semver.${name}(): int`, ({ core }: CelSemver) => core[i] as bigint);
  }
}
