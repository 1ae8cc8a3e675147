import { isApiError } from '../api/status.ts';
import { nodes as nodeResource } from '../client/resources.ts';
import { clusterPki, isServerRunning, localNode, lockCluster, notifyServer, startNodes } from '../cluster/launcher.ts';
import { detectContainerd } from '../node/containerd.ts';
import { killNode, removeNode, stopNode } from '../cluster/local-node.ts';
import { setUpNetwork } from '../cluster/local-network.ts';
import { type ClusterState, isValidName, nodePlans, writeState } from '../cluster/state.ts';
import { clock, existingCluster, explained, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { createOutput, table } from './output.ts';
import { describeCluster } from './status.ts';
import { clientOf, nodesReady } from './up.ts';

type NodeVerb = 'stop' | 'start' | 'kill' | 'remove';

export async function listNodes(options: { name: string; output?: 'json' }): Promise<void> {
  const { nodes } = describeCluster(existingCluster(options.name));
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(nodes));
  const rows = nodes.map((node) => [node.name, node.state, node.address ?? '', node.podCidr ?? '']);
  output.data(table(['NODE', 'STATUS', 'ADDRESS', 'PODS'], rows));
}

/** Adds a node to a running cluster and waits until it is ready. */
export async function addNode(name: string | undefined, options: { name: string }): Promise<void> {
  const state = existingCluster(options.name);
  const indexes = new Set(state.nodes.map((node) => node.index));
  let index = 1;
  while (indexes.has(index)) index++;
  const node = name ?? `${state.name}-${index}`;
  if (!isValidName(node)) throw new CliError(`"${node}" cannot be a node's name`, { exitCode: 2 });
  if (state.nodes.some((other) => other.name === node)) {
    throw new CliError(`cluster ${state.name} has a node ${node} already`, {
      hint: `Start it: timonel node start ${node}`,
    });
  }
  state.nodes.push({ name: node, index, wanted: true });
  await change(state, `Adding ${node} …`, () => start(state, node));
  createOutput().message(`Node ${node} is ready.`);
}

export async function nodeVerb(verb: NodeVerb, name: string, options: { name: string }): Promise<void> {
  const state = existingCluster(options.name);
  const record = await explained(async () => {
    localNode(state, name);
    return state.nodes.find((node) => node.name === name) as ClusterState['nodes'][number];
  });
  const output = createOutput();
  switch (verb) {
    case 'start':
      record.wanted = true;
      await change(state, `Starting ${name} …`, () => start(state, name));
      return output.message(`Node ${name} is ready.`);
    case 'stop':
      record.wanted = false;
      await change(state, `Stopping ${name} …`, () => halt(state, () => stopNode(localNode(state, name), clock)));
      return output.message(`Node ${name} is stopped. Start it again: timonel node start ${name}`);
    case 'kill':
      record.wanted = false;
      await change(state, `Killing ${name} …`, () => halt(state, () => killNode(localNode(state, name), clock)));
      return output.message(`Node ${name} is dead. Watch: kubectl get nodes,pods -o wide -w`);
    case 'remove':
      await remove(state, name);
      return output.message(`Node ${name} is removed.`);
  }
}

async function start(state: ClusterState, name: string): Promise<void> {
  if (!isServerRunning(state))
    throw new CliError(`cluster ${state.name} is stopped`, { hint: `timonel up --name ${state.name}` });
  const pki = clusterPki(state, clock);
  writeState(state);
  if (state.runtime === 'containerd') {
    await setUpNetwork(state.network, nodePlans(state));
    await startNodes(state, [localNode(state, name)], { pki, clock, installation: detectContainerd() });
  } else notifyServer(state);
  await nodesReady(clientOf(state, pki), [name]);
}

async function halt(state: ClusterState, end: () => Promise<void>): Promise<void> {
  if (state.runtime === 'containerd') await end();
  writeState(state);
  if (state.runtime === 'simulated') notifyServer(state);
}

async function remove(state: ClusterState, name: string): Promise<void> {
  const node = localNode(state, name);
  const others = { ...state, nodes: state.nodes.filter((other) => other.name !== name) };
  await change(others, `Removing ${name} …`, async () => {
    if (state.runtime === 'containerd') {
      await stopNode(node, clock);
      await removeNode(node, nodePlans(others), clock);
    }
    writeState(others);
    if (state.runtime === 'simulated') notifyServer(others);
    if (!isServerRunning(state)) return;
    try {
      await clientOf(state, clusterPki(state, clock)).delete(nodeResource, { name });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  });
}

async function change(state: ClusterState, step: string, work: () => Promise<void>): Promise<void> {
  if (state.runtime === 'containerd') requireRoot('changing a node');
  const output = createOutput();
  await explained(async () => {
    const unlock = lockCluster(state.name);
    try {
      output.progress(step);
      await work();
    } finally {
      output.endProgress();
      unlock();
    }
  });
}
