import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { makeDirectory } from './directory.ts';
import { LauncherError } from './launcher-error.ts';
import { clusterPaths, dataRoot } from './state.ts';

/**
 * Keeps two commands from changing one cluster at once, and a command from touching a cluster of the same name that
 * has its data elsewhere. The lock is a listening socket without a file (unix(7), "abstract"): the kernel gives it to
 * one process only, and takes it back however that process ends. Answers how to unlock.
 */
export async function lockCluster(name: string): Promise<() => void> {
  makeDirectory(dataRoot(), 0o711);
  const { run } = clusterPaths(name).directories;
  const lock = createServer();
  // Names of such sockets have at most 107 bytes; a path may have more.
  const address = `\0timonel-${createHash('sha256').update(run).digest('hex')}`;
  await new Promise<void>((resolve, reject) => {
    lock.once('error', (error: NodeJS.ErrnoException) => {
      const busy = new LauncherError(
        `another timonel command is working on cluster ${name}`,
        'Wait until it is done, then try again.',
        { cause: error },
      );
      reject(error.code === 'EADDRINUSE' ? busy : error);
    });
    lock.listen(address, resolve);
  });
  lock.unref();
  const owner = runOwner(name);
  if (owner !== undefined && owner !== clusterPaths(name).directories.data && existsSync(owner)) {
    lock.close();
    throw new LauncherError(
      `another cluster ${name} runs on this machine, with its data in ${owner}`,
      `Choose another name with --name, or work on that one: export TIMONEL_ROOT=${dirname(owner)}`,
    );
  }
  return () => lock.close();
}

/** Writes down whose processes the run directory is about to name. Under the lock only. */
export function claimRunDirectory(name: string): void {
  const { directories, owner } = clusterPaths(name);
  makeDirectory(directories.run, 0o711);
  writeFileSync(owner, `${directories.data}\n`);
}

/** Whether what the run directory of that name tells is about the cluster of this data directory. */
export function ownsRunDirectory(name: string): boolean {
  const { data } = clusterPaths(name).directories;
  return (runOwner(name) ?? data) === data;
}

/** The data directory of the cluster that has the run directory; undefined when there is none. */
function runOwner(name: string): string | undefined {
  try {
    return readFileSync(clusterPaths(name).owner, 'utf8').trim();
  } catch {
    return undefined;
  }
}
