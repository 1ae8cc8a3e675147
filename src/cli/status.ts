import { isServerRunning, localNode } from '../cluster/launcher.ts';
import { nodeDirectories, nodeProcesses } from '../cluster/local-node.ts';
import { type ClusterState, clusterPaths, listClusters } from '../cluster/state.ts';
import { readProcessFile } from '../node/process-file.ts';
import { existingCluster, knownCluster } from './context.ts';
import { createOutput, table } from './output.ts';

/** One cluster and its processes, as `timonel status -o json` gives it. */
export function describeCluster(state: ClusterState) {
  const paths = clusterPaths(state.name);
  return {
    name: state.name,
    running: isServerRunning(state),
    serverPid: readProcessFile(paths.serverPid),
    runtime: state.runtime,
    server: `https://127.0.0.1:${state.port}`,
    context: `timonel-${state.name}`,
    data: paths.directories.data,
    serverLog: paths.serverLog,
    nodes: state.nodes.map((node) => {
      if (state.runtime === 'simulated') {
        return { name: node.name, state: node.wanted && isServerRunning(state) ? 'running' : 'stopped' };
      }
      const local = localNode(state, node.name);
      const { agent, containerd } = nodeProcesses(local);
      const isWhole = agent !== undefined && containerd !== undefined;
      const condition = isWhole ? 'running' : (agent ?? containerd) ? 'degraded' : 'stopped';
      return {
        name: node.name,
        state: condition,
        address: local.plan.address,
        podCidr: local.plan.podCidr,
        log: `${nodeDirectories(local).run}/agent.log`,
      };
    }),
  };
}

export async function status(options: { name?: string; output?: 'json' }): Promise<void> {
  const output = createOutput();
  const names = options.name === undefined ? listClusters() : [existingCluster(options.name).name];
  const clusters = names.flatMap((name) => knownCluster(name) ?? []).map(describeCluster);
  if (options.output === 'json') {
    output.data(JSON.stringify(options.name === undefined ? clusters : clusters[0]));
    return;
  }
  if (clusters.length === 0) {
    output.message('No clusters on this machine. Start one: timonel up');
    return;
  }
  const rows = clusters.map((cluster) => [
    cluster.name,
    cluster.running ? 'running' : 'stopped',
    cluster.runtime,
    cluster.server,
    cluster.nodes.map((node) => (node.state === 'running' ? node.name : `${node.name} (${node.state})`)).join(', '),
  ]);
  output.data(table(['CLUSTER', 'STATUS', 'RUNTIME', 'SERVER', 'NODES'], rows));
}
