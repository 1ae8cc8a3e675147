import { createMemorySystem } from '../node/memory-system.ts';
import { type Agent, createAgent } from '../node/agent.ts';
import { createSimulatedRuntime, type SimulatedRuntime } from '../node/simulated.ts';
import type { ControlPlane, Surroundings } from './control-plane.ts';
import { kubernetesVersion } from './versions.ts';

/** Nodes whose pods exist in memory only, run by the process of the control plane. */
export interface SimulatedNodes {
  /** Starts and stops nodes until exactly these run. */
  set(names: readonly string[]): Promise<void>;
  /** The runtime of a node, to steer its containers. */
  runtime(name: string): SimulatedRuntime | undefined;
  /** Silence, as after a power failure: the node is not told, and nobody is told by it. */
  kill(name: string): Promise<void>;
  stop(): Promise<void>;
}

interface RunningNode {
  agent: Agent;
  runtime: SimulatedRuntime;
}

export function createSimulatedNodes(controlPlane: ControlPlane, surroundings: Surroundings): SimulatedNodes {
  const nodes = new Map<string, RunningNode>();
  let nextIndex = 1;
  const end = async (name: string): Promise<void> => {
    const node = nodes.get(name);
    nodes.delete(name);
    await node?.agent.stop();
    node?.runtime.powerOff();
  };
  return {
    async set(names) {
      const gone = [...nodes.keys()].filter((name) => !names.includes(name));
      await Promise.all(gone.map(end));
      const added = names.filter((name) => !nodes.has(name));
      for (const name of added) nodes.set(name, createNode(name, nextIndex++, controlPlane, surroundings));
      await Promise.all(added.map(async (name) => nodes.get(name)?.agent.start()));
    },
    runtime: (name) => nodes.get(name)?.runtime,
    kill: end,
    async stop() {
      await Promise.all([...nodes.keys()].map(end));
    },
  };
}

function createNode(name: string, index: number, controlPlane: ControlPlane, surroundings: Surroundings): RunningNode {
  const { clock, random, log } = surroundings;
  const podCidr = `10.${200 + (index >> 8)}.${index & 255}.0/24`;
  const runtime = createSimulatedRuntime({ clock, random, podCidr });
  const user = { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
  const capacity = { cpu: '8', memory: '16Gi', 'ephemeral-storage': '100Gi', pods: '110' };
  const agent = createAgent({
    ...{ client: controlPlane.api.clientFor(user), runtime, clock, random, log: log.with({ node: name }) },
    node: {
      name,
      addresses: [
        { type: 'InternalIP', address: `192.0.2.${index & 255}` },
        { type: 'Hostname', address: name },
      ],
      ...{ capacity, allocatable: capacity, podCidrs: [podCidr], kubeletPort: 10250 },
      system: {
        ...{ machineId: name, systemUuid: name, bootId: name, kernelVersion: 'simulated' },
        ...{ osImage: 'simulated', architecture: 'amd64', kubeletVersion: kubernetesVersion.gitVersion },
      },
    },
    system: createMemorySystem(),
    rootDirectory: `/simulated/${name}`,
    dns: { clusterDns: [], clusterDomain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
    settings: { cgroupRoot: `/timonel/simulated/${name}`, leaseDurationSeconds: 2, leaseRenewIntervalMs: 500 },
  });
  return { agent, runtime };
}
