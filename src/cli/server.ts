import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreLockedError, StoreCorruptError } from '../store/store-errors.ts';
import { planCluster } from '../cluster/launcher.ts';
import { runPart } from '../cluster/standalone-parts.ts';
import { runServer, type ServerParts } from '../cluster/server-process.ts';
import { type ClusterState, writeState } from '../cluster/state.ts';
import { explained, knownCluster } from './context.ts';
import { CliError } from './errors.ts';
import { foreground } from './foreground.ts';

interface ServerFlags {
  name: string;
  only?: 'apiserver' | 'controllers' | 'scheduler';
  kubeconfig?: string;
  data?: string;
  port?: number;
  leaderElect?: boolean;
  state?: string;
}

/** Runs the control plane in the foreground; or one part of it, against any API server. */
export async function server(options: ServerFlags): Promise<void> {
  if (options.only === 'controllers' || options.only === 'scheduler') return onePart(options.only, options);
  if (options.kubeconfig) {
    throw new CliError('--kubeconfig goes with --only controllers and --only scheduler', { exitCode: 2 });
  }
  const state = await stateOf(options);
  const isAlone = options.only === 'apiserver';
  const parts: ServerParts = { controllers: !isAlone, scheduler: !isAlone };
  try {
    await foreground((surroundings) => runServer(state, parts, surroundings));
  } catch (error) {
    if (error instanceof StoreLockedError) {
      throw new CliError(error.message, { hint: `It is running already: timonel status --name ${state.name}` });
    }
    if (error instanceof StoreCorruptError) {
      const anew = `timonel delete --name ${state.name} && timonel up --name ${state.name}`;
      throw new CliError(error.message, { hint: `Restore the directory from a backup, or start anew: ${anew}` });
    }
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new CliError(`the server cannot listen: ${(error as Error).message}`, {
        hint: 'Another program has the port. End it, or choose another with --port.',
      });
    }
    throw error;
  }
}

async function onePart(part: 'controllers' | 'scheduler', options: ServerFlags): Promise<void> {
  const { kubeconfig, leaderElect = false } = options;
  await foreground((surroundings) => runPart(part, { ...(kubeconfig && { kubeconfig }), leaderElect }, surroundings));
}

/** The launcher's state file; else the cluster of this name, made when there is none, without nodes of this machine. */
async function stateOf(options: ServerFlags): Promise<ClusterState> {
  if (options.state) return JSON.parse(readFileSync(options.state, 'utf8')) as ClusterState;
  if (options.data) process.env['TIMONEL_ROOT'] = join(options.data);
  const known = knownCluster(options.name);
  if (known) return known;
  const settings = { nodeGraceSeconds: 2, evictionAfterSeconds: 2 };
  const wanted = { name: options.name, nodes: 0, runtime: 'simulated' as const, port: options.port, settings };
  const state = await explained(() => planCluster(wanted));
  writeState(state);
  return state;
}
