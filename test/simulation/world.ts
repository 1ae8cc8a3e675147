import { setMaxListeners } from 'node:events';
import { createSigningKey } from '../../src/cluster/certificates.ts';
import { type ControlPlane, createControlPlane } from '../../src/cluster/control-plane.ts';
import { unreachableConnector } from '../../src/apiserver/streaming/unreachable-connector.ts';
import type { User } from '../../src/apiserver/handler.ts';
import { type Logger, silentLogger } from '../../src/base/log.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../../src/base/simulated-clock.ts';
import type { Client } from '../../src/client/client.ts';
import { createEventRecorder } from '../../src/client/recorder.ts';
import { deployments, endpointSlices, pods, replicaSets } from '../../src/client/resources.ts';
import { createInformers } from '../../src/client/shared-informers.ts';
import { createControllers } from '../../src/controllers/manager.ts';
import { localControllerSettings } from '../../src/controllers/settings.ts';
import { createScheduler } from '../../src/scheduler/scheduler.ts';
import type { Store } from '../../src/store/store.ts';
import { createFaultyClient, fairWeather, type Link, type Weather } from './faulty-client.ts';
import { Acknowledgements, followKind, StoreFollower } from './history-checks.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedMachine } from './machine.ts';

/** One life of the API server. */
interface Life {
  store: Store;
  plane: ControlPlane;
  client: (user: User) => Client;
  ended: AbortController;
}

/** A component that runs for a while, and how it ends without a word. */
interface Process {
  crash(): Promise<void>;
}

type PartName = 'controllers' | 'scheduler';

// Signatures are the one thing that is not the same in two runs with one key, and none is stored.
const serviceAccountKey = createSigningKey();
const admin: User = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** A whole cluster on a simulated clock, from one seed, over a network and a disk that fail. */
export class SimulatedWorld {
  readonly clock: SimulatedClock = createSimulatedClock();
  readonly random: Random;
  readonly disk: SimulatedDisk;
  readonly machines = new Map<string, SimulatedMachine>();
  /** What was seen going wrong, with its time. */
  readonly problems: string[] = [];
  readonly acknowledgements = new Acknowledgements();
  weather: Weather = fairWeather;
  readonly #faults: Random;
  readonly #log: Logger;
  readonly #follower: StoreFollower;
  readonly #parts = new Map<PartName, Process>();
  readonly #over = lifeline();
  #life: Life | undefined;
  #starting: Promise<void> | undefined;
  #machinesMade = 0;

  constructor(seed: number, log: Logger = silentLogger) {
    this.random = seededRandom(seed);
    this.#faults = seededRandom(seed ^ 0x5eed);
    this.#log = log;
    this.disk = new SimulatedDisk(this.clock, this.#faults);
    this.#follower = new StoreFollower(this.disk, (problem) => this.fail(problem));
  }

  fail(problem: string): void {
    const text = `${(this.clock.monotonic() / 1000).toFixed(3)} s: ${problem}`;
    if (this.problems.length < 20) this.problems.push(text);
  }

  async start(machines: number): Promise<void> {
    await this.startApiServer();
    this.startPart('controllers');
    this.startPart('scheduler');
    for (let i = 0; i < machines; i++) this.addMachine();
    for (const resource of [pods, deployments, replicaSets, endpointSlices]) {
      void followKind({
        ...{ resource, disk: this.disk, client: this.clientFor(admin), signal: this.#over.signal },
        wait: () => this.clock.sleep(100, this.#over.signal).catch(() => undefined),
        fail: (problem) => this.fail(problem),
      });
    }
  }

  /** Over a good network: what an operator beside the server sees. Throws while there is no server. */
  get client(): Client {
    if (!this.#life) throw new Error('the API server is down');
    return this.#life.client(admin);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  /** As a workload's author far away: over the network, and what is answered is remembered. */
  get actor(): Client {
    return this.clientFor(admin);
  }

  clientFor(user: User, cut: AbortSignal = this.#over.signal): Client {
    const link: Link = {
      server: () => {
        if (!this.#life) throw new Error('connect ECONNREFUSED');
        return { client: this.#life.client(user), ended: this.#life.ended.signal };
      },
      ...{ cut, clock: this.clock, random: this.#faults },
      weather: () => this.weather,
      acknowledged: (answer) => this.acknowledgements.accept(answer),
    };
    return createFaultyClient(link);
  }

  /** Starts until it succeeds, as a supervisor does: a disk that fails fails the start. */
  startApiServer(): Promise<void> {
    if (this.#life) return Promise.resolve();
    this.#starting ??= this.#startApiServer().finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  async #startApiServer(): Promise<void> {
    for (;;) {
      const store = this.disk.open();
      try {
        const plane = await createControlPlane({
          ...{ store, clock: this.clock, random: this.random, log: this.#log, serviceAccountKey },
          certificateAuthority: 'the certificate of the simulated authority',
          serviceCidr: '10.96.0.0/16',
          advertise: { address: '192.0.2.254', port: 6443 },
          connector: unreachableConnector,
          controllers: localControllerSettings,
          evictionAfterSeconds: 2,
        });
        this.#life = { store, plane, client: (user) => plane.api.clientFor(user), ended: lifeline() };
        this.#follower.follow(store);
        return;
      } catch (error) {
        this.#log.debug('the API server did not start', { error });
        this.disk.crash();
        await this.clock.sleep(500);
      }
    }
  }

  /** Power off: whoever waits for an answer gets none, what is being written may or may not be on the disk. */
  async crashApiServer(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    this.#life = undefined;
    this.disk.crash();
    life.ended.abort();
    await life.plane.stop();
    void life.store.close();
  }

  async compact(): Promise<void> {
    const store = this.#life?.store;
    await store?.compact(store.revision).catch((error: unknown) => this.#log.debug('compaction failed', { error }));
  }

  startPart(name: PartName): void {
    if (this.#parts.has(name)) return;
    this.#parts.set(name, name === 'controllers' ? this.#startControllers() : this.#startScheduler());
  }

  async crashPart(name: PartName): Promise<void> {
    const part = this.#parts.get(name);
    this.#parts.delete(name);
    await part?.crash();
  }

  #startControllers(): Process {
    const cut = lifeline();
    const { clock, random } = this;
    const log = this.#log.with({ part: 'controllers' });
    const user = (name: string): User =>
      name === 'kube-controller-manager'
        ? { name: `system:${name}`, groups: ['system:authenticated'] }
        : {
            name: `system:serviceaccount:kube-system:${name}`,
            groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
          };
    const clientFor = (name: string): Client => this.clientFor(user(name), cut.signal);
    const informers = createInformers({ client: clientFor('kube-controller-manager'), clock, random, log });
    const serviceAccountCa = 'the certificate of the simulated authority';
    const controllers = createControllers({ clientFor, informers, clock, random, log, serviceAccountCa });
    const started = controllers.start();
    return {
      crash: async () => {
        cut.abort();
        informers.stop();
        void started.then(() => controllers.stop());
      },
    };
  }

  #startScheduler(): Process {
    const cut = lifeline();
    const { clock, random } = this;
    const log = this.#log.with({ part: 'scheduler' });
    const client = this.clientFor({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }, cut.signal);
    const informers = createInformers({ client, clock, random, log });
    const recorder = createEventRecorder({ client, component: 'default-scheduler', clock, random, log });
    const scheduler = createScheduler({ client, informers, recorder, clock, random, log });
    const started = scheduler.start();
    return {
      crash: async () => {
        cut.abort();
        informers.stop();
        void started.then(() => scheduler.stop());
      },
    };
  }

  addMachine(): SimulatedMachine {
    const index = ++this.#machinesMade;
    const machine = new SimulatedMachine({
      ...{ index, clock: this.clock, random: this.random, log: this.#log },
      clientFor: (user, cut) => this.clientFor(user, cut),
    });
    this.machines.set(machine.name, machine);
    machine.boot();
    return machine;
  }

  /** Everything works again and everyone is there. */
  async heal(): Promise<void> {
    this.weather = fairWeather;
    this.disk.isFull = false;
    this.disk.failureRate = 0;
    this.disk.slowRate = 0;
    await this.startApiServer();
    this.startPart('controllers');
    this.startPart('scheduler');
    for (const machine of this.machines.values()) {
      machine.boot();
      machine.startAgent();
    }
  }

  /** What the end tells about the history. */
  historyProblems(): string[] {
    return [...this.acknowledgements.lost(this.disk.history), ...this.#follower.missed()];
  }

  async stop(): Promise<void> {
    for (const machine of this.machines.values()) await machine.crashAgent();
    for (const name of [...this.#parts.keys()]) await this.crashPart(name);
    this.#over.abort();
    await this.crashApiServer();
    await this.clock.advance(60_000);
  }
}

/** Every call and watch of a component listens to its end. */
function lifeline(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
