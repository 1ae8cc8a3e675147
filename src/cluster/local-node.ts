/**
 * One node of a local cluster: a network namespace with a private containerd and an agent in it. Every function may be
 * called again after it was interrupted.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { ensurePauseImage } from '../node/containerd-images.ts';
import { containerdPaths, startContainerd, stopContainerd, type ContainerdInstallation } from '../node/containerd.ts';
import { imageArchitecture } from '../node/oci-image.ts';
import { endProcess, readProcessFile, removeProcessFile, writeProcessFile } from '../node/process-file.ts';
import { removeCgroup, removeCgroupIfEmpty } from './cgroup-tree.ts';
import { podNetworkKind, removeNetwork, removeNodeNetwork } from './local-network.ts';
import { keepInMemory, removeDirectories, unmountBelow } from './mounts.ts';
import { hasLink, listNamespaces, namespaceInode, namespacePath } from './netns.ts';
import { belongsToCluster, bridgeName, type NetworkPlan, type NodePlan } from './network-plan.ts';
import { killProcesses, terminateContainers, type ProcessMarks } from './node-processes.ts';

/** Where a cluster keeps its files. Nodes have a directory each in `nodes/` of both. */
export interface ClusterDirectories {
  /** Survives `down` and a restart of the machine. */
  data: string;
  /** Sockets, pid files, mounts: of the cluster's present life. On a short path: sockets have at most 107 letters. */
  run: string;
}

export interface LocalNode {
  network: NetworkPlan;
  plan: NodePlan;
  directories: ClusterDirectories;
}

export function nodeDirectories({ directories, plan }: LocalNode): ClusterDirectories {
  return { data: join(directories.data, 'nodes', plan.node), run: join(directories.run, 'nodes', plan.node) };
}

/** The socket of the node's containerd. */
export function nodeRuntimeSocket(node: LocalNode): string {
  const { data, run } = nodeDirectories(node);
  return containerdPaths(data, run).socket;
}

/** The parent of all control groups of the node's pods: the agent puts pods below it. */
export function nodeCgroup({ network, plan }: LocalNode): string {
  return `/timonel/${network.cluster}/${plan.node}`;
}

/**
 * Starts the node's containerd (or adopts the one that runs) and gives it the sandbox image. The namespace must exist
 * (`setUpNetwork`). The agent may be started at the same time: it waits for the socket.
 */
export async function startNodeContainerd(node: LocalNode, installation: ContainerdInstallation): Promise<number> {
  const { data, run } = nodeDirectories(node);
  const paths = containerdPaths(data, run);
  const { namespace, stacks } = node.plan;
  await keepInMemory(paths.state);
  const { pid } = await startContainerd({
    paths,
    installation,
    place: { networkNamespace: namespacePath(namespace), hostname: node.plan.node },
    podNetwork: {
      name: namespace,
      kind: podNetworkKind(),
      podCidrs: stacks.map(({ podCidr }) => podCidr),
      mtu: node.network.mtu,
    },
  });
  await ensurePauseImage(paths.socket, imageArchitecture(process.arch));
  return pid;
}

/**
 * Starts the agent's command in the node's namespace, as a process of its own with its output appended to `agent.log`
 * in the node's run directory; one that runs already is left alone. Resolves with its process number.
 */
export function startNodeAgent(
  node: LocalNode,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const { data, run } = nodeDirectories(node);
  for (const directory of [data, run]) mkdirSync(directory, { recursive: true });
  const pidFile = join(run, 'agent.pid');
  const running = readProcessFile(pidFile);
  if (running !== undefined) return running;
  const log = openSync(join(run, 'agent.log'), 'a');
  const child = spawn('nsenter', [`--net=${namespacePath(node.plan.namespace)}`, '--', ...command], {
    stdio: ['ignore', log, log],
    detached: true,
    cwd: '/',
    env: {
      ...process.env,
      ...env,
    },
  });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`cannot start the agent of ${node.plan.node}: ${command.join(' ')}`);
  writeProcessFile(pidFile, child.pid);
  child.unref();
  return child.pid;
}

/** Which of the node's processes run. */
export function nodeProcesses(node: LocalNode): { agent: number | undefined; containerd: number | undefined } {
  const { data, run } = nodeDirectories(node);
  return {
    agent: readProcessFile(join(run, 'agent.pid')),
    containerd: readProcessFile(containerdPaths(data, run).pidFile),
  };
}

/** Ends the agent alone; containers and containerd go on. Idempotent. */
async function stopNodeAgent(node: LocalNode, clock: Clock): Promise<void> {
  await endProcess(join(nodeDirectories(node).run, 'agent.pid'), clock, 5_000);
}

/** Shuts a node down in order: the agent, then the containers with `graceMs` to end by themselves, then containerd. */
export async function stopNode(node: LocalNode, clock: Clock, graceMs = 2_000): Promise<void> {
  await stopNodeAgent(node, clock);
  await terminateContainers(marksOf(node), clock, graceMs);
  const { data, run } = nodeDirectories(node);
  await stopContainerd(containerdPaths(data, run), clock);
  await killNode(node, clock);
}

/**
 * A power cut: every process of the node ends at once, by SIGKILL. Files, mounts and network stay for the next start.
 */
export async function killNode(node: LocalNode, clock: Clock): Promise<void> {
  const { run } = nodeDirectories(node);
  await killProcesses(marksOf(node), clock);
  removeShimSockets(run);
  for (const file of ['agent.pid', 'containerd.pid']) removeProcessFile(join(run, file));
}

/** Takes a node away with everything it had; `others` are the nodes that stay. */
export async function removeNode(node: LocalNode, others: readonly NodePlan[], clock: Clock): Promise<void> {
  await killNode(node, clock);
  const { data, run } = nodeDirectories(node);
  await unmountBelow([run, data]);
  await removeNodeNetwork(node.plan, others);
  removeCgroup(nodeCgroup(node));
  removeNetworkCache(node.plan.namespace);
  await removeDirectories([run, data]);
}

/** Is there anything of this cluster's last life on the host? Looks at files only. */
export function hasRemains(cluster: string, directories: ClusterDirectories): boolean {
  return (
    existsSync(directories.run) ||
    hasLink(bridgeName(cluster)) ||
    listNamespaces().some((name) => belongsToCluster(name, cluster))
  );
}

/**
 * Removes everything of a cluster that runs or lies about on this host, whatever state it was left in, including the
 * processes whose pid files lie in its run directory (the server's). Its data stays unless `removeData`. `plan` is
 * that of the cluster's last life, if it is known.
 */
export async function cleanUpCluster(options: {
  cluster: string;
  directories: ClusterDirectories;
  plan: NetworkPlan | undefined;
  clock: Clock;
  removeData: boolean;
}): Promise<void> {
  const { cluster, directories, plan, clock, removeData } = options;
  const namespaces = listNamespaces().filter((name) => belongsToCluster(name, cluster));
  const runs = [directories.run, ...subdirectories(join(directories.run, 'nodes'))];
  await killProcesses(
    {
      namespaceInodes: namespaces.flatMap((name) => namespaceInode(name) ?? []),
      cgroups: [`/timonel/${cluster}`],
      pidDirectories: runs,
    },
    clock,
  );
  runs.forEach(removeShimSockets);
  const everything = removeData ? [directories.run, directories.data] : [directories.run];
  await unmountBelow([directories.run, directories.data]);
  await removeNetwork(cluster, plan);
  removeCgroup(`/timonel/${cluster}`);
  removeCgroupIfEmpty('/timonel');
  namespaces.forEach(removeNetworkCache);
  await removeDirectories(everything);
}

function marksOf(node: LocalNode): ProcessMarks {
  const inode = namespaceInode(node.plan.namespace);
  return {
    namespaceInodes: inode === undefined ? [] : [inode],
    cgroups: [nodeCgroup(node)],
    pidDirectories: [nodeDirectories(node).run],
  };
}

/** A killed shim leaves its socket, which every containerd of the machine puts into one directory. */
function removeShimSockets(runDirectory: string): void {
  for (const bundle of subdirectories(join(runDirectory, 'containerd/io.containerd.runtime.v2.task/k8s.io'))) {
    const socket = shimAddress(bundle)?.replace(/^unix:\/\//, '');
    if (socket?.startsWith('/run/containerd/s/')) rmSync(socket, { force: true });
  }
  for (const directory of ['/run/containerd/s', '/run/containerd']) {
    try {
      rmdirSync(directory);
    } catch {
      // Not there, or another containerd of the machine has something in it.
    }
  }
}

/** containerd 1.6 keeps the address in a file of its own, later ones in a JSON file. */
function shimAddress(bundle: string): string | undefined {
  const plain = join(bundle, 'address');
  if (existsSync(plain)) return readFileSync(plain, 'utf8').trim();
  const bootstrap = join(bundle, 'bootstrap.json');
  if (!existsSync(bootstrap)) return undefined;
  return (JSON.parse(readFileSync(bootstrap, 'utf8')) as { address?: string }).address;
}

/** The results that libcni remembers of sandboxes which were never taken down; they carry the network's name. */
function removeNetworkCache(namespace: string): void {
  const directory = '/var/lib/cni/results';
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${namespace}-`)) continue;
    const sandbox = name.slice(namespace.length + 1).replace(/-eth0$/, '');
    for (const each of [name, `cni-loopback-${sandbox}-lo`]) rmSync(join(directory, each), { force: true });
  }
}

function subdirectories(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(directory, entry.name));
}
