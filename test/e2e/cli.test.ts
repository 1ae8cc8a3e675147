import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, root, run, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-cli-'));
const cluster = new TestCluster('cli', join(scratch, 'kubeconfig'));

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--runtime', 'simulated', '--nodes', '2');
});

afterAll(async () => {
  cluster.endAll();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
});

describe('a simulated cluster from the command line', () => {
  it('puts data on stdout and messages on stderr', async () => {
    const again = await cluster.tryTimonel('up', '-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({ name: 'cli', context: 'timonel-cli', nodes: ['cli-1', 'cli-2'] });
    expect(again.stderr).toBe('');
    const words = await cluster.tryTimonel('up');
    expect(words.stdout).toBe('');
    expect(words.stderr).toContain('Cluster cli was running already: 2 nodes, cli-1, cli-2.');
  });

  it('shows its state as a table and as JSON', async () => {
    expect(await cluster.timonel('status', '--name', 'cli')).toMatch(
      /cli +running +simulated +https:\S+ +cli-1, cli-2/,
    );
    const status = JSON.parse(await cluster.timonel('status', '--name', 'cli', '-o', 'json')) as Record<
      string,
      unknown
    >;
    expect(status).toMatchObject({ name: 'cli', condition: 'running', runtime: 'simulated' });
    expect(JSON.parse(await cluster.timonel('node', 'list', '-o', 'json'))).toEqual([
      { name: 'cli-1', state: 'running' },
      { name: 'cli-2', state: 'running' },
    ]);
  });

  it('has its own flags, also those that Node has as well', async () => {
    const ran = await run([join(root, 'dist/timonel.js'), 'compose', '--env-file', '/nowhere/.env', 'config']);
    expect(ran).toEqual({ code: 1, stdout: '', stderr: "error: couldn't find env file: /nowhere/.env\n" });
  });

  it('prints its kubeconfig, and where that lies', async () => {
    const text = await cluster.timonel('kubeconfig');
    expect(text).toContain('current-context: timonel-cli');
    expect(readFileSync((await cluster.timonel('kubeconfig', '--path')).trim(), 'utf8')).toBe(text);
  });

  it('runs pods that exist in memory', async () => {
    await cluster.kubectl('create', 'deployment', 'web', '--image=web', '--replicas=4');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
  });

  it('adds, kills, starts, stops and removes nodes', async () => {
    await cluster.timonel('node', 'add');
    await cluster.timonel('node', 'kill', 'cli-2');
    const twice = await cluster.tryTimonel('node', 'kill', 'cli-2');
    expect(twice.code).toBe(1);
    expect(twice.stderr).toBe(
      'error: node cli-2 is not running: there is nothing to kill\nStart it: timonel node start cli-2\n',
    );
    await eventually(
      async () => /cli-2 +NotReady/.test(await cluster.kubectl('get', 'nodes', '--no-headers')),
      'the killed node to be NotReady',
    );
    await cluster.timonel('node', 'start', 'cli-2');
    expect((await cluster.tryTimonel('node', 'start', 'cli-2')).stderr).toBe('Node cli-2 is running already.\n');
    await cluster.timonel('node', 'stop', 'cli-3');
    await cluster.timonel('node', 'remove', 'cli-3');
    expect(await cluster.kubectl('get', 'nodes', '-o', 'name')).toBe('node/cli-1\nnode/cli-2\n');
    const unknown = await cluster.tryTimonel('node', 'stop', 'cli-9');
    expect(unknown.stderr).toBe('error: cluster cli has no node cli-9\nIts nodes: cli-1, cli-2.\n');
  });

  it('keeps its data over down and up, also at another port', async () => {
    await cluster.timonel('down');
    expect(await cluster.timonel('status', '--name', 'cli')).toMatch(/cli +stopped/);
    const removing = await cluster.tryTimonel('node', 'remove', 'cli-2');
    expect(removing.stderr).toBe('error: the server of cluster cli is not running\nStart it: timonel up --name cli\n');
    await cluster.timonel('up', '--port', '17443');
    expect(await cluster.timonel('kubeconfig')).toContain('https://127.0.0.1:17443');
    expect(await cluster.kubectl('get', 'deployments', '-o', 'name')).toBe('deployment.apps/web\n');
  });

  it('completes commands and flags in a real bash', async () => {
    const complete = async (...words: string[]): Promise<string[]> => {
      const script = await cluster.timonel('completion', 'bash');
      const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
      // By its input: it is longer than an argument may be.
      const { stdout } = await run(['bash'], {
        input: `${script}\n${line}; _timonel; printf '%s\\n' "\${COMPREPLY[@]}"\n`,
        env: { TIMONEL_CLUSTER: cluster.name },
      });
      return stdout.trim().split('\n');
    };
    expect(await complete('timonel', 'no')).toEqual(['node']);
    expect(await complete('timonel', 'node', 'st')).toEqual(['stop', 'start']);
    expect(await complete('timonel', 'up', '--no')).toEqual([
      '--nodes',
      '--node-grace',
      '--no-ingress',
      '--node-ports',
    ]);
    expect(await complete('timonel', 'up', '--runtime', 'sim')).toEqual(['simulated']);
    expect(await complete(join(root, 'dist/timonel.js'), 'node', 'kill', '')).toEqual(
      expect.arrayContaining(['cli-1', 'cli-2']),
    );
  });
});
