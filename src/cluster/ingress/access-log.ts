import { copyFile, stat, truncate } from 'node:fs/promises';
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
 * Keeps the access log below a size, with one older file beside it. The proxy holds the file open in append mode and
 * outlives us, so that it is copied and emptied, and not renamed.
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
  const found = await stat(file).catch(() => undefined);
  if (!found || found.size < maxBytes) return;
  await copyFile(file, rotatedLog(file));
  await truncate(file);
}
