import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { LauncherError } from './launcher-error.ts';

/**
 * A server and its nodes write this much before the first object. A store whose memory map meets a full disk is ended
 * by the kernel (SIGBUS) before it can say a word, so it is not even opened on one.
 */
const neededBytes = 16 * 2 ** 20;

/** Throws when the file system of the directory (which need not exist yet) is as good as full. */
export function requireDiskSpace(directory: string): void {
  let existing = directory;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const megabytes = (freeBytes / 2 ** 20).toFixed(1);
  throw new LauncherError(
    `the disk is full: ${existing} has ${megabytes} MiB left, and a cluster needs ${neededBytes / 2 ** 20} to start`,
    'Free some space, or name a directory on another disk with TIMONEL_ROOT.',
  );
}
