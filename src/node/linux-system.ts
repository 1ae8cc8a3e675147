import { createSystemCgroups } from './cgroups.ts';
import { systemMachineLoad } from './machine-load.ts';
import { systemMounts } from './mounts.ts';
import type { NodeSystem } from './node-system.ts';
import { systemProbeNetwork } from './probe-network.ts';
import { systemVolumeFiles } from './volume-files.ts';

/** The machine that the process runs on. */
export function createLinuxSystem(): NodeSystem {
  return {
    files: systemVolumeFiles,
    mounts: systemMounts,
    cgroups: createSystemCgroups(),
    network: systemProbeNetwork,
    load: systemMachineLoad,
  };
}
