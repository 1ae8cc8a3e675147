import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const program = join(root, 'dist/timonel.js');

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. Never rejects: tests look at the exit code. */
export function run(
  command: readonly string[],
  options: { env?: Record<string, string>; input?: string; timeoutMs?: number } = {},
): Promise<Ran> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, ...options.env }, timeout: options.timeoutMs ?? 120_000 });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 127, stdout, stderr: stderr + error.message }));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** A cluster of its own name, with its own kubeconfig, driven by the real commands. */
export class TestCluster {
  readonly name: string;
  readonly #env: Record<string, string>;
  readonly #children: ChildProcess[] = [];

  constructor(name: string, kubeconfig: string) {
    this.name = name;
    // Many clusters start here, and none of them is measured.
    this.#env = { KUBECONFIG: kubeconfig, TIMONEL_CLUSTER: name, TIMONEL_WARM_UP: 'off' };
  }

  /** Ended before the test's own time is over, so that what it said is known. */
  tryTimonel(...args: string[]): Promise<Ran> {
    return run([process.execPath, program, ...args], { env: this.#env, timeoutMs: 150_000 });
  }

  tryKubectl(...args: string[]): Promise<Ran> {
    return run(['kubectl', ...args], { env: this.#env });
  }

  async timonel(...args: string[]): Promise<string> {
    return mustWork(['timonel', ...args], await this.tryTimonel(...args));
  }

  async kubectl(...args: string[]): Promise<string> {
    return mustWork(['kubectl', ...args], await this.tryKubectl(...args));
  }

  async kubectlWith(input: string, ...args: string[]): Promise<string> {
    return mustWork(['kubectl', ...args], await run(['kubectl', ...args], { env: this.#env, input }));
  }

  /** A command that is given something to read. */
  timonelWith(input: string, ...args: string[]): Promise<Ran> {
    return run([process.execPath, program, ...args], { env: this.#env, input, timeoutMs: 150_000 });
  }

  /** A command that goes on; ended by {@link endAll}. `output` grows as it speaks. */
  background(...command: string[]): { child: ChildProcess; output: () => string } {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { env: { ...process.env, ...this.#env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    this.#children.push(child);
    return { child, output: () => text };
  }

  endAll(): void {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
  }

  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...args, '-o', 'json')) as T;
  }
}

/**
 * A cluster of two nodes with busybox for the tests of a file, and what they write beside it; both are gone afterwards,
 * with everything that the cluster had on the host.
 */
export function clusterForTests(name: string): { cluster: TestCluster; scratch: string } {
  const scratch = mkdtempSync(join(tmpdir(), `timonel-${name}-`));
  const cluster = new TestCluster(name, join(scratch, 'kubeconfig'));
  beforeAll(async () => {
    await cluster.tryTimonel('delete');
    await cluster.timonel('up', '--nodes', '2');
    await cluster.timonel('image', 'base', '--busybox');
  });
  afterAll(async () => {
    cluster.endAll();
    await cluster.tryTimonel('delete');
    rmSync(scratch, { recursive: true, force: true });
    expect(await remains(name)).toEqual([]);
  });
  return { cluster, scratch };
}

function mustWork(command: readonly string[], ran: Ran): string {
  if (ran.code === 0) return ran.stdout;
  throw new Error(`${command.join(' ')} exited with ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
}

/** Looks again until `check` gives something other than undefined or false: for what only the outside of a process shows. */
export async function eventually<T>(
  check: () => Promise<T | undefined | false>,
  what: string,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What a cluster of this name has on the host: empty after `delete`. */
export async function remains(cluster: string): Promise<string[]> {
  const found: string[] = [];
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  found.push(...namespaces.filter((name) => name.startsWith(`timonel-${cluster}.`)).map((name) => `namespace ${name}`));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  found.push(...mounts.filter((line) => line.includes(`/timonel/${cluster}/`)).map((line) => `mount ${line}`));
  const { stdout } = await run(['nft', 'list', 'tables']);
  found.push(...stdout.split('\n').filter((line) => new RegExp(`timonel-${cluster}(\\.|$)`).test(line)));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (command.includes(`/timonel/${cluster}/`)) found.push(`process ${pid} ${command}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  // Names of links are short: the bridge's has a digest of the cluster's name.
  const bridge = `tml-${createHash('sha256').update(cluster).digest('hex').slice(0, 8)}`;
  for (const command of [
    ['ip', 'route'],
    ['ip', '-6', 'route'],
    ['ip', '-o', 'link'],
  ]) {
    const { stdout: lines } = await run(command);
    found.push(...lines.split('\n').filter((line) => line.includes(bridge)));
  }
  return found;
}
