import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Ran, remains, root, run, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-faults-'));
const kubeconfig = join(scratch, 'kubeconfig');
const cluster = new TestCluster('fault', kubeconfig);
const program = join(root, 'dist/timonel.js');
const data = '/var/lib/timonel/fault';
const runDirectory = '/run/timonel/fault';

/** A command in other circumstances: further environment, or a wrapper around it. */
function timonelWith(circumstances: { env?: Record<string, string>; wrapper?: string[] }, ...args: string[]) {
  const env = { KUBECONFIG: kubeconfig, TIMONEL_CLUSTER: 'fault', ...circumstances.env };
  return run([...(circumstances.wrapper ?? []), process.execPath, program, ...args], { env, timeoutMs: 30_000 });
}

function expectSentence(ran: Ran, sentence: RegExp, exitCode = 1): void {
  expect(ran.stderr).toMatch(sentence);
  expect(ran.stderr).not.toContain('This is a bug');
  expect(ran.stderr.trim().split('\n').length).toBeLessThanOrEqual(3);
  expect(ran.stdout).toBe('');
  expect(ran.code).toBe(exitCode);
}

function listenOn(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

function processOf(file: string): number {
  return Number(readFileSync(join(runDirectory, file), 'utf8').split(' ')[0]);
}

beforeAll(async () => {
  await cluster.tryTimonel('delete');
});

afterAll(async () => {
  cluster.endAll();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
});

describe('a cluster that cannot start says why and leaves nothing', () => {
  const nothing = async (): Promise<void> => {
    expect(existsSync(data)).toBe(false);
    expect(existsSync(runDirectory)).toBe(false);
    expect(await remains('fault')).toEqual([]);
  };

  it('without root', async () => {
    const wrapper = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    expectSentence(
      await timonelWith({ wrapper, env: { HOME: scratch } }, 'up'),
      /^error: starting a cluster needs root\n/,
    );
  });

  it('without containerd', async () => {
    const hide = ['unshare', '-m', 'sh', '-c', 'mount --bind /dev/null "$(command -v containerd)" && exec "$@"', 'sh'];
    const ran = await timonelWith({ wrapper: hide }, 'up');
    expectSentence(ran, /lacks what a cluster needs: containerd\nInstall it: apt-get install -y containerd\n/);
    await nothing();
  });

  it('with a containerd that ends at once', async () => {
    const broken = join(scratch, 'containerd');
    writeFileSync(
      broken,
      '#!/bin/sh\n[ "$1" = --version ] && echo containerd x 1.6.20 && exit\necho boom >&2\nexit 1\n',
    );
    chmodSync(broken, 0o755);
    const replace = [
      'unshare',
      '-m',
      'sh',
      '-c',
      `mount --bind ${broken} "$(command -v containerd)" && exec "$@"`,
      'sh',
    ];
    const ran = await timonelWith({ wrapper: replace }, 'up');
    expectSentence(ran, /^error: node fault-\d did not start: containerd ended \(1\): boom\n/);
    await nothing();
  });

  it('when its port is taken', async () => {
    const server = await listenOn(17_501);
    try {
      const ran = await cluster.tryTimonel('up', '--port', '17501');
      expectSentence(ran, /^error: port 17501 of 127.0.0.1 is in use by another program\n.*--port/);
    } finally {
      server.close();
    }
    await nothing();
  });

  it('when the kubeconfig cannot be written', async () => {
    writeFileSync(join(scratch, 'broken'), ': : {');
    const ran = await timonelWith({ env: { KUBECONFIG: join(scratch, 'broken') } }, 'up');
    expectSentence(ran, /is not valid YAML.*\nNothing was started/);
    const nowhere = await timonelWith({ env: { KUBECONFIG: '/proc/nowhere/config' } }, 'up');
    expectSentence(nowhere, /^error: cannot write the kubeconfig \/proc\/nowhere\/config/);
    await nothing();
  });

  it('when the disk is full', async () => {
    const small = join(scratch, 'small');
    mkdirSync(small);
    await run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', small]);
    try {
      expectSentence(
        await timonelWith({ env: { TIMONEL_ROOT: small } }, 'up'),
        /^error: .*(disk is full|no space left)/i,
      );
      expect(existsSync(join(small, 'fault'))).toBe(false);
    } finally {
      await run(['umount', '-l', small]);
    }
    await nothing();
  });

  it('when it is interrupted', async () => {
    const { child, output } = cluster.background(process.execPath, program, 'up');
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await eventually(async () => existsSync(join(runDirectory, 'owner')), 'the start to be under way');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(output()).toBe('error: interrupted\n');
    await nothing();
  });
});

describe('a cluster of one node', () => {
  beforeAll(async () => {
    await cluster.timonel('up', '--nodes', '1');
  });

  it('is not started twice, nor from another data directory', async () => {
    expect((await cluster.tryTimonel('up')).stderr).toContain('was running already: 1 node, fault-1.');
    const [one, two] = await Promise.all([cluster.tryTimonel('up'), cluster.tryTimonel('up')]);
    for (const ran of [one, two].filter(({ code }) => code !== 0)) {
      expectSentence(ran, /^error: another timonel command is working on cluster fault\n/);
    }
    const elsewhere = await timonelWith({ env: { TIMONEL_ROOT: join(scratch, 'other') } }, 'up');
    expectSentence(elsewhere, /^error: another cluster fault runs on this machine, with its data in \S+\n/);
    expect(await cluster.timonel('status', '--name', 'fault')).toMatch(/fault +running/);
  });

  it('keeps its last node', async () => {
    expectSentence(await cluster.tryTimonel('node', 'remove', 'fault-1'), /^error: fault-1 is the last node/);
  });

  it.each([
    ['the server', ['server.pid']],
    ['the agent', ['nodes/fault-1/agent.pid']],
    ['containerd', ['nodes/fault-1/containerd.pid']],
    ['everything', ['server.pid', 'nodes/fault-1/agent.pid', 'nodes/fault-1/containerd.pid']],
  ])('comes back with `up` after SIGKILL of %s', async (_, files) => {
    for (const file of files) process.kill(processOf(file), 'SIGKILL');
    expect(await cluster.timonel('status', '--name', 'fault')).toMatch(/degraded|stopped/);
    await cluster.timonel('up');
    expect(await cluster.timonel('status', '--name', 'fault')).toMatch(/fault +running .* fault-1$/m);
    expect(await cluster.kubectl('get', 'nodes', '-o', 'name')).toBe('node/fault-1\n');
  });

  it('names a broken file, and what to do', async () => {
    await cluster.timonel('down');
    expect(await remains('fault')).toEqual([]);
    const broken = async (file: string, text: string, sentence: RegExp): Promise<void> => {
      const before = readFileSync(join(data, file));
      writeFileSync(join(data, file), text);
      expectSentence(await cluster.tryTimonel('up'), sentence);
      writeFileSync(join(data, file), before);
      expect(await remains('fault')).toEqual([]);
    };
    await broken('cluster.json', '{"format":1', /cluster.json is not valid JSON\nRestore it from a backup/);
    await broken('cluster.json', '{"format":1,"nodes":[null]}', /cluster.json lacks some of its fields\n/);
    await broken('pki/ca.crt', 'x', /^error: the cluster's CA in \S+ cannot be used/);
    await broken('pki/sa.key', '', /sa.key, which signs .* is not a private key\n/);
    await broken('store/data.mdb', 'x'.repeat(50_000), /^error: the server did not start: the store in \S+ is damaged/);
  });

  it('moves to another port when its own is lost', async () => {
    const { port } = JSON.parse(readFileSync(join(data, 'cluster.json'), 'utf8')) as { port: number };
    const server = await listenOn(port);
    try {
      expectSentence(await cluster.tryTimonel('up'), new RegExp(`^error: port ${port} of 127.0.0.1 is in use`));
      await cluster.timonel('up', '--port', '17502');
      expect(await cluster.kubectl('get', 'nodes', '-o', 'name')).toBe('node/fault-1\n');
    } finally {
      server.close();
    }
  });

  it('comes up while the network of its last life is still in use', async () => {
    // As a socket does that waits for an answer after its process has ended.
    const held = openSync('/run/netns/timonel-fault.fault-1', 'r');
    try {
      await cluster.timonel('down');
      expect(await remains('fault')).toEqual([]);
      await cluster.timonel('up');
    } finally {
      closeSync(held);
    }
  });

  it('is deleted whatever is left of it', async () => {
    writeFileSync(join(data, 'cluster.json'), 'garbage');
    await cluster.timonel('delete');
    expect(await remains('fault')).toEqual([]);
    expect(existsSync(data)).toBe(false);
    expectSentence(await cluster.tryTimonel('delete'), /^error: there is no cluster fault\n/);
  });
});
