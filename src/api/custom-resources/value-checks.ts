import { RE2JS } from 're2js';
import { ip, cidr } from '../names.ts';
import { parseGoDuration } from '../go-duration.ts';
import type { JSONSchemaProps } from '../types/apiextensions-v1.ts';

const patterns = new Map<string, RE2JS | undefined>();
const patternLimit = 1000;

/** A pattern in Go's dialect (RE2), compiled once; undefined for one that cannot be. */
export function patternOf(pattern: string): RE2JS | undefined {
  if (patterns.has(pattern)) return patterns.get(pattern);
  if (patterns.size >= patternLimit) patterns.clear();
  let compiled: RE2JS | undefined;
  try {
    compiled = RE2JS.compile(pattern);
  } catch {
    compiled = undefined;
  }
  patterns.set(pattern, compiled);
  return compiled;
}

/** What a string breaks of a schema: sentences without the field's name. */
export function stringProblems(value: string, props: JSONSchemaProps): string[] {
  const problems: string[] = [];
  if (props.minLength !== undefined && lengthOf(value) < props.minLength) {
    problems.push(`should be at least ${props.minLength} chars long`);
  }
  if (props.pattern !== undefined && patternOf(props.pattern)?.matcher(value).find() === false) {
    problems.push(`should match '${props.pattern}'`);
  }
  return problems;
}

/** Code points, as Go counts a string's length for validation. */
export function lengthOf(value: string): number {
  let length = 0;
  for (const _ of value) length++;
  return length;
}

export function numberProblems(value: number, props: JSONSchemaProps): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = props;
  const problems: string[] = [];
  if (multipleOf !== undefined && multipleOf > 0 && !Number.isInteger(roundOff(value / multipleOf))) {
    problems.push(`should be a multiple of ${multipleOf}`);
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    problems.push(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    problems.push(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  return problems;
}

/** Binary fractions: 0.3 / 0.1 is three. */
function roundOff(value: number): number {
  return Math.abs(value) < 2 ** 40 ? Number(value.toPrecision(12)) : value;
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const hostname = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i;
const dateTime = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)?$/;

/** Formats of strings that apiextensions checks; others are only said. */
const formats: Readonly<Record<string, (value: string) => boolean>> = {
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  'date-time': (value) => dateTime.test(value) && !Number.isNaN(Date.parse(value.replace(' ', 'T'))),
  datetime: (value) => dateTime.test(value),
  duration: (value) => parseGoDuration(value) !== undefined,
  byte: (value) => Buffer.from(value, 'base64').toString('base64').replace(/=+$/, '') === value.replace(/=+$/, ''),
  email: (value) => /^[^\s@<>]+@[^\s@<>]+$/.test(value),
  hostname: (value) => hostname.test(value),
  ipv4: (value) => !value.includes(':') && ip(value).length === 0,
  ipv6: (value) => value.includes(':') && ip(value).length === 0,
  cidr: (value) => cidr(value).length === 0,
  mac: (value) => /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(value),
  uri: (value) => /^[a-z][a-z0-9+.-]*:|^\//i.test(value),
  uuid: (value) => uuid.test(value),
  uuid3: (value) => uuid.test(value),
  uuid4: (value) => uuid.test(value),
  uuid5: (value) => uuid.test(value),
  isbn: (value) => /^(?:\d[- ]?){9}[\dXx]$|^(?:\d[- ]?){13}$/.test(value),
  hexcolor: (value) => /^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(value),
  password: () => true,
};

export function suitsFormat(value: string, format: string): boolean {
  const check = Object.hasOwn(formats, format) ? formats[format] : undefined;
  return check === undefined || check(value);
}
