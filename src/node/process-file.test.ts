import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../base/system-clock.ts';
import { readProcessFile, removeProcessFile, signalProcess, waitForExit, writeProcessFile } from './process-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'pid-'));
const file = join(directory, 'x.pid');
afterAll(() => rmSync(directory, { recursive: true }));

describe('a process file', () => {
  it('names a process as long as it runs', async () => {
    const child = spawn('sleep', ['1000']);
    await once(child, 'spawn');
    const pid = child.pid as number;
    writeProcessFile(file, pid);
    expect(readProcessFile(file)).toBe(pid);
    expect(signalProcess(pid, 'SIGKILL')).toBe(true);
    expect(await waitForExit(pid, systemClock, 5_000)).toBe(true);
    expect(readProcessFile(file)).toBeUndefined();
  });

  it('does not take another process of the same number for it', () => {
    writeProcessFile(file, process.pid);
    expect(readProcessFile(file)).toBe(process.pid);
    const [pid, startedAt] = readFileSync(file, 'utf8').trim().split(' ');
    writeFileSync(file, `${pid} ${Number(startedAt) - 1}\n`);
    expect(readProcessFile(file)).toBeUndefined();
  });

  it('is nobody when it is missing or damaged', () => {
    writeFileSync(file, 'x');
    expect(readProcessFile(file)).toBeUndefined();
    removeProcessFile(file);
    removeProcessFile(file);
    expect(readProcessFile(file)).toBeUndefined();
  });
});
