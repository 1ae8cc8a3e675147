import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Pod, Probe } from '../api/types/core-v1.ts';
import type { ProbeVerdict } from './pod-observation.ts';
import type { ProbeResult } from './probe-network.ts';
import { probeTiming, type PodContainer } from './pod-spec.ts';

export type ProbeType = 'startup' | 'liveness' | 'readiness';

export interface RunningContainer {
  container: PodContainer;
  containerId: string;
  startedAtMs: number;
  /** Its readiness probe is a healthcheck, whose failures count from so long after its start. */
  startPeriodMs?: number | undefined;
}

export interface ProberOptions {
  clock: Clock;
  random: Random;
  /** When the agent started: containers older than that get their first probe spread over one period. */
  agentStartedMs: number;
  /** Makes one probe of a container. */
  probe: (target: RunningContainer, probe: Probe) => Promise<ProbeResult>;
  record: (container: PodContainer, type: 'Warning', reason: string, message: string) => void;
  /** A verdict changed. */
  changed: () => void;
}

/** The probes of one pod's containers, each on its own period; as upstream's prober workers. */
export interface Prober {
  /** Probes these containers from now on, and no others. A pod that is going keeps its readiness probes only. */
  update(pod: Pod, running: readonly RunningContainer[]): void;
  verdictOf(containerId: string): ProbeVerdict;
  stop(): void;
}

interface Worker {
  type: ProbeType;
  probe: Probe;
  target: RunningContainer;
  result: 'success' | 'failure' | 'unknown';
  lastResult: 'success' | 'failure' | undefined;
  run: number;
  /** Failures of a healthcheck in a row, after its start period. */
  failures: number;
  cancel: () => void;
  stopped: boolean;
}

const types: readonly ProbeType[] = ['startup', 'liveness', 'readiness'];

export function createProber(options: ProberOptions): Prober {
  return new PodProber(options);
}

class PodProber implements Prober {
  private readonly options: ProberOptions;
  private readonly workers = new Map<string, Map<ProbeType, Worker>>();

  constructor(options: ProberOptions) {
    this.options = options;
  }

  private add(target: RunningContainer, type: ProbeType, probe: Probe): Worker {
    // Liveness counts as good and readiness as bad until a probe says otherwise.
    const result = type === 'liveness' ? 'success' : type === 'readiness' ? 'failure' : 'unknown';
    const worker: Worker = {
      type,
      probe,
      target,
      result,
      lastResult: undefined,
      run: 0,
      failures: 0,
      cancel: () => undefined,
      stopped: false,
    };
    const { initialDelayMs, periodMs } = probeTiming(probe);
    const dueMs = Math.max(0, target.startedAtMs + initialDelayMs - this.options.clock.now());
    const spreadMs =
      target.startedAtMs < this.options.agentStartedMs ? Math.floor(this.options.random.float() * periodMs) : 0;
    this.schedule(worker, dueMs + spreadMs);
    return worker;
  }

  private schedule(worker: Worker, delayMs: number): void {
    if (worker.stopped) return;
    worker.cancel = this.options.clock.setTimer(delayMs, () => void this.tick(worker));
  }

  private async tick(worker: Worker): Promise<void> {
    const { periodMs } = probeTiming(worker.probe);
    const startedMs = this.options.clock.monotonic();
    // The others wait for the startup probe; its success calls them at once.
    if (worker.type !== 'startup' && !this.isStarted(worker.target.containerId)) return this.schedule(worker, periodMs);
    const outcome = await this.options.probe(worker.target, worker.probe);
    if (worker.stopped) return;
    this.judge(worker, outcome);
    // A container that is to be restarted is not asked again.
    if (worker.type !== 'readiness' && worker.result === 'failure') return;
    if (worker.type === 'startup' && worker.result === 'success') return;
    this.schedule(worker, Math.max(0, periodMs - (this.options.clock.monotonic() - startedMs)));
  }

  private judge(worker: Worker, outcome: ProbeResult): void {
    this.count(worker, outcome);
    const title = `${worker.type[0]?.toUpperCase()}${worker.type.slice(1)} probe`;
    const { container } = worker.target;
    if (outcome.kind === 'unknown') {
      const message = `${title} errored and resulted in unknown state: ${outcome.output}`;
      return this.options.record(container, 'Warning', 'Unhealthy', message);
    }
    if (outcome.kind === 'warning') {
      this.options.record(container, 'Warning', 'ProbeWarning', `${title} warning: ${outcome.output}`);
    }
    if (outcome.kind === 'failure') {
      this.options.record(container, 'Warning', 'Unhealthy', `${title} failed: ${outcome.output}`);
    }
    const result = outcome.kind === 'failure' ? 'failure' : 'success';
    worker.run = worker.lastResult === result ? worker.run + 1 : 1;
    worker.lastResult = result;
    const { successThreshold, failureThreshold } = probeTiming(worker.probe);
    if (worker.run < (result === 'success' ? successThreshold : failureThreshold)) return;
    if (worker.result === result) return;
    worker.result = result;
    if (worker.type === 'startup' && result === 'success') this.startOthers(worker.target.containerId);
    this.options.changed();
  }

  /**
   * As Docker counts: it looks for the first time after an interval, a command that cannot be run has failed, and one
   * success ends the start period.
   */
  private count(worker: Worker, { kind }: ProbeResult): void {
    const { startPeriodMs, startedAtMs } = worker.target;
    if (worker.type !== 'readiness' || startPeriodMs === undefined) return;
    const wasUnhealthy = this.isUnhealthy(worker);
    if (kind === 'success' || kind === 'warning') worker.failures = 0;
    else {
      const fromMs = startedAtMs + Math.max(startPeriodMs, probeTiming(worker.probe).periodMs);
      if (worker.result === 'success' || this.options.clock.now() >= fromMs) worker.failures++;
    }
    if (wasUnhealthy !== this.isUnhealthy(worker)) this.options.changed();
  }

  private isUnhealthy({ failures, probe }: Worker): boolean {
    return failures >= probeTiming(probe).failureThreshold;
  }

  private startOthers(containerId: string): void {
    for (const worker of this.workers.get(containerId)?.values() ?? []) {
      if (worker.type === 'startup') continue;
      worker.cancel();
      const { initialDelayMs } = probeTiming(worker.probe);
      this.schedule(worker, Math.max(0, worker.target.startedAtMs + initialDelayMs - this.options.clock.now()));
    }
  }

  private isStarted(containerId: string): boolean {
    const worker = this.workers.get(containerId)?.get('startup');
    return !worker || worker.result === 'success';
  }

  private remove(worker: Worker): void {
    worker.stopped = true;
    worker.cancel();
  }

  update(pod: Pod, running: readonly RunningContainer[]): void {
    const ids = new Set(running.map((target) => target.containerId));
    for (const [id, byType] of this.workers) {
      if (ids.has(id)) continue;
      for (const worker of byType.values()) this.remove(worker);
      this.workers.delete(id);
    }
    const going = pod.metadata.deletionTimestamp !== undefined;
    for (const target of running) {
      const { spec } = target.container;
      const probes = { startup: spec.startupProbe, liveness: spec.livenessProbe, readiness: spec.readinessProbe };
      let byType = this.workers.get(target.containerId);
      if (!byType) {
        byType = new Map();
        this.workers.set(target.containerId, byType);
        for (const type of types) {
          const probe = probes[type];
          if (probe) byType.set(type, this.add(target, type, probe));
        }
      }
      if (going) for (const type of ['startup', 'liveness'] as const) this.quiet(byType.get(type));
    }
  }

  verdictOf(containerId: string): ProbeVerdict {
    const byType = this.workers.get(containerId);
    if (!byType) return { ready: true, started: true, failed: 'none', unhealthy: false };
    const readiness = byType.get('readiness');
    const failed = (['startup', 'liveness'] as const).find((type) => byType.get(type)?.result === 'failure');
    return {
      ready: !readiness || readiness.result === 'success',
      started: this.isStarted(containerId),
      failed: failed ?? 'none',
      unhealthy: readiness !== undefined && this.isUnhealthy(readiness),
    };
  }

  stop(): void {
    for (const byType of this.workers.values()) for (const worker of byType.values()) this.remove(worker);
    this.workers.clear();
  }

  private quiet(worker: Worker | undefined): void {
    if (worker) this.remove(worker);
  }
}
