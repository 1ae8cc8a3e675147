import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { hostAndPort, type IpFamily } from '../base/ip-address.ts';
import type { Clock } from '../base/clock.ts';
import { yieldToEventLoop } from '../base/yield.ts';
import { type ContainerdInstallation, detectContainerd } from '../node/containerd.ts';
import { endProcess, readProcessFile } from '../node/process-file.ts';
import type { Connection } from '../client/https-client.ts';
import type { AgentConfig } from './agent-config.ts';
import type { KeyPair } from './certificates.ts';
import { parseEvictionThresholds, upstreamImageCollection } from '../node/eviction-thresholds.ts';
import { openImageLibrary } from './images/image-library.ts';
import { beginInBackground } from './background-process.ts';
import { claimRunDirectory, ownsRunDirectory } from './cluster-lock.ts';
import { clusterPki } from './cluster-pki.ts';
import { CommandError } from './command.ts';
import { requireDiskSpace } from './disk-space.ts';
import { leaveHostResolver } from './host-resolver.ts';
import { LauncherError } from './launcher-error.ts';
import { mergeKubeconfig, type KubeconfigEntry } from './kubeconfig-merge.ts';
import { setUpBridge, setUpNetwork } from './local-network.ts';
import {
  cleanUpCluster,
  hasRemains,
  type LocalNode,
  nodeCgroup,
  nodeDirectories,
  nodeProcesses,
  nodeRuntimeSocket,
  startNodeAgent,
  startNodeContainerd,
  stopNode,
} from './local-node.ts';
import { linkMtu, readIpv6Routes, readRoutes } from './netns.ts';
import { stopIngress } from './ingress/ingress-files.ts';
import {
  clusterDomain,
  dnsAddresses,
  hostAddressOf,
  localAddresses,
  type NetworkPlan,
  overlapping,
  planNetwork,
  planNode,
  serviceRanges,
} from './network-plan.ts';
import { type ClusterPki, issueNodeCertificates } from './pki.ts';
import { startRegistry, stopRegistry, trustRegistry } from './registry/local-registry.ts';
import { waitingServer } from './server-start.ts';
import {
  type ClusterSettings,
  type ClusterState,
  clusterPaths,
  localEvictionHard,
  readableStates,
  writeState,
} from './state.ts';

export interface NewCluster {
  name: string;
  nodes: number;
  runtime: ClusterState['runtime'];
  port: number | undefined;
  settings: ClusterSettings;
  /** Undefined: a range of its own. */
  loadBalancersCidr?: string | undefined;
  /** Undefined: IPv4. */
  families?: readonly IpFamily[] | undefined;
  ingress?: ClusterState['ingress'];
}

/** The state of an existing cluster, or a plan for a new one: free address ranges and a free port. Writes nothing. */
export async function planCluster(wanted: NewCluster): Promise<ClusterState> {
  const { name, runtime } = wanted;
  const others = readableStates();
  const used = new Set(others.map((other) => other.index));
  let index = 0;
  while (used.has(index)) index++;
  const { destinations, defaultInterface } = readRoutes();
  const planned = others.flatMap(({ network }) => [
    network.nodesCidr,
    network.podsCidr,
    network.servicesCidr,
    network.loadBalancersCidr,
  ]);
  const takenIpv6 = wanted.families?.includes('IPv6') ? readIpv6Routes() : [];
  if (!takenIpv6) throw new LauncherError('the kernel of this machine has no IPv6', 'Leave --ip-families out.');
  const network = planNetwork({
    cluster: name,
    clusterIndex: index,
    taken: [...destinations, ...planned],
    mtu: defaultInterface ? linkMtu(defaultInterface) : undefined,
    loadBalancersCidr: wanted.loadBalancersCidr,
    ...{ families: wanted.families, takenIpv6 },
  });
  if (!network) throw new LauncherError('no free address range is left on this machine', 'Delete a cluster first.');
  return {
    format: 1,
    ...{ name, index, runtime, network, settings: wanted.settings },
    ...(wanted.ingress && { ingress: wanted.ingress }),
    port:
      wanted.port ?? (await freePort(firstPort, new Set(others.map((other) => other.port)), localAddresses(network))),
    nodes: Array.from({ length: wanted.nodes }, (_, i) => ({ name: `${name}-${i + 1}`, index: i + 1, wanted: true })),
  };
}

const firstPort = 6443;

/** The first port of these addresses from `first` on that nobody has. */
export async function freePort(
  first: number,
  taken: ReadonlySet<number>,
  hosts: readonly string[] = ['127.0.0.1'],
): Promise<number> {
  for (let port = first; port < first + 200; port++) {
    if (!taken.has(port) && (await portProblem(port, hosts)) === undefined) return port;
  }
  throw new LauncherError(`no port from ${first} on is free`, 'Name one with --port.');
}

/** Why `port` cannot be listened on at one of the addresses (`EADDRINUSE`, `EACCES`); undefined when it can. */
async function portProblem(port: number, hosts: readonly string[]): Promise<string | undefined> {
  const problems = hosts.map((host) => {
    const probe = createServer();
    return new Promise<string | undefined>((resolve) => {
      probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      probe.listen(port, host, () => probe.close(() => resolve(undefined)));
    });
  });
  return (await Promise.all(problems)).find((problem) => problem !== undefined);
}

/** Throws when the port of a server that is to be started cannot be had. */
export async function requirePort(port: number, hosts: readonly string[] = ['127.0.0.1']): Promise<void> {
  const problem = await portProblem(port, hosts);
  if (problem === undefined) return;
  if (problem === 'EACCES') {
    throw new LauncherError(`port ${port} is for root only`, 'Choose one from 1024 on with --port.');
  }
  throw new LauncherError(
    `port ${port} of ${hosts.join(' or ')} is in use by another program`,
    'End that program, or choose another port with --port.',
  );
}

/** Throws when the machine has meanwhile got a way to addresses that the cluster has planned for itself. */
function requireFreeRanges({ name, network }: ClusterState): void {
  const ranges = [network.nodesCidr, network.podsCidr, network.servicesCidr, network.loadBalancersCidr];
  const conflict = overlapping(ranges, readRoutes().destinations);
  if (conflict === undefined) return;
  throw new LauncherError(
    `the address range ${conflict} of cluster ${name} is in use on this machine by another network`,
    `See \`ip route\`. Take that network down, or make the cluster anew: timonel delete --name ${name}`,
  );
}

export function localNode(state: ClusterState, name: string): LocalNode {
  const record = state.nodes.find((node) => node.name === name);
  if (!record) {
    const names = state.nodes.map((node) => node.name).join(', ');
    throw new LauncherError(`cluster ${state.name} has no node ${name}`, `Its nodes: ${names}.`);
  }
  const { directories } = clusterPaths(state.name);
  return { network: state.network, plan: planNode(state.network, name, record.index), directories };
}

function hasRuntime(node: LocalNode): boolean {
  return nodeProcesses(node).containerd !== undefined;
}

export function isServerRunning(state: ClusterState): boolean {
  return serverProcess(state) !== undefined;
}

/** The number of the server's process, if it runs. */
export function serverProcess({ name }: ClusterState): number | undefined {
  return ownsRunDirectory(name) ? readProcessFile(clusterPaths(name).serverPid) : undefined;
}

/** Which processes of a node run. */
export function localNodeProcesses(state: ClusterState, name: string): ReturnType<typeof nodeProcesses> {
  if (!ownsRunDirectory(state.name)) return { agent: undefined, containerd: undefined };
  return nodeProcesses(localNode(state, name));
}

/** `running`: all that should; `degraded`: some of it; `stopped`: no process of the cluster. */
export function clusterCondition(state: ClusterState): 'running' | 'degraded' | 'stopped' {
  const server = isServerRunning(state);
  if (state.runtime === 'simulated') return server ? 'running' : 'stopped';
  const isWanted = new Map(state.nodes.map((node) => [node.name, node.wanted]));
  const processes = [...isWanted].map(([name, wanted]) => ({ wanted, ...localNodeProcesses(state, name) }));
  const wanted = processes.filter((node) => node.wanted);
  if (server && wanted.every(({ agent, containerd }) => agent && containerd)) return 'running';
  return server || processes.some(({ agent, containerd }) => agent ?? containerd) ? 'degraded' : 'stopped';
}

/** How the API server is reached on this machine, as a URL. */
export function localServer({ network, port }: ClusterState): string {
  return `https://${hostAndPort(localAddresses(network)[0], port)}`;
}

/** The admin's entry for a kubeconfig. */
export function kubeconfigEntry(state: ClusterState, pki: ClusterPki): KubeconfigEntry {
  return {
    name: `timonel-${state.name}`,
    server: localServer(state),
    certificateAuthority: pki.authority.certificate,
    clientCertificate: pki.admin.certificate,
    clientKey: pki.admin.key,
  };
}

/**
 * Starts what is not running of a cluster. Resolves when the server answers; the nodes are on their way. Rejects only
 * when nothing is under way any more, so that what was started can be cleaned up.
 */
export async function startCluster(state: ClusterState, clock: Clock): Promise<ClusterPki> {
  const isReal = state.runtime === 'containerd';
  const wantedNodes = state.nodes.filter((node) => node.wanted);
  const nodes = wantedNodes.map((node) => localNode(state, node.name));
  const isUntouched = clusterCondition(state) === 'stopped';
  // What a crash left would be in the way of what is to be started.
  const mustClean = isReal && isUntouched && hasRemains(state.name, clusterPaths(state.name).directories);
  if (mustClean) await cleanUp(state, clock, { removeData: false });
  if (!isServerRunning(state)) {
    requireDiskSpace(clusterPaths(state.name).directories.data);
    await requirePort(state.port, localAddresses(state.network));
  }
  if (isReal && isUntouched) requireFreeRanges(state);
  claimRunDirectory(state.name);
  // The server's process loads its program meanwhile, which takes longer than all of this, and reads its store next.
  const bridged = isReal ? yieldToEventLoop().then(() => setUpBridge(state.network)) : Promise.resolve();
  const prepared = yieldToEventLoop().then(() => prepareServer(state, clock));
  const serverStarted = startServer(state, { begin: prepared, serve: bridged });
  const nodesStarted = Promise.all([prepared, bridged]).then(async ([pki]) => {
    if (!isReal) return;
    // Not before: until now, command and server keep two processors busy.
    const installation = detectContainerd();
    // Whoever awaits it gets the error.
    installation.catch(() => {});
    const plans = nodes.map((node) => node.plan);
    const registryStarted = startRegistry(state, nodes, clock);
    const started = setUpNetwork(state.network, plans).then(() =>
      startNodes(state, nodes, { pki, clock, installation }),
    );
    await settle([started, registryStarted]);
  });
  await settle([nodesStarted, serverStarted]);
  return prepared;
}

/** Makes what the server begins with: certificates and its state. */
function prepareServer(state: ClusterState, clock: Clock): ClusterPki {
  const pki = clusterPki(state, clock);
  writeState(state);
  writeOwnKubeconfig(state, pki);
  return pki;
}

/** Waits for all to end, also when one has failed; then rejects with the first failure. */
async function settle(all: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(all)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** The kubeconfig in the cluster's own directory. */
export function writeOwnKubeconfig(state: ClusterState, pki: ClusterPki): void {
  const { kubeconfig } = clusterPaths(state.name);
  writeFileSync(kubeconfig, mergeKubeconfig(undefined, kubeconfigEntry(state, pki)), { mode: 0o600 });
}

/**
 * An agent's heap is small, and there are many agents on one machine: collecting it does not wait until helping
 * threads get a processor, nor do DNS answers meanwhile. Pauses take two thirds of the time on two busy processors.
 */
const agentMemory = '--single-threaded-gc';
const agentProgram = join(import.meta.dirname, 'agent.cjs');

/**
 * Starts the server's process at once, if it was not started early; it begins when `begin` resolves, and listens when
 * `serve` does. Rejects as these do, too.
 */
async function startServer(
  state: ClusterState,
  turns: { begin: Promise<unknown>; serve: Promise<unknown> },
): Promise<void> {
  if (isServerRunning(state)) return;
  const { serverLog, serverPid } = clusterPaths(state.name);
  try {
    await beginInBackground(waitingServer(state.name), { pidFile: serverPid, ...turns });
  } catch (error) {
    await Promise.all([turns.begin, turns.serve]);
    const reason = (error as Error).message;
    throw new LauncherError(`the server did not start: ${reason}`, `Its log: ${serverLog}`, { cause: error });
  }
}

/** Starts containerd and agent of each node; those that run already are left alone. */
export async function startNodes(
  state: ClusterState,
  nodes: readonly LocalNode[],
  { pki, clock, installation }: { pki: ClusterPki; clock: Clock; installation: Promise<ContainerdInstallation> },
): Promise<void> {
  const detected = await sentence('containers cannot run here', () => installation);
  const library = openImageLibrary(clusterPaths(state.name).images);
  const running = state.nodes
    .map((node) => localNode(state, node.name))
    .filter(hasRuntime)
    .map(nodeRuntimeSocket);
  const start = async (node: LocalNode): Promise<void> => {
    const configFile = writeAgentConfig(state, node, pki, clock);
    startNodeAgent(node, [process.execPath, agentMemory, ...process.execArgv, agentProgram, '--state', configFile]);
    trustRegistry(state, node);
    await startNodeContainerd(node, detected);
    await library.syncNode(nodeRuntimeSocket(node), running);
  };
  await settle(nodes.map((node) => sentence(`node ${node.plan.node} did not start`, () => start(node))));
}

/** Says which part failed. Errors of commands and of the system keep their own explanation. */
async function sentence<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CommandError || (error as NodeJS.ErrnoException).code !== undefined) throw error;
    throw new LauncherError(`${what}: ${(error as Error).message}`, 'What the host lacks: timonel doctor', {
      cause: error,
    });
  }
}

/** Writes what the agent of a node needs to know; answers the file. */
function writeAgentConfig(state: ClusterState, node: LocalNode, pki: ClusterPki, clock: Clock): string {
  const { data } = nodeDirectories(node);
  const addresses = node.plan.stacks.map(({ address }) => address);
  const { client, proxy, server } = issueNodeCertificates({
    directory: join(data, 'pki'),
    authority: pki.authority,
    name: node.plan.node,
    addresses,
    now: clock.now(),
  });
  const certificateAuthority = pki.authority.certificate;
  const as = ({ certificate, key }: KeyPair): Connection => ({
    server: `https://${hostAndPort(hostAddressOf(state.network), state.port)}`,
    ...{ certificateAuthority, clientCertificate: certificate, clientKey: key },
  });
  const { nodeGraceSeconds, evictionHard = localEvictionHard, images = upstreamImageCollection } = state.settings;
  const config: AgentConfig = {
    cluster: state.name,
    nodeName: node.plan.node,
    addresses,
    podCidrs: node.plan.stacks.map(({ podCidr }) => podCidr),
    kubelet: as(client),
    proxy: as(proxy),
    serving: server,
    clientAuthority: certificateAuthority,
    runtimeSocket: nodeRuntimeSocket(node),
    dataDirectory: join(data, 'agent'),
    sharedDirectory: clusterPaths(state.name).volumes,
    cgroup: nodeCgroup(node),
    serviceCidrs: serviceRanges(state.network),
    clusterDns: dnsAddresses(state.network).map(({ serviceAddress }) => serviceAddress),
    // The server is on the host, and reaches the machine's resolvers also where they listen on loopback only.
    dnsForwarder: hostAddressOf(state.network),
    pressure: { thresholds: parseEvictionThresholds(evictionHard), images },
    // Four signs of life in the time that the control plane waits for one.
    lease: { durationSeconds: Math.max(1, Math.ceil(nodeGraceSeconds)), renewIntervalMs: nodeGraceSeconds * 250 },
    importedImages: join(clusterPaths(state.name).images, 'index.json'),
  };
  mkdirSync(data, { recursive: true, mode: 0o711 });
  const file = join(data, 'agent.json');
  writeFileSync(file, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  return file;
}

/** Stops all processes of a cluster and takes its network away; its data stays. */
export async function stopCluster(state: ClusterState, clock: Clock): Promise<void> {
  await endProcess(clusterPaths(state.name).serverPid, clock);
  await Promise.all([stopRegistry(state, clock), stopIngress(state.name, clock)]);
  if (state.runtime === 'containerd') {
    await Promise.all(state.nodes.map((node) => stopNode(localNode(state, node.name), clock)));
  }
  await cleanUp(state, clock, { removeData: false });
}

/** Ends and removes whatever there is of a cluster, in whatever state it was left. */
export async function cleanUp(
  state: { name: string; network: NetworkPlan | undefined; runtime: ClusterState['runtime'] },
  clock: Clock,
  { removeData }: { removeData: boolean },
): Promise<void> {
  const { directories, serverPid } = clusterPaths(state.name);
  if (state.runtime === 'simulated') {
    await endProcess(serverPid, clock);
    for (const directory of removeData ? Object.values(directories) : [directories.run]) {
      rmSync(directory, { recursive: true, force: true });
    }
    return;
  }
  await leaveHostResolver(state.name, clusterDomain);
  await cleanUpCluster({ cluster: state.name, directories, plan: state.network, clock, removeData });
}

/** Tells a running server that cluster.json has changed (simulated nodes come and go). */
export function notifyServer(state: ClusterState): void {
  const pid = serverProcess(state);
  if (pid !== undefined) process.kill(pid, 'SIGHUP');
}

/** The kubeconfig text of a cluster. */
export function readKubeconfig(name: string): string {
  const { kubeconfig } = clusterPaths(name);
  try {
    return readFileSync(kubeconfig, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new LauncherError(`cluster ${name} has no kubeconfig yet`, `It is written by: timonel up --name ${name}`);
  }
}
