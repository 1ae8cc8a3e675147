import {
  appendFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import type { Clock } from '../../base/clock.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { keepLogShort, rotatedLog } from './access-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'timonel-log-'));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('puts a long access log away, while its writer goes on', async () => {
  const file = join(directory, 'access.log');
  const writer = openSync(file, 'a');
  writeSync(writer, 'first\n');
  // A hole in the file makes it long at once.
  truncateSync(file, 64 * 2 ** 20);
  const clock = createSimulatedClock();
  // The next check is set when this one has ended.
  const checked = new Promise<void>((resolve) => {
    const setTimer: Clock['setTimer'] = (...args) => (resolve(), clock.setTimer(...args));
    keepLogShort(file, { clock: { ...clock, setTimer }, log: silentLogger });
  });
  await checked;
  writeSync(writer, 'second\n');
  appendFileSync(file, 'third\n');
  expect(readFileSync(file, 'utf8')).toBe('second\nthird\n');
  expect(statSync(rotatedLog(file)).size).toBe(64 * 2 ** 20);
});
