import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { createPushStream, type PushStream } from './push-stream.ts';
import {
  RuntimeError,
  type ContainerConfig,
  type ContainerRuntime,
  type ContainerStatusInfo,
  type ContainerSummary,
  type ExecResult,
  type ImageInfo,
  type RuntimeEvent,
  type SandboxConfig,
  type SandboxStatus,
} from './runtime.ts';

/**
 * A runtime whose pods exist only in memory, on the clock and the randomness it is given: the same seed and the same
 * calls give the same ids, addresses, times and events.
 *
 * A pod steers its containers by annotations (on the pod, or on the container, which wins):
 * `simulated.timonel.dev/exit-after-ms` ends a container by itself that long after its start, with
 * `simulated.timonel.dev/exit-code` (0 when absent); `simulated.timonel.dev/ignore-sigterm: "true"` makes it wait for
 * SIGKILL. Without them init containers and those of Jobs end well at once, and others run until they are stopped.
 */
export interface SimulatedRuntime extends ContainerRuntime {
  /** Ends a running container as its own process would; no effect on one that does not run. */
  exitContainer(containerId: string, exitCode: number, reason?: 'OOMKilled'): void;
  /** Makes the next `times` starts of containers of this name fail: they exit at once with `exitCode`. */
  crashNext(containerName: string, exitCode: number, times?: number): void;
  /** Says whether an image is on the node, and whether a pull finds it. */
  setImage(image: string, state: 'present' | 'pullable' | 'missing'): void;
  /** Appends a line to a container's log. */
  writeLog(containerId: string, line: string, stream?: 'stdout' | 'stderr'): void;
  logs(containerId: string): readonly SimulatedLogLine[];
  /** Loses every process, as a crash of the machine would: sandboxes not ready, containers exited with 137. */
  powerOff(): void;
}

export interface SimulatedLogLine {
  timestampMs: number;
  stream: 'stdout' | 'stderr';
  line: string;
}

export interface SimulatedRuntimeOptions {
  clock: Clock;
  random: Random;
  /** Addresses are given from this IPv4 range, from its second address on, in turn. Default `10.244.0.0/24`. */
  podCidr?: string;
  /**
   * How long runPodSandbox, startContainer and pullImage take. Default 0: they resolve in the same turn of the clock.
   */
  startLatencyMs?: number;
  pullLatencyMs?: number;
  /** Images that are neither present nor pullable; every other one is present. */
  missingImages?: readonly string[];
  /** Answers execSync (and so exec probes). Default: exit code 0, no output. */
  exec?: (container: ContainerSummary, command: readonly string[]) => ExecResult;
}

interface Sandbox {
  status: SandboxStatus;
  config: SandboxConfig;
}

interface Container {
  status: ContainerStatusInfo;
  config: ContainerConfig;
  annotations: Record<string, string>;
  log: SimulatedLogLine[];
  cancelExit: () => void;
  /** Those who wait for its end (stopContainer). */
  onExit: (() => void)[];
}

const annotation = (name: string): string => `simulated.timonel.dev/${name}`;
const noOutput = new Uint8Array();

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): SimulatedRuntime {
  return new Simulation(options);
}

class Simulation implements SimulatedRuntime {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly options: SimulatedRuntimeOptions;
  private readonly addresses: AddressRange;
  private readonly sandboxes = new Map<string, Sandbox>();
  private readonly containers = new Map<string, Container>();
  private readonly images = new Map<string, 'present' | 'pullable' | 'missing'>();
  /** Those that a registry has, too. */
  private readonly pulled = new Set<string>();
  private readonly crashes = new Map<string, { exitCode: number; times: number }>();
  /** What began before the power went does not end after it came back. */
  private boot = 0;
  private readonly subscribers = new Set<PushStream<RuntimeEvent>>();

  constructor(options: SimulatedRuntimeOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.options = options;
    this.addresses = new AddressRange(options.podCidr ?? '10.244.0.0/24');
    for (const image of options.missingImages ?? []) this.images.set(image, 'missing');
  }

  version(): Promise<{ name: string; version: string }> {
    return Promise.resolve({ name: 'simulated', version: '1.0.0' });
  }

  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }> {
    return Promise.resolve({ runtimeReady: true, networkReady: true, message: '' });
  }

  async runPodSandbox(config: SandboxConfig, handler = ''): Promise<string> {
    const boot = this.boot;
    await this.delay(this.options.startLatencyMs);
    if (boot !== this.boot) throw new RuntimeError('unavailable', 'the machine lost its power');
    // The handlers that a node's containerd has.
    if (!['', 'runc'].includes(handler)) {
      throw new RuntimeError('other', `no runtime for "${handler}" is configured`);
    }
    const id = this.newId();
    const { name, namespace, uid, attempt, labels, annotations } = config;
    const ip = config.namespaces.network === 'node' ? '' : this.addresses.take();
    const createdAtMs = this.clock.now();
    this.sandboxes.set(id, {
      config,
      status: {
        id,
        name,
        namespace,
        uid,
        attempt,
        labels,
        annotations,
        createdAtMs,
        ip,
        state: 'ready',
        additionalIps: [],
      },
    });
    return id;
  }

  stopPodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.sandboxes.get(sandboxId);
    if (!sandbox) return Promise.resolve();
    for (const [id, container] of this.containers)
      if (container.status.sandboxId === sandboxId) this.exitContainer(id, 137);
    this.addresses.release(sandbox.status.ip);
    if (sandbox.status.state === 'ready') {
      sandbox.status = { ...sandbox.status, state: 'notReady', ip: '' };
      this.publish({ kind: 'sandboxExited', sandboxId });
    }
    return Promise.resolve();
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    await this.stopPodSandbox(sandboxId);
    for (const [id, container] of this.containers)
      if (container.status.sandboxId === sandboxId) this.containers.delete(id);
    this.sandboxes.delete(sandboxId);
  }

  podSandboxStatus(sandboxId: string): Promise<SandboxStatus> {
    return attempt(() => this.sandbox(sandboxId).status);
  }

  listPodSandboxes(): Promise<SandboxStatus[]> {
    return Promise.resolve([...this.sandboxes.values()].map(({ status }) => status));
  }

  createContainer(sandboxId: string, config: ContainerConfig, pod: SandboxConfig): Promise<string> {
    return attempt(() => {
      const sandbox = this.sandbox(sandboxId);
      if (sandbox.status.state !== 'ready') throw new RuntimeError('other', `sandbox ${sandboxId} is not running`);
      if (!this.isPresent(config.image)) throw new RuntimeError('notFound', `image "${config.image}": not found`);
      const id = this.newId();
      this.containers.set(id, {
        config,
        annotations: { ...pod.annotations, ...config.annotations },
        log: [],
        cancelExit: () => {},
        onExit: [],
        status: newStatus({ id, sandboxId, config, logDirectory: pod.logDirectory, createdAtMs: this.clock.now() }),
      });
      return id;
    });
  }

  async startContainer(containerId: string): Promise<void> {
    await this.delay(this.options.startLatencyMs);
    const container = this.container(containerId);
    const { sandboxId } = container.status;
    if (this.sandbox(sandboxId).status.state !== 'ready')
      throw new RuntimeError('other', `sandbox ${sandboxId} is not running`);
    if (container.status.state !== 'created')
      throw new RuntimeError('other', `container ${containerId} is ${container.status.state}, not created`);
    container.status = { ...container.status, state: 'running', startedAtMs: this.clock.now() };
    this.publish({ kind: 'containerStarted', containerId });
    const crash = this.crashes.get(container.config.name);
    if (crash) {
      if (--crash.times <= 0) this.crashes.delete(container.config.name);
      this.exitContainer(containerId, crash.exitCode);
      return;
    }
    const after = container.annotations[annotation('exit-after-ms')] ?? (container.config.isTask ? '0' : undefined);
    if (after === undefined) return;
    const exitCode = Number(container.annotations[annotation('exit-code')] ?? 0);
    container.cancelExit = this.clock.setTimer(Number(after), () => this.exitContainer(containerId, exitCode));
  }

  async stopContainer(containerId: string, graceSeconds: number, signal = 15): Promise<void> {
    const container = this.containers.get(containerId);
    if (container?.status.state !== 'running') return;
    if (container.annotations[annotation('ignore-sigterm')] !== 'true') {
      return this.exitContainer(containerId, 128 + signal);
    }
    await new Promise<void>((resolve) => {
      const cancel = this.clock.setTimer(graceSeconds * 1000, () => this.exitContainer(containerId, 137));
      container.onExit.push(cancel, resolve);
    });
  }

  removeContainer(containerId: string): Promise<void> {
    this.exitContainer(containerId, 137);
    this.containers.delete(containerId);
    return Promise.resolve();
  }

  containerStatus(containerId: string): Promise<ContainerStatusInfo> {
    return attempt(() => this.container(containerId).status);
  }

  listContainers(filter: { podUid?: string } = {}): Promise<ContainerSummary[]> {
    const all = [...this.containers.values()].map(({ status }) => status);
    const { podUid } = filter;
    return Promise.resolve(
      podUid === undefined ? all : all.filter((c) => this.sandboxes.get(c.sandboxId)?.status.uid === podUid),
    );
  }

  updateContainerResources(containerId: string): Promise<void> {
    return attempt(() => void this.container(containerId));
  }

  execSync(containerId: string, command: readonly string[]): Promise<ExecResult> {
    return attempt(() => {
      const { status } = this.container(containerId);
      if (status.state !== 'running')
        throw new RuntimeError('other', `container is in ${status.state.toUpperCase()} state`);
      return this.options.exec?.(status, command) ?? { stdout: noOutput, stderr: noOutput, exitCode: 0 };
    });
  }

  exec(): Promise<string> {
    return noStreaming();
  }

  attach(): Promise<string> {
    return noStreaming();
  }

  portForward(): Promise<string> {
    return noStreaming();
  }

  imageVolumes(): Promise<string[]> {
    return Promise.resolve([]);
  }

  imageHealthcheck(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  imageStatus(image: string): Promise<ImageInfo | undefined> {
    return Promise.resolve(this.isPresent(image) ? this.imageInfo(image) : undefined);
  }

  async pullImage(image: string): Promise<string> {
    await this.delay(this.options.pullLatencyMs ?? this.options.startLatencyMs);
    if (this.images.get(image) === 'missing')
      throw new RuntimeError('notFound', `failed to pull and unpack image "${image}": ${image}: not found`);
    this.setImage(image, 'present');
    this.pulled.add(image);
    return image;
  }

  listImages(): Promise<ImageInfo[]> {
    const used = new Set([...this.containers.values()].map(({ config }) => config.image));
    for (const [image, state] of this.images) if (state === 'present') used.add(image);
    return Promise.resolve([...used].filter((image) => this.isPresent(image)).map((image) => this.imageInfo(image)));
  }

  private imageInfo(image: string): ImageInfo {
    const digests = this.pulled.has(image) ? [`${image.replace(/:[^/]*$/, '')}@sha256:${'0'.repeat(64)}`] : [];
    return { id: image, tags: [image], digests, sizeBytes: 1_000_000, pinned: false };
  }

  imageLayers(): Promise<string[]> {
    return Promise.resolve([]);
  }

  imageDirectory(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  removeImage(image: string): Promise<void> {
    this.setImage(image, 'pullable');
    return Promise.resolve();
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const stream = createPushStream<RuntimeEvent>(signal);
    this.subscribers.add(stream);
    signal.addEventListener('abort', () => this.subscribers.delete(stream), { once: true });
    return stream;
  }

  containerStats(): ReturnType<ContainerRuntime['containerStats']> {
    const running = [...this.containers.values()].filter(({ status }) => status.state === 'running');
    const timestampMs = this.clock.now();
    return Promise.resolve(
      running.map(({ status }) => ({
        containerId: status.id,
        podUid: this.sandboxes.get(status.sandboxId)?.status.uid ?? '',
        name: status.name,
        timestampMs,
        cpuUsageNanoseconds: 0,
        memoryWorkingSetBytes: 0,
        writableLayerBytes: 0,
      })),
    );
  }

  exitContainer(containerId: string, exitCode: number, reason?: 'OOMKilled'): void {
    const container = this.containers.get(containerId);
    if (container?.status.state !== 'running') return;
    container.cancelExit();
    container.status = {
      ...container.status,
      state: 'exited',
      exitCode,
      reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      finishedAtMs: this.clock.now(),
    };
    if (reason === 'OOMKilled') this.publish({ kind: 'containerOom', containerId });
    this.publish({ kind: 'containerExited', containerId, exitCode });
    for (const told of container.onExit.splice(0)) told();
  }

  crashNext(containerName: string, exitCode: number, times = 1): void {
    this.crashes.set(containerName, { exitCode, times });
  }

  setImage(image: string, state: 'present' | 'pullable' | 'missing'): void {
    this.images.set(image, state);
    this.publish({ kind: 'imagesChanged' });
  }

  writeLog(containerId: string, line: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    this.container(containerId).log.push({ timestampMs: this.clock.now(), stream, line });
  }

  logs(containerId: string): readonly SimulatedLogLine[] {
    return this.container(containerId).log;
  }

  powerOff(): void {
    this.boot++;
    for (const id of this.containers.keys()) this.exitContainer(id, 137);
    for (const [sandboxId, sandbox] of this.sandboxes) {
      if (sandbox.status.state !== 'ready') continue;
      this.addresses.release(sandbox.status.ip);
      sandbox.status = { ...sandbox.status, state: 'notReady', ip: '' };
      this.publish({ kind: 'sandboxExited', sandboxId });
    }
  }

  private sandbox(id: string): Sandbox {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox) throw new RuntimeError('notFound', `an error occurred when try to find sandbox "${id}": not found`);
    return sandbox;
  }

  private container(id: string): Container {
    const container = this.containers.get(id);
    if (!container)
      throw new RuntimeError('notFound', `an error occurred when try to find container "${id}": not found`);
    return container;
  }

  private isPresent(image: string): boolean {
    return (this.images.get(image) ?? 'present') === 'present';
  }

  private publish(event: RuntimeEvent): void {
    for (const subscriber of this.subscribers) subscriber.push(event);
  }

  private delay(ms: number | undefined): Promise<void> {
    return ms ? this.clock.sleep(ms) : Promise.resolve();
  }

  /** 64 hexadecimal digits, as containerd's. */
  private newId(): string {
    return (this.random.uuid() + this.random.uuid()).replaceAll('-', '');
  }
}

function newStatus(made: {
  id: string;
  sandboxId: string;
  config: ContainerConfig;
  logDirectory: string;
  createdAtMs: number;
}): ContainerStatusInfo {
  const { id, sandboxId, config, createdAtMs } = made;
  return {
    id,
    sandboxId,
    createdAtMs,
    name: config.name,
    attempt: config.attempt,
    labels: config.labels,
    annotations: config.annotations,
    state: 'created',
    image: config.userSpecifiedImage || config.image,
    imageRef: config.image,
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    logPath: made.logDirectory && config.logPath ? `${made.logDirectory}/${config.logPath}` : '',
  };
}

function noStreaming(): Promise<never> {
  return Promise.reject(new RuntimeError('other', 'a simulated pod has no process to connect to'));
}

function attempt<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}

/** Host addresses of an IPv4 range, given in turn so that an address is not used again at once. */
class AddressRange {
  private readonly base: number;
  private readonly size: number;
  private readonly taken = new Set<number>();
  private last = 1;

  constructor(cidr: string) {
    const [address = '', prefix = ''] = cidr.split('/');
    this.size = 2 ** (32 - Number(prefix));
    const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    this.base = bits - (bits % this.size);
  }

  take(): string {
    for (let tried = 0; tried < this.size; tried++) {
      // The first address is the network's, the second the gateway's, the last the broadcast address.
      this.last = this.last + 1 >= this.size - 1 ? 2 : this.last + 1;
      if (this.taken.has(this.last)) continue;
      this.taken.add(this.last);
      const bits = this.base + this.last;
      return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
    }
    throw new RuntimeError('other', 'no IP addresses available in the range of this node');
  }

  release(address: string): void {
    if (address === '') return;
    const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    this.taken.delete(bits - this.base);
  }
}
