import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { removeProcessFile, writeProcessFile } from '../node/process-file.ts';

/** The file descriptor of a socket on which we tell a process that it may begin, and it says that it is ready. */
const readyDescriptor = 3;

const failureMark = 'failed: ';
const beginMark = 'begin\n';

export interface BackgroundProcess {
  command: readonly string[];
  logFile: string;
  pidFile: string;
  env?: Readonly<Record<string, string>>;
  /** What it waits for once it has loaded (see {@link awaitBegin}); when this rejects, the process is ended. */
  prepared: Promise<unknown>;
}

/**
 * Starts a process that outlives us, its words going to a log file, and resolves when it says that it is ready (see
 * {@link sayReady}), with what it says. Rejects with the end of its log when it ends instead.
 */
export async function startInBackground(process_: BackgroundProcess): Promise<{ pid: number; message: string }> {
  const { command, logFile, pidFile, env, prepared } = process_;
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, 'a', 0o600);
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    stdio: ['ignore', log, log, 'pipe'],
    detached: true,
    cwd: '/',
    env: { ...process.env, ...env, TIMONEL_READY_FD: String(readyDescriptor) },
  });
  closeSync(log);
  if (child.pid !== undefined) writeProcessFile(pidFile, child.pid);
  const ready = child.stdio[readyDescriptor] as Duplex;
  // A process that ended before it could begin is told of below.
  ready.on('error', () => {});
  prepared.then(
    () => ready.write(beginMark),
    () => child.kill('SIGKILL'),
  );
  try {
    const message = await new Promise<string>((resolve, reject) => {
      let said = '';
      ready.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.endsWith('\n') && !said.startsWith(failureMark)) resolve(said.trim());
      });
      child.once('error', reject);
      // `close` comes after the last word on the pipe; the log may have got none, when the disk is full.
      child.once('close', (code, signal) => {
        const reason = said.startsWith(failureMark) ? said.slice(failureMark.length).trim() : lastLine(logFile);
        reject(new Error(reason || `${program} ended with ${signal ?? `exit code ${code}`}`));
      });
    });
    return { pid: child.pid as number, message };
  } catch (error) {
    removeProcessFile(pidFile);
    throw error;
  } finally {
    child.removeAllListeners();
    ready.destroy();
    child.unref();
  }
}

/** Blocks the thread until whoever started this process has prepared what it needs. In the foreground nobody has to. */
export function awaitBegin(): void {
  const descriptor = process.env['TIMONEL_READY_FD'];
  if (!descriptor) return;
  const bytes = readSync(Number(descriptor), Buffer.alloc(beginMark.length));
  if (bytes === 0) throw new Error('whoever started this process went away');
}

/** Tells whoever started this process that it is ready. Does nothing for a process in the foreground. */
export function sayReady(message: string): void {
  const descriptor = process.env['TIMONEL_READY_FD'];
  if (!descriptor) return;
  delete process.env['TIMONEL_READY_FD'];
  try {
    writeSync(Number(descriptor), `${message}\n`);
    closeSync(Number(descriptor));
  } catch {
    // Whoever started us did not wait; there is nobody to tell.
  }
}

/** Tells whoever started this process why it does not get ready. Does nothing for a process in the foreground. */
export function sayFailed(reason: string): void {
  sayReady(`${failureMark}${reason}`);
}

/** The last words of a log: why a process ended. */
function lastLine(file: string): string | undefined {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.findLast((line) => line.startsWith('error: '))?.slice('error: '.length) ?? lines.at(-1);
}

/** How this program starts itself again. */
export function selfCommand(...args: readonly string[]): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] as string, ...args];
}
