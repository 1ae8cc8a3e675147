import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import type { Informers } from '../client/informers.ts';
import { createEventRecorder } from '../client/recorder.ts';
import { nodes, pods, services } from '../client/resources.ts';
import { createInformers } from '../client/shared-informers.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import { defaultAgentSettings, type AgentContext, type AgentNode, type AgentSettings } from './agent-context.ts';
import { AgentBackend } from './agent-backend.ts';
import { createBackoff } from './backoff.ts';
import type { DnsSettings } from './dns-config.ts';
import type { PressureCondition, PressurePolicy } from './eviction-thresholds.ts';
import { createImagePuller, type ImagePullerOptions } from './image-puller.ts';
import { createLimiter } from './limiter.ts';
import { admissionFailure } from './node-admission.ts';
import { NodePressure } from './node-pressure.ts';
import { NodeRegistration } from './node-registration.ts';
import type { NodeSystem } from './node-system.ts';
import { createObjectCache } from './object-cache.ts';
import { removeOrphans } from './orphans.ts';
import { openGate, type PodGate } from './pod-gate.ts';
import type { ObservedPod } from './pod-observation.ts';
import { resizeRefusal, type ResizeRefusal } from './pod-resize.ts';
import { PodWorker } from './pod-worker.ts';
import { readRuntime, type RuntimeContents } from './runtime-contents.ts';
import type { ContainerRuntime, RuntimeEvent } from './runtime.ts';
import type { NodeServerBackend } from './server-backend.ts';
import { createStatusManager } from './status-manager.ts';
import { StorageEviction } from './storage-eviction.ts';

export interface AgentOptions {
  client: Client;
  runtime: ContainerRuntime;
  clock: Clock;
  random: Random;
  log: Logger;
  node: AgentNode;
  /** `createLinuxSystem()`, or `createMemorySystem()` for a simulated node. */
  system: NodeSystem;
  /** Volumes, logs and the like lie under it; absolute. */
  rootDirectory: string;
  /** A directory on the same file system that several nodes of one cluster have in common; absent: the root is. */
  sharedDirectory?: string;
  dns: DnsSettings;
  /** See {@link ImagePullerOptions}. */
  isImported?: ImagePullerOptions['isImported'];
  /** Absent: nobody looks at what is left of memory and disk. */
  pressure?: PressurePolicy;
  /** Absent: nothing holds pods back. */
  gate?: PodGate;
  settings: Partial<AgentSettings> & Pick<AgentSettings, 'cgroupRoot'>;
}

/** The agent of one node: it runs the pods that are bound to it, and tells the API how they and the node are. */
export interface Agent {
  /** Resolves when the node is in the API and everything that ran before is adopted. */
  start(): Promise<void>;
  /** Stops working; containers go on running, and the next agent adopts them. */
  stop(): Promise<void>;
  /** For the node's own server: logs, exec, port-forward, stats. */
  readonly backend: NodeServerBackend;
}

const reconnectMs = 500;

export function createAgent(options: AgentOptions): Agent {
  return new NodeAgent(options);
}

class NodeAgent implements Agent {
  readonly backend: AgentBackend;
  private readonly context: AgentContext;
  private readonly informers: Informers;
  private readonly podInformer: Informer<Pod>;
  private readonly workers = new Map<string, PodWorker>();
  /** Which pod a sandbox or container belongs to. */
  private readonly owners = new Map<string, PodWorker>();
  private readonly stopped = new AbortController();
  private registration: NodeRegistration | undefined;
  private readonly storage: StorageEviction;
  private readonly pressure: NodePressure | undefined;
  private adopted: RuntimeContents = { sandboxes: [], containers: [] };

  constructor(options: AgentOptions) {
    const { client, runtime, clock, random, log, node } = options;
    const settings: AgentSettings = { ...defaultAgentSettings, ...options.settings };
    const open = (): Informers => createInformers({ client, clock, random, log });
    this.informers = open();
    this.podInformer = this.informers.of(pods, { fieldSelector: `spec.nodeName=${node.name}` });
    const serviceInformer = this.informers.of(services);
    this.backend = new AgentBackend(() => this.context, this.workers);
    this.context = {
      ...options,
      settings,
      gate: options.gate ?? openGate,
      recorder: createEventRecorder({ client, clock, random, log, component: 'kubelet', host: node.name }),
      startedMs: clock.now(),
      runtimeName: 'containerd',
      objects: createObjectCache(open),
      services: () => serviceInformer.list(),
      neighbours: () => [...this.podInformer.list()].map((pod) => ({ pod, observed: this.observedOf(pod) })),
      images: createImagePuller({
        runtime,
        clock,
        backoff: settings.imageBackoff,
        maxParallelPulls: settings.maxParallelPulls,
        ...(options.isImported && { isImported: options.isImported }),
      }),
      statuses: createStatusManager({
        ...{ client, clock, log },
        isNodeReady: () => this.registration !== undefined && isReady(this.registration.node),
      }),
      crashBackoff: createBackoff(settings.crashBackoff),
      limiter: createLimiter(settings.maxParallelStarts),
    };
    const workers = (): Iterable<PodWorker> => this.workers.values();
    this.storage = new StorageEviction(this.context, workers);
    this.pressure =
      options.pressure &&
      new NodePressure(this.context, {
        ...{ policy: options.pressure, workers },
        changed: (pressures) => this.registration?.observe({ pressures }),
      });
  }

  async start(): Promise<void> {
    const { context } = this;
    const { runtime, node } = context;
    void this.followRuntime();
    const [version, status, contents] = await Promise.all([
      runtime.version(),
      runtime.status(),
      readRuntime(runtime),
      this.informers.synced(),
    ]);
    context.runtimeName = version.name;
    const { cgroupRoot } = context.settings;
    await context.system.cgroups.ensure(`${cgroupRoot}/kubepods/besteffort`, { cpuShares: 2 });
    this.adopted = contents;
    const observed = {
      runtimeVersion: `${version.name}://${version.version}`,
      runtimeReady: status.runtimeReady,
      networkReady: status.networkReady,
      message: status.message,
      pressures: new Set<PressureCondition>(),
      images: await runtime.listImages(),
    };
    const registration = new NodeRegistration(context, observed);
    this.registration = registration;
    if (!status.runtimeReady || !status.networkReady) void this.awaitReadiness();
    const listed = this.podUids();
    const orphans = removeOrphans(context, contents, listed);
    await registration.start();
    this.informers.of(nodes, { fieldSelector: `metadata.name=${node.name}` }).subscribe({
      added: (found) => registration.changed(found),
      updated: (found, old) => {
        registration.changed(found);
        this.roomChanged();
        // Its pods were taken out of service while it was not heard of.
        if (isReady(found) && !isReady(old)) for (const worker of this.workers.values()) worker.wake();
      },
      deleted: () => registration.changed(undefined),
    });
    this.podInformer.subscribe({
      added: (pod) => this.podChanged(pod),
      updated: (pod) => this.podChanged(pod),
      deleted: (pod) => {
        this.workers.get(pod.metadata.uid ?? '')?.remove();
        this.neighbourChanged();
      },
    });
    this.pressure?.start();
    await orphans;
    // Pods that went while the node registered have neither been orphans nor had a worker.
    const missed = contents.sandboxes.filter(({ uid }) => listed.has(uid) && !this.workers.has(uid));
    if (missed.length > 0) await removeOrphans(context, { ...contents, sandboxes: missed }, this.podUids());
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.registration?.stop();
    this.storage.stop();
    this.pressure?.stop();
    for (const worker of this.workers.values()) worker.stop();
    this.informers.stop();
    this.context.objects.stop();
    this.context.statuses.stop();
    await this.context.statuses.settled();
  }

  private podUids(): Set<string> {
    return new Set([...this.podInformer.list()].map((pod) => pod.metadata.uid ?? ''));
  }

  private podChanged(found: Pod): void {
    if (this.stopped.signal.aborted) return;
    // Objects of a list do not say what they are; events about them must.
    const pod: Pod = found.kind ? found : { ...found, apiVersion: 'v1', kind: 'Pod' };
    const uid = pod.metadata.uid ?? '';
    this.neighbourChanged();
    const known = this.workers.get(uid);
    if (known) return known.update(pod);
    const mine = (of: { uid?: string; labels: Record<string, string> }): boolean => of.uid === uid;
    const sandboxes = this.adopted.sandboxes.filter(mine);
    const ids = new Set(sandboxes.map((sandbox) => sandbox.id));
    const containers = this.adopted.containers.filter((container) => ids.has(container.sandboxId));
    const rejection = sandboxes.length === 0 ? this.rejectionOf(pod) : undefined;
    const worker = new PodWorker(this.context, {
      pod,
      sandboxes,
      containers,
      ...(rejection && { rejection }),
      resizeRefusal: (wanted) => this.resizeRefusal(wanted),
      roomChanged: () => this.roomChanged(),
      owns: (runtimeId) => void this.owners.set(runtimeId, worker),
      gone: () => this.forget(worker),
    });
    this.workers.set(uid, worker);
    this.storage.podAdded(pod);
    for (const { id, state } of [...sandboxes, ...containers]) {
      this.owners.set(id, worker);
      // It was read a while ago, and its events had nobody to go to until now.
      if (state === 'running' || state === 'ready') this.refresh(id);
    }
    worker.wake();
  }

  private rejectionOf(pod: Pod): { reason: string; message: string } | undefined {
    const { phase } = pod.status ?? {};
    const begun = phase === 'Running' || phase === 'Succeeded' || phase === 'Failed';
    if (begun || pod.metadata.deletionTimestamp || !this.registration) return undefined;
    const { unsafeSysctls } = this.context.settings;
    const { node } = this.registration;
    const pressures = this.pressure?.conditions;
    const failure = admissionFailure({
      ...{ pod, active: this.activePods(), node, unsafeSysctls },
      ...(pressures && { pressures }),
    });
    if (failure) this.context.recorder.record(pod, 'Warning', failure.reason, failure.message);
    return failure;
  }

  private resizeRefusal(pod: Pod): ResizeRefusal | undefined {
    return this.registration && resizeRefusal({ pod, active: this.activePods(), node: this.registration.node });
  }

  private activePods(): Pod[] {
    return [...this.workers.values()].filter((worker) => worker.isActive).map((worker) => worker.pod);
  }

  /** Pods that wait to be resized look again, the important ones first. */
  private roomChanged(): void {
    const waiting = [...this.workers.values()].filter((worker) => worker.isResizePending);
    const priority = ({ pod }: PodWorker): number => pod.spec?.priority ?? 0;
    for (const worker of waiting.sort((a, b) => priority(b) - priority(a))) worker.wake();
  }

  /** Pods that share what is another's look again. */
  private neighbourChanged(): void {
    for (const worker of this.workers.values()) if (worker.isJoining) worker.wake();
  }

  private observedOf({ metadata }: Pod): ObservedPod | undefined {
    return this.workers.get(metadata.uid ?? '')?.observed;
  }

  private forget(worker: PodWorker): void {
    this.context.gate.forget(worker.pod);
    this.workers.delete(worker.pod.metadata.uid ?? '');
    for (const [id, owner] of this.owners) if (owner === worker) this.owners.delete(id);
    this.roomChanged();
  }

  /** Every event goes to the pod it is about; after a break the whole view is read again. */
  private async followRuntime(): Promise<void> {
    const { runtime, clock, log } = this.context;
    const { signal } = this.stopped;
    for (let connected = 0; !signal.aborted; connected++) {
      try {
        const events = runtime.events(signal)[Symbol.asyncIterator]();
        // Listening begins before reading, so that nothing falls between the two.
        let next = events.next();
        next.catch(() => undefined);
        if (connected > 0) await this.readAgain();
        for (let event = await next; !event.done; event = await next) {
          this.dispatch(event.value);
          next = events.next();
        }
      } catch (error) {
        if (signal.aborted) return;
        log.warn('lost the runtime', { error });
        this.registration?.observe({ runtimeReady: false, message: (error as Error).message });
      }
      await clock.sleep(reconnectMs, signal).catch(() => undefined);
    }
  }

  private dispatch(event: RuntimeEvent): void {
    switch (event.kind) {
      case 'imagesChanged':
        void this.imagesChanged();
        break;
      case 'sandboxExited':
        this.refresh(event.sandboxId);
        break;
      case 'containerStarted':
      case 'containerExited':
      case 'containerOom':
        this.refresh(event.containerId);
        break;
    }
  }

  private refresh(runtimeId: string): void {
    const worker = this.owners.get(runtimeId);
    if (!worker) return;
    worker
      .refresh(runtimeId)
      .then(() => {
        this.backend.refreshed(runtimeId);
        this.neighbourChanged();
      })
      .catch((error: Error) => this.context.log.warn('cannot read a container', { error }));
  }

  private async imagesChanged(): Promise<void> {
    for (const worker of this.workers.values()) worker.imagesChanged();
    try {
      this.registration?.observe({ images: await this.context.runtime.listImages() });
    } catch (error) {
      this.context.log.warn('cannot list images', { error });
    }
  }

  private async readAgain(): Promise<void> {
    const { runtime } = this.context;
    const [contents, status] = await Promise.all([readRuntime(runtime), runtime.status()]);
    for (const [uid, worker] of this.workers) {
      const sandboxes = contents.sandboxes.filter((sandbox) => sandbox.uid === uid);
      const ids = new Set(sandboxes.map((sandbox) => sandbox.id));
      worker.replaceView(
        sandboxes,
        contents.containers.filter((container) => ids.has(container.sandboxId)),
      );
    }
    this.registration?.observe(status);
  }

  /** A runtime that is still setting up its network says when it is done by its status only. */
  private async awaitReadiness(): Promise<void> {
    const { runtime, clock } = this.context;
    const { signal } = this.stopped;
    for (let delayMs = 20; !signal.aborted; delayMs = Math.min(1000, delayMs * 2)) {
      await clock.sleep(delayMs, signal).catch(() => undefined);
      const status = await runtime.status().catch(() => undefined);
      if (!status) continue;
      this.registration?.observe(status);
      if (status.runtimeReady && status.networkReady) return;
    }
  }
}

function isReady(node: Node): boolean {
  return (node.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
}
