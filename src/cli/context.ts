import { existsSync } from 'node:fs';
import { systemClock } from '../base/system-clock.ts';
import { lockCluster } from '../cluster/cluster-lock.ts';
import {
  BrokenStateError,
  type ClusterState,
  clusterPaths,
  isRoot,
  isValidName,
  listClusters,
  readState,
} from '../cluster/state.ts';
import { CliError } from './errors.ts';

/** The machine's clock, for every command. */
export const clock = systemClock;

/** The state of a cluster that must exist. */
export function existingCluster(name: string): ClusterState {
  const state = knownCluster(name);
  if (state) return state;
  const others = listClusters();
  const hint =
    others.length > 0 ? `Clusters here: ${others.join(', ')} (choose with --name).` : 'Start one: timonel up';
  throw new CliError(`there is no cluster ${name}`, { hint });
}

/** The state of a cluster, if there is one. Names that cannot be are refused. */
export function knownCluster(name: string): ClusterState | undefined {
  requireName(name);
  try {
    return readState(name);
  } catch (error) {
    if (!(error instanceof BrokenStateError)) throw error;
    throw new CliError(`the data of cluster ${name} is broken: ${error.message}`, { hint: restoreHint(name) });
  }
}

/** A cluster whose data is broken: what to do. */
export function restoreHint(name: string): string {
  return `Restore it from a backup, or start anew: timonel delete --name ${name} && timonel up --name ${name}`;
}

export function requireName(name: string): void {
  if (isValidName(name)) return;
  throw new CliError(`"${name}" cannot be a cluster's name`, {
    hint: 'Names have 1 to 32 lower-case letters, digits and dashes, and begin and end with a letter or digit.',
    exitCode: 2,
  });
}

/** What is left of a cluster that has no readable cluster.json: its name is enough to find the rest. */
export function hasRemains(name: string): boolean {
  return Object.values(clusterPaths(name).directories).some((directory) => existsSync(directory));
}

/** Runs work under the cluster's lock. State is to be read inside: another command may just have changed it. */
export async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  const unlock = await lockCluster(name);
  try {
    return await work();
  } finally {
    unlock();
  }
}

/** Real containers need root. */
export function requireRoot(what: string): void {
  if (isRoot()) return;
  throw new CliError(`${what} needs root`, {
    hint: 'Run it with sudo, or start a cluster without containers: timonel up --runtime simulated',
  });
}
