import { spawn } from 'node:child_process';

export class CommandError extends Error {
  readonly exitCode: number | null;
  readonly stderr: string;

  constructor(command: readonly string[], exitCode: number | null, stderr: string) {
    super(`${shown(command)}: ${stderr.trim() || `exit code ${exitCode}`}`);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** The command, less the values of variables, which may be secrets. */
function shown(command: readonly string[]): string {
  const isVariable = (flag: string | undefined): boolean => ['--build-arg', '--env', '-e'].includes(flag ?? '');
  return command.map((word, i) => (isVariable(command[i - 1]) ? word.replace(/=.*$/s, '=…') : word)).join(' ');
}

export interface CommandOptions {
  /** Written to its standard input, which is empty otherwise. */
  input?: string | Uint8Array;
  env?: Readonly<Record<string, string>>;
  /** Where it runs; default: where this process does. */
  directory?: string;
  /** Gets each chunk of standard error as it comes (progress of long commands). */
  onStderr?: (text: string) => void;
  /** The same for standard output. */
  onStdout?: (text: string) => void;
  /** Ends the command, and whatever it has started, by SIGTERM. */
  signal?: AbortSignal | undefined;
}

/** Debian keeps what a cluster needs in directories that a user's PATH may lack. */
const systemPath = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';

/**
 * Runs a command to its end; resolves with its standard output. Rejects with {@link CommandError}, also when it is
 * called off: then as soon as the command has ended, so that nobody tidies up behind one that still works.
 */
export function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { input, env, directory, onStderr, onStdout, signal } = options;
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${systemPath}`, LC_ALL: 'C.UTF-8', ...env },
      ...(directory !== undefined && { cwd: directory }),
      // A group of its own: what a shell has started ends with it.
      detached: signal !== undefined,
    });
    const callOff = (): void => void (child.pid && endGroup(child.pid));
    signal?.addEventListener('abort', callOff, { once: true });
    if (signal?.aborted) callOff();
    const out: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      onStdout?.(chunk.toString());
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-8192);
      onStderr?.(chunk.toString());
    });
    child.on('error', (error) => reject(new CommandError(command, null, error.message)));
    // What does not end with its group may hold the output open.
    child.on('exit', () => {
      signal?.removeEventListener('abort', callOff);
      if (signal?.aborted) reject(new CommandError(command, null, 'it was called off'));
    });
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new CommandError(command, code, errors));
    });
    // A command that ends without reading its input is judged by its exit code alone.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}
