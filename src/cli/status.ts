import { clusterCondition, localNode, localNodeProcesses, localServer, serverProcess } from '../cluster/launcher.ts';
import { ingressPaths, isIngressRunning, readPorts, urlsOf } from '../cluster/ingress/ingress-files.ts';
import { nodeDirectories } from '../cluster/local-node.ts';
import { BrokenStateError, type ClusterState, clusterPaths, listClusters, readState } from '../cluster/state.ts';
import { existingCluster, restoreHint } from './context.ts';
import { createOutput, type Output, table } from './output.ts';

/** One cluster and its processes, as `timonel status -o json` gives it. */
export function describeCluster(state: ClusterState) {
  const paths = clusterPaths(state.name);
  const serverPid = serverProcess(state);
  return {
    name: state.name,
    /** `degraded`: of the processes that should run, some do not. */
    condition: clusterCondition(state),
    running: serverPid !== undefined,
    serverPid,
    runtime: state.runtime,
    server: localServer(state),
    context: `timonel-${state.name}`,
    data: paths.directories.data,
    serverLog: paths.serverLog,
    ...(isIngressRunning(state.name) && { ingress: describeIngress(state.name) }),
    nodes: state.nodes.map((node) => {
      if (state.runtime === 'simulated') {
        return { name: node.name, state: node.wanted && serverPid !== undefined ? 'running' : 'stopped' };
      }
      const local = localNode(state, node.name);
      const { agent, containerd } = localNodeProcesses(state, node.name);
      const isWhole = agent !== undefined && containerd !== undefined;
      const condition = isWhole ? 'running' : (agent ?? containerd) ? 'degraded' : 'stopped';
      return {
        name: node.name,
        state: condition,
        address: local.plan.stacks[0]?.address,
        podCidr: local.plan.stacks[0]?.podCidr,
        log: `${nodeDirectories(local).run}/agent.log`,
      };
    }),
  };
}

/** Where ingresses are served, and Prometheus finds figures about it. */
function describeIngress(cluster: string) {
  const { entrances = [], metrics } = readPorts(cluster) ?? {};
  const [local] = entrances;
  return {
    urls: local ? urlsOf(local) : [],
    accessLog: ingressPaths(cluster).accessLog,
    ...(metrics !== undefined && { metrics: `http://127.0.0.1:${metrics}/metrics` }),
  };
}

/** One cluster, or all of this machine; those whose data is broken are named on stderr, and make the exit code 1. */
export async function status(options: { name?: string; output?: 'json' }): Promise<void> {
  const output = createOutput();
  const states = options.name === undefined ? allClusters(output) : [existingCluster(options.name)];
  const clusters = states.map(describeCluster);
  if (options.output === 'json') {
    output.data(JSON.stringify(options.name === undefined ? clusters : clusters[0]));
    return;
  }
  if (clusters.length === 0) {
    if (process.exitCode === undefined) output.message('No clusters on this machine. Start one: timonel up');
    return;
  }
  const rows = clusters.map((cluster) => [
    cluster.name,
    cluster.condition,
    cluster.runtime,
    cluster.server,
    cluster.nodes.map((node) => (node.state === 'running' ? node.name : `${node.name} (${node.state})`)).join(', '),
  ]);
  output.data(table(['CLUSTER', 'STATUS', 'RUNTIME', 'SERVER', 'NODES'], rows));
}

function allClusters(output: Output): ClusterState[] {
  return listClusters().flatMap((name) => {
    try {
      return readState(name) ?? [];
    } catch (error) {
      if (!(error instanceof BrokenStateError)) throw error;
      output.message(`error: the data of cluster ${name} is broken: ${error.message}\n${restoreHint(name)}`);
      process.exitCode = 1;
      return [];
    }
  });
}
