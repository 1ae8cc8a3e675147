import { systemClock } from '../base/system-clock.ts';
import { BrokenStateError, type ClusterState, isRoot, isValidName, listClusters, readState } from '../cluster/state.ts';
import { LauncherError } from '../cluster/launcher.ts';
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
  if (!isValidName(name)) {
    throw new CliError(`"${name}" cannot be a cluster's name`, {
      hint: 'Names have 1 to 32 lower-case letters, digits and dashes, and begin and end with a letter or digit.',
      exitCode: 2,
    });
  }
  try {
    return readState(name);
  } catch (error) {
    if (!(error instanceof BrokenStateError)) throw error;
    throw new CliError(`the data of cluster ${name} is broken: ${error.message}`, {
      hint: `Restore it from a backup, or start anew: timonel delete --name ${name} && timonel up --name ${name}`,
    });
  }
}

/** Real containers need root. */
export function requireRoot(what: string): void {
  if (isRoot()) return;
  throw new CliError(`${what} needs root`, {
    hint: 'Run it with sudo, or start a cluster without containers: timonel up --runtime simulated',
  });
}

/** Turns the launcher's sentences into the CLI's errors. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LauncherError) throw new CliError(error.message, { hint: error.hint, cause: error });
    throw error;
  }
}
