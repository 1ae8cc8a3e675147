import { readKubeconfig } from '../cluster/launcher.ts';
import { clusterPaths } from '../cluster/state.ts';
import { existingCluster } from './context.ts';
import { createOutput } from './output.ts';

/** Prints a cluster's kubeconfig, or where it lies. */
export async function kubeconfig(options: { name: string; path?: boolean }): Promise<void> {
  const { name } = existingCluster(options.name);
  const text = readKubeconfig(name);
  createOutput().data(options.path ? clusterPaths(name).kubeconfig : text.trimEnd());
}
