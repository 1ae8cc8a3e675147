import { silentLogger } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createAgent, type Agent, type AgentOptions } from '../../src/node/agent.ts';

/** The agent of node-1 (2 CPUs, 4 GiB) on a machine of memory. */
export function testAgent(parts: Pick<AgentOptions, 'client' | 'runtime' | 'clock' | 'system'>): Agent {
  const capacity = { cpu: '2', memory: '4Gi', pods: '110' };
  return createAgent({
    ...parts,
    random: seededRandom(2),
    log: silentLogger,
    node: {
      name: 'node-1',
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      capacity,
      allocatable: capacity,
      kubeletPort: 10250,
      system: {
        machineId: 'm',
        systemUuid: 's',
        bootId: 'b',
        kernelVersion: '6.1',
        osImage: 'Debian',
        architecture: 'amd64',
        kubeletVersion: 'v1.36.0',
      },
    },
    rootDirectory: '/node',
    dns: {
      clusterDns: ['10.96.0.10'],
      clusterDomain: 'cluster.local',
      host: { servers: [], searches: [], options: [] },
    },
    settings: { cgroupRoot: '/test', leaseDurationSeconds: 4, leaseRenewIntervalMs: 1000 },
  });
}
