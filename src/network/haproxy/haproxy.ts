import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { openRuntimeSocket, type RuntimeSocket } from './runtime-socket.ts';

/** Where one HAProxy of ours keeps what. */
export interface HaproxyPaths {
  /** Configuration, maps, certificates. */
  directory: string;
  runtimeSocket: string;
  jail: string;
  accessLog: string;
}

/** HAProxy as a process: it outlives ours, and is replaced without losing a connection. */
export interface Haproxy {
  /**
   * Writes the files (paths relative to the directory) and starts a process with them. One that runs hands over its
   * listening sockets and ends when its requests have. Rejects with what HAProxy complains about, and leaves the old
   * one.
   */
  load(files: ReadonlyMap<string, string>): Promise<void>;
  /** Sends commands to the running process; see {@link RuntimeSocket.send}. */
  send(commands: readonly string[]): Promise<string[]>;
  /** Lets go of the process, which goes on. */
  release(): void;
}

export interface HaproxyOptions {
  paths: HaproxyPaths;
  /** The name of the configuration among the files. */
  configFile: string;
  /** A process has taken over. */
  onStarted(pid: number): void;
  /** The process has ended without being asked to. */
  onLost(): void;
}

/** Why a configuration was not taken: HAProxy's own lines. */
class HaproxyRefusal extends Error {
  constructor(lines: string) {
    super(`HAProxy does not start: ${lines.split('\n').slice(0, 3).join(' ')}`);
    this.name = 'HaproxyRefusal';
  }
}

const directories = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin'];

/** The program, where Debian or the search path has it; undefined when it is not installed. */
export async function findHaproxy(path = process.env['PATH'] ?? ''): Promise<string | undefined> {
  for (const directory of [...path.split(':').filter((part) => part !== ''), ...directories]) {
    const file = join(directory, 'haproxy');
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** What a program was built with: `PROMEX`, `LUA` … */
export async function haproxyFeatures(program: string): Promise<ReadonlySet<string>> {
  const { stdout } = await promisify(execFile)(program, ['-vv']);
  return new Set([...stdout.matchAll(/\+(\w+)/g)].map(([, name]) => name as string));
}

export function createHaproxy(program: string, options: HaproxyOptions): Haproxy {
  return new RunningHaproxy(program, options);
}

class RunningHaproxy implements Haproxy {
  readonly #program: string;
  readonly #options: HaproxyOptions;
  #session: RuntimeSocket | undefined;

  constructor(program: string, options: HaproxyOptions) {
    this.#program = program;
    this.#options = options;
  }

  async load(files: ReadonlyMap<string, string>): Promise<void> {
    const { paths, configFile } = this.#options;
    await writeFiles(paths, files);
    const running = await this.#runningPid();
    await this.#spawn(join(paths.directory, configFile), running);
    this.#session?.close();
    this.#session = undefined;
    const pid = await this.#runningPid();
    if (pid !== undefined) this.#options.onStarted(pid);
  }

  async send(commands: readonly string[]): Promise<string[]> {
    return (await this.#connect()).send(commands);
  }

  release(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  async #connect(): Promise<RuntimeSocket> {
    this.#session ??= await openRuntimeSocket(this.#options.paths.runtimeSocket, () => {
      this.#session = undefined;
      this.#options.onLost();
    });
    return this.#session;
  }

  /** Also of a process that an earlier server has left. */
  async #runningPid(): Promise<number | undefined> {
    try {
      const [info = ''] = await this.send(['show info']);
      return Number(/^Pid: (\d+)$/m.exec(info)?.[1]) || undefined;
    } catch {
      return undefined;
    }
  }

  /** HAProxy goes to the background when its sockets are open and the old process has been told to finish. */
  async #spawn(config: string, running: number | undefined): Promise<void> {
    const { runtimeSocket, accessLog } = this.#options.paths;
    const takeOver = running === undefined ? [] : ['-x', runtimeSocket, '-sf', String(running)];
    const log = await open(accessLog, 'a', 0o600);
    try {
      await new Promise<void>((resolve, reject) => {
        const child = spawn(this.#program, ['-D', '-f', config, ...takeOver], {
          stdio: ['ignore', 'ignore', 'pipe', log.fd],
          cwd: '/',
          detached: true,
        });
        let said = '';
        child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
        child.once('error', reject);
        // Not `close`: what runs on may hold the pipe.
        child.once('exit', (code) => {
          if (code === 0) resolve();
          else reject(new HaproxyRefusal(alertsOf(said)));
          child.stderr?.destroy();
        });
      });
    } finally {
      await log.close();
    }
  }
}

/** The lines about what is wrong, without process numbers. */
function alertsOf(said: string): string {
  const alerts = said.split('\n').filter((line) => line.startsWith('[ALERT]'));
  const lines = alerts.length > 0 ? alerts : said.trim().split('\n');
  return lines.map((line) => line.replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*/, '')).join('\n');
}

/** Each file whole or not at all; certificates that are no longer listed go. */
async function writeFiles(
  { directory, jail, accessLog }: HaproxyPaths,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  for (const path of [directory, jail, dirname(accessLog)]) await mkdir(path, { recursive: true, mode: 0o700 });
  // The running proxy is nobody, and looks into its jail.
  await chmod(jail, 0o755);
  const folders = new Set([...files.keys()].map((name) => dirname(name)));
  for (const folder of folders) await mkdir(join(directory, folder), { recursive: true, mode: 0o700 });
  await Promise.all(
    [...files].map(async ([name, text]) => {
      const file = join(directory, name);
      await writeFile(`${file}.new`, text, { encoding: 'latin1', mode: 0o600 });
      await rename(`${file}.new`, file);
    }),
  );
  for (const folder of folders) {
    if (folder === '.') continue;
    const stale = (await readdir(join(directory, folder))).filter((name) => !files.has(join(folder, name)));
    await Promise.all(stale.map((name) => rm(join(directory, folder, name), { force: true })));
  }
}
