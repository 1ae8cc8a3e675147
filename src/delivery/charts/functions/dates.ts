import { formatGoDuration, parseGoDuration } from '../../../api/go-duration.ts';
import type { Clock } from '../../../base/clock.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { quote } from '../template/quote.ts';
import { GoInteger, GoStruct, int64, type IntegerType } from '../template/values.ts';
import {
  fieldsOf,
  formatTime,
  monthName,
  parseTime,
  second,
  secondsOf,
  timeFrom,
  timeText,
  weekdayName,
  zeroTime,
  type Time,
} from './go-time.ts';
import { loadZone, localZone, utc } from './time-zones.ts';

/** A time as templates see it: time.Time with the methods that charts call. */
export function timeStruct(time: Time): GoStruct {
  return new GoStruct({
    type: 'time.Time',
    inner: time,
    text: () => timeText(time),
    json: () => formatTime(time, '2006-01-02T15:04:05.999999999Z07:00'),
    methods: methodsOf(time),
  });
}

function named(type: IntegerType, value: number, text: string): GoInteger {
  return new GoInteger(type, BigInt(value), text);
}

function durationOf(nanos: bigint): GoInteger {
  return new GoInteger('time.Duration', nanos, formatGoDuration(nanos));
}

/** time.Time's methods, for the time that they are called on. */
const methods: Record<string, (time: Time) => FunctionMap[string]> = {
  String: (time) => goFunction([], () => timeText(time)),
  Format: (time) => goFunction(['string'], (layout) => formatTime(time, layout)),
  Unix: (time) => goFunction([], () => int64(secondsOf(time))),
  UnixMilli: (time) => goFunction([], () => int64(time.nanos / 1_000_000n)),
  UnixMicro: (time) => goFunction([], () => int64(time.nanos / 1000n)),
  UnixNano: (time) => goFunction([], () => int64(time.nanos)),
  Year: (time) => goFunction([], () => BigInt(fieldsOf(time).year)),
  Month: (time) => goFunction([], () => named('time.Month', fieldsOf(time).month, monthName(fieldsOf(time).month))),
  Day: (time) => goFunction([], () => BigInt(fieldsOf(time).day)),
  Hour: (time) => goFunction([], () => BigInt(fieldsOf(time).hour)),
  Minute: (time) => goFunction([], () => BigInt(fieldsOf(time).minute)),
  Second: (time) => goFunction([], () => BigInt(fieldsOf(time).second)),
  Nanosecond: (time) => goFunction([], () => BigInt(fieldsOf(time).nanosecond)),
  YearDay: (time) => goFunction([], () => BigInt(fieldsOf(time).yearDay)),
  Weekday: (time) =>
    goFunction([], () => named('time.Weekday', fieldsOf(time).weekday, weekdayName(fieldsOf(time).weekday))),
  UTC: (time) => goFunction([], () => timeStruct({ ...time, zone: utc })),
  Local: (time) => goFunction([], () => timeStruct({ ...time, zone: localZone() })),
  IsZero: (time) => goFunction([], () => time.nanos === zeroTime.nanos),
  Add: (time) => goFunction(['any'], (span) => timeStruct({ ...time, nanos: time.nanos + spanOf(span) })),
  AddDate: (time) =>
    goFunction(['int', 'int', 'int'], (years, months, days) => {
      const f = fieldsOf(time);
      const moved = { ...f, year: f.year + years, month: f.month + months, day: f.day + days };
      return timeStruct(timeFrom(moved, time.zone));
    }),
  Sub: (time) => goFunction(['time'], (other) => durationOf(time.nanos - timeOf(other).nanos)),
  Before: (time) => goFunction(['time'], (other) => time.nanos < timeOf(other).nanos),
  After: (time) => goFunction(['time'], (other) => time.nanos > timeOf(other).nanos),
  Equal: (time) => goFunction(['time'], (other) => time.nanos === timeOf(other).nanos),
};

function spanOf(value: unknown): bigint {
  if (value instanceof GoInteger && value.type === 'time.Duration') return value.value;
  throw new Error('wrong type for value; expected time.Duration');
}

function methodsOf(time: Time): FunctionMap {
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, method(time)]));
}

function timeOf(value: GoStruct): Time {
  return value.inner as Time;
}

/** What `date` and its like take: times, or seconds since the epoch; anything else is now. */
function instant(value: unknown, clock: Clock): Time {
  if (value instanceof GoStruct && value.type.endsWith('time.Time')) return timeOf(value);
  const isSeconds = typeof value === 'bigint' || (value instanceof GoInteger && /^int(?:64|32)$/.test(value.type));
  if (!isSeconds) return now(clock);
  return { nanos: (value instanceof GoInteger ? value.value : value) * second, zone: localZone() };
}

function now(clock: Clock): Time {
  return { nanos: BigInt(clock.now()) * 1_000_000n, zone: localZone() };
}

/** @throws Error in Go's words */
function parseDuration(text: string): bigint {
  const nanos = text.length > 200 ? undefined : parseGoDuration(text);
  if (nanos !== undefined) return BigInt(nanos);
  if (text.length > 200) throw new Error('time: invalid duration: it is too long');
  if (/^[-+]?\d+(?:\.\d*)?$/.test(text)) throw new Error(`time: missing unit in duration ${quote(text)}`);
  const unit = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]+)/.exec(text)?.[1];
  // All units are known where there are too many of them.
  if (unit !== undefined && !/^(?:[nuµμm]?s|[mh])$/.test(unit))
    throw new Error(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
  throw new Error(`time: invalid duration ${quote(text)}`);
}

function orElse<T>(body: () => T, fallback: T): T {
  try {
    return body();
  } catch {
    return fallback;
  }
}

/** The largest unit only: `2h10m` is `2h`. */
function roundDuration(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const hour = 3600n * second;
  const units: [string, bigint][] = [
    ['y', hour * 24n * 365n],
    ['mo', hour * 24n * 30n],
    ['d', hour * 24n],
    ['h', hour],
    ['m', 60n * second],
    ['s', second],
  ];
  const unit = units.find(([, length]) => size > length);
  return unit ? `${size / unit[1]}${unit[0]}` : '0s';
}

function wholeSeconds(value: unknown): bigint {
  if (typeof value === 'string') return /^[-+]?\d{1,19}$/.test(value) ? BigInt(value.replace('+', '')) : 0n;
  return value instanceof GoInteger && value.type === 'int64' ? value.value : 0n;
}

function spanToRound(value: unknown, clock: Clock): bigint {
  if (typeof value === 'string') return orElse(() => parseDuration(value), 0n);
  if (value instanceof GoInteger && value.type === 'int64') return value.value;
  if (value instanceof GoStruct && value.type === 'time.Time') return now(clock).nanos - timeOf(value).nanos;
  return 0n;
}

/** Sprig's functions on dates and durations. */
export function dateFunctions(clock: Clock): FunctionMap {
  const dateInZone = (layout: string, value: unknown, zone: string): string =>
    formatTime({ ...instant(value, clock), zone: loadZone(zone) ?? utc }, layout);
  const modify = (text: string, time: GoStruct): GoStruct => {
    const { nanos, zone } = timeOf(time);
    return timeStruct({ nanos: nanos + parseDuration(text), zone });
  };
  const inZoneFunction = goFunction(['string', 'any', 'string'], dateInZone);
  const modifyFunction = goFunction(['string', 'time'], (text, time) => orElse(() => modify(text, time), time));
  const mustModify = goFunction(['string', 'time'], modify);
  return {
    now: goFunction([], () => timeStruct(now(clock))),
    date: goFunction(['string', 'any'], (layout, value) => dateInZone(layout, value, 'Local')),
    dateInZone: inZoneFunction,
    date_in_zone: inZoneFunction,
    dateModify: modifyFunction,
    date_modify: modifyFunction,
    mustDateModify: mustModify,
    must_date_modify: mustModify,
    htmlDate: goFunction(['any'], (value) => dateInZone('2006-01-02', value, 'Local')),
    htmlDateInZone: goFunction(['any', 'string'], (value, zone) => dateInZone('2006-01-02', value, zone)),
    toDate: goFunction(['string', 'string'], (layout, text) =>
      timeStruct(orElse(() => parseTime(layout, text, localZone()), zeroTime)),
    ),
    mustToDate: goFunction(['string', 'string'], (layout, text) => timeStruct(parseTime(layout, text, localZone()))),
    unixEpoch: goFunction(['time'], (time) => String(secondsOf(timeOf(time)))),
    ago: goFunction(['any'], (value) => {
      const nanos = now(clock).nanos - instant(value, clock).nanos;
      return formatGoDuration(Math.round(Number(nanos) / 1e9) * 1e9);
    }),
    duration: goFunction(['any'], (value) => formatGoDuration(BigInt.asIntN(64, wholeSeconds(value) * second))),
    durationRound: goFunction(['any'], (value) => roundDuration(spanToRound(value, clock))),
  };
}
