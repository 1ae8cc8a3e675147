/**
 * The cluster's own image registry: distribution's `docker-registry` on the host, with TLS by the cluster's CA. It
 * listens on 127.0.0.1, so that the host (and only it) calls it `localhost:PORT`; nodes reach it at the host's address
 * on the bridge, under the same name. It is started with the cluster once it was asked for, and ends with it.
 */
import { hash } from 'bcryptjs';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { containerdPaths } from '../../node/containerd.ts';
import { endProcess, readProcessFile, writeProcessFile } from '../../node/process-file.ts';
import { runCommand } from '../command.ts';
import { LauncherError } from '../launcher-error.ts';
import { type LocalNode, nodeDirectories } from '../local-node.ts';
import { nftApply } from '../netns.ts';
import { ensureServerCertificate } from '../pki.ts';
import { requireCommand } from '../prerequisites.ts';
import { type ClusterState, clusterPaths } from '../state.ts';
import { registryPaths, renderHostsFile, renderRegistryConfig, renderRegistryRules } from './registry-files.ts';

export interface RegistryCredentials {
  username: string;
  password: string;
}

/** How the host reaches the registry. */
export interface RegistryEndpoint extends RegistryCredentials {
  /** `localhost:5000`: the first part of its images' names. */
  name: string;
  port: number;
  /** PEM of the CA of its certificate, and the directory that has it as `ca.crt`. */
  certificateAuthority: string;
  certificateDirectory: string;
}

function registryPidFile(state: ClusterState): string {
  return join(clusterPaths(state.name).directories.run, 'registry.pid');
}

export function isRegistryRunning(state: ClusterState): boolean {
  return readProcessFile(registryPidFile(state)) !== undefined;
}

/** The registry of a cluster that has one; undefined else. */
export function registryEndpoint(state: ClusterState): RegistryEndpoint | undefined {
  if (!state.registry) return undefined;
  const { credentialsFile, directory } = registryPaths(clusterPaths(state.name).directories.data);
  const credentials = JSON.parse(readFileSync(credentialsFile, 'utf8')) as RegistryCredentials;
  const certificateDirectory = join(directory, 'trust');
  return {
    ...credentials,
    name: `localhost:${state.registry.port}`,
    port: state.registry.port,
    certificateDirectory,
    certificateAuthority: readFileSync(join(certificateDirectory, 'ca.crt'), 'utf8'),
  };
}

/**
 * Starts the registry of a cluster whose state names one, and lets `nodes` trust it. Resolves when it takes
 * connections; rejects with the end of its log. One that runs is left alone.
 */
export async function startRegistry(state: ClusterState, nodes: readonly LocalNode[], clock: Clock): Promise<void> {
  const { registry, network, name } = state;
  if (!registry) return;
  requireCommand('docker-registry');
  await writeRegistryFiles(state, registry.port, clock);
  for (const node of nodes) trustRegistry(state, node);
  await nftApply(renderRegistryRules({ ...network, table: `timonel-${name}.registry`, port: registry.port }));
  if (!isRegistryRunning(state)) await startProcess(state, registry.port, clock);
}

/** Lets a node's containerd pull from the registry, at once: it reads the file at each pull. */
export function trustRegistry(state: ClusterState, node: LocalNode): void {
  const endpoint = registryEndpoint(state);
  if (!endpoint) return;
  const { data, run } = nodeDirectories(node);
  const directory = join(containerdPaths(data, run).registryDirectory, endpoint.name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const text = renderHostsFile({
    address: state.network.hostAddress,
    port: endpoint.port,
    certificateAuthorityFile: join(endpoint.certificateDirectory, 'ca.crt'),
    authorization: basicAuthorization(endpoint),
  });
  writeFileSync(join(directory, 'hosts.toml'), text, { mode: 0o600 });
}

export function basicAuthorization({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export async function stopRegistry(state: ClusterState, clock: Clock): Promise<void> {
  await endProcess(registryPidFile(state), clock);
}

/** Frees the space of what no tag names any more. Nothing may be pushed meanwhile, so the registry stands still. */
export async function collectGarbage(state: ClusterState, clock: Clock): Promise<{ removed: number }> {
  const { configFile } = registryPaths(clusterPaths(state.name).directories.data);
  const wasRunning = isRegistryRunning(state);
  await stopRegistry(state, clock);
  try {
    const text = await runCommand(['docker-registry', 'garbage-collect', '--delete-untagged', configFile]);
    return { removed: Number(/(\d+) blobs and \d+ manifests eligible/.exec(text)?.[1] ?? 0) };
  } finally {
    if (wasRunning && state.registry) await startProcess(state, state.registry.port, clock);
  }
}

async function writeRegistryFiles(state: ClusterState, port: number, clock: Clock): Promise<void> {
  const { directories, pki } = clusterPaths(state.name);
  const paths = registryPaths(directories.data);
  const trust = join(paths.directory, 'trust');
  for (const directory of [paths.storage, trust]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const authority = ensureServerCertificate({
    directory: pki,
    name: 'registry',
    hosts: ['localhost', '127.0.0.1', '::1', state.network.hostAddress],
    now: clock.now(),
  });
  writeFileSync(join(trust, 'ca.crt'), authority);
  const { username, password } = await credentials(paths.credentialsFile, paths.passwordFile);
  const config = renderRegistryConfig({
    paths,
    port,
    certificateFile: join(pki, 'registry.crt'),
    keyFile: join(pki, 'registry.key'),
    // The same after a restart, and nobody else's.
    secret: Buffer.from(`${username}:${password}`).toString('base64url'),
  });
  writeFileSync(paths.configFile, config, { mode: 0o600 });
}

async function credentials(file: string, passwordFile: string): Promise<RegistryCredentials> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RegistryCredentials;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = { username: 'timonel', password: randomBytes(18).toString('base64url') };
  writeFileSync(passwordFile, `${made.username}:${await hash(made.password, 8)}\n`, { mode: 0o600 });
  writeFileSync(file, `${JSON.stringify(made)}\n`, { mode: 0o600 });
  return made;
}

async function startProcess(state: ClusterState, port: number, clock: Clock): Promise<void> {
  const { configFile, logFile } = registryPaths(clusterPaths(state.name).directories.data);
  rmSync(logFile, { force: true });
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn('docker-registry', ['serve', configFile], {
    stdio: ['ignore', log, log],
    detached: true,
    cwd: '/',
    // Debian's build would export traces to a collector that nobody runs.
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  closeSync(log);
  if (child.pid !== undefined) writeProcessFile(registryPidFile(state), child.pid);
  const abort = new AbortController();
  try {
    await Promise.race([
      listening(port, clock, abort.signal),
      new Promise<never>((_, reject) => {
        child.once('error', reject);
        child.once('exit', () => reject(new Error(readFileSync(logFile, 'utf8').trim().split('\n').at(-1))));
      }),
    ]);
  } catch (error) {
    throw new LauncherError(`the registry did not start: ${(error as Error).message}`, `Its log: ${logFile}`, {
      cause: error,
    });
  } finally {
    abort.abort();
    child.removeAllListeners();
    child.unref();
  }
}

/** Nobody announces that a stranger's port is open: it has to be tried. */
async function listening(port: number, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await accepts(port))) await clock.sleep(5);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
