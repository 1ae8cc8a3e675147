import { expect, it } from 'vitest';
import { isTimeZone, parseCronSchedule } from './cron-schedule.ts';

const from = Date.parse('2026-01-01T00:00:30Z'); // a Thursday

function times(text: string, count: number, zone?: string, start = from): string[] {
  const schedule = parseCronSchedule(text, zone);
  const found: string[] = [];
  for (let time = schedule.next(start); time !== undefined && found.length < count; time = schedule.next(time)) {
    found.push(new Date(time).toISOString().slice(0, 16));
  }
  return found;
}

it('knows numbers, lists, ranges, steps and names', () => {
  expect(times('*/20 * * * *', 3)).toEqual(['2026-01-01T00:20', '2026-01-01T00:40', '2026-01-01T01:00']);
  const hours = times('5,7 3-4 * * *', 5).map((time) => time.slice(11));
  expect(hours).toEqual(['03:05', '03:07', '04:05', '04:07', '03:05']);
  expect(times('0 0 * FEB-mar mon', 2)).toEqual(['2026-02-02T00:00', '2026-02-09T00:00']);
  expect(times('50/5 0 1 1 ?', 3)).toEqual(['2026-01-01T00:50', '2026-01-01T00:55', '2027-01-01T00:50']);
  expect(times('0 12 29 2 *', 1)).toEqual(['2028-02-29T12:00']);
});

it('takes either day where both are given, and both where one is every day', () => {
  expect(times('0 0 13 * fri', 3)).toEqual(['2026-01-02T00:00', '2026-01-09T00:00', '2026-01-13T00:00']);
  expect(times('0 0 * * fri', 2)).toEqual(['2026-01-02T00:00', '2026-01-09T00:00']);
});

it('knows the usual words, and every so often', () => {
  expect(times('@hourly', 1)).toEqual(['2026-01-01T01:00']);
  expect(times('@weekly', 1)).toEqual(['2026-01-04T00:00']);
  expect(times('@yearly', 1)).toEqual(['2027-01-01T00:00']);
  expect(parseCronSchedule('@every 1m30s').next(from)).toBe(from + 90_000);
});

it('has no time for a day that never comes', () => {
  expect(times('0 0 31 2 *', 1)).toEqual([]);
});

it('goes by the clock of a time zone, over its changes', () => {
  expect(times('30 9 * * *', 1, 'America/New_York')).toEqual(['2026-01-01T14:30']);
  const spring = Date.parse('2026-03-28T12:00:00Z');
  expect(times('30 2 * * *', 2, 'Europe/Berlin', spring)).toEqual(['2026-03-30T00:30', '2026-03-31T00:30']);
  expect(times('0 0 * * *', 2, 'Asia/Kolkata')).toEqual(['2026-01-01T18:30', '2026-01-02T18:30']);
  const autumn = Date.parse('2026-10-24T20:00:00Z');
  expect(times('30 2 * * *', 2, 'Europe/Berlin', autumn)).toEqual(['2026-10-25T00:30', '2026-10-25T01:30']);
  expect([isTimeZone('Europe/Berlin'), isTimeZone('Middle/Earth')]).toEqual([true, false]);
});

it('says what is wrong', () => {
  const problem = (text: string) => () => parseCronSchedule(text);
  expect(problem('* * *')).toThrow('expected exactly 5 fields, found 3: [* * *]');
  expect(problem('60 * * * *')).toThrow('end of range (60) above maximum (59): 60');
  expect(problem('* * * * 7')).toThrow('end of range (7) above maximum (6): 7');
  expect(problem('5-2 * * * *')).toThrow('beginning of range (5) beyond end of range (2): 5-2');
  expect(problem('*/0 * * * *')).toThrow('step of range should be a positive number: */0');
  expect(problem('x * * * *')).toThrow('failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax');
  expect(problem('@noon')).toThrow('unrecognized descriptor: @noon');
});
