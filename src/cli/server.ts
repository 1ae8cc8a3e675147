import { requireDiskSpace } from '../cluster/disk-space.ts';
import { claimRunDirectory, whilePlanning } from '../cluster/cluster-lock.ts';
import { clusterPki } from '../cluster/cluster-pki.ts';
import { localServer, planCluster, requirePort, serverProcess, writeOwnKubeconfig } from '../cluster/launcher.ts';
import { runPart } from '../cluster/standalone-parts.ts';
import { runServer, type ServerParts } from '../cluster/server-process.ts';
import { type ClusterState, clusterPaths, writeState } from '../cluster/state.ts';
import { removeProcessFile, writeProcessFile } from '../node/process-file.ts';
import { clock, knownCluster, locked, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { foreground } from './foreground.ts';
import { explained } from './local-server.ts';
import { createOutput } from './output.ts';

interface ServerFlags {
  name: string;
  only?: 'apiserver' | 'controllers' | 'scheduler';
  kubeconfig?: string;
  data?: string;
  port?: number;
  leaderElect?: boolean;
}

/** Runs the control plane in the foreground; or one part of it, against any API server. */
export async function server(options: ServerFlags): Promise<void> {
  if (options.only === 'controllers' || options.only === 'scheduler') return onePart(options.only, options);
  if (options.kubeconfig) {
    throw new CliError('--kubeconfig goes with --only controllers and --only scheduler', {
      hint: 'The API server itself needs none: it has its own store.',
      exitCode: 2,
    });
  }
  const isAlone = options.only === 'apiserver';
  const parts: ServerParts = { controllers: !isAlone, scheduler: !isAlone };
  if (options.data) process.env['TIMONEL_ROOT'] = options.data;
  const state = await locked(options.name, () => prepare(options));
  const { serverPid, kubeconfig } = clusterPaths(state.name);
  createOutput().message(`The API server of ${state.name}: ${localServer(state)}, kubeconfig ${kubeconfig}`);
  process.once('exit', () => removeProcessFile(serverPid));
  await explained(state, () => foreground((surroundings) => runServer(state, parts, surroundings)));
}

async function onePart(part: 'controllers' | 'scheduler', options: ServerFlags): Promise<void> {
  const { kubeconfig, leaderElect = false } = options;
  await foreground((surroundings) => runPart(part, { ...(kubeconfig && { kubeconfig }), leaderElect }, surroundings));
}

/** The cluster of this name, made when there is none, without nodes of this machine; and this process as its server. */
async function prepare(options: ServerFlags): Promise<ClusterState> {
  const { name, port } = options;
  const known = knownCluster(name);
  const pid = known && serverProcess(known);
  if (pid !== undefined) {
    throw new CliError(`the server of cluster ${name} is running already (process ${pid})`, {
      hint: `Stop it: timonel down --name ${name}`,
    });
  }
  // Its nodes are other machines, whose agents report as rarely as upstream's.
  const settings = { nodeGraceSeconds: 40, evictionAfterSeconds: 300 };
  const state = await whilePlanning(async () => {
    const planned = known ?? (await planCluster({ name, nodes: 0, runtime: 'simulated', port, settings }));
    const atPort = { ...planned, port: port ?? planned.port };
    if (atPort.runtime === 'containerd') requireRoot('the server of a cluster with containers');
    requireDiskSpace(clusterPaths(name).directories.data);
    await requirePort(atPort.port);
    writeState(atPort);
    return atPort;
  });
  const pki = clusterPki(state, clock);
  writeOwnKubeconfig(state, pki);
  claimRunDirectory(name);
  writeProcessFile(clusterPaths(name).serverPid, process.pid);
  return state;
}
