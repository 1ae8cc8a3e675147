import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { runCommand } from './command.ts';

/** Mount points below a directory, the deepest (latest) first. */
function mountsBelow(directory: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unescape(line.split(' ')[4] ?? ''))
    .filter((point) => point === directory || point.startsWith(`${directory}/`));
  return [...new Set(points)].toReversed();
}

/** statfs(2): TMPFS_MAGIC. */
const tmpfsType = 0x01021994;

/**
 * Makes the directory, and lays a tmpfs on it unless it is in memory already, as everything below `/run` is on most
 * machines. Where it is not, a pod's start makes dozens of files of one moment's life on a disk.
 */
export async function keepInMemory(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  if (statfsSync(directory).type === tmpfsType) return;
  await runCommand(['mount', '-t', 'tmpfs', '-o', 'mode=0711,nosuid,nodev', 'tmpfs', directory]);
}

/** Detaches every mount below the directories. Rejects when one stays. */
export async function unmountBelow(directories: readonly string[]): Promise<void> {
  const points = directories.flatMap(mountsBelow);
  if (points.length > 0) await runCommand(['umount', '--lazy', '--', ...points]).catch(() => '');
  // Mounts can lie on top of each other.
  const rest = directories.flatMap(mountsBelow);
  if (rest.length > 0) await runCommand(['umount', '--lazy', '--', ...rest]).catch(() => '');
  const stuck = directories.flatMap(mountsBelow);
  if (stuck.length > 0) throw new Error(`cannot unmount ${stuck.join(', ')}`);
}

/** Removes directories with all they hold, never through a mount into something else. Idempotent. */
export async function removeDirectories(directories: readonly string[]): Promise<void> {
  await unmountBelow(directories);
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
}

/** mountinfo writes blanks and the like as three octal digits (proc(5)). */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
