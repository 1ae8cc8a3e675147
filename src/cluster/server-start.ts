import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readProcessFile } from '../node/process-file.ts';
import { startWaiting, type WaitingProcess } from './background-process.ts';
import { clusterPaths, isValidName } from './state.ts';

/** New objects get a quarter of the room that V8 would take: 18 MB less in memory, and no slower. */
const serverMemory = '--max-semi-space-size=4';
const environment = {
  /** The C library (mallopt(3)) gives back what is free at the end of the heap, beyond so many bytes: 11 MB less. */
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024),
  /** LMDB's package loads an addon for MessagePack, which the store does not write. */
  MSGPACKR_NATIVE_ACCELERATION_DISABLED: 'true',
};

let early: { name: string; server: WaitingProcess } | undefined;

/**
 * Starts the process of a cluster's server before the rest of this command is loaded, if the cluster exists and its
 * server does not run. Nothing is wrong if it cannot be, and it ends with this process unless {@link waitingServer}
 * has taken it.
 */
export function startServerEarly(name: string): void {
  if (!isValidName(name)) return;
  const { stateFile, serverPid } = clusterPaths(name);
  if (!existsSync(stateFile) || readProcessFile(serverPid) !== undefined) return;
  try {
    early = { name, server: startServer(name) };
  } catch {
    // Whoever starts the cluster finds out why, and says so.
    return;
  }
  process.on('exit', () => early?.server.child.kill('SIGKILL'));
}

/** The process of a cluster's server, which waits to be told to begin: the one that was started early, or a new one. */
export function waitingServer(name: string): WaitingProcess {
  const found = early;
  early = undefined;
  if (found?.name === name && found.server.child.exitCode === null && found.server.child.signalCode === null) {
    return found.server;
  }
  found?.server.child.kill('SIGKILL');
  return startServer(name);
}

function startServer(name: string): WaitingProcess {
  const { stateFile, serverLog } = clusterPaths(name);
  const program = join(import.meta.dirname, 'server.cjs');
  return startWaiting({
    command: [process.execPath, serverMemory, ...process.execArgv, program, '--state', stateFile],
    logFile: serverLog,
    env: environment,
  });
}
