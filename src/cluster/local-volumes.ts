import { chmod, mkdir, rm } from 'node:fs/promises';
import type { LocalVolumes } from '../controllers/volumes/local-provisioner.ts';

/** The storage class that a local cluster has of its own, and who makes its volumes. */
const localProvisioner = 'timonel.dev/local';

/** Volumes as directories on this machine, whose file system all nodes of a local cluster share. */
export function createLocalVolumes(root: string): LocalVolumes {
  return {
    provisioner: localProvisioner,
    root,
    async create(path) {
      await mkdir(path, { recursive: true });
      // Containers of any user write to their volume; nobody else gets into the cluster's directory above.
      await chmod(path, 0o777);
    },
    remove: (path) => rm(path, { recursive: true, force: true }),
  };
}

/** Volumes that exist in the API only, for nodes whose pods do. */
export function createSimulatedVolumes(): LocalVolumes {
  const nothing = (): Promise<void> => Promise.resolve();
  return { provisioner: localProvisioner, root: '/simulated/volumes', create: nothing, remove: nothing };
}
