import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Socket } from 'node:net';
import { LauncherError } from './launcher-error.ts';
import { removeProcessFile, writeProcessFile } from '../node/process-file.ts';

/** The file descriptor of a socket on which we tell a process how far it may go, and it says that it is ready. */
const readyDescriptor = 3;

const failureMark = 'failed: ';
/** Of equal length, so that each is read by itself. */
const marks = { begin: 'begin\n', serve: 'serve\n' } as const;

export interface BackgroundCommand {
  command: readonly string[];
  logFile: string;
  env?: Readonly<Record<string, string>>;
}

/** A process that loads its program, and then waits to be told how far it may go (see {@link awaitTurn}). */
export interface WaitingProcess {
  child: ChildProcess;
  command: BackgroundCommand;
}

/** Starts a process that outlives us once it has begun, its words going to a log file. Keeps nobody from ending. */
export function startWaiting(background: BackgroundCommand): WaitingProcess {
  const { command, logFile, env } = background;
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
  child.unref();
  const ready = socketOf(child);
  // Whoever waits for it is told by its end.
  child.on('error', () => {});
  ready.on('error', () => {});
  ready.unref();
  return { child, command: background };
}

function socketOf(child: ChildProcess): Socket {
  return child.stdio[readyDescriptor] as Socket;
}

/**
 * Lets a waiting process begin when `begin` resolves, and serve when `serve` has resolved as well; ends it when one of
 * them rejects. Resolves when it says that it is ready (see {@link sayReady}). Rejects with the end of its log when it
 * ends instead.
 */
export async function beginInBackground(
  { child, command }: WaitingProcess,
  { pidFile, begin, serve }: { pidFile: string; begin: Promise<unknown>; serve: Promise<unknown> },
): Promise<void> {
  if (child.pid !== undefined) writeProcessFile(pidFile, child.pid);
  const ready = socketOf(child);
  child.ref();
  ready.ref();
  begin
    .then(() => ready.write(marks.begin))
    .then(() => serve)
    .then(
      () => ready.write(marks.serve),
      () => child.kill('SIGKILL'),
    );
  try {
    await readiness(child, command);
  } catch (error) {
    removeProcessFile(pidFile);
    throw error;
  } finally {
    child.removeAllListeners();
    ready.destroy();
    child.unref();
  }
}

function readiness(child: ChildProcess, { command: [program], logFile }: BackgroundCommand): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    socketOf(child).on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.endsWith('\n') && !said.startsWith(failureMark)) resolve();
    });
    child.once('error', reject);
    // `close` comes after the last word on the pipe; the log may have got none, when the disk is full.
    child.once('close', (code, signal) => {
      const reason = said.startsWith(failureMark) ? said.slice(failureMark.length).trim() : lastLine(logFile);
      reject(new Error(reason || `${program} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/**
 * Blocks the thread until whoever started this process has prepared what it needs in order to `begin`, and then to
 * `serve`. In the foreground nobody has to.
 */
export function awaitTurn(turn: keyof typeof marks): void {
  const descriptor = process.env['TIMONEL_READY_FD'];
  if (!descriptor) return;
  const bytes = readSync(Number(descriptor), Buffer.alloc(marks[turn].length));
  if (bytes === 0) throw new LauncherError(`the command that started this process ended before it could ${turn}`);
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
