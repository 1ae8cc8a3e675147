import type { Pod } from '../api/types/core-v1.ts';
import { anonymousDirectoryOf, hostIpsOf, logDirectoryOf, podDirectoryOf, type AgentContext } from './agent-context.ts';
import { nodeFacts, recorderFor, startContainer, type StartResult } from './container-starter.ts';
import { formatGoDuration } from '../api/go-duration.ts';
import type { ImageRequest, ImageResult } from './image-puller.ts';
import type { JoinTargets } from './joined-pods.ts';
import { objectReferences } from './object-references.ts';
import { askedRestarts } from './pod-annotations.ts';
import type { ContainerKill, ContainerStart } from './pod-actions.ts';
import { podCgroupPath, podCgroupResources } from './pod-cgroup.ts';
import { currentOf, sandboxIpsOf, type WaitingReason } from './pod-observation.ts';
import { containersOf, podTitle, type PodContainer } from './pod-spec.ts';
import { createPodVolumes, type PodVolumes, type VolumeFailure } from './pod-volumes.ts';
import type { RuntimeView } from './runtime-view.ts';
import type { SandboxConfig } from './runtime.ts';
import { runtimeHandlerOf } from './runtime-class.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { checkUserNamespace } from './security-options.ts';
import { createServiceTokens, type ServiceTokens } from './service-tokens.ts';

export interface PodStarterOptions {
  view: RuntimeView;
  /** The pod as the API has it now. */
  pod: () => Pod;
  /** A container or sandbox of this pod exists from now on. */
  owns: (runtimeId: string) => void;
  /** The state changed: a step is due. */
  wake: () => void;
  kill: (kill: ContainerKill) => void;
  /** Containers of other pods whose namespaces the pod's containers join, as they are now. */
  joins: () => JoinTargets;
}

/** Longest pause between attempts to make a sandbox or a container that failed for no reason of its own. */
const maxRetryMs = 10_000;
const volumeBackoff = { initialMs: 500, maxMs: 122_000 };

const interactiveMs = 500;

/**
 * Brings one pod up: its volumes, its sandbox, its containers; and remembers what did not work and when to try
 * again.
 */
export class PodStarter {
  /** Containers between their creation and the end of their postStart hook. */
  readonly starting = new Set<string>();
  /** Why containers do not run. */
  readonly waiting = new Map<string, WaitingReason>();
  readonly volumes: PodVolumes;
  private readonly tokens: ServiceTokens;
  private readonly context: AgentContext;
  private readonly options: PodStarterOptions;
  private readonly retryAtMs = new Map<string, number>();
  private readonly images = new Map<string, Promise<ImageResult>>();
  private readonly abort = new AbortController();
  private readonly hookWaiters: (() => void)[] = [];
  /** A container runs and its postStart hook too. */
  private inHook = false;
  private volumesState: 'wanted' | 'working' | 'ready' | 'failed' = 'wanted';
  private volumeFailures = 0;
  private sandboxFailures = 0;
  /** Resolves when the containers of the present sandbox may start. */
  private admission: Promise<void> | undefined;

  constructor(context: AgentContext, options: PodStarterOptions) {
    this.context = context;
    this.options = options;
    const { client, clock, random, system } = context;
    const podDirectory = podDirectoryOf(context, options.pod());
    this.tokens = createServiceTokens({ client, clock, random, due: () => this.objectsChanged() });
    this.volumes = createPodVolumes({
      client,
      system,
      tokens: this.tokens,
      sources: (pod) => ({
        configMap: (name) => context.objects.configMap(pod.metadata.namespace ?? '', name),
        secret: (name) => context.objects.secret(pod.metadata.namespace ?? '', name),
        facts: nodeFacts(context, this.podIps()),
      }),
      podDirectory,
      anonymousDirectory: anonymousDirectoryOf(context),
      images: {
        ensure: (pod, { reference = '', pullPolicy }) =>
          this.ensureImage({
            image: reference,
            pullPolicy,
            record: (...event) => context.recorder.record(pod, ...event),
          }),
        layers: (imageId) => context.runtime.imageLayers(imageId),
      },
    });
  }

  get volumesWanted(): boolean {
    return this.volumesState === 'wanted';
  }

  /** When something is to be tried again; undefined: when something changes. */
  get nextRetryMs(): number | undefined {
    const next = Math.min(...this.retryAtMs.values());
    return Number.isFinite(next) ? next : undefined;
  }

  podIps(): string[] {
    const hostIps = hostIpsOf(this.context.node);
    if (this.options.pod().spec?.hostNetwork) return hostIps;
    return sandboxIpsOf(this.options.view.observed(), hostIps);
  }

  /** Labels, annotations or containers of the pod changed, or an object that it reads. */
  objectsChanged(): void {
    if (this.abort.signal.aborted) return;
    this.volumesState = 'wanted';
    for (const [name, { reason }] of this.waiting) {
      if (reason === 'CreateContainerConfigError') this.retryAtMs.delete(name);
    }
    this.options.wake();
  }

  imagesChanged(): void {
    for (const [name, { reason }] of this.waiting) {
      if (/^(ErrImage|ImagePull)/.test(reason)) this.retryAtMs.delete(name);
    }
    if (this.volumesState === 'failed') this.volumesState = 'wanted';
    this.options.wake();
  }

  /** Another spec may work where the old one did not. */
  specChanged(): void {
    for (const [name, at] of this.retryAtMs) {
      // The same back-off holds, unless somebody asked for the restart.
      const isBackoff = this.waiting.get(name)?.reason === 'CrashLoopBackOff';
      if (isBackoff || at === Number.POSITIVE_INFINITY) this.retryAtMs.delete(name);
    }
    this.objectsChanged();
  }

  /** Times that have come are forgotten: what they held back may go on. */
  passTime(now: number): void {
    for (const [name, at] of this.retryAtMs) {
      if (at > now) continue;
      this.retryAtMs.delete(name);
      if (name === 'volumes') this.volumesState = 'wanted';
    }
  }

  /** No container begins any more. Resolves when those in the making are made, hooks apart. */
  async stop(startTask: Promise<void> | undefined): Promise<void> {
    this.abort.abort();
    this.tokens.stop();
    if (this.inHook) return;
    const inHook = new Promise<void>((resolve) => this.hookWaiters.push(resolve));
    await Promise.race([startTask, inHook]);
  }

  /** What of these may be started now: the volumes are there, and no back-off holds. */
  due(starts: readonly ContainerStart[], now: number): ContainerStart[] {
    if (this.volumesState !== 'ready') return [];
    return starts.filter((start) => !this.retryAtMs.has(start.container.spec.name) && !this.backsOff(start, now));
  }

  get sandboxDue(): boolean {
    return !this.retryAtMs.has('');
  }

  /** A container that ended lately waits: CrashLoopBackOff. */
  private backsOff(start: ContainerStart, now: number): boolean {
    const { replaces, container } = start;
    if (!replaces || replaces.state !== 'exited') return false;
    const { crashBackoff } = this.context;
    const key = this.backoffKey(container.spec.name);
    if (start.attempt <= askedRestarts(this.options.pod())) crashBackoff.reset(key);
    const remaining = crashBackoff.remainingMs(key, now, replaces.finishedAtMs);
    if (remaining === 0) {
      crashBackoff.next(key, now, replaces.finishedAtMs);
      return false;
    }
    const { name } = container.spec;
    const title = podTitle(this.options.pod());
    this.retryAtMs.set(name, now + remaining);
    const delay = formatGoDuration(crashBackoff.delayMs(key) * 1e6);
    const message = `back-off ${delay} restarting failed container=${name} pod=${title}`;
    this.waiting.set(name, { reason: 'CrashLoopBackOff', message });
    const record = recorderFor(this.context, this.options.pod(), container);
    record('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${title}`);
    return true;
  }

  private backoffKey(name: string): string {
    return `${this.options.pod().metadata.uid}/${name}`;
  }

  async setUpVolumes(): Promise<void> {
    const { context } = this;
    const pod = this.options.pod();
    this.volumesState = 'working';
    const references = objectReferences(pod);
    const { uid = '', namespace = '' } = pod.metadata;
    await context.objects.hold(uid, namespace, references, () => this.objectsChanged());
    this.prefetchImages();
    const failures = await this.volumes.setUp(pod);
    if (failures.length === 0) {
      this.volumeFailures = 0;
      this.finishVolumes('ready');
      return;
    }
    for (const failure of failures) this.tellOf(failure);
    this.finishVolumes('failed');
    const { initialMs, maxMs } = volumeBackoff;
    const laterMs = context.clock.now() + Math.min(maxMs, initialMs * 2 ** this.volumeFailures++);
    // Of images that need not be looked for again before something changes it says nothing.
    const times = failures.map(({ image }) => (image ? (image.retryAtMs ?? Number.POSITIVE_INFINITY) : laterMs));
    this.retryAtMs.set('volumes', Math.min(...times));
  }

  /** An image that is not there is why the containers wait which mount it; other volumes have events of their own. */
  private tellOf({ volume, message, image }: VolumeFailure): void {
    const { context } = this;
    const pod = this.options.pod();
    if (!image) {
      const text = `MountVolume.SetUp failed for volume "${volume}" : ${message}`;
      context.recorder.record(pod, 'Warning', 'FailedMount', text);
      return;
    }
    for (const container of containersOf(pod)) {
      if (!container.spec.volumeMounts?.some(({ name }) => name === volume)) continue;
      this.waiting.set(container.spec.name, image.waiting);
      recorderFor(context, pod, container)('Warning', 'Failed', `Error: ${image.waiting.reason}`);
    }
  }

  /** Unless another set-up was asked for while this one was under way. */
  private finishVolumes(state: 'ready' | 'failed'): void {
    if (this.volumesState === 'working') this.volumesState = state;
  }

  /** Images are looked for while the sandbox comes up. */
  private prefetchImages(): void {
    const { initContainers = [], containers = [] } = this.options.pod().spec ?? {};
    const first = initContainers.length > 0 ? initContainers.slice(0, 1) : containers;
    for (const container of containersOf(this.options.pod())) {
      const { name } = container.spec;
      const seen = this.images.has(name) || currentOf(this.options.view.observed(), name) || this.waiting.has(name);
      if (first.some((spec) => spec.name === name) && !seen) this.images.set(name, this.imageOf(container));
    }
  }

  private imageOf(container: PodContainer): Promise<ImageResult> {
    const { image = '', imagePullPolicy: pullPolicy } = container.spec;
    return this.ensureImage({ image, pullPolicy, record: recorderFor(this.context, this.options.pod(), container) });
  }

  private ensureImage(wanted: Pick<ImageRequest, 'image' | 'pullPolicy' | 'record'>): Promise<ImageResult> {
    const { context } = this;
    const pod = this.options.pod();
    const namespace = pod.metadata.namespace ?? '';
    const secrets = (pod.spec?.imagePullSecrets ?? []).flatMap(
      ({ name }) => context.objects.secret(namespace, name ?? '') ?? [],
    );
    const result = context.images.ensure({ pod, secrets, ...wanted });
    return result.catch((error: Error) => ({
      kind: 'failed',
      waiting: { reason: 'ImageInspectError', message: error.message },
      retryAtMs: context.clock.now() + maxRetryMs,
    }));
  }

  async createSandbox(attempt: number): Promise<void> {
    const { context } = this;
    const pod = this.options.pod();
    if (attempt > 0) {
      const message = 'Pod sandbox changed, it will be killed and re-created.';
      context.recorder.record(pod, 'Normal', 'SandboxChanged', message);
    }
    const caughtUp = this.catchUp();
    // Who waits for the admission hears of it.
    caughtUp.catch(() => undefined);
    try {
      checkUserNamespace(pod);
      const config = this.sandboxConfig(attempt);
      const [handler] = await Promise.all([
        runtimeHandlerOf(context.client, pod),
        context.system.files.makeDirectory(config.logDirectory),
        context.system.cgroups.ensure(config.cgroupParent, podCgroupResources(pod)),
      ]);
      const id = await context.limiter.run(() => context.runtime.runPodSandbox(config, handler));
      this.options.owns(id);
      await this.options.view.refresh(id, 'sandbox');
      this.admission = caughtUp.then(() => this.admit());
      this.admission.catch(() => undefined);
      this.sandboxFailures = 0;
    } catch (error) {
      const message = `Failed to create pod sandbox: ${(error as Error).message}`;
      context.recorder.record(pod, 'Warning', 'FailedCreatePodSandBox', message);
      this.retryAtMs.set('', context.clock.now() + Math.min(maxRetryMs, 1000 * 2 ** this.sandboxFailures++));
    }
  }

  private async catchUp(): Promise<void> {
    const { namespace = '' } = this.options.pod().metadata;
    if (!this.options.pod().spec?.hostNetwork) await this.context.gate.catchUp(namespace);
  }

  private async admit(): Promise<void> {
    const pod = this.options.pod();
    if (!pod.spec?.hostNetwork) await this.context.gate.admit(pod, this.podIps());
  }

  private sandboxConfig(attempt: number): SandboxConfig {
    const { context } = this;
    const pod = this.options.pod();
    return sandboxConfig({
      pod,
      attempt,
      dns: context.dns,
      nodeName: context.node.name,
      logDirectory: logDirectoryOf(context, pod),
      cgroupParent: podCgroupPath(context.settings.cgroupRoot, pod),
    });
  }

  /** One after the other, as upstream: a postStart hook holds back the containers after it. */
  async startAll(starts: readonly ContainerStart[]): Promise<void> {
    for (const start of starts) {
      const { name } = start.container.spec;
      if (!this.images.has(name)) this.images.set(name, this.imageOf(start.container));
    }
    for (const start of starts) {
      if (this.abort.signal.aborted) return;
      const { name } = start.container.spec;
      try {
        this.settle(start, await this.startOne(start));
      } finally {
        this.inHook = false;
        this.starting.delete(name);
        this.images.delete(name);
      }
      this.options.wake();
    }
  }

  private async startOne(start: ContainerStart): Promise<StartResult> {
    const sandbox = this.options.view.observed().sandboxes[0];
    if (!sandbox) return { kind: 'aborted' };
    const { spec } = start.container;
    const image = this.images.get(spec.name) ?? this.imageOf(start.container);
    const target = 'targetContainerName' in spec ? spec.targetContainerName : undefined;
    const { view } = this.options;
    let createdId: string | undefined;
    const result = await startContainer(this.context, {
      pod: this.options.pod(),
      start,
      image,
      volumes: this.volumes,
      sandbox: { id: sandbox.id, config: this.sandboxConfig(sandbox.attempt), ips: this.podIps() },
      // A sandbox that an earlier agent made may not have been admitted by it.
      admission: (this.admission ??= this.catchUp().then(() => this.admit())),
      joins: this.options.joins(),
      targetId: target ? currentOf(view.observed(), target)?.id : undefined,
      created: (containerId) => {
        createdId = containerId;
        view.made(containerId, sandbox.id);
        this.options.owns(containerId);
        this.starting.add(spec.name);
      },
      running: async (containerId) => {
        await view.refresh(containerId, 'container');
        if (spec.stdin && spec.stdinOnce) await this.giveInteractiveTime();
        if (!spec.lifecycle?.postStart) return void this.starting.delete(spec.name);
        this.inHook = true;
        for (const resolve of this.hookWaiters.splice(0)) resolve();
      },
      signal: this.abort.signal,
    });
    // One that was made and did not start still counts as an attempt, and its name is taken.
    if (createdId && result.kind !== 'started') await view.refresh(createdId, 'container');
    return result;
  }

  /**
   * Whoever started a one-off with its input (`kubectl run -i`) attaches when it is reported as running, and then
   * misses what a short one has written already. One that ends within this time is reported as ended at once, and its
   * log is read instead.
   */
  private giveInteractiveTime(): Promise<void> {
    return this.context.clock.sleep(interactiveMs, this.abort.signal).catch(() => undefined);
  }

  private settle(start: ContainerStart, result: StartResult): void {
    const { container } = start;
    const { name } = container.spec;
    if (result.kind !== 'failed') return void this.waiting.delete(name);
    this.waiting.set(name, result.waiting);
    if (result.containerId) {
      const message = 'FailedPostStartHook';
      this.options.kill({ containerId: result.containerId, container, message, cause: 'other' });
    } else if (result.retryAtMs !== undefined) {
      this.retryAtMs.set(name, result.retryAtMs);
    } else if (/Image/.test(result.waiting.reason) || result.waiting.reason === 'CreateContainerConfigError') {
      // Only a change of an object, an image or the pod helps.
      this.retryAtMs.set(name, Number.POSITIVE_INFINITY);
    } else {
      this.retryLater(name, this.backoffKey(name));
    }
  }

  private retryLater(name: string, key: string): void {
    const { crashBackoff, clock } = this.context;
    crashBackoff.next(key, clock.now());
    this.retryAtMs.set(name, clock.now() + Math.min(crashBackoff.delayMs(key), maxRetryMs));
  }
}
