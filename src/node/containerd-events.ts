import { setMaxListeners } from 'node:events';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ContainerProcesses } from './container-processes.ts';
import { containerdEvents, criEvents } from './cri-messages.ts';
import { grpcCode, GrpcError, type GrpcChannel } from './grpc.ts';
import { decode, encode } from './protobuf.ts';
import { createPushStream } from './push-stream.ts';
import { RuntimeError, type ContainerRuntime, type RuntimeEvent } from './runtime.ts';

interface Source {
  channel: GrpcChannel;
  clock: Clock;
  log: Logger;
  runtime: Pick<ContainerRuntime, 'containerStatus' | 'podSandboxStatus'>;
  /** Ids known to be sandboxes or containers; the others are looked up. */
  sandboxes: ReadonlySet<string>;
  containers: ReadonlyMap<string, string>;
  /** Sandboxes that are being removed: what their status shows meanwhile does not matter. */
  leaving: ReadonlySet<string>;
  processes: ContainerProcesses;
}

const filters = ['namespace==k8s.io,topic~="^/tasks/(start|delete|oom)$"', 'namespace==k8s.io,topic~="^/images/"'];

/** How long an exit is held back until CRI's status agrees with it. */
const settleMs = 20_000;

/**
 * The event stream of {@link ContainerRuntime}: containerd's own where there is one (it also tells OOM kills and
 * images, and every version has it), else CRI's `GetContainerEvents`. The subscription is sent when the function is
 * called, not at the first `next()`: whoever lists afterwards on the same runtime misses nothing.
 *
 * CRI updates its state by the same events that arrive here, so that a status read at once may still say "running". An
 * exit is therefore handed on only when CRI's status shows it.
 */
export function createRuntimeEvents(source: Source): ContainerRuntime['events'] {
  return (signal) => {
    const out = createPushStream<RuntimeEvent>(signal);
    const abort = new AbortController();
    // Every exit that waits for its status listens to it.
    setMaxListeners(0, abort.signal);
    const stop = (): void => abort.abort();
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    const first = subscribeContainerd(source, abort.signal, out.push);
    first
      .catch((error: unknown) => {
        if (error instanceof GrpcError && error.code === grpcCode.unimplemented)
          return subscribeCri(source, abort.signal, out.push);
        throw error;
      })
      .then(
        () => out.end(signal.aborted ? undefined : new RuntimeError('unavailable', 'the event stream ended')),
        (error: unknown) => out.end(new RuntimeError('unavailable', `event stream: ${(error as Error).message}`)),
      )
      .finally(() => {
        signal.removeEventListener('abort', stop);
        source.processes.lost();
      });
    return out;
  };
}

type Push = (event: RuntimeEvent) => void;

async function subscribeContainerd(source: Source, signal: AbortSignal, push: Push): Promise<void> {
  const request = encode(containerdEvents.request, { filters });
  for await (const data of source.channel.stream(containerdEvents.path, request, { signal })) {
    const envelope = decode(containerdEvents.event, data);
    const payload = envelope.event?.value ?? new Uint8Array();
    if (envelope.topic.startsWith('/images/')) push({ kind: 'imagesChanged' });
    else if (envelope.topic === '/tasks/oom')
      push({ kind: 'containerOom', containerId: decode(containerdEvents.taskOom, payload).containerId });
    else if (envelope.topic === '/tasks/start') {
      const { containerId, pid } = decode(containerdEvents.taskStart, payload);
      source.processes.started(containerId, pid);
      started(source, { containerId }, push);
    } else {
      const { containerId, id } = decode(containerdEvents.taskDelete, payload);
      if (id !== '' && id !== containerId) continue;
      source.processes.ended(containerId);
      exited(source, { containerId, signal, push });
    }
  }
}

async function subscribeCri(source: Source, signal: AbortSignal, push: Push): Promise<void> {
  for await (const data of source.channel.stream(criEvents.path, encode(criEvents.request, {}), { signal })) {
    const { containerId, type } = decode(criEvents.event, data);
    if (type === 1) started(source, { containerId }, push);
    else if (type === 2) exited(source, { containerId, signal, push });
  }
}

/** A sandbox's start is nobody's news: whoever ran it has its answer. */
function started({ containers }: Source, { containerId }: { containerId: string }, push: Push): void {
  if (containers.has(containerId)) push({ kind: 'containerStarted', containerId });
}

function exited(source: Source, exit: { containerId: string; signal: AbortSignal; push: Push }): void {
  const { containerId, signal, push } = exit;
  if (source.leaving.has(containerId)) return push({ kind: 'sandboxExited', sandboxId: containerId });
  settled(source, containerId, signal).then(
    (event) => {
      source.processes.settled(containerId);
      push(event);
    },
    (error: unknown) => {
      if (!signal.aborted) source.log.warn('no status after an exit', { container: containerId, error });
    },
  );
}

/** The exit as CRI's status shows it; of one that is removed already, as far as it is known. */
async function settled(source: Source, id: string, signal: AbortSignal): Promise<RuntimeEvent> {
  const { runtime, sandboxes, clock } = source;
  const deadline = clock.monotonic() + settleMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    const event = sandboxes.has(id) ? await sandboxExit(runtime, id) : await containerExit(runtime, id);
    if (event) return event;
    if (clock.monotonic() > deadline) throw new RuntimeError('timeout', 'the status does not follow the exit');
    await clock.sleep(pauseMs, signal);
  }
}

/** Undefined as long as the container is said to run. */
async function containerExit(runtime: Source['runtime'], id: string): Promise<RuntimeEvent | undefined> {
  try {
    const { state, exitCode } = await runtime.containerStatus(id);
    return state === 'exited' ? { kind: 'containerExited', containerId: id, exitCode } : undefined;
  } catch (error) {
    if (!(error instanceof RuntimeError && error.kind === 'notFound')) throw error;
    return sandboxExit(runtime, id);
  }
}

async function sandboxExit(runtime: Source['runtime'], id: string): Promise<RuntimeEvent | undefined> {
  try {
    const { state } = await runtime.podSandboxStatus(id);
    return state === 'notReady' ? { kind: 'sandboxExited', sandboxId: id } : undefined;
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'notFound') return { kind: 'sandboxExited', sandboxId: id };
    throw error;
  }
}
