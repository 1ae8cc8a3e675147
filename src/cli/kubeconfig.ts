import { readKubeconfig } from '../cluster/launcher.ts';
import { clusterPaths } from '../cluster/state.ts';
import { existingCluster } from './context.ts';

export async function kubeconfig(options: { name: string; path?: boolean }): Promise<void> {
  const { name } = existingCluster(options.name);
  process.stdout.write(options.path ? `${clusterPaths(name).kubeconfig}\n` : readKubeconfig(name));
}
