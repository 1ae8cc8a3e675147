import { isApiError } from '../api/status.ts';
import { nodes as nodeResource } from '../client/resources.ts';
import { isServerRunning, localNode, notifyServer, startNodes } from '../cluster/launcher.ts';
import { clusterPki } from '../cluster/cluster-pki.ts';
import { detectContainerd } from '../node/containerd.ts';
import { killNode, removeNode, stopNode } from '../cluster/local-node.ts';
import { setUpNetwork } from '../cluster/local-network.ts';
import { maxLocalNodes } from '../cluster/network-plan.ts';
import { type ClusterState, isValidName, nodePlans, type NodeRecord, writeState } from '../cluster/state.ts';
import { clock, existingCluster, locked, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { interruptible } from './interrupt.ts';
import { createOutput, table } from './output.ts';
import { describeCluster } from './status.ts';
import { clientOf, nodesReady, runningAgents } from './up.ts';

type NodeVerb = 'stop' | 'start' | 'kill' | 'remove';

export async function listNodes(options: { name: string; output?: 'json' }): Promise<void> {
  const { nodes } = describeCluster(existingCluster(options.name));
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(nodes));
  const rows = nodes.map((node) => [node.name, node.state, node.address ?? '', node.podCidr ?? '']);
  output.data(table(['NODE', 'STATUS', 'ADDRESS', 'PODS'], rows));
}

/** Adds a node to a running cluster and waits until it is ready. One that does not start is taken away again. */
export async function addNode(name: string | undefined, options: { name: string }): Promise<void> {
  const added = await change(options.name, async (state, progress) => {
    requireServer(state);
    const record = newNode(state, name);
    const grown = { ...state, nodes: [...state.nodes, record] };
    progress(`Adding ${record.name} …`);
    try {
      await interruptible((signal) => start(grown, record.name, signal));
    } catch (error) {
      progress(`Taking ${record.name} away again …`);
      await takeAway(grown, record.name);
      throw error;
    }
    return record.name;
  });
  createOutput().message(`Node ${added} is ready.`);
}

export async function nodeVerb(verb: NodeVerb, name: string, options: { name: string }): Promise<void> {
  const message = await change(options.name, (state, progress) => {
    localNode(state, name);
    return verbs[verb](state, name, progress);
  });
  createOutput().message(message);
}

type Progress = (step: string) => void;

/** Each answers what to tell. */
const verbs: Record<NodeVerb, (state: ClusterState, name: string, progress: Progress) => Promise<string>> = {
  async start(state, name, progress) {
    requireServer(state);
    if (nodeCondition(state, name) === 'running') return `Node ${name} is running already.`;
    progress(`Starting ${name} …`);
    await interruptible((signal) => start(withWanted(state, name, true), name, signal));
    return `Node ${name} is ready.`;
  },
  async stop(state, name, progress) {
    if (nodeCondition(state, name) === 'stopped') return `Node ${name} is stopped already.`;
    progress(`Stopping ${name} …`);
    await halt(withWanted(state, name, false), () => stopNode(localNode(state, name), clock));
    return `Node ${name} is stopped. Start it again: timonel node start ${name}`;
  },
  async kill(state, name, progress) {
    if (nodeCondition(state, name) === 'stopped') {
      throw new CliError(`node ${name} is not running: there is nothing to kill`, {
        hint: `Start it: timonel node start ${name}`,
      });
    }
    progress(`Killing ${name} …`);
    await halt(withWanted(state, name, false), () => killNode(localNode(state, name), clock));
    return `Node ${name} is dead. Watch: kubectl get nodes,pods -o wide -w`;
  },
  async remove(state, name, progress) {
    requireServer(state);
    if (state.nodes.length === 1) {
      throw new CliError(`${name} is the last node of cluster ${state.name}`, {
        hint: `Stop it with \`timonel node stop ${name}\`, or remove the cluster: timonel delete --name ${state.name}`,
      });
    }
    progress(`Removing ${name} …`);
    if (state.runtime === 'containerd') await stopNode(localNode(state, name), clock);
    await takeAway(state, name);
    return `Node ${name} is removed.`;
  },
};

/** Reads the cluster's state under its lock, so that commands at the same moment do not undo each other's work. */
async function change<T>(name: string, work: (state: ClusterState, progress: Progress) => Promise<T>): Promise<T> {
  if (existingCluster(name).runtime === 'containerd') requireRoot('changing a node');
  const output = createOutput();
  return locked(name, async () => {
    try {
      return await work(existingCluster(name), (step) => output.progress(step));
    } finally {
      output.endProgress();
    }
  });
}

function requireServer(state: ClusterState): void {
  if (isServerRunning(state)) return;
  throw new CliError(`the server of cluster ${state.name} is not running`, {
    hint: `Start it: timonel up --name ${state.name}`,
  });
}

function newNode(state: ClusterState, name: string | undefined): NodeRecord {
  const indexes = new Set(state.nodes.map((node) => node.index));
  let index = 1;
  while (indexes.has(index)) index++;
  if (index > maxLocalNodes) throw new CliError(`cluster ${state.name} is full: it has ${maxLocalNodes} nodes`);
  const node = name ?? `${state.name}-${index}`;
  if (!isValidName(node)) {
    throw new CliError(`"${node}" cannot be a node's name`, {
      hint: 'Names have 1 to 32 lower-case letters, digits and dashes, and begin and end with a letter or digit.',
      exitCode: 2,
    });
  }
  if (state.nodes.some((other) => other.name === node)) {
    throw new CliError(`cluster ${state.name} has a node ${node} already`, {
      hint: `Start it: timonel node start ${node}`,
    });
  }
  return { name: node, index, wanted: true };
}

function nodeCondition(state: ClusterState, name: string): string | undefined {
  return describeCluster(state).nodes.find((node) => node.name === name)?.state;
}

function withWanted(state: ClusterState, name: string, wanted: boolean): ClusterState {
  return { ...state, nodes: state.nodes.map((node) => (node.name === name ? { ...node, wanted } : node)) };
}

async function start(state: ClusterState, name: string, signal: AbortSignal): Promise<void> {
  const pki = clusterPki(state, clock);
  const sinceMs = clock.now();
  // A simulated node that is to be started does not run, though its server does.
  const adopted = state.runtime === 'simulated' ? new Set<string>() : runningAgents(state);
  writeState(state);
  if (state.runtime === 'containerd') {
    await setUpNetwork(
      state.network,
      nodePlans(state).filter((plan) => state.nodes.some((node) => node.name === plan.node && node.wanted)),
    );
    await startNodes(state, [localNode(state, name)], { pki, clock, installation: detectContainerd() });
  } else notifyServer(state);
  signal.throwIfAborted();
  await nodesReady(clientOf(state, pki), [name], { sinceMs, adopted, signal });
}

async function halt(state: ClusterState, end: () => Promise<void>): Promise<void> {
  if (state.runtime === 'containerd') await end();
  writeState(state);
  if (state.runtime === 'simulated') notifyServer(state);
}

/** Removes a node with all it has on the host and in the API. */
async function takeAway(state: ClusterState, name: string): Promise<void> {
  const others = { ...state, nodes: state.nodes.filter((other) => other.name !== name) };
  if (state.runtime === 'containerd') await removeNode(localNode(state, name), nodePlans(others), clock);
  writeState(others);
  if (state.runtime === 'simulated') notifyServer(others);
  if (!isServerRunning(state)) return;
  try {
    await clientOf(state, clusterPki(state, clock)).delete(nodeResource, { name });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
