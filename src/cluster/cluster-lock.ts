import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
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

/**
 * One planner at a time on the machine: two clusters that are made at the same moment would both take the first free
 * addresses. What `work` plans must be written down before it ends. Whoever comes second waits for the end of the first.
 */
export async function whilePlanning<T>(work: () => Promise<T>): Promise<T> {
  const unlock = await lockPlanning();
  try {
    return await work();
  } finally {
    unlock();
  }
}

const planningLock = '\0timonel-planning';

async function lockPlanning(): Promise<() => void> {
  for (;;) {
    const waiting = new Set<Socket>();
    const lock = createServer((socket) => {
      waiting.add(socket);
      socket.on('error', () => {});
    });
    const isOurs = await new Promise<boolean>((resolve, reject) => {
      lock.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') resolve(false);
        else reject(error);
      });
      lock.listen(planningLock, () => resolve(true));
    });
    if (isOurs) {
      return () => {
        lock.close();
        for (const socket of waiting) socket.destroy();
      };
    }
    await endOfHolder();
  }
}

/** Resolves when the process that holds the lock gives it up, or ends. */
function endOfHolder(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(planningLock);
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
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
