import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogOptions } from './log-lines.ts';
import { readLog } from './logs.ts';

const options: LogOptions = {
  follow: false,
  timestamps: false,
  sinceNs: undefined,
  tailLines: undefined,
  limitBytes: undefined,
  stream: 'All',
};
const entry = (text: string): string => `2026-01-01T00:00:00Z stdout F ${text}\n`;
const never = new Promise<void>(() => {});
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logs-'));
  path = join(directory, '0.log');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function whole(wanted: Partial<LogOptions>): Promise<string> {
  const life = { stopped: never, signal: new AbortController().signal };
  let text = '';
  for await (const chunk of readLog(path, { ...options, ...wanted }, life)) text += chunk.toString();
  return text;
}

describe('readLog', () => {
  it('gives the last lines of a log of any length', async () => {
    writeFileSync(path, Array.from({ length: 5000 }, (_, i) => entry(`line ${i}`)).join(''));
    expect(await whole({ tailLines: 2 })).toBe('line 4998\nline 4999\n');
    expect(await whole({ tailLines: 0 })).toBe('');
    expect((await whole({ tailLines: 4000 })).split('\n')).toHaveLength(4001);
    expect((await whole({ tailLines: 9000 })).split('\n')).toHaveLength(5001);
    expect((await whole({})).split('\n')).toHaveLength(5001);
  });

  it('is empty where there is no file', async () => {
    expect(await whole({})).toBe('');
  });

  it('follows what is written, through a rotation, until the container has stopped', async () => {
    writeFileSync(path, entry('one'));
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const life = { stopped, signal: new AbortController().signal };
    const lines = readLog(path, { ...options, follow: true }, life);
    const next = async (): Promise<string | undefined> => {
      const result = await lines.next();
      return result.done ? undefined : result.value.toString();
    };
    expect(await next()).toBe('one\n');
    const second = next();
    appendFileSync(path, entry('two'));
    expect(await second).toBe('two\n');
    const third = next();
    renameSync(path, `${path}.20260101-000000`);
    writeFileSync(path, entry('three'));
    expect(await third).toBe('three\n');
    appendFileSync(path, entry('four'));
    expect(await next()).toBe('four\n');
    const end = next();
    stop();
    expect(await end).toBeUndefined();
  });

  it('ends when the client has left', async () => {
    writeFileSync(path, entry('one'));
    const client = new AbortController();
    const lines = readLog(path, { ...options, follow: true }, { stopped: never, signal: client.signal });
    await lines.next();
    const end = lines.next();
    client.abort();
    expect((await end).done).toBe(true);
  });
});
