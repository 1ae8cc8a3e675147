import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { lockFile } from '../base/file-lock.ts';
import { makeDirectory } from './directory.ts';
import { hasContext, mergeKubeconfig, removeFromKubeconfig } from './kubeconfig-merge.ts';
import type { KubeconfigEntry } from './kubeconfig-merge.ts';

/** The files that kubectl reads, in order: those that $KUBECONFIG names, or `~/.kube/config`. */
export function kubeconfigPaths(environment: Readonly<Record<string, string | undefined>>): string[] {
  const named = (environment.KUBECONFIG ?? '').split(':').filter((path) => path !== '');
  return named.length > 0 ? [...new Set(named)] : [join(homedir(), '.kube', 'config')];
}

/**
 * Adds the entry where kubectl would (client-go's ModifyConfig): the file that has it already, else the first file of
 * the list that exists, else its last. Answers the path. Throws an Error with one sentence for people.
 */
export async function writeKubeconfig(options: {
  entry: KubeconfigEntry;
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}): Promise<string> {
  const { entry, environment, clock } = options;
  const path = fileFor(entry.name, environment);
  await changeFile({ path, clock, change: (text) => mergeKubeconfig(text, entry) });
  return path;
}

/**
 * Would {@link writeKubeconfig} be able to write an entry of that name? Rejects with the same sentence if not. Changes
 * nothing, but makes the file's directory.
 */
export async function checkKubeconfig(options: {
  name: string;
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}): Promise<void> {
  const { name, environment, clock } = options;
  const path = fileFor(name, environment);
  const change = (text: string | undefined): undefined => {
    if (text === undefined) return;
    hasContext(text, name);
    // Its directory took a lock file, yet a file can be immutable by itself. One without write permission is replaced.
    try {
      closeSync(openSync(path, 'r+'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw unwritable(path, error);
    }
  };
  await changeFile({ path, clock, change });
}

function fileFor(name: string, environment: Readonly<Record<string, string | undefined>>): string {
  const paths = kubeconfigPaths(environment);
  const holder = paths.find((path) => {
    const text = readText(path);
    return text !== undefined && explained(path, () => hasContext(text, name));
  });
  return holder ?? paths.find((candidate) => existsSync(candidate)) ?? paths.at(-1) ?? '';
}

/** Takes the entry out of every file that holds it; answers those files. */
export async function dropFromKubeconfig(options: {
  name: string;
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}): Promise<string[]> {
  const { name, environment, clock } = options;
  const changed: string[] = [];
  for (const path of kubeconfigPaths(environment)) {
    if (!existsSync(path)) continue;
    const change = (text: string | undefined): string | undefined => removeFromKubeconfig(text ?? '', name);
    // A file that cannot be written is none of our business when it has no such entry.
    if (explained(path, () => change(readText(path))) === undefined) continue;
    if (await changeFile({ path, clock, change })) changed.push(path);
  }
  return changed;
}

/**
 * Reads, changes and replaces a kubeconfig under its lock. Undefined from `change` leaves it alone. Rejects with an Error
 * with one sentence for people.
 */
export async function changeFile(options: {
  path: string;
  clock: Clock;
  change: (text: string | undefined) => string | undefined;
}): Promise<boolean> {
  const { path, clock, change } = options;
  try {
    makeDirectory(dirname(path), 0o750);
  } catch (error) {
    throw unwritable(path, error);
  }
  // A symlink stays one: the file it points to is replaced.
  const target = existsSync(path) ? realpathSync(path) : path;
  const unlock = await lockFile(target, clock).catch((error: NodeJS.ErrnoException) => {
    throw error.code === undefined ? error : unwritable(target, error);
  });
  try {
    const text = readText(target);
    const next = explained(path, () => change(text));
    if (next === undefined || next === text) return false;
    replaceFile(target, next);
    return true;
  } finally {
    unlock();
  }
}

function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (error) {
    if (existsSync(temporary)) unlinkSync(temporary);
    throw unwritable(path, error);
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read the kubeconfig ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function explained<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UnwritableError) throw error;
    const message = `${path} ${error instanceof Error ? error.message : String(error)}; repair or move it`;
    throw new Error(message, { cause: error });
  }
}

class UnwritableError extends Error {}

function unwritable(path: string, error: unknown): Error {
  const hint = 'make it writable, or name another file in KUBECONFIG';
  return new UnwritableError(`cannot write the kubeconfig ${path}: ${reasonOf(error)}; ${hint}`, { cause: error });
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const known: Record<string, string> = {
    EACCES: 'permission denied',
    ENOENT: 'its directory cannot be made',
    EPERM: 'the file or its directory is immutable',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is not a directory',
    EISDIR: 'it is a directory',
    EEXIST: 'a part of the path is not a directory',
  };
  return known[code ?? ''] ?? (error instanceof Error ? error.message : String(error));
}
