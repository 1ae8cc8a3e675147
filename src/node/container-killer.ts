import { stopSignals } from '../api/stop-signals.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { AgentContext } from './agent-context.ts';
import { runHook } from './handlers.ts';
import { containerFieldPath, initContainersOf, type PodContainer } from './pod-spec.ts';
import type { ContainerStatusInfo } from './runtime.ts';

/** What preStop and SIGTERM leave to a container that had a hook (upstream's minimum). */
const minimumGraceSeconds = 2;

export interface KillRequest {
  pod: Pod;
  container: PodContainer | undefined;
  containerId: string;
  graceSeconds: number;
  /** For the event. */
  message: string;
  ip: string;
  /** Resolves when it is this container's turn to get its signal. */
  turn?: Promise<void>;
}

/** preStop, then SIGTERM or the signal that is asked for (KEP-4960), then SIGKILL when the grace is over. Resolves when the container has ended. */
export async function killContainer(context: AgentContext, request: KillRequest): Promise<void> {
  const { pod, container, containerId, graceSeconds, message, ip } = request;
  const { clock, recorder, runtime, system, log } = context;
  const fieldPath = container && containerFieldPath(container);
  recorder.record(pod, 'Normal', 'Killing', message, fieldPath);
  const startedMs = clock.monotonic();
  // What is killed at once has no time for a hook.
  const preStop = graceSeconds > 0 ? container?.spec.lifecycle?.preStop : undefined;
  if (preStop && container) {
    const hook = runHook({ runtime, clock, network: system.network }, { container, containerId, ip }, preStop);
    try {
      await withinGrace(context, hook, graceSeconds);
    } catch (error) {
      recorder.record(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', fieldPath);
      log.info('preStop hook failed', { pod: pod.metadata.name, container: container.spec.name, error });
    }
  }
  if (request.turn) await withinGrace(context, request.turn, graceSeconds);
  const leftSeconds = graceSeconds - Math.floor((clock.monotonic() - startedMs) / 1000);
  const signal = stopSignals.get(container?.spec.lifecycle?.stopSignal ?? '');
  const minimum = preStop ? minimumGraceSeconds : Math.min(1, graceSeconds);
  await runtime.stopContainer(containerId, Math.max(minimum, leftSeconds), signal);
}

/** Waits for the work, but no longer than the grace. */
async function withinGrace(context: AgentContext, work: Promise<void>, graceSeconds: number): Promise<void> {
  const done = new AbortController();
  const limit = context.clock.sleep(graceSeconds * 1000, done.signal).catch(() => undefined);
  try {
    await Promise.race([work, limit]);
  } finally {
    done.abort();
    // What outlives its grace ends with the container; its failure is nobody's news then.
    work.catch(() => undefined);
  }
}

/**
 * Ends all containers of a pod: the app containers at once, then the sidecars one after the other in the reverse of
 * the order they started in (KEP-753). Resolves when all have ended.
 */
export async function killAll(
  context: AgentContext,
  options: {
    pod: Pod;
    running: readonly ContainerStatusInfo[];
    containerOf: (name: string) => PodContainer | undefined;
    graceSeconds: number;
    ip: string;
  },
): Promise<void> {
  const { pod, running, containerOf, graceSeconds, ip } = options;
  const sidecars = initContainersOf(pod).filter((container) => container.role === 'sidecar');
  const kill = (status: ContainerStatusInfo, turn?: Promise<void>): Promise<void> =>
    killContainer(context, {
      pod,
      container: containerOf(status.name),
      containerId: status.id,
      graceSeconds,
      message: `Stopping container ${status.name}`,
      ip,
      ...(turn && { turn }),
    });
  const isSidecar = (name: string): boolean => sidecars.some((container) => container.spec.name === name);
  const ended: Promise<unknown>[] = running.filter((status) => !isSidecar(status.name)).map((status) => kill(status));
  for (const sidecar of sidecars.toReversed()) {
    const status = running.find((candidate) => candidate.name === sidecar.spec.name);
    if (!status) continue;
    const before = Promise.allSettled(ended).then(() => undefined);
    ended.push(kill(status, before));
  }
  await Promise.all(ended);
}
