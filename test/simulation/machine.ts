import { setMaxListeners } from 'node:events';
import type { User } from '../../src/apiserver/handler.ts';
import type { Logger } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import type { SimulatedClock } from '../../src/base/simulated-clock.ts';
import type { Client } from '../../src/client/client.ts';
import { type Agent, createAgent } from '../../src/node/agent.ts';
import { createMemorySystem } from '../../src/node/memory-system.ts';
import { createSimulatedRuntime, type SimulatedRuntime } from '../../src/node/simulated.ts';

export interface MachineOptions {
  index: number;
  clock: SimulatedClock;
  random: Random;
  log: Logger;
  clientFor: (user: User, cut: AbortSignal) => Client;
}

/** A machine of the cluster: its containers outlive its agent, and nothing but its disk outlives its power. */
export class SimulatedMachine {
  readonly name: string;
  readonly runtime: SimulatedRuntime;
  isOn = false;
  readonly #options: MachineOptions;
  readonly #podCidr: string;
  readonly #system = createMemorySystem();
  #running: { agent: Agent; cut: AbortController } | undefined;
  #boots = 0;

  constructor(options: MachineOptions) {
    const { index, clock, random } = options;
    this.#options = options;
    this.name = `node-${index}`;
    this.#podCidr = `10.200.${index}.0/24`;
    this.runtime = createSimulatedRuntime({ clock, random, podCidr: this.#podCidr, startLatencyMs: 20 });
  }

  get hasAgent(): boolean {
    return this.#running !== undefined;
  }

  boot(): void {
    if (this.isOn) return;
    this.isOn = true;
    this.#boots++;
    this.startAgent();
  }

  /** The agent goes, the containers stay. */
  async crashAgent(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.cut.abort();
    void running?.agent.stop();
  }

  async powerOff(): Promise<void> {
    if (!this.isOn) return;
    this.isOn = false;
    await this.crashAgent();
    this.runtime.powerOff();
  }

  startAgent(): void {
    if (this.#running || !this.isOn) return;
    const { clock, random, log, index, clientFor } = this.#options;
    const { name } = this;
    const cut = new AbortController();
    setMaxListeners(0, cut.signal);
    const capacity = { cpu: '8', memory: '16Gi', 'ephemeral-storage': '100Gi', pods: '110' };
    const user = { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
    const agent = createAgent({
      ...{ client: clientFor(user, cut.signal), runtime: this.runtime, clock, random, log: log.with({ node: name }) },
      node: {
        ...{ name, capacity, allocatable: capacity, podCidrs: [this.#podCidr], kubeletPort: 10250 },
        addresses: [
          { type: 'InternalIP', address: `192.0.2.${index}` },
          { type: 'Hostname', address: name },
        ],
        system: {
          ...{ machineId: name, systemUuid: name, bootId: `${name}-${this.#boots}`, kernelVersion: 'simulated' },
          ...{ osImage: 'simulated', architecture: 'amd64', kubeletVersion: 'v1.36.0' },
        },
      },
      system: this.#system,
      rootDirectory: `/simulated/${name}`,
      dns: { clusterDns: [], clusterDomain: 'cluster.local', host: { servers: [], searches: [], options: [] } },
      settings: { cgroupRoot: `/timonel/simulated/${name}`, leaseDurationSeconds: 2, leaseRenewIntervalMs: 500 },
    });
    this.#running = { agent, cut };
    agent.start().catch((error: unknown) => {
      log.warn('an agent did not start', { node: name, error });
      // A supervisor starts it again.
      if (this.#running?.agent !== agent) return;
      void this.crashAgent();
      clock.setTimer(1000, () => this.startAgent());
    });
  }
}
