import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { AgentNode } from './agent-context.ts';
import { parseResolvConf, type DnsConfig } from './dns-config.ts';

/** What this machine is and has, for a node's status. */
export interface MachineFacts {
  system: Omit<AgentNode['system'], 'kubeletVersion'>;
  /** As quantities: cpu, memory, ephemeral-storage of the file system under `directory`, pods. */
  capacity: Record<string, string>;
  /** The machine's own resolver. */
  dns: DnsConfig;
}

/** Upstream's default for a node. */
const maxPods = 110;
const architectures: Record<string, string> = { x64: 'amd64', arm: 'arm', ia32: '386' };

export async function readMachine(directory: string): Promise<MachineFacts> {
  const read = (path: string): Promise<string> =>
    readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
  const [machineId, systemUuid, bootId, osRelease, resolv, disk] = await Promise.all([
    read('/etc/machine-id'),
    read('/sys/class/dmi/id/product_uuid'),
    read('/proc/sys/kernel/random/boot_id'),
    read('/etc/os-release'),
    read('/etc/resolv.conf'),
    statfs(directory),
  ]);
  return {
    system: {
      machineId,
      systemUuid: systemUuid || machineId,
      bootId,
      kernelVersion: release(),
      osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
      architecture: architectures[arch()] ?? arch(),
    },
    capacity: {
      cpu: String(availableParallelism()),
      memory: `${Math.floor(totalmem() / 1024)}Ki`,
      'ephemeral-storage': `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki`,
      pods: String(maxPods),
    },
    dns: parseResolvConf(resolv),
  };
}
