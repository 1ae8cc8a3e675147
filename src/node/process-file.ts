import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';

/**
 * The number of a running process in a file, beside the moment it started, so that another process which was given the
 * same number later is never mistaken for it.
 */
export function writeProcessFile(file: string, pid: number): void {
  const startedAt = processStart(pid);
  if (startedAt !== undefined) writeFileSync(file, `${pid} ${startedAt}\n`);
}

/** The process of the file, if it still runs. */
export function readProcessFile(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const [pid, startedAt] = text.trim().split(' ');
  if (pid === undefined || startedAt === undefined) return undefined;
  return processStart(Number(pid)) === startedAt ? Number(pid) : undefined;
}

export function removeProcessFile(file: string): void {
  rmSync(file, { force: true });
}

/** Clock ticks from boot to the start of a process (proc(5), stat, field 22); undefined when it does not run. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the state follows it.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : rest[18];
  } catch {
    return undefined;
  }
}

/** Sends a signal; false when there is no such process any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Resolves with true when the process has ended, with false after `timeoutMs`. The kernel announces the end of a
 * process only to its parent, so that of a stranger has to be asked for.
 */
export async function waitForExit(pid: number, clock: Clock, timeoutMs: number): Promise<boolean> {
  const startedAt = processStart(pid);
  const deadline = clock.monotonic() + timeoutMs;
  for (
    let pauseMs = 1;
    startedAt !== undefined && processStart(pid) === startedAt;
    pauseMs = Math.min(pauseMs * 2, 50)
  ) {
    if (clock.monotonic() > deadline) return false;
    await clock.sleep(pauseMs);
  }
  return true;
}

/** Ends the process of a pid file: SIGTERM, then SIGKILL after the grace. Idempotent. */
export async function endProcess(pidFile: string, clock: Clock, graceMs = 10_000): Promise<void> {
  const pid = readProcessFile(pidFile);
  if (pid !== undefined && signalProcess(pid, 'SIGTERM') && !(await waitForExit(pid, clock, graceMs))) {
    signalProcess(pid, 'SIGKILL');
    await waitForExit(pid, clock, 5_000);
  }
  removeProcessFile(pidFile);
}
