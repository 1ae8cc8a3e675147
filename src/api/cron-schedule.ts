import { parseGoDuration } from './go-duration.ts';

/** Times at which something is due, as a cron expression tells them. */
export interface CronSchedule {
  /** The first time (epoch milliseconds) after `after`; undefined when there is none within five years. */
  next(after: number): number | undefined;
}

/** What is wrong with a schedule, as upstream's parser words it. */
export class CronSyntaxError extends Error {}

interface Bounds {
  min: number;
  max: number;
  names?: Readonly<Record<string, number>>;
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const days = 'sun mon tue wed thu fri sat'.split(' ');
const bounds = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: Object.fromEntries(months.map((name, i) => [name, i + 1])) },
  dayOfWeek: { min: 0, max: 6, names: Object.fromEntries(days.map((name, i) => [name, i])) },
} satisfies Record<string, Bounds>;

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const furthestYears = 5;

/** A field's numbers; `any` when it is `*` or `?`. */
interface Field {
  numbers: ReadonlySet<number>;
  any: boolean;
}

/**
 * A standard cron expression of five fields (minute, hour, day of month, month, day of week: lists, ranges, steps,
 * names), or `@daily` and the like, or `@every 90s`. Times are those of `timeZone` (IANA; default UTC). An hour that a
 * change of the clock leaves out has no times, one that comes twice has them twice. Throws {@link CronSyntaxError}.
 */
export function parseCronSchedule(text: string, timeZone = 'UTC'): CronSchedule {
  if (text === '') throw new CronSyntaxError('empty spec string');
  if (text.startsWith('@every ')) return every(text.slice('@every '.length), text);
  const expanded = text.startsWith('@') ? descriptors[text] : text;
  if (expanded === undefined) throw new CronSyntaxError(`unrecognized descriptor: ${text}`);
  const parts = expanded.split(/\s+/).filter((part) => part !== '');
  if (parts.length !== 5) {
    throw new CronSyntaxError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  }
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = parts;
  return new FieldSchedule(
    {
      minute: parseField(minute, bounds.minute),
      hour: parseField(hour, bounds.hour),
      dayOfMonth: parseField(dayOfMonth, bounds.dayOfMonth),
      month: parseField(month, bounds.month),
      dayOfWeek: parseField(dayOfWeek, bounds.dayOfWeek),
    },
    new Zone(timeZone),
  );
}

/** Does the machine know this IANA time zone? */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function every(text: string, spec: string): CronSchedule {
  const nanos = parseGoDuration(text);
  if (nanos === undefined) throw new CronSyntaxError(`failed to parse duration ${spec}`);
  const stepMs = Math.max(1, Math.floor(nanos / 1e9)) * 1000;
  return { next: (after) => Math.floor(after / 1000) * 1000 + stepMs };
}

class FieldSchedule implements CronSchedule {
  readonly #fields: Record<keyof typeof bounds, Field>;
  readonly #zone: Zone;

  constructor(fields: Record<keyof typeof bounds, Field>, zone: Zone) {
    this.#fields = fields;
    this.#zone = zone;
  }

  next(after: number): number | undefined {
    const { minute, hour, month } = this.#fields;
    const zone = this.#zone;
    let time = Math.floor(after / minuteMs) * minuteMs + minuteMs;
    const lastYear = zone.local(time).getUTCFullYear() + furthestYears;
    for (;;) {
      const local = zone.local(time);
      const year = local.getUTCFullYear();
      if (year > lastYear) return undefined;
      if (!month.numbers.has(local.getUTCMonth() + 1)) {
        time = zone.startOf(Date.UTC(year, local.getUTCMonth() + 1, 1));
      } else if (!this.#isDay(local)) {
        time = zone.startOf(Date.UTC(year, local.getUTCMonth(), local.getUTCDate()) + dayMs);
      } else if (!hour.numbers.has(local.getUTCHours())) {
        time += (60 - local.getUTCMinutes()) * minuteMs;
      } else if (minute.numbers.has(local.getUTCMinutes())) {
        return time;
      } else {
        time += minuteMs;
      }
    }
  }

  /** Where both the day of the month and that of the week are given, either will do. */
  #isDay(local: Date): boolean {
    const { dayOfMonth, dayOfWeek } = this.#fields;
    const isDate = dayOfMonth.numbers.has(local.getUTCDate());
    const isWeekday = dayOfWeek.numbers.has(local.getUTCDay());
    return dayOfMonth.any || dayOfWeek.any ? isDate && isWeekday : isDate || isWeekday;
  }
}

/** A time zone's clock on the wall, told by dates whose UTC fields are the local ones. */
class Zone {
  readonly #format: Intl.DateTimeFormat | undefined;

  constructor(name: string) {
    if (name === 'UTC') return;
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
  }

  local(time: number): Date {
    if (!this.#format) return new Date(time);
    const parts = Object.fromEntries(this.#format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  }

  /** The time at which this local day begins; the first minute after a gap when midnight is in one. */
  startOf(localMs: number): number {
    const offset = (time: number): number => this.local(time).getTime() - time;
    const guess = localMs - offset(localMs);
    const time = localMs - offset(guess);
    const missing = localMs - this.local(time).getTime();
    return missing > 0 ? time + missing : time;
  }
}

function parseField(text: string, limits: Bounds): Field {
  const numbers = new Set<number>();
  let any = false;
  for (const part of text.split(',').filter((each) => each !== '')) {
    const range = parseRange(part, limits);
    any ||= range.any;
    for (let number = range.first; number <= range.last; number += range.step) numbers.add(number);
  }
  return { numbers, any };
}

function parseRange(text: string, limits: Bounds): { first: number; last: number; step: number; any: boolean } {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreLimits] = range.split('-');
  if (moreLimits.length > 0) throw new CronSyntaxError(`too many hyphens: ${text}`);
  if (moreSteps.length > 0) throw new CronSyntaxError(`too many slashes: ${text}`);
  const isStar = low === '*' || low === '?';
  const first = isStar ? limits.min : parseNumber(low, limits);
  // One number with a step goes on to the end.
  const end = high === undefined ? (stepText === undefined ? first : limits.max) : parseNumber(high, limits);
  const last = isStar ? limits.max : end;
  const step = stepText === undefined ? 1 : parseWhole(stepText);
  if (first < limits.min)
    throw new CronSyntaxError(`beginning of range (${first}) below minimum (${limits.min}): ${text}`);
  if (last > limits.max) throw new CronSyntaxError(`end of range (${last}) above maximum (${limits.max}): ${text}`);
  if (first > last) throw new CronSyntaxError(`beginning of range (${first}) beyond end of range (${last}): ${text}`);
  if (step === 0) throw new CronSyntaxError(`step of range should be a positive number: ${text}`);
  return { first, last, step, any: isStar && step === 1 };
}

function parseNumber(text: string, { names }: Bounds): number {
  return names?.[text.toLowerCase()] ?? parseWhole(text);
}

function parseWhole(text: string): number {
  if (/^\+?\d+$/.test(text)) return Number(text);
  if (/^-\d+$/.test(text)) throw new CronSyntaxError(`negative number (${text}) not allowed: ${text}`);
  throw new CronSyntaxError(
    `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}
