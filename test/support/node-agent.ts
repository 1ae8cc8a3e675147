import { silentLogger } from '../../src/base/log.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../../src/base/simulated-clock.ts';
import type { Client } from '../../src/client/client.ts';
import { createAgent, type Agent, type AgentOptions } from '../../src/node/agent.ts';
import { createMemorySystem, type MemorySystem } from '../../src/node/memory-system.ts';
import { createSimulatedRuntime, type SimulatedRuntime } from '../../src/node/simulated.ts';
import { startTestApiServer, type TestApiServer } from './api-server.ts';

export interface AgentWorld {
  clock: SimulatedClock;
  api: TestApiServer;
  client: Client;
  runtime: SimulatedRuntime;
  system: MemorySystem;
  /** It has started. */
  agent: Agent;
}

/** An agent with all that it works with: an API server, and a runtime and a machine that are simulated. */
export async function startAgentWorld(
  options: Pick<AgentOptions, 'pressure' | 'isImported'> = {},
): Promise<AgentWorld> {
  const clock = createSimulatedClock();
  const api = await startTestApiServer({ clock });
  const { client } = api;
  const runtime = createSimulatedRuntime({ clock, random: seededRandom(1) });
  const system = createMemorySystem();
  const agent = testAgent({ client, runtime, clock, system, ...options });
  await agent.start();
  return { clock, api, client, runtime, system, agent };
}

/** The agent of node-1 (2 CPUs, 4 GiB) on a machine of memory. */
export function testAgent(
  parts: Pick<AgentOptions, 'client' | 'runtime' | 'clock' | 'system' | 'pressure' | 'isImported'>,
): Agent {
  const capacity = { cpu: '2', memory: '4Gi', 'ephemeral-storage': '10Gi', pods: '110' };
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
