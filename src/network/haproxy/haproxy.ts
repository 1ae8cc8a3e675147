import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
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
  #log: FileHandle | undefined;
  /** By the last load, if all of it was. */
  #written: ReadonlyMap<string, string> = new Map();

  constructor(program: string, options: HaproxyOptions) {
    this.#program = program;
    this.#options = options;
  }

  async load(files: ReadonlyMap<string, string>): Promise<void> {
    const { paths, configFile } = this.#options;
    const written = this.#written;
    this.#written = new Map();
    await writeFiles(paths, files, written);
    this.#written = files;
    const before = await this.#running();
    const pid = await this.#spawn(join(paths.directory, configFile), before?.pid);
    if (before) await hasStoppedListening(before.session);
    this.#session?.close();
    this.#session = undefined;
    this.#options.onStarted(pid);
    await this.#connectTo(pid);
  }

  async send(commands: readonly string[]): Promise<string[]> {
    return (await this.#connect()).send(commands);
  }

  release(): void {
    this.#session?.close();
    this.#session = undefined;
    void this.#log?.close();
    this.#log = undefined;
  }

  async #connect(): Promise<RuntimeSocket> {
    this.#session ??= await openRuntimeSocket(this.#options.paths.runtimeSocket, () => {
      this.#session = undefined;
      this.#options.onLost();
    });
    return this.#session;
  }

  /** What runs, which an earlier server may have left. */
  async #running(): Promise<{ pid: number; session: RuntimeSocket } | undefined> {
    try {
      const session = await this.#connect();
      const pid = numberOf(await infoOf(session), 'Pid');
      return pid > 0 ? { pid, session } : undefined;
    } catch {
      return undefined;
    }
  }

  /** The socket is one for old and new processes: whoever is quicker takes the connection. */
  async #connectTo(pid: number): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const running = await this.#running();
      if (running?.pid === pid) return;
      this.#session?.close();
      this.#session = undefined;
    }
    throw new Error('HAProxy has started, and does not answer at its runtime socket');
  }

  /** HAProxy goes to the background when its sockets are open and the old process has been told to finish. */
  async #spawn(config: string, running: number | undefined): Promise<number> {
    const { runtimeSocket, directory } = this.#options.paths;
    const pidFile = join(directory, 'haproxy.pid');
    const takeOver = running === undefined ? [] : ['-x', runtimeSocket, '-sf', String(running)];
    const log = await this.#openLog();
    await new Promise<void>((resolve, reject) => {
      const child = spawn(this.#program, ['-D', '-p', pidFile, '-f', config, ...takeOver], {
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
    return Number((await readFile(pidFile, 'utf8')).trim());
  }

  /**
   * HAProxy takes the flag of appending away from its log (`fcntl` with `O_NONBLOCK` alone), and writes on from where
   * the file was. So all processes share one open file and its place: an old one does not overwrite what a new one
   * says. One of an earlier server of ours has a place of its own, before ours: empty lines leave it room to finish.
   */
  async #openLog(): Promise<FileHandle> {
    const { accessLog } = this.#options.paths;
    const [before, now] = [await this.#log?.stat(), await stat(accessLog).catch(() => undefined)];
    if (this.#log && before?.ino === now?.ino) return this.#log;
    await this.#log?.close();
    this.#log = await open(accessLog, 'a', 0o600);
    if ((now?.size ?? 0) > 0) await this.#log.write('\n'.repeat(roomForLines));
    return this.#log;
  }
}

const maxAttempts = 1000;
/** Bytes. */
const roomForLines = 2 ** 16;

async function infoOf(session: RuntimeSocket): Promise<string> {
  const [info = ''] = await session.send(['show info']);
  return info;
}

function numberOf(info: string, name: string): number {
  return Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(info)?.[1] ?? 0);
}

/**
 * A process takes connections until it has come to the signal that its successor sent. What is asked meanwhile is
 * answered by its old configuration, so that nobody may be told before that the new one holds.
 */
async function hasStoppedListening(session: RuntimeSocket): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    try {
      if (numberOf(await infoOf(session), 'Stopping') === 1) return;
    } catch {
      return;
    }
  }
}

/** The lines about what is wrong, without process numbers. */
function alertsOf(said: string): string {
  const alerts = said.split('\n').filter((line) => line.startsWith('[ALERT]'));
  const lines = alerts.length > 0 ? alerts : said.trim().split('\n');
  return lines.map((line) => line.replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*/, '')).join('\n');
}

/** Each file whole or not at all, where it is another than before; certificates that are no longer listed go. */
async function writeFiles(
  { directory, jail, accessLog }: HaproxyPaths,
  files: ReadonlyMap<string, string>,
  before: ReadonlyMap<string, string>,
): Promise<void> {
  for (const path of [directory, jail, dirname(accessLog)]) await mkdir(path, { recursive: true, mode: 0o700 });
  // The running proxy is nobody, and looks into its jail.
  await chmod(jail, 0o755);
  const folders = new Set([...files.keys()].map((name) => dirname(name)));
  for (const folder of folders) await mkdir(join(directory, folder), { recursive: true, mode: 0o700 });
  await Promise.all(
    [...files].map(async ([name, text]) => {
      if (before.get(name) === text) return;
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
