import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { waitForSocket } from './containerd.ts';
import { createContainerProcesses, type ContainerProcesses } from './container-processes.ts';
import {
  imageHealthcheck,
  imageLayers,
  imageStopSignal,
  imageVolumes,
  settleContainer,
} from './containerd-containers.ts';
import { createRuntimeEvents } from './containerd-events.ts';
import { containerdServices, type ContainerdServices } from './containerd-services.ts';
import { toContainerConfig, toSandboxConfig } from './cri-config.ts';
import { cri } from './cri-messages.ts';
import { createGrpcChannel, grpcCode, GrpcError } from './grpc.ts';
import { userOf } from './oci-spec.ts';
import { decode, encode, type Decoded, type Encodable, type Message } from './protobuf.ts';
import {
  RuntimeError,
  type ContainerRuntime,
  type ContainerStats,
  type ContainerSummary,
  type ImageInfo,
  type ProcessUser,
  type SandboxSummary,
} from './runtime.ts';

/** A runtime that must be closed: it holds a connection. */
export interface CriRuntime extends ContainerRuntime {
  /**
   * Resolves as soon as the runtime serves, which may not even have been started yet. Rejects with the signal's
   * reason.
   */
  ready(signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Seconds that a runtime may take for a call which should be quick; starting and stopping get longer. */
const quickMs = 20_000;
const slowMs = 120_000;
/** How much later than the agent the runtime itself ends a container that outlives its grace. */
const secondLineSeconds = 2;

/**
 * CRI v1 over a UNIX socket, as the kubelet speaks it. Written for containerd 1.6 to 2.x; any CRI runtime serves. The
 * connection is made at the first call, and again after the runtime restarted.
 */
export function createCriRuntime(options: { socketPath: string; clock: Clock; log: Logger }): CriRuntime {
  const { socketPath, clock, log } = options;
  const channel = createGrpcChannel({ path: socketPath });
  const call = async <Q extends Message, A extends Message>(
    method: { path: string; request: Q; answer: A },
    request: Encodable<Q>,
    timeoutMs = quickMs,
  ): Promise<Decoded<A>> => {
    try {
      return decode(method.answer, await channel.call(method.path, encode(method.request, request), { timeoutMs }));
    } catch (error) {
      throw toRuntimeError(error);
    }
  };
  /** Ids that this runtime made or listed: events name tasks, which may be either. */
  const sandboxes = new Set<string>();
  const containers = new Map<string, string>();
  const leaving = new Set<string>();
  const processes = createContainerProcesses(clock);
  const services = containerdServices(channel);
  const stopSignals = createStopSignals(services);
  const runtime: Omit<CriRuntime, 'events'> = {
    ...imageCalls(call),
    ...streamingCalls(call),
    ...containerCalls(call, containers, { services, stopSignals }),
    ...sandboxCalls(call, { known: sandboxes, leaving }, processes),
    ...stopping(call, { processes, stopSignals }, clock),

    async version() {
      const { runtimeName, runtimeVersion } = await call(cri.version, {});
      return { name: runtimeName, version: runtimeVersion.replace(/^v/, '').replace(/~ds\d*$/, '') };
    },
    async status() {
      const conditions = (await call(cri.status, {})).status?.conditions ?? [];
      const isReady = (type: string): boolean => conditions.some((c) => c.type === type && c.status);
      const failing = conditions.filter((c) => !c.status);
      return {
        runtimeReady: isReady('RuntimeReady'),
        networkReady: isReady('NetworkReady'),
        message: failing.map((c) => `${c.type}=false reason:${c.reason} message:${c.message}`).join(', '),
      };
    },
    async ready(signal) {
      await waitForSocket(socketPath, signal);
      // The socket is there a moment before it is served, and CRI a moment after that.
      for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 100)) {
        try {
          await call(cri.status, {});
          return;
        } catch (error) {
          if (!(error instanceof RuntimeError && error.kind === 'unavailable')) throw error;
        }
        await clock.sleep(pauseMs, signal);
      }
    },
    imageHealthcheck: (imageId) => imageHealthcheck(services, imageId),
    imageVolumes: (imageId) => imageVolumes(services, imageId),
    imageLayers: (imageId) => imageLayers(services, imageId),
    close: () => channel.close(),
  };
  return {
    ...runtime,
    events: createRuntimeEvents({ channel, clock, log, runtime, sandboxes, containers, leaving, processes }),
  };
}

type Call = <Q extends Message, A extends Message>(
  method: { path: string; request: Q; answer: A },
  request: Encodable<Q>,
  timeoutMs?: number,
) => Promise<Decoded<A>>;

function sandboxCalls(
  call: Call,
  { known, leaving }: { known: Set<string>; leaving: Set<string> },
  processes: ContainerProcesses,
) {
  return {
    async runPodSandbox(config, runtimeHandler = '') {
      const request = { config: toSandboxConfig(config), runtimeHandler };
      const { podSandboxId } = await call(cri.runPodSandbox, request, slowMs);
      known.add(podSandboxId);
      return podSandboxId;
    },
    async stopPodSandbox(podSandboxId) {
      await processes.kill(podSandboxId);
      await unlessGone(call(cri.stopPodSandbox, { podSandboxId }, slowMs));
    },
    async removePodSandbox(podSandboxId) {
      leaving.add(podSandboxId);
      try {
        await processes.kill(podSandboxId);
        await unlessGone(call(cri.removePodSandbox, { podSandboxId }, slowMs));
      } finally {
        leaving.delete(podSandboxId);
      }
      known.delete(podSandboxId);
    },
    async podSandboxStatus(podSandboxId) {
      const { status } = await call(cri.podSandboxStatus, { podSandboxId });
      if (!status) throw new RuntimeError('notFound', `sandbox ${podSandboxId} has no status`);
      const { ip = '', additionalIps = [] } = status.network ?? {};
      return { ...toSandbox(status), ip, additionalIps: additionalIps.map((other) => other.ip) };
    },
    async listPodSandboxes() {
      const found = (await call(cri.listPodSandbox, {})).items.map(toSandbox);
      for (const { id } of found) known.add(id);
      return found;
    },
  } satisfies Partial<ContainerRuntime>;
}

/** How containers that this runtime made end in peace; of others only the runtime itself knows. */
interface StopSignals {
  made(containerId: string, imageId: string): void;
  forget(containerId: string): void;
  of(containerId: string): Promise<number | undefined>;
}

function createStopSignals(services: ContainerdServices): StopSignals {
  const images = new Map<string, string>();
  const signals = new Map<string, Promise<number | undefined>>();
  return {
    made: (containerId, imageId) => void images.set(containerId, imageId),
    forget: (containerId) => void images.delete(containerId),
    async of(containerId) {
      const imageId = images.get(containerId);
      if (imageId === undefined) return undefined;
      const signal = signals.get(imageId) ?? imageStopSignal(services, imageId).catch(() => undefined);
      signals.set(imageId, signal);
      return signal;
    },
  };
}

interface Users {
  of(containerId: string): Promise<ProcessUser | undefined>;
  forget(containerId: string): void;
}

/** Older versions of CRI do not tell whom a container runs as; its specification does, and does not change. */
function createUsers(services: ContainerdServices): Users {
  const users = new Map<string, Promise<ProcessUser | undefined>>();
  return {
    of(containerId) {
      const known = users.get(containerId);
      if (known) return known;
      const asked = services
        .specOf(containerId)
        .then(userOf)
        .catch(() => {
          users.delete(containerId);
          return undefined;
        });
      users.set(containerId, asked);
      return asked;
    },
    forget: (containerId) => void users.delete(containerId),
  };
}

function containerCalls(
  call: Call,
  known: Map<string, string>,
  { services, stopSignals }: { services: ContainerdServices; stopSignals: StopSignals },
) {
  const users = createUsers(services);
  return {
    async createContainer(podSandboxId, config, sandbox) {
      const request = {
        podSandboxId,
        config: toContainerConfig(config, sandbox),
        sandboxConfig: toSandboxConfig(sandbox),
      };
      const { containerId } = await call(cri.createContainer, request, slowMs);
      known.set(containerId, podSandboxId);
      stopSignals.made(containerId, config.image);
      try {
        await settleContainer(services, containerId, config);
      } catch (error) {
        // Its name is free again for the next attempt.
        await unlessGone(call(cri.removeContainer, { containerId }, slowMs));
        throw toRuntimeError(error);
      }
      return containerId;
    },
    async startContainer(containerId) {
      await call(cri.startContainer, { containerId }, slowMs);
    },
    async removeContainer(containerId) {
      await unlessGone(call(cri.removeContainer, { containerId }, slowMs));
      known.delete(containerId);
      stopSignals.forget(containerId);
      users.forget(containerId);
    },
    // CRI's container status does not name the sandbox.
    async containerStatus(containerId) {
      const [{ status }, user] = await Promise.all([call(cri.containerStatus, { containerId }), users.of(containerId)]);
      if (!status) throw new RuntimeError('notFound', `container ${containerId} has no status`);
      const { startedAt, finishedAt, exitCode, reason, message, logPath } = status;
      return {
        ...toContainer({ ...status, podSandboxId: known.get(containerId) ?? '' }),
        exitCode,
        reason,
        message,
        logPath,
        startedAtMs: toMs(startedAt),
        finishedAtMs: toMs(finishedAt),
        ...(user && { user }),
      };
    },
    async listContainers({ podUid } = {}) {
      const filter = podUid === undefined ? undefined : { labelSelector: { 'io.kubernetes.pod.uid': podUid } };
      const found = (await call(cri.listContainers, { filter })).containers.map(toContainer);
      for (const { id, sandboxId } of found) known.set(id, sandboxId);
      return found;
    },
    async updateContainerResources(containerId, { memoryLimitBytes: memoryLimit, ...linux }) {
      await call(cri.updateContainerResources, { containerId, linux: { ...linux, memoryLimit } });
    },
    async containerStats() {
      return (await call(cri.listContainerStats, {})).stats.flatMap(toStats);
    },
  } satisfies Partial<ContainerRuntime>;
}

function stopping(
  call: Call,
  { processes, stopSignals }: { processes: ContainerProcesses; stopSignals: StopSignals },
  clock: Clock,
) {
  /** What outlives its grace is killed from here, not by the runtime. */
  const askRuntime = async (containerId: string, graceSeconds: number): Promise<void> => {
    const isOurs = graceSeconds > 0 && processes.isReachable(containerId);
    const timeout = isOurs ? graceSeconds + secondLineSeconds : graceSeconds;
    const cancel = isOurs
      ? clock.setTimer(graceSeconds * 1000, () => void processes.kill(containerId))
      : (): void => undefined;
    try {
      await unlessGone(call(cri.stopContainer, { containerId, timeout }, timeout * 1000 + slowMs));
    } catch (error) {
      // One that ends by itself while it is asked to takes the connection with it.
      const { status } = await call(cri.containerStatus, { containerId });
      if (!status || containerStates[status.state] !== 'exited') throw error;
    } finally {
      cancel();
    }
  };
  return {
    // The runtime starts a program to send a signal, which costs ten times of what sending it does.
    async stopContainer(containerId, graceSeconds, asked) {
      const signal = graceSeconds > 0 ? (asked ?? (await stopSignals.of(containerId))) : undefined;
      if (signal === undefined) return askRuntime(containerId, graceSeconds);
      const deadline = clock.monotonic() + graceSeconds * 1000;
      if (await processes.terminate(containerId, signal, graceSeconds * 1000)) return;
      await askRuntime(containerId, Math.max(0, Math.ceil((deadline - clock.monotonic()) / 1000)));
    },
  } satisfies Partial<ContainerRuntime>;
}

function imageCalls(call: Call) {
  return {
    async imageStatus(image) {
      const found = (await call(cri.imageStatus, { image: { image } })).image;
      return found && toImage(found);
    },
    async pullImage(image, auth) {
      return (await call(cri.pullImage, { image: { image }, auth }, 3_600_000)).imageRef;
    },
    async listImages() {
      return (await call(cri.listImages, {})).images.map(toImage);
    },
    async imageDirectory() {
      return (await call(cri.imageFsInfo, {})).imageFilesystems[0]?.fsId?.mountpoint;
    },
    async removeImage(image) {
      await unlessGone(call(cri.removeImage, { image: { image } }, slowMs));
    },
  } satisfies Partial<ContainerRuntime>;
}

function streamingCalls(call: Call) {
  return {
    async execSync(containerId, command, timeoutSeconds) {
      // The runtime ends the command at the timeout and says so; the deadline of the call is only the second line.
      const timeoutMs = timeoutSeconds > 0 ? timeoutSeconds * 1000 + quickMs : 3_600_000;
      return call(cri.execSync, { containerId, cmd: command, timeout: timeoutSeconds }, timeoutMs);
    },
    async exec({ command: cmd, ...request }) {
      return (await call(cri.exec, { ...request, cmd })).url;
    },
    async attach(request) {
      return (await call(cri.attach, request)).url;
    },
    async portForward(podSandboxId, port) {
      return (await call(cri.portForward, { podSandboxId, port })).url;
    },
  } satisfies Partial<ContainerRuntime>;
}

/** CRI counts in nanoseconds since the epoch; 0 is "not yet". */
function toMs(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e6);
}

type Item<M extends { answer: Message }, K extends keyof Decoded<M['answer']>> = Decoded<
  M['answer']
>[K] extends (infer T)[]
  ? T
  : never;

function toSandbox(found: Item<typeof cri.listPodSandbox, 'items'>): SandboxSummary {
  const { id, metadata, state, createdAt, labels, annotations } = found;
  const { name = '', namespace = '', uid = '', attempt = 0 } = metadata ?? {};
  const common = { id, name, namespace, uid, attempt, labels, annotations };
  return { ...common, state: state === 0 ? 'ready' : 'notReady', createdAtMs: toMs(createdAt) };
}

const containerStates = ['created', 'running', 'exited', 'unknown'] as const;

function toContainer(found: Item<typeof cri.listContainers, 'containers'>): ContainerSummary {
  const { id, podSandboxId, metadata, imageRef, labels, annotations } = found;
  return {
    id,
    imageRef,
    labels,
    annotations,
    sandboxId: podSandboxId,
    name: metadata?.name ?? '',
    attempt: metadata?.attempt ?? 0,
    state: containerStates[found.state] ?? 'unknown',
    image: found.image?.image ?? '',
    createdAtMs: toMs(found.createdAt),
  };
}

function toImage(found: Item<typeof cri.listImages, 'images'>): ImageInfo {
  const { id, repoTags: tags, repoDigests: digests, size: sizeBytes, pinned, uid, username } = found;
  return {
    id,
    tags,
    digests,
    sizeBytes,
    pinned,
    ...(uid && { uid: uid.value }),
    ...(username && { userName: username }),
  };
}

function toStats(found: Item<typeof cri.listContainerStats, 'stats'>): ContainerStats[] {
  const { attributes, cpu, memory, writableLayer } = found;
  // A container that has just ended has no figures.
  if (!attributes || !cpu || !memory) return [];
  return [
    {
      containerId: attributes.id,
      podUid: attributes.labels['io.kubernetes.pod.uid'] ?? '',
      name: attributes.metadata?.name ?? '',
      timestampMs: toMs(cpu.timestamp),
      cpuUsageNanoseconds: cpu.usageCoreNanoSeconds?.value ?? 0,
      memoryWorkingSetBytes: memory.workingSetBytes?.value ?? 0,
      writableLayerBytes: writableLayer?.usedBytes?.value ?? 0,
    },
  ];
}

async function unlessGone(done: Promise<unknown>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!(error instanceof RuntimeError && error.kind === 'notFound')) throw error;
  }
}

function toRuntimeError(error: unknown): unknown {
  if (!(error instanceof GrpcError)) return error;
  // containerd serves CRI a moment before it is ready to, and says so with an unspecific code.
  const isStarting = error.code === grpcCode.unknown && error.message.includes('not initialized');
  const kind =
    error.code === grpcCode.notFound
      ? 'notFound'
      : error.code === grpcCode.unavailable || isStarting
        ? 'unavailable'
        : error.code === grpcCode.deadlineExceeded
          ? 'timeout'
          : 'other';
  return new RuntimeError(kind, error.message);
}
