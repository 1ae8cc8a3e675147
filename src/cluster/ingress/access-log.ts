import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

/** From here on a log is put away. */
const maxBytes = 64 * 2 ** 20;
const checkEveryMs = 60_000;

/** What was written before the last rotation. */
export function rotatedLog(file: string): string {
  return `${file}.1`;
}

/**
 * Keeps the access log below a size, with one older file beside it. The proxy holds the file open and outlives us, so
 * that it is copied and emptied, and not renamed; the proxy writes on where it was, behind a hole: {@link logBounds}.
 */
export function keepLogShort(file: string, { clock, log }: { clock: Clock; log: Logger }): { stop(): void } {
  let cancel: (() => void) | undefined;
  let isStopped = false;
  const check = async (): Promise<void> => {
    try {
      await rotate(file);
    } catch (error) {
      log.warn('the access log of the ingress proxy was not rotated', { file, error });
    }
    if (!isStopped) cancel = clock.setTimer(checkEveryMs, () => void check());
  };
  void check();
  return {
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}

async function rotate(file: string): Promise<void> {
  const { start, end } = await logBounds(file);
  if (end - start < maxBytes) return;
  await pipeline(createReadStream(file, { start, end: end - 1 }), createWriteStream(rotatedLog(file)));
  await truncate(file);
}

/** Where the lines of a log are, in bytes: after a rotation a hole is before them. A log that is not there has none. */
export async function logBounds(file: string): Promise<{ start: number; end: number }> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return { start: 0, end: 0 };
  try {
    const { size } = await handle.stat();
    return { start: await endOfHole(handle, size), end: size };
  } finally {
    await handle.close();
  }
}

/** Lines have no zeros. */
async function endOfHole(handle: FileHandle, size: number): Promise<number> {
  const byte = Buffer.alloc(1);
  let [low, high] = [0, size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    await handle.read(byte, 0, 1, middle);
    if (byte[0] === 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
