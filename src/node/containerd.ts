import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { renderContainerdConfig, runcRoot, type ContainerdPaths } from './containerd-config.ts';
import {
  cniPluginName,
  loopbackPlugin,
  renderCniConfig,
  renderCniPlugin,
  type PodNetworkOptions,
} from './cni-plugin.ts';
import { hostnameOf } from './host-identity.ts';
import { pauseImageName } from './pause-image.ts';
import { endProcess, readProcessFile, writeProcessFile } from './process-file.ts';
import { renderShimProgram, shimProgramName } from './shim-program.ts';

/** What the machine has to run containers with. */
export interface ContainerdInstallation {
  /** `1.6.20`. */
  version: string;
  mayLowerOomScore: boolean;
}

const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;

/** Finds containerd. Rejects with a sentence when it is missing. */
export async function detectContainerd(): Promise<ContainerdInstallation> {
  const text = await new Promise<string>((resolve, reject) => {
    execFile('containerd', ['--version'], { env: { ...process.env, PATH: path } }, (error, stdout) => {
      if (error) reject(new Error(`containerd does not run: ${error.message}`));
      else resolve(stdout);
    });
  });
  const version = /\bv?(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) throw new Error(`containerd tells no version: ${text.trim()}`);
  return { version, mayLowerOomScore: hasResourceCapability() };
}

/** CAP_SYS_RESOURCE is number 24 (capabilities(7)). */
function hasResourceCapability(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << 24n)) !== 0n;
}

/** The files of a node's containerd below the node's directories for lasting data and for run-time state. */
export function containerdPaths(dataDirectory: string, runDirectory: string): ContainerdPaths {
  return {
    root: join(dataDirectory, 'containerd'),
    state: join(runDirectory, 'containerd'),
    socket: join(runDirectory, 'containerd.sock'),
    configFile: join(runDirectory, 'containerd.toml'),
    pidFile: join(runDirectory, 'containerd.pid'),
    logFile: join(runDirectory, 'containerd.log'),
    cniConfigDirectory: join(runDirectory, 'cni'),
    // Programs do not run from /run everywhere.
    cniBinDirectory: join(dataDirectory, 'cni-plugins'),
    cniDataDirectory: join(runDirectory, 'containerd/cni-addresses'),
    registryDirectory: join(dataDirectory, 'registries'),
    programDirectory: join(dataDirectory, 'programs'),
  };
}

export interface ContainerdStart {
  paths: ContainerdPaths;
  installation: ContainerdInstallation;
  podNetwork: Omit<PodNetworkOptions, 'dataDirectory'>;
  /** Network namespace (its file) and host name of the node; those of the host when absent. */
  place?: { networkNamespace: string; hostname: string };
}

/**
 * Starts a node's containerd and resolves as soon as it takes connections; one that runs already is adopted. It is a
 * process of its own: it, and even more its containers, outlive the caller. Rejects with the end of its log when it
 * ends instead.
 */
export async function startContainerd(start: ContainerdStart): Promise<{ pid: number; adopted: boolean }> {
  const { paths, installation } = start;
  const running = readProcessFile(paths.pidFile);
  if (running !== undefined) {
    // It may be starting at another's behest; should it end instead, its socket never comes.
    await waitForListener(paths.socket, AbortSignal.timeout(10_000));
    return { pid: running, adopted: true };
  }
  for (const directory of [paths.root, paths.state, paths.registryDirectory])
    mkdirSync(directory, { recursive: true, mode: 0o711 });
  writeFileSync(paths.configFile, renderContainerdConfig({ paths, ...installation, sandboxImage: pauseImageName }));
  writePodNetwork(paths, start.podNetwork);
  writeShimProgram(paths);
  rmSync(paths.socket, { force: true });
  const containerd = ['containerd', '--config', paths.configFile];
  const [program = '', ...args] = start.place ? commandAt(start.place, containerd) : containerd;
  const log = openSync(paths.logFile, 'a');
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    detached: true,
    cwd: '/',
    env: { ...process.env, PATH: `${paths.programDirectory}${delimiter}${path}` },
  });
  closeSync(log);
  if (child.pid !== undefined) writeProcessFile(paths.pidFile, child.pid);
  const abort = new AbortController();
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Error(`containerd does not start: ${error.message}`)));
    child.once('exit', (code) => reject(new Error(`containerd ended (${code}): ${lastLines(paths.logFile)}`)));
  });
  try {
    await Promise.race([waitForListener(paths.socket, abort.signal), failed]);
  } finally {
    abort.abort();
  }
  child.removeAllListeners();
  child.unref();
  return { pid: child.pid as number, adopted: false };
}

/** One process all the way: each program becomes the next. */
function commandAt({ networkNamespace, hostname }: NonNullable<ContainerdStart['place']>, command: string[]): string[] {
  // `ip netns exec` would hide the cgroups: it mounts /sys anew.
  const enter = ['nsenter', `--net=${networkNamespace}`, '--', 'unshare', '--uts', '--'];
  return [...enter, 'sh', '-c', 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"', hostnameOf(hostname), ...command];
}

function writePodNetwork(paths: ContainerdPaths, podNetwork: ContainerdStart['podNetwork']): void {
  const { cniConfigDirectory, cniBinDirectory, cniDataDirectory } = paths;
  for (const directory of [cniConfigDirectory, cniBinDirectory, cniDataDirectory])
    mkdirSync(directory, { recursive: true, mode: 0o711 });
  writeFileSync(join(cniConfigDirectory, '10-timonel.conflist'), renderCniConfig(podNetwork.name));
  const plugin = renderCniPlugin({ ...podNetwork, dataDirectory: cniDataDirectory });
  writeProgram(join(cniBinDirectory, cniPluginName), plugin);
  writeProgram(join(cniBinDirectory, 'loopback'), loopbackPlugin);
}

/** A shim that is nowhere on the path is containerd's own affair. */
function writeShimProgram(paths: ContainerdPaths): void {
  mkdirSync(paths.programDirectory, { recursive: true, mode: 0o711 });
  const program = path
    .split(delimiter)
    .map((directory) => join(directory, shimProgramName))
    .find((file) => existsSync(file));
  if (program === undefined) return;
  writeProgram(
    join(paths.programDirectory, shimProgramName),
    renderShimProgram({ program, runcRoot: runcRoot(paths) }),
  );
}

function writeProgram(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** Ends a node's containerd; its containers go on running. Idempotent. */
export async function stopContainerd(paths: ContainerdPaths, clock: Clock): Promise<void> {
  await endProcess(paths.pidFile, clock);
}

/** Resolves when the socket's file exists: told by the kernel, not by asking again. The directory must exist. */
export function waitForSocket(socket: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(dirname(socket), () => check());
    const finish = (): void => {
      watcher.close();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      finish();
      reject(signal?.reason as Error);
    };
    const check = (): void => {
      if (!existsSync(socket)) return;
      finish();
      resolve();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    check();
  });
}

/** A socket's file is there a moment before somebody listens. */
async function waitForListener(socket: string, signal: AbortSignal): Promise<void> {
  await waitForSocket(socket, signal);
  while (!(await accepts(socket))) {
    signal.throwIfAborted();
    await setImmediate();
  }
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-3).join('; ');
}
