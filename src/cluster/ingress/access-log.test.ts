import { mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import type { Clock } from '../../base/clock.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { keepLogShort, logBounds, rotatedLog } from './access-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'timonel-log-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** One check, as it is made every minute. */
async function check(file: string): Promise<void> {
  const clock = createSimulatedClock();
  // The next check is set when this one has ended.
  await new Promise<void>((resolve) => {
    const setTimer: Clock['setTimer'] = (...args) => (resolve(), clock.setTimer(...args));
    keepLogShort(file, { clock: { ...clock, setTimer }, log: silentLogger });
  });
}

it('puts a long access log away, while its writer goes on where it was', async () => {
  const file = join(directory, 'access.log');
  const writer = openSync(file, 'w');
  const line = `${'x'.repeat(2 ** 20 - 1)}\n`;
  for (let count = 0; count < 64; count++) writeSync(writer, line);
  await check(file);
  expect(statSync(rotatedLog(file)).size).toBe(64 * 2 ** 20);
  expect(await logBounds(file)).toEqual({ start: 0, end: 0 });

  writeSync(writer, 'second\n');
  writeSync(writer, 'third\n');
  const { start, end } = await logBounds(file);
  expect(start).toBe(64 * 2 ** 20);
  expect(readFileSync(file).subarray(start, end).toString()).toBe('second\nthird\n');
  // The hole is not what makes a log long.
  await check(file);
  expect(statSync(rotatedLog(file)).size).toBe(64 * 2 ** 20);
  expect(statSync(file).size).toBe(end);
  for (let count = 0; count < 64; count++) writeSync(writer, line);
  await check(file);
  expect(readFileSync(rotatedLog(file)).subarray(0, 13).toString()).toBe('second\nthird\n');
  expect(statSync(file).size).toBe(0);
});

it('knows where the lines of a log are', async () => {
  const file = join(directory, 'other.log');
  expect(await logBounds(file)).toEqual({ start: 0, end: 0 });
  const writer = openSync(file, 'a');
  writeSync(writer, 'one\n');
  expect(await logBounds(file)).toEqual({ start: 0, end: 4 });
  truncateSync(file, 0);
  truncateSync(file, 5);
  writeSync(writer, 'two\n');
  expect(await logBounds(file)).toEqual({ start: 5, end: 9 });
});
