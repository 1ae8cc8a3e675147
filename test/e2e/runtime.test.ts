import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  existsSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack, type Pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.ts';
import { systemClock as clock } from '../../src/base/system-clock.ts';
import { makeBusyboxBase } from '../../src/cluster/images/base-image.ts';
import { openImageLibrary } from '../../src/cluster/images/image-library.ts';
import { cgroupDirectories } from '../../src/cluster/cgroup-tree.ts';
import { removeNodeNetwork, setUpNetwork } from '../../src/cluster/local-network.ts';
import {
  cleanUpCluster,
  killNode,
  nodeCgroup,
  nodeProcesses,
  nodeRuntimeSocket,
  startNodeAgent,
  startNodeContainerd,
  stopNode,
  type LocalNode,
} from '../../src/cluster/local-node.ts';
import { bridgeName, planNetwork, planNode, type NetworkPlan } from '../../src/cluster/network-plan.ts';
import { hasLink, listNamespaces, listNftTables, readRoutes } from '../../src/cluster/netns.ts';
import { checkPrerequisites } from '../../src/cluster/prerequisites.ts';
import { detectContainerd, type ContainerdInstallation } from '../../src/node/containerd.ts';
import { createCriRuntime, type CriRuntime } from '../../src/node/cri.ts';
import { waitForExit } from '../../src/node/process-file.ts';
import type { ContainerConfig, RuntimeEvent, SandboxConfig } from '../../src/node/runtime.ts';

const cluster = `e2e-runtime-${process.pid}`;
const base = mkdtempSync(join(tmpdir(), 'tml-'));
const directories = { data: join(base, 'data'), run: join(base, 'run') };
const hello = 'docker.io/library/busybox:latest';

describe('a local node with real containers', () => {
  let plan: NetworkPlan;
  let nodes: LocalNode[];
  let installation: ContainerdInstallation;
  let runtime: CriRuntime;
  let other: CriRuntime;
  const abort = new AbortController();

  beforeAll(async () => {
    expect(checkPrerequisites().filter((each) => !each.found && each.for === 'up')).toEqual([]);
    plan = planNetwork({ cluster, clusterIndex: 50, taken: readRoutes().destinations }) as NetworkPlan;
    nodes = [1, 2].map((i) => ({ network: plan, plan: planNode(plan, `${cluster}-${i}`, i), directories }));
    installation = await detectContainerd();
    await setUpNetwork(
      plan,
      nodes.map((node) => node.plan),
    );
    await Promise.all(nodes.map((node) => startNodeContainerd(node, installation)));
    [runtime, other] = nodes.map((node) =>
      createCriRuntime({ socketPath: nodeRuntimeSocket(node), clock, log: silentLogger }),
    ) as [CriRuntime, CriRuntime];
    await Promise.all([runtime.ready(), other.ready()]);
    const library = openImageLibrary(join(directories.data, 'images'));
    const tar = await makeBusyboxBase(join(base, 'cache'));
    const run = { Cmd: ['sh'], Env: ['PATH=/bin:/usr/bin'] };
    expect(await library.import(tar, { name: 'busybox', run, sockets: [nodeRuntimeSocket(first())] })).toEqual([hello]);
    await library.syncNode(nodeRuntimeSocket(second()), nodes.map(nodeRuntimeSocket));
    // By hard links; where they fail (a busy containerd), from the archive.
    expect(await other.imageStatus(hello)).toBeDefined();
    expect([1, 2]).toContain(linksOfLargestBlob(second()));
  });

  afterAll(async () => {
    abort.abort();
    runtime?.close();
    other?.close();
    await cleanUpCluster({ cluster, directories, plan, clock, removeData: true });
    await cleanUpCluster({ cluster, directories, plan, clock, removeData: true });
    expect(await leftovers(plan)).toEqual([]);
    rmSync(base, { recursive: true, force: true });
  });

  const first = (): LocalNode => nodes[0] as LocalNode;
  const second = (): LocalNode => nodes[1] as LocalNode;

  it('reports its runtime, its network and its images', async () => {
    expect(await runtime.version()).toEqual({ name: 'containerd', version: installation.version });
    expect(await runtime.status()).toMatchObject({ runtimeReady: true, networkReady: true });
    const images = await other.listImages();
    // No registry has it, and so the node must not remove it.
    expect(images.find(({ tags }) => tags.includes(hello))?.digests).toEqual([]);
    expect(existsSync((await runtime.imageDirectory()) ?? '')).toBe(true);
    expect(await runtime.imageStatus('localhost/missing:1')).toBeUndefined();
    await expect(runtime.containerStatus('missing')).rejects.toMatchObject({ kind: 'notFound' });
  });

  it('keeps what lives no longer than its pods in memory, wherever the run directory lies', () => {
    const tmpfs = 0x01021994;
    for (const { plan } of nodes) {
      const state = join(directories.run, 'nodes', plan.node, 'containerd');
      expect(statfsSync(state).type).toBe(tmpfs);
    }
  });

  it('runs a pod, tells its exit by an event, and keeps its log', async () => {
    const events = runtime.events(abort.signal);
    const config = pod('short', first());
    const sandbox = await runtime.runPodSandbox(config);
    const container = await runtime.createContainer(sandbox, shell('echo out; echo err >&2; exit 7'), config);
    await runtime.startContainer(container);
    expect(await exitOf(events, container)).toEqual({ kind: 'containerExited', containerId: container, exitCode: 7 });
    const status = await runtime.containerStatus(container);
    expect(status).toMatchObject({
      sandboxId: sandbox,
      state: 'exited',
      exitCode: 7,
      reason: 'Error',
      name: 'main',
      attempt: 0,
    });
    expect(Math.min(status.startedAtMs, status.finishedAtMs)).toBeGreaterThan(0);
    const log = readFileSync(join(config.logDirectory, 'main/0.log'), 'utf8');
    expect(log).toMatch(/^\S+ stdout F out$/m);
    expect(log).toMatch(/^\S+ stderr F err$/m);
    await runtime.removePodSandbox(sandbox);
    await runtime.removePodSandbox(sandbox);
  });

  it('gives a node that was down what was built anew under a name that it has', async () => {
    const library = openImageLibrary(join(directories.data, 'images'));
    const tar = await makeBusyboxBase(join(base, 'cache'));
    const sockets = nodes.map(nodeRuntimeSocket);
    const build = (version: string, to: readonly string[]): Promise<string[]> =>
      library.import(tar, { name: 'anew', run: { Cmd: ['echo', version] }, sockets: to });
    const ids = (): Promise<(string | undefined)[]> =>
      Promise.all([runtime, other].map(async (each) => (await each.imageStatus('docker.io/library/anew:latest'))?.id));
    await build('1', sockets);
    const [old] = await ids();
    expect(await ids()).toEqual([old, old]);

    await build('2', [nodeRuntimeSocket(first())]);
    const [newer] = await ids();
    expect(newer).not.toBe(old);
    await library.syncNode(nodeRuntimeSocket(second()), sockets);
    expect(await ids()).toEqual([newer, newer]);

    // All were down: none of the others' images is the library's.
    await build('3', []);
    await Promise.all(sockets.map((socket) => library.syncNode(socket, sockets)));
    const [third] = await ids();
    expect([old, newer]).not.toContain(third);
    expect(await ids()).toEqual([third, third]);
    expect((await library.list()).every(({ digest }) => digest?.startsWith('sha256:'))).toBe(true);
  });

  it('keeps what archives unpack within the image', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'tml-archives-'));
    const outside = join(scratch, 'outside');
    const up = '../'.repeat(12);
    const upwards = `${up}${outside.slice(1)}`;
    const library = openImageLibrary(join(directories.data, 'images'));
    const import_ = async (name: string, ...entries: Entry[]): Promise<void> => {
      const file = join(scratch, `${name}.tar`);
      writeFileSync(file, await archiveOf([{ name: 'bin/', type: 'directory' }, ...entries]));
      await library.import(file, { name, sockets: [nodeRuntimeSocket(first())] });
      expect(await runtime.imageStatus(`docker.io/library/${name}:latest`), name).toBeDefined();
    };
    await import_('upwards', { name: upwards });
    await import_('absolute', { name: outside });
    const link = { type: 'symlink' as const, linkname: scratch };
    await import_('by-link', { name: 'out', ...link }, { name: 'out/outside' });
    await import_(
      'by-far-link',
      { name: 'out', ...link, linkname: `${up}${scratch.slice(1)}` },
      { name: 'out/outside' },
    );
    expect(existsSync(outside)).toBe(false);

    const kept = readdirSync(join(directories.data, 'images'));
    writeFileSync(outside, 'secret');
    await expect(import_('hard', { name: 'taken', type: 'link', linkname: upwards })).rejects.toThrow(
      /hard\.tar cannot be unpacked: failed to extract layer sha256:\w+: link .* taken: no such file or directory$/,
    );
    expect(readdirSync(join(directories.data, 'images'))).toEqual(kept);
    expect((await library.list()).map(({ name }) => name)).not.toContain('docker.io/library/hard:latest');
    rmSync(scratch, { recursive: true });
  });

  it('executes commands in a running container, with exit codes, timeouts and streaming', async () => {
    const { container, sandbox } = await start(runtime, pod('exec', first()), 'exec sleep 1000');
    const { stdout, exitCode } = await runtime.execSync(container, ['sh', '-c', 'hostname; exit 3'], 5);
    expect([Buffer.from(stdout).toString(), exitCode]).toEqual(['exec\n', 3]);
    await expect(runtime.execSync(container, ['sleep', '9'], 1)).rejects.toMatchObject({ kind: 'timeout' });
    const streams = { stdin: false, stdout: true, stderr: true, tty: false };
    expect(await runtime.exec({ containerId: container, command: ['ls'], ...streams })).toMatch(
      /^http:\/\/127\.0\.0\.1/,
    );
    expect(await runtime.portForward(sandbox, [80])).toMatch(/^http:\/\/127\.0\.0\.1/);
    expect((await runtime.containerStats()).find((each) => each.containerId === container)).toMatchObject({
      podUid: 'exec',
      name: 'main',
    });
    await runtime.updateContainerResources(container, { cpuShares: 512, memoryLimitBytes: 64 << 20 });
    await runtime.stopContainer(container, 0);
    expect(await runtime.containerStatus(container)).toMatchObject({ state: 'exited', exitCode: 137 });
    expect(await runtime.listContainers({ podUid: 'exec' })).toHaveLength(1);
    expect(await runtime.listContainers({ podUid: 'nobody' })).toHaveLength(0);
    await runtime.removePodSandbox(sandbox);
  });

  it('connects pods of different nodes and the host under their own addresses', async () => {
    const server = await start(
      runtime,
      pod('server', first()),
      'mkdir /www; echo hi >/www/index.html; exec httpd -f -h /www',
    );
    const client = await start(other, pod('client', second()), 'exec sleep 1000');
    const { ip } = await runtime.podSandboxStatus(server.sandbox);
    expect(ip.startsWith(first().plan.stacks[0]?.podCidr.replace('0/24', '') ?? '')).toBe(true);
    const fetch = `for i in 1 2 3 4 5; do wget -qO- http://${ip}/ && exit; sleep 1; done`;
    const { stdout } = await other.execSync(client.container, ['sh', '-c', fetch], 10);
    expect(Buffer.from(stdout).toString()).toBe('hi\n');
    expect(execFileSync('busybox', ['wget', '-qO-', `http://${ip}/`]).toString()).toBe('hi\n');
    await Promise.all([runtime.removePodSandbox(server.sandbox), other.removePodSandbox(client.sandbox)]);
  });

  it('keeps containers running over a restart of containerd, and adopts a containerd that runs', async () => {
    const { container, sandbox } = await start(runtime, pod('survivor', first()), 'exec sleep 1000');
    const before = nodeProcesses(first()).containerd as number;
    expect(await startNodeContainerd(first(), installation)).toBe(before);
    process.kill(before, 'SIGKILL');
    expect(await waitForExit(before, clock, 5_000)).toBe(true);
    expect(await startNodeContainerd(first(), installation)).not.toBe(before);
    await runtime.ready();
    expect(await runtime.containerStatus(container)).toMatchObject({ state: 'running' });
    await runtime.removePodSandbox(sandbox);
  });

  it('kills a node with everything on it at once, and starts it again', async () => {
    const { container } = await start(other, pod('victim', second()), 'exec sleep 1000');
    startNodeAgent(second(), ['sleep', '1000']);
    expect(nodeProcesses(second()).agent).toBeDefined();
    await killNode(second(), clock);
    expect(nodeProcesses(second())).toEqual({ agent: undefined, containerd: undefined });
    expect(processesIn(nodeCgroup(second()))).toEqual([]);
    await startNodeContainerd(second(), installation);
    await other.ready();
    expect(await other.containerStatus(container)).toMatchObject({ state: 'exited' });
    for (const { id } of await other.listPodSandboxes()) await other.removePodSandbox(id);
    const again = await start(other, pod('again', second()), 'exec sleep 1000');
    expect((await other.podSandboxStatus(again.sandbox)).ip).not.toBe('');
    await stopNode(second(), clock, 200);
    expect(processesIn(nodeCgroup(second()))).toEqual([]);
  });

  it('brings up a network that is partly there', async () => {
    await removeNodeNetwork(second().plan, [first().plan]);
    expect(listNamespaces()).not.toContain(second().plan.namespace);
    await setUpNetwork(
      plan,
      nodes.map((node) => node.plan),
    );
    expect(listNamespaces()).toContain(second().plan.namespace);
  });

  function pod(name: string, node: LocalNode): SandboxConfig {
    return {
      name,
      namespace: 'default',
      uid: name,
      attempt: 0,
      hostname: name,
      portMappings: [],
      labels: {},
      annotations: {},
      sysctls: {},
      security: { privileged: false },
      logDirectory: join(directories.data, 'logs', name),
      cgroupParent: `${nodeCgroup(node)}/kubepods/pod${name}`,
      namespaces: {
        network: 'pod',
        pid: 'container',
        ipc: 'pod',
      },
    };
  }
});

/** How many nodes hold the biggest piece of content by the same file. */
function linksOfLargestBlob(node: LocalNode): number {
  const blobs = join(
    directories.data,
    'nodes',
    node.plan.node,
    'containerd/io.containerd.content.v1.content/blobs/sha256',
  );
  const [largest] = readdirSync(blobs)
    .map((name) => statSync(join(blobs, name)))
    .toSorted((a, b) => b.size - a.size);
  return largest?.nlink ?? 0;
}

function shell(script: string): ContainerConfig {
  return {
    name: 'main',
    attempt: 0,
    image: hello,
    userSpecifiedImage: 'busybox',
    command: ['sh', '-c', script],
    args: [],
    workingDir: '',
    env: [],
    mounts: [],
    devices: [],
    labels: {},
    annotations: {},
    logPath: 'main/0.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: { cpuShares: 2 },
    security: { privileged: false },
    pid: 'container',
  };
}

async function start(on: CriRuntime, config: SandboxConfig, script: string) {
  const sandbox = await on.runPodSandbox(config);
  const container = await on.createContainer(sandbox, shell(script), config);
  await on.startContainer(container);
  return { sandbox, container };
}

async function exitOf(events: AsyncIterable<RuntimeEvent>, id: string): Promise<RuntimeEvent> {
  for await (const event of events) if (event.kind === 'containerExited' && event.containerId === id) return event;
  throw new Error('the events ended');
}

function processesIn(cgroup: string): string[] {
  return cgroupDirectories(cgroup).flatMap((directory) => {
    const file = join(directory, 'cgroup.procs');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  });
}

/** Whatever on this machine still bears the cluster's name, its ranges, or lies below its directories. */
async function leftovers(plan: NetworkPlan): Promise<string[]> {
  const results = existsSync('/var/lib/cni/results') ? readdirSync('/var/lib/cni/results') : [];
  const named = [
    ...listNamespaces(),
    ...(await listNftTables()).map(({ name }) => name),
    ...results,
    ...readFileSync('/proc/self/mountinfo', 'utf8').split('\n'),
    ...execFileSync('ps', ['-eo', 'args']).toString().split('\n'),
    ...cgroupDirectories(`/timonel/${cluster}`),
  ].filter((text) => text.includes(cluster) || text.includes(`${base}/`));
  const ranges = [plan.nodesCidr, plan.podsCidr, plan.servicesCidr];
  return [
    ...named,
    ...readRoutes().destinations.filter((route) => ranges.includes(route)),
    ...(hasLink(bridgeName(cluster)) ? [bridgeName(cluster)] : []),
    ...readdirSync(base).filter((name) => name !== 'cache'),
  ];
}

type Entry = Parameters<Pack['entry']>[0];

function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const entry of entries) {
    if (entry.type) archive.entry(entry);
    else archive.entry(entry, 'escaped');
  }
  archive.finalize();
  return buffer(archive);
}
