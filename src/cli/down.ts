import { existsSync } from 'node:fs';
import { dropFromKubeconfig } from '../cluster/kubeconfig-file.ts';
import { cleanUp, lockCluster, stopCluster } from '../cluster/launcher.ts';
import { BrokenStateError, clusterPaths, isValidName, readState } from '../cluster/state.ts';
import { clock, existingCluster, explained, requireRoot } from './context.ts';
import { createOutput } from './output.ts';

/** Stops every process of a cluster and keeps its data. */
export async function down(options: { name: string }): Promise<void> {
  const state = existingCluster(options.name);
  if (state.runtime === 'containerd') requireRoot('stopping a cluster');
  const output = createOutput();
  await explained(async () => {
    const unlock = lockCluster(state.name);
    try {
      output.progress(`Stopping cluster ${state.name} …`);
      await stopCluster(state, clock);
    } finally {
      unlock();
    }
  });
  output.message(`Cluster ${state.name} is stopped; its data is kept. Start it again: timonel up --name ${state.name}`);
}

/** Stops a cluster and forgets everything about it, also when its data is broken. */
export async function deleteCluster(options: { name: string }): Promise<void> {
  const { name } = options;
  const state = stateOrRemains(name) ?? existingCluster(name);
  if (state.runtime === 'containerd') requireRoot('deleting a cluster');
  const output = createOutput();
  await explained(async () => {
    const unlock = lockCluster(name);
    try {
      output.progress(`Deleting cluster ${name} …`);
      await cleanUp(state, clock, { removeData: true });
      await dropFromKubeconfig({ name: `timonel-${name}`, environment: process.env, clock });
    } finally {
      unlock();
    }
  });
  output.message(`Cluster ${name} is deleted, with its data and its kubeconfig entries.`);
}

/** What is known of a cluster whose cluster.json cannot be read: its name is enough to find what is left of it. */
function stateOrRemains(name: string): Parameters<typeof cleanUp>[0] | undefined {
  if (!isValidName(name)) return undefined;
  try {
    return readState(name);
  } catch (error) {
    if (!(error instanceof BrokenStateError) || !existsSync(clusterPaths(name).directories.data)) throw error;
    return { name, network: undefined, runtime: 'containerd' };
  }
}
