import { goFunction, type FunctionMap } from '../template/function.ts';
import { GoInteger, GoStruct } from '../template/values.ts';

/** Versions and ranges as github.com/Masterminds/semver v3 has them. */

interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: string;
  readonly metadata: string;
  readonly original: string;
}

/** Longer versions and ranges are refused: nobody writes them, and patterns would take long over them. */
const maxLength = 1024;

const identifiers = String.raw`[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`;
const versionPattern = new RegExp(
  String.raw`^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-(${identifiers}))?(?:\+(${identifiers}))?$`,
);

/** Reads a version; parts may be missing, and a `v` may stand before it. */
export function parseVersion(text: string): Version {
  if (text.length > maxLength) throw new Error('Version string is too long');
  const match = versionPattern.exec(text);
  if (!match) throw new Error('Invalid Semantic Version');
  const [, major = '0', minor = '0', patch = '0', prerelease = '', metadata = ''] = match;
  const version = {
    major: BigInt(major),
    minor: BigInt(minor),
    patch: BigInt(patch),
    prerelease,
    metadata,
    original: text,
  };
  if ([version.major, version.minor, version.patch].some((part) => part >= 2n ** 64n)) {
    throw new Error(`Error parsing version segment: value out of range`);
  }
  if (prerelease.split('.').some((part) => /^0\d+$/.test(part))) throw new Error('Version segment starts with 0');
  return version;
}

export function compareVersions(a: Version, b: Version): number {
  for (const part of ['major', 'minor', 'patch'] as const) if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1;
  return comparePrereleases(a.prerelease, b.prerelease);
}

function comparePrereleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  const [x, y] = [a.split('.'), b.split('.')];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = comparePart(x[i], y[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return BigInt(a) === BigInt(b) ? 0 : BigInt(a) < BigInt(b) ? -1 : 1;
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : 1;
}

function versionText({ major, minor, patch, prerelease, metadata }: Version): string {
  return `${major}.${minor}.${patch}${prerelease && `-${prerelease}`}${metadata && `+${metadata}`}`;
}

type Operator = '' | '=' | '!=' | '>' | '<' | '>=' | '=>' | '<=' | '=<' | '~' | '~>' | '^';

interface Constraint {
  readonly operator: Operator;
  readonly version: Version;
  /** Which parts are missing or x. */
  readonly anyMinor: boolean;
  readonly anyPatch: boolean;
  readonly isPartial: boolean;
}

const operators = String.raw`=>|=<|!=|>=|<=|~>|=|>|<|~|\^|`;
const rangeVersion = String.raw`v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?(-${identifiers})?(?:\+${identifiers})?`;
const plainVersion = rangeVersion.replace(/\((?!\?)/g, '(?:');
const constraintPattern = new RegExp(String.raw`^\s*(${operators})\s*(${rangeVersion})\s*$`);
const hyphenRange = new RegExp(String.raw`\s*(${plainVersion})\s+-\s+(${plainVersion})\s*`, 'g');
const each = new RegExp(String.raw`(?:${operators})\s*${plainVersion}`, 'g');

/** Alternatives of constraints that must all hold. */
function parseConstraints(text: string): Constraint[][] {
  if (text.length > maxLength) throw new Error('constraint is too long');
  const rewritten = text.replace(hyphenRange, '>= $1, <= $2');
  return rewritten.split('||').map((part) => {
    const found = part.match(each);
    const separators = found?.reduce((rest, one) => rest.replace(one, '\0'), part) ?? part;
    if (!found || !/^\s*\0\s*(?:(?:(?<=\s)|,\s*)\0\s*)*$/.test(separators)) throw improper(part);
    return found.map(parseConstraint);
  });
}

function improper(text: string): Error {
  return new Error(`improper constraint: ${text}`);
}

function isAny(part: string | undefined): boolean {
  return part === undefined || /^\.?[xX*]$/.test(part);
}

function parseConstraint(text: string): Constraint {
  const match = constraintPattern.exec(text);
  if (!match) throw improper(text);
  const [, operator, , major, minor, patch, prerelease = ''] = match;
  const anyMajor = isAny(major);
  const anyMinor = !anyMajor && isAny(minor);
  const anyPatch = !anyMajor && !anyMinor && isAny(patch);
  const numbers = anyMajor
    ? '0.0.0'
    : anyMinor
      ? `${major}.0.0`
      : anyPatch
        ? `${major}${minor}.0`
        : `${major}${minor}${patch}`;
  try {
    const version = parseVersion(numbers + prerelease);
    return { operator: operator as Operator, version, anyMinor, anyPatch, isPartial: anyMajor || anyMinor || anyPatch };
  } catch {
    throw new Error('constraint Parser Error');
  }
}

function holds(c: Constraint, v: Version): boolean {
  // Prereleases are left out unless the constraint names one.
  const excluded = v.prerelease !== '' && c.version.prerelease === '';
  if (c.operator === '!=') return differs(c, v, excluded);
  if (excluded) return false;
  const order = compareVersions(v, c.version);
  switch (c.operator) {
    case '':
    case '=':
      return c.isPartial ? holdsTilde(c, v) : order === 0;
    case '>':
      return isGreater(c, v, order);
    case '<':
      return order < 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<=':
    case '=<':
      if (!c.isPartial) return order <= 0;
      return v.major < c.version.major || (v.major === c.version.major && (v.minor <= c.version.minor || c.anyMinor));
    case '~':
    case '~>':
      return holdsTilde(c, v);
    case '^':
      return holdsCaret(c, v);
  }
}

function isGreater(c: Constraint, v: Version, order: number): boolean {
  if (!c.isPartial) return order > 0;
  if (v.major !== c.version.major) return v.major > c.version.major;
  if (c.anyMinor) return false;
  return c.anyPatch ? v.minor > c.version.minor : order > 0;
}

function differs(c: Constraint, v: Version, excluded: boolean): boolean {
  if (!c.isPartial) return compareVersions(v, c.version) !== 0;
  if (excluded) return false;
  if (c.version.major !== v.major) return true;
  if (c.anyMinor) return false;
  if (c.version.minor !== v.minor) return true;
  if (!c.anyPatch) return compareVersions(v, c.version) !== 0;
  return comparePrereleases(v.prerelease, c.version.prerelease) !== 0;
}

function holdsTilde(c: Constraint, v: Version): boolean {
  const { version } = c;
  if (compareVersions(v, version) < 0) return false;
  const isZero = version.major === 0n && version.minor === 0n && version.patch === 0n;
  if (isZero && !c.anyMinor && !c.anyPatch) return true;
  return v.major === version.major && (v.minor === version.minor || c.anyMinor);
}

function holdsCaret(c: Constraint, v: Version): boolean {
  const { version } = c;
  if (compareVersions(v, version) < 0) return false;
  if (version.major > 0n || c.anyMinor) return v.major === version.major;
  if (v.major > 0n) return false;
  if (version.minor > 0n || c.anyPatch) return v.minor === version.minor;
  return v.minor === 0n && v.patch === version.patch;
}

/** Whether a version is in a range: `>=1.2, <2`, `~1.2`, `^1.2.3`, `1.x`, `1.2 - 1.4`, alternatives with `||`. */
export function satisfies(range: string, version: string): boolean {
  const constraints = parseConstraints(range);
  const parsed = parseVersion(version);
  return constraints.some((all) => all.every((constraint) => holds(constraint, parsed)));
}

function uint64(value: bigint): GoInteger {
  return new GoInteger('uint64', value);
}

function other(value: unknown): Version {
  if (value instanceof GoStruct && value.type.endsWith('semver.Version')) return value.inner as Version;
  throw new Error('wrong type for value; expected *semver.Version');
}

function versionStruct(version: Version, type: string): GoStruct {
  const text = (): string => versionText(version);
  const compare = (value: unknown): number => compareVersions(version, other(value));
  const prefix = version.original.startsWith('v') ? 'v' : '';
  const next = (parts: Partial<Version>): GoStruct => {
    const changed = { ...version, prerelease: '', metadata: '', ...parts };
    return versionStruct({ ...changed, original: prefix + versionText(changed) }, 'semver.Version');
  };
  const { major, minor, patch, prerelease } = version;
  return new GoStruct({
    type,
    inner: version,
    text,
    json: text,
    methods: {
      String: goFunction([], text),
      Original: goFunction([], () => version.original),
      Major: goFunction([], () => uint64(major)),
      Minor: goFunction([], () => uint64(minor)),
      Patch: goFunction([], () => uint64(patch)),
      Prerelease: goFunction([], () => prerelease),
      Metadata: goFunction([], () => version.metadata),
      IncPatch: goFunction([], () => next({ patch: prerelease === '' ? patch + 1n : patch })),
      IncMinor: goFunction([], () => next({ minor: minor + 1n, patch: 0n })),
      IncMajor: goFunction([], () => next({ major: major + 1n, minor: 0n, patch: 0n })),
      SetPrerelease: goFunction(['string'], (text) => next({ prerelease: text, metadata: version.metadata })),
      SetMetadata: goFunction(['string'], (text) => next({ prerelease, metadata: text })),
      Compare: goFunction(['any'], (value) => BigInt(compare(value))),
      Equal: goFunction(['any'], (value) => compare(value) === 0),
      LessThan: goFunction(['any'], (value) => compare(value) < 0),
      LessThanEqual: goFunction(['any'], (value) => compare(value) <= 0),
      GreaterThan: goFunction(['any'], (value) => compare(value) > 0),
      GreaterThanEqual: goFunction(['any'], (value) => compare(value) >= 0),
    },
  });
}

export const semverFunctions: FunctionMap = {
  semver: goFunction(['string'], (text) => versionStruct(parseVersion(text), '*semver.Version')),
  semverCompare: goFunction(['string', 'string'], satisfies),
};
