import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one kubectl as one user, in a directory of its own. */
export interface Kubectl {
  /** Never rejects: `code` tells how it went. */
  run(args: readonly string[], input?: string): Promise<Ran>;
  /** Standard output of a command that must work; warnings are not looked at. */
  ok(...args: string[]): Promise<string>;
  /** Standard error of a command that must fail. */
  fails(...args: string[]): Promise<string>;
  /** As `ok` and `fails`, with a file on standard input. */
  okWith(input: string, ...args: string[]): Promise<string>;
  failsWith(input: string, ...args: string[]): Promise<string>;
  /** Keeps a file that commands can name. */
  file(name: string, text: string): string;
  close(): void;
}

/**
 * The kubectls to test with, by path: those of TIMONEL_TEST_KUBECTLS (divided by colons), else the one that is
 * installed. Empty where there is none.
 */
export function installedKubectls(): string[] {
  const candidates = process.env.TIMONEL_TEST_KUBECTLS?.split(':') ?? ['kubectl'];
  return candidates.filter((path) => spawnSync(path, ['version', '--client']).status === 0);
}

export function createKubectl(path: string, kubeconfig: string): Kubectl {
  const home = mkdtempSync(join(tmpdir(), 'timonel-kubectl-'));
  const config = join(home, 'config');
  writeFileSync(config, kubeconfig);
  const run = (args: readonly string[], input = ''): Promise<Ran> => {
    const child = spawn(path, args, {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, KUBECONFIG: config, KUBE_EDITOR: 'true' },
      timeout: 20_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    return new Promise((resolve) => {
      child.on('error', ({ message }) => resolve({ code: 127, stdout, stderr: stderr + message }));
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  };
  const okWith = async (input: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  };
  const failsWith = async (input: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args, input);
    if (code !== 1) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stderr;
  };
  return {
    run,
    okWith,
    failsWith,
    ok: (...args) => okWith('', ...args),
    fails: (...args) => failsWith('', ...args),
    file(name, text) {
      writeFileSync(join(home, name), text);
      return name;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}
