import type { Cgroups } from './cgroups.ts';
import type { MachineLoad } from './machine-load.ts';
import type { Mounts } from './mounts.ts';
import type { ProbeNetwork } from './probe-network.ts';
import type { VolumeFiles } from './volume-files.ts';

/** The operating system under a node, as far as the agent touches it. */
export interface NodeSystem {
  files: VolumeFiles;
  mounts: Mounts;
  cgroups: Cgroups;
  network: ProbeNetwork;
  load: MachineLoad;
}
