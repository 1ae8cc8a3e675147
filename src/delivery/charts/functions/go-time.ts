import { encodeBytes } from '../template/bytes.ts';
import { fixedZone, utc, type Zone } from './time-zones.ts';

/** An instant in a zone: Go's time.Time. */
export interface Time {
  /** Nanoseconds since the Unix epoch. */
  readonly nanos: bigint;
  readonly zone: Zone;
}

export const second = 1_000_000_000n;

/** Go's zero time: 1 January of the year 1. */
export const zeroTime: Time = { nanos: -62135596800n * second, zone: utc };

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

export function monthName(month: number): string {
  return months[month - 1] as string;
}

export function weekdayName(day: number): string {
  return weekdays[day] as string;
}

/** What clock and calendar show. */
interface Fields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  readonly weekday: number;
  readonly yearDay: number;
  readonly offset: number;
  readonly abbreviation: string;
}

export function secondsOf(time: Time): number {
  return Number(floorDivide(time.nanos, second));
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

/** Seconds of 400 years, and to near the end of JavaScript's. */
const cycle = 146_097n * 86_400n;
const lastSecond = 8_000_000_000_000n;

export function fieldsOf(time: Time): Fields {
  const whole = floorDivide(time.nanos, second);
  // JavaScript's dates end in the year 275760; the calendar is the same again after 400 years.
  const cycles = whole > lastSecond || whole < -lastSecond ? floorDivide(whole, cycle) : 0n;
  const seconds = Number(whole - cycles * cycle);
  const { offset, abbreviation } = time.zone.at(seconds);
  const date = new Date((seconds + offset) * 1000);
  const year = date.getUTCFullYear();
  return {
    year: year + Number(cycles) * 400,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    nanosecond: Number(time.nanos - whole * second),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - daysFrom(year, 1, 1)) / 86_400_000) + 1,
    offset,
    abbreviation,
  };
}

/** Milliseconds of a date in UTC; Date.UTC takes years below 100 for others. */
function daysFrom(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime();
}

interface WallClock {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
}

/** time.Date: what a clock in a zone shows, as an instant; values out of their range are carried over. */
export function timeFrom(clock: WallClock, zone: Zone): Time {
  const days = daysFrom(clock.year, clock.month, clock.day) / 1000;
  const local = days + clock.hour * 3600 + clock.minute * 60 + clock.second;
  const guess = local - zone.at(local).offset;
  const seconds = local - zone.at(guess).offset;
  return { nanos: BigInt(seconds) * second + BigInt(clock.nanosecond), zone };
}

/** The parts of a layout, as Go's reference time spells them. */
const parts =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|_(?=2006)|__2|_2|01|002|02|03|04|05|06|15|1|2|3|4|5|PM|pm|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,](?:0+|9+)(?!\d)/g;

function pad(value: number, width: number, fill = '0'): string {
  return String(value).padStart(width, fill);
}

export function formatTime(time: Time, layout: string): string {
  const fields = fieldsOf(time);
  return layout.replace(parts, (part) => formatPart(part, fields));
}

function formatPart(part: string, f: Fields): string {
  switch (part) {
    case '2006':
      return f.year < 0 ? `-${pad(-f.year, 4)}` : pad(f.year, 4);
    case '06':
      return pad(((f.year % 100) + 100) % 100, 2);
    case 'January':
      return monthName(f.month);
    case 'Jan':
      return monthName(f.month).slice(0, 3);
    case '01':
      return pad(f.month, 2);
    case '1':
      return String(f.month);
    case 'Monday':
      return weekdayName(f.weekday);
    case 'Mon':
      return weekdayName(f.weekday).slice(0, 3);
    case '02':
      return pad(f.day, 2);
    case '_2':
      return pad(f.day, 2, ' ');
    case '2':
      return String(f.day);
    case '002':
      return pad(f.yearDay, 3);
    case '__2':
      return pad(f.yearDay, 3, ' ');
    default:
      return formatClock(part, f);
  }
}

function formatClock(part: string, f: Fields): string {
  switch (part) {
    case '15':
      return pad(f.hour, 2);
    case '03':
      return pad(f.hour % 12 || 12, 2);
    case '3':
      return String(f.hour % 12 || 12);
    case '04':
      return pad(f.minute, 2);
    case '4':
      return String(f.minute);
    case '05':
      return pad(f.second, 2);
    case '5':
      return String(f.second);
    case 'PM':
      return f.hour >= 12 ? 'PM' : 'AM';
    case 'pm':
      return f.hour >= 12 ? 'pm' : 'am';
    case 'MST':
      return f.abbreviation === '' ? formatOffset('-0700', f.offset) : f.abbreviation;
    case '_':
      return '_';
    default:
      if (part[0] === '.' || part[0] === ',') return formatFraction(part, f.nanosecond);
      return formatOffset(part, f.offset);
  }
}

function formatFraction(part: string, nanosecond: number): string {
  const digits = pad(nanosecond, 9).slice(0, Math.min(part.length - 1, 9));
  if (part[1] === '0') return part[0] + digits.padEnd(part.length - 1, '0');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '' : part[0] + kept;
}

function formatOffset(part: string, offset: number): string {
  if (part[0] === 'Z' && offset === 0) return 'Z';
  const size = Math.abs(offset);
  const [hours, minutes, seconds] = [size / 3600, (size / 60) % 60, size % 60].map((n) => pad(Math.floor(n), 2));
  const separator = part.includes(':') ? ':' : '';
  const count = part.replaceAll(':', '').length;
  const written = [hours, ...(count > 3 ? [minutes] : []), ...(count > 5 ? [seconds] : [])];
  return (offset < 0 ? '-' : '+') + written.join(separator);
}

/** time.Time's String. */
export function timeText(time: Time): string {
  return formatTime(time, '2006-01-02 15:04:05.999999999 -0700 MST');
}

/** How package time quotes what it tells of: all but plain characters as bytes. */
function quoteBytes(text: string): string {
  let out = '';
  for (const byte of encodeBytes(text)) {
    const c = String.fromCharCode(byte);
    if (byte < 0x20 || byte >= 0x80) out += `\\x${byte.toString(16).padStart(2, '0')}`;
    else out += c === '"' || c === '\\' ? `\\${c}` : c;
  }
  return `"${out}"`;
}

interface Parsed {
  year: number;
  month: number;
  day: number;
  yearDay: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  isPm: boolean | undefined;
  offset: number | undefined;
  abbreviation: string;
  isUtc: boolean;
}

/** time.ParseInLocation. @throws Error in Go's words */
export function parseTime(layout: string, value: string, zone: Zone): Time {
  const fail = (message: string): never => {
    throw new Error(`parsing time ${quoteBytes(value)}${message}`);
  };
  const parsed: Parsed = {
    year: 0,
    month: 0,
    day: 0,
    yearDay: 0,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    isPm: undefined,
    offset: undefined,
    abbreviation: '',
    isUtc: false,
  };
  const mismatch = (rest: string, part: string): never =>
    fail(` as ${quoteBytes(layout)}: cannot parse ${quoteBytes(rest)} as ${quoteBytes(part)}`);
  let rest = value;
  let at = 0;
  for (const match of layout.matchAll(parts)) {
    const prefix = layout.slice(at, match.index);
    const skipped = skip(rest, prefix);
    rest = skipped.isWhole ? skipped.rest : mismatch(skipped.rest, prefix);
    at = match.index + match[0].length;
    const outcome = parsePart(parsed, match[0], rest, layout.slice(at));
    if (outcome === undefined) mismatch(rest, match[0]);
    else if ('range' in outcome) fail(`: ${outcome.range} out of range`);
    else rest = outcome.rest;
  }
  const tail = skip(rest, layout.slice(at));
  if (!tail.isWhole) mismatch(tail.rest, layout.slice(at));
  if (tail.rest !== '') fail(`: extra text: ${quoteBytes(tail.rest)}`);
  return assemble(parsed, zone, fail);
}

/** Text without a prefix, in which a run of spaces matches any; or from where on it differs. */
function skip(text: string, prefix: string): { readonly rest: string; readonly isWhole: boolean } {
  let i = 0;
  for (const c of prefix) {
    if (c === ' ') {
      if (i < text.length && text[i] !== ' ') return { rest: text.slice(i), isWhole: false };
      while (text[i] === ' ') i++;
    } else if (text.startsWith(c, i)) i += c.length;
    else return { rest: text.slice(i), isWhole: false };
  }
  return { rest: text.slice(i), isWhole: true };
}

type Outcome = { readonly rest: string } | { readonly range: string } | undefined;

/** A number of one or two digits, or exactly two. */
function number(rest: string, isFixed: boolean): { value: number; rest: string } | undefined {
  const match = (isFixed ? /^\d{2}/ : /^\d{1,2}/).exec(rest);
  return match ? { value: Number(match[0]), rest: rest.slice(match[0].length) } : undefined;
}

function named(rest: string, names: readonly string[], isShort: boolean): { value: number; rest: string } | undefined {
  const wanted = names.map((name) => (isShort ? name.slice(0, 3) : name));
  const value = wanted.findIndex((name) => rest.toLowerCase().startsWith(name.toLowerCase()));
  return value < 0 ? undefined : { value, rest: rest.slice((wanted[value] as string).length) };
}

function parsePart(parsed: Parsed, part: string, rest: string, following: string): Outcome {
  const set = (key: 'hour' | 'minute' | 'second' | 'month', isFixed: boolean, limit: number, least = 0): Outcome => {
    const found = number(rest, isFixed);
    if (!found) return undefined;
    parsed[key] = found.value;
    return found.value < least || found.value > limit ? { range: key } : found;
  };
  switch (part) {
    case '2006':
      if (!/^\d{4}/.test(rest)) return undefined;
      parsed.year = Number(rest.slice(0, 4));
      return { rest: rest.slice(4) };
    case '06': {
      const found = number(rest, true);
      if (found) parsed.year = found.value >= 69 ? 1900 + found.value : 2000 + found.value;
      return found;
    }
    case 'January':
    case 'Jan': {
      const found = named(rest, months, part === 'Jan');
      if (found) parsed.month = found.value + 1;
      return found;
    }
    case 'Monday':
    case 'Mon':
      return named(rest, weekdays, part === 'Mon');
    case '01':
    case '1':
      return set('month', part === '01', 12, 1);
    case '02':
    case '2':
    case '_2': {
      const found = number(part === '_2' ? rest.replace(/^ /, '') : rest, part === '02');
      if (found) parsed.day = found.value;
      return found;
    }
    case '002':
    case '__2': {
      const match = /^ {0,2}\d{1,3}/.exec(rest);
      if (match?.[0].length !== 3) return undefined;
      parsed.yearDay = Number(match[0]);
      return { rest: rest.slice(3) };
    }
    case '15':
      return set('hour', false, 23);
    case '03':
    case '3':
      return set('hour', part === '03', 12);
    case '04':
    case '4':
      return set('minute', part === '04', 59);
    case '05':
    case '5': {
      const outcome = set('second', part === '05', 59);
      return outcome && 'rest' in outcome ? { rest: takeFraction(parsed, outcome.rest, following) } : outcome;
    }
    default:
      return parseRest(parsed, part, rest);
  }
}

/** A fraction may follow seconds even where the layout has none. */
function takeFraction(parsed: Parsed, rest: string, following: string): string {
  if (/^[.,](?:0|9)/.test(following)) return rest;
  const match = /^[.,]\d+/.exec(rest);
  if (!match) return rest;
  parsed.nanosecond = nanosecondsOf(match[0].slice(1));
  return rest.slice(match[0].length);
}

function nanosecondsOf(digits: string): number {
  return Number(digits.slice(0, 9).padEnd(9, '0'));
}

function parseRest(parsed: Parsed, part: string, rest: string): Outcome {
  if (part === 'PM' || part === 'pm') {
    const word = rest.slice(0, 2);
    const [noon, morning] = part === 'PM' ? ['PM', 'AM'] : ['pm', 'am'];
    if (word !== noon && word !== morning) return undefined;
    parsed.isPm = word === noon;
    return { rest: rest.slice(2) };
  }
  if (part === 'MST') {
    const match = /^(?:UTC|GMT[+-]\d{1,2}|[A-Z]{3,5}|[+-]\d{2})/.exec(rest);
    if (!match) return undefined;
    [parsed.abbreviation] = match;
    parsed.isUtc = match[0] === 'UTC';
    return { rest: rest.slice(match[0].length) };
  }
  if (part[0] === '.' || part[0] === ',') {
    const length = part.length - 1;
    const match = (part[1] === '0' ? new RegExp(`^[.,]\\d{${length}}(?!\\d)`) : /^[.,]\d+/).exec(rest);
    if (!match) return part[1] === '9' ? { rest } : undefined;
    parsed.nanosecond = nanosecondsOf(match[0].slice(1));
    return { rest: rest.slice(match[0].length) };
  }
  if (part === '_') return { rest: rest.replace(/^_/, '') };
  return parseOffset(parsed, part, rest);
}

function parseOffset(parsed: Parsed, part: string, rest: string): Outcome {
  if (part[0] === 'Z' && rest.startsWith('Z')) {
    parsed.isUtc = true;
    return { rest: rest.slice(1) };
  }
  const pattern = part.slice(1).replace(/\d{2}/g, '(\\d{2})');
  const match = new RegExp(`^([+-])${pattern}`).exec(rest);
  if (!match) return undefined;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(2).map(Number);
  if (hours > 24) return { range: 'time zone offset hour' };
  if (minutes > 59) return { range: 'time zone offset minute' };
  const size = hours * 3600 + minutes * 60 + seconds;
  parsed.offset = match[1] === '-' ? -size : size;
  return { rest: rest.slice(match[0].length) };
}

function assemble(parsed: Parsed, zone: Zone, fail: (message: string) => never): Time {
  let { month, day, hour } = parsed;
  const { year, yearDay, minute, nanosecond, offset, abbreviation, isUtc } = parsed;
  if (parsed.isPm === true && hour < 12) hour += 12;
  else if (parsed.isPm === false && hour === 12) hour = 0;
  if (yearDay > 0) {
    const date = new Date(daysFrom(year, 1, yearDay));
    if (date.getUTCFullYear() !== year) fail(': day-of-year out of range');
    month = date.getUTCMonth() + 1;
    day = date.getUTCDate();
  } else {
    month ||= 1;
    day ||= 1;
    if (new Date(daysFrom(year, month, day)).getUTCDate() !== day || day < 1) fail(': day out of range');
  }
  const clock = { year, month, day, hour, minute, second: parsed.second, nanosecond };
  if (isUtc && offset === undefined) return timeFrom(clock, utc);
  if (offset !== undefined) {
    const { nanos } = timeFrom(clock, fixedZone('', offset));
    const here = zone.at(secondsOf({ nanos, zone }));
    const isLocal = here.offset === offset && (abbreviation === '' || here.abbreviation === abbreviation);
    return { nanos, zone: isLocal ? zone : fixedZone(abbreviation, offset) };
  }
  if (abbreviation === '') return timeFrom(clock, zone);
  const local = timeFrom(clock, zone);
  if (zone.at(secondsOf(local)).abbreviation === abbreviation) return local;
  const hours = /^GMT([+-]\d+)$/.exec(abbreviation)?.[1];
  return timeFrom(clock, fixedZone(abbreviation, Number(hours ?? 0) * 3600));
}
