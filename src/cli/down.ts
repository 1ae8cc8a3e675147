import { dropFromKubeconfig } from '../cluster/kubeconfig-file.ts';
import { cleanUp, stopCluster } from '../cluster/launcher.ts';
import { BrokenStateError, isRoot, readState } from '../cluster/state.ts';
import { clock, existingCluster, hasRemains, locked, requireName, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { createOutput } from './output.ts';

/** Stops every process of a cluster and keeps its data. */
export async function down(options: { name: string }): Promise<void> {
  const { name } = options;
  if (existingCluster(name).runtime === 'containerd') requireRoot('stopping a cluster');
  const output = createOutput();
  await locked(name, async () => {
    output.progress(`Stopping cluster ${name} …`);
    await stopCluster(existingCluster(name), clock);
    output.endProgress();
  });
  output.message(`Cluster ${name} is stopped; its data is kept. Start it again: timonel up --name ${name}`);
}

/** Stops a cluster and forgets everything about it, also when its data is broken or only half there. */
export async function deleteCluster(options: { name: string }): Promise<void> {
  const { name } = options;
  requireName(name);
  if (stateOrRemains(name).runtime === 'containerd') requireRoot('deleting a cluster');
  const output = createOutput();
  await locked(name, async () => {
    output.progress(`Deleting cluster ${name} …`);
    await cleanUp(stateOrRemains(name), clock, { removeData: true });
    output.endProgress();
    try {
      await dropFromKubeconfig({ name: `timonel-${name}`, environment: process.env, clock });
    } catch (error) {
      throw new CliError(`cluster ${name} is deleted, but its kubeconfig entries stay: ${(error as Error).message}`, {
        cause: error,
      });
    }
  });
  output.message(`Cluster ${name} is deleted, with its data and its kubeconfig entries.`);
}

/** What is known of a cluster whose cluster.json is missing or broken: its name is enough to find what is left of it. */
function stateOrRemains(name: string): Parameters<typeof cleanUp>[0] {
  try {
    const state = readState(name);
    if (state) return state;
  } catch (error) {
    if (!(error instanceof BrokenStateError)) throw error;
  }
  if (!hasRemains(name)) return existingCluster(name);
  // Who is not root cannot have had containers.
  return { name, network: undefined, runtime: isRoot() ? 'containerd' : 'simulated' };
}
