import { closeSync, openSync, unlinkSync } from 'node:fs';
import type { Clock } from './clock.ts';

/** How long another writer may hold a lock before we give up, and how often we look: programs hold it for a moment. */
const lockWaitMs = 2000;
const lockRetryMs = 50;

/**
 * `<file>.lock`, made exclusively, as client-go does it; the result removes it. Rejects with an Error that says what to
 * remove when somebody holds it for too long, and with that of the file system when it cannot be made.
 */
export async function lockFile(path: string, clock: Pick<Clock, 'monotonic' | 'sleep'>): Promise<() => void> {
  const lockPath = `${path}.lock`;
  const deadline = clock.monotonic() + lockWaitMs;
  for (;;) {
    try {
      closeSync(openSync(lockPath, 'wx', 0o600));
      return () => unlinkSync(lockPath);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (clock.monotonic() >= deadline) {
        const message = `${path} is locked: another program is changing it; if none is, remove ${lockPath}`;
        throw new Error(message, { cause: error });
      }
    }
    await clock.sleep(lockRetryMs);
  }
}
