import { healthcheckProbe } from '../api/healthcheck.ts';
import { isPodFinished } from '../api/pod-phase.ts';
import type { Pod, PodStatus } from '../api/types/core-v1.ts';
import { hostIpsOf, logDirectoryOf, podDirectoryOf, type AgentContext } from './agent-context.ts';
import { healthcheckOf } from './container-config.ts';
import { killAll, killContainer } from './container-killer.ts';
import { recorderFor } from './container-starter.ts';
import { deleteJoined, joining, joinsOf, type Joining } from './joined-pods.ts';
import { runProbe } from './handlers.ts';
import { computePodActions, type ContainerKill, type PodActions } from './pod-actions.ts';
import { healthStartPeriodOf, wantsPause } from './pod-annotations.ts';
import { podCgroupPath } from './pod-cgroup.ts';
import { PodFreezer } from './pod-freezer.ts';
import { currentOf, type ObservedPod, type PodMemory } from './pod-observation.ts';
import { containersOf, graceSecondsOf, leastGraceSeconds } from './pod-spec.ts';
import type { ResizeRefusal } from './pod-resize.ts';
import { PodResizer } from './pod-resizer.ts';
import { PodStarter } from './pod-starter.ts';
import { generatePodStatus, podOutcome, type PodStatusInput } from './pod-status.ts';
import { createProber, type Prober, type RunningContainer } from './prober.ts';
import { RuntimeView } from './runtime-view.ts';
import type { ContainerStatusInfo, SandboxStatus } from './runtime.ts';

export interface PodWorkerOptions {
  pod: Pod;
  /** What the runtime has of the pod already. */
  sandboxes: readonly SandboxStatus[];
  containers: readonly ContainerStatusInfo[];
  /** The node cannot take the pod: it becomes Failed without having run. */
  rejection?: { reason: string; message: string };
  /** Why the node cannot give the pod the resources it wants; undefined when it can. */
  resizeRefusal: (pod: Pod) => ResizeRefusal | undefined;
  /** The node has more room, or less. */
  roomChanged: () => void;
  /** A container or sandbox of this pod exists from now on. */
  owns: (runtimeId: string) => void;
  /** Everything of the pod is gone from the node and from the API. */
  gone: () => void;
}

/**
 * One pod on the node, from the moment it is bound to the moment nothing of it is left. Every change (API, runtime,
 * probe, timer, end of a task) calls {@link PodWorker.wake}; a step decides from the current state alone and starts
 * tasks for what is to be done, so the same step may run any number of times.
 */
export class PodWorker {
  private readonly context: AgentContext;
  private readonly options: PodWorkerOptions;
  private readonly view: RuntimeView;
  readonly starter: PodStarter;
  private readonly prober: Prober;
  private readonly freezer: PodFreezer;
  private readonly tasks = new Map<string, Promise<void>>();
  /** Containers that are being ended, and the seconds they have for it. */
  private readonly killing = new Map<string, number>();
  private readonly resizer: PodResizer;
  private readonly resized = new Set<string>();
  /** As the API has it. */
  private wantedPod: Pod;
  /** With the resources that it was given. */
  private currentPod: Pod;
  private status: PodStatus | undefined;
  private failure: { reason: string; message: string } | undefined;
  private evictedFor: 'excess' | 'pressure' | undefined;
  private removed = false;
  private leaving = false;
  private graceSeconds: number | undefined;
  private stage: 'running' | 'ending' | 'ended' | 'gone' = 'running';
  private finishing = false;
  private cleaned = false;
  private woken = false;
  private cancelTimer = (): void => undefined;

  constructor(context: AgentContext, options: PodWorkerOptions) {
    this.context = context;
    this.options = options;
    this.wantedPod = options.pod;
    this.resizer = new PodResizer(context, options.pod, options.resizeRefusal);
    this.currentPod = this.resizer.given(options.pod);
    this.failure = options.rejection;
    this.view = new RuntimeView(context, podDirectoryOf(context, options.pod), options);
    this.starter = new PodStarter(context, {
      view: this.view,
      pod: () => this.currentPod,
      owns: options.owns,
      wake: () => this.wake(),
      kill: (kill) => this.kill(kill),
      joins: () => (this.joining.state === 'ready' ? this.joining.targets : {}),
    });
    this.prober = this.createProber();
    const isAdopted = options.containers.length > 0;
    this.freezer = new PodFreezer(context.system.cgroups, { path: this.cgroup(), isAdopted });
  }

  get pod(): Pod {
    return this.currentPod;
  }

  /** What the runtime has, for the node's server. */
  get observed(): ObservedPod {
    return this.view.observed();
  }

  /** The pod with its status as the node sees it. */
  get podWithStatus(): Pod {
    return this.status
      ? { ...this.currentPod, status: { ...this.currentPod.status, ...this.status } }
      : this.currentPod;
  }

  get logDirectory(): string {
    return logDirectoryOf(this.context, this.currentPod);
  }

  /**
   * Does the pod still take resources of the node? One that the API has no more does not, nor one that is told to have
   * ended: the scheduler has given its place to others by then.
   */
  get isActive(): boolean {
    if (this.status && isPodFinished({ metadata: {}, status: this.status })) return false;
    return !this.removed && (this.stage === 'running' || this.stage === 'ending');
  }

  /** The API has a newer pod of the same uid. */
  update(pod: Pod): void {
    const told = (of: Pod): string => JSON.stringify([of.metadata.labels, of.metadata.annotations, of.spec]);
    const changed = told(this.currentPod) !== told(pod);
    this.wantedPod = pod;
    this.currentPod = this.resizer.given(pod);
    if (changed && this.stage === 'running') this.starter.specChanged();
    this.wake();
  }

  /** Is in namespaces of other pods. */
  get isJoining(): boolean {
    return this.stage === 'running' && joinsOf(this.currentPod) !== undefined;
  }

  private get joining(): Joining {
    const joins = joinsOf(this.currentPod);
    const own = { pod: this.currentPod, observed: this.view.observed() };
    return joins ? joining(own, joins, this.context.neighbours()) : { state: 'ready', targets: {} };
  }

  /** Waits for room on the node to be resized. */
  get isResizePending(): boolean {
    return this.stage === 'running' && this.resizer.isPending;
  }

  /** The API has the pod no more. */
  remove(): void {
    this.removed = true;
    this.wake();
  }

  /** The pod takes more of the node than it may, or the node has too little for all: it ends at once, and for good. */
  evict(message: string, why: 'excess' | 'pressure'): void {
    if (this.stage !== 'running' || this.failure) return;
    this.failure = { reason: 'Evicted', message };
    this.evictedFor = why;
    this.context.recorder.record(this.pod, 'Warning', 'Evicted', message);
    this.wake();
  }

  /** Something happened to this container or sandbox. */
  async refresh(runtimeId: string): Promise<void> {
    await this.view.refresh(runtimeId);
    this.wake();
  }

  /** The runtime's whole view of the pod, after events may have been lost. */
  replaceView(sandboxes: readonly SandboxStatus[], containers: readonly ContainerStatusInfo[]): void {
    this.view.replace(sandboxes, containers);
    this.wake();
  }

  /** Images came or went: those who wait for one look again at once. */
  imagesChanged(): void {
    this.starter.imagesChanged();
  }

  /** Stops deciding; containers stay as they are. */
  stop(): void {
    this.stage = 'gone';
    this.cancelTimer();
    this.prober.stop();
    void this.starter.stop(undefined);
  }

  /** Asks for a step; those asked for in the same turn are one. */
  wake(): void {
    if (this.woken || this.stage === 'gone') return;
    this.woken = true;
    queueMicrotask(() => {
      this.woken = false;
      if (this.stage !== 'gone') this.step();
    });
  }

  private step(): void {
    const { pod } = this;
    const isProbed = this.stage !== 'ended' && !this.freezer.isFrozen;
    this.prober.update(pod, isProbed ? this.runningContainers() : []);
    this.checkDeadline();
    const outcome = podOutcome(this.statusInput());
    const over = pod.metadata.deletionTimestamp !== undefined || this.removed || this.failure || outcome;
    if (over) this.end();
    else this.advance();
    this.publish();
  }

  private publish(): void {
    if (this.removed) return;
    const { pod } = this;
    this.status = generatePodStatus(this.statusInput());
    const going = pod.metadata.deletionTimestamp !== undefined;
    if (this.finishing) return;
    this.finishing = going && this.stage === 'ended';
    if (this.finishing) this.context.statuses.finish(pod, this.status);
    else this.context.statuses.set(pod, this.status);
  }

  /** The pod with what was last said of it: transition times and finished phases go on from there. */
  private statusInput(): PodStatusInput {
    const { context, currentPod: pod } = this;
    const known = this.status;
    const own = new Set((known?.conditions ?? []).map((condition) => condition.type));
    const others = (pod.status?.conditions ?? []).filter((condition) => !own.has(condition.type));
    const conditions = [...(known?.conditions ?? []), ...others];
    return {
      pod: known ? { ...pod, status: { ...pod.status, ...known, conditions } } : pod,
      observed: this.view.observed(),
      memory: this.memory(),
      nowMs: context.clock.now(),
      runtimeName: context.runtimeName,
      isPaused: this.freezer.isFrozen,
      resize: this.resizer.verdicts(),
      hostIps: hostIpsOf(context.node),
      ...(this.failure && { failure: this.failure }),
      isRejected: this.options.rejection !== undefined,
      isDisrupted: this.evictedFor === 'pressure',
    };
  }

  private memory(): PodMemory {
    return {
      starting: this.starter.starting,
      waiting: this.starter.waiting,
      verdictOf: (containerId) => this.prober.verdictOf(containerId),
      resized: this.resized,
      resourcesOf: (container) => this.resizer.resourcesOf(container),
    };
  }

  private checkDeadline(): void {
    const { pod } = this;
    const deadline = pod.spec?.activeDeadlineSeconds;
    const startTime = this.status?.startTime ?? pod.status?.startTime;
    if (deadline === undefined || !startTime || this.stage !== 'running' || this.failure) return;
    if (this.context.clock.now() < Date.parse(startTime) + deadline * 1000) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.failure = { reason: 'DeadlineExceeded', message };
    this.context.recorder.record(pod, 'Normal', 'DeadlineExceeded', message);
  }

  // A pod that is to run.

  private advance(): void {
    const { starter } = this;
    const now = this.context.clock.now();
    starter.passTime(now);
    if (starter.volumesWanted) this.task('volumes', () => starter.setUpVolumes());
    this.allocate();
    const { joining: joined } = this;
    if (joined.state === 'gone') return void (this.leaving || this.task('leave', () => this.leaveNode(joined.message)));
    const actions = computePodActions(this.pod, this.view.observed(), this.memory());
    for (const id of actions.stopSandboxes) this.task(`sandbox ${id}`, () => this.stopSandbox(id));
    for (const kill of actions.kill) this.kill(kill);
    this.sweep(actions);
    this.resize(actions);
    if (actions.createSandbox && starter.sandboxDue) {
      const { attempt } = actions.createSandbox;
      this.task('sandbox', () => starter.createSandbox(attempt));
    }
    if (!this.tasks.has('start') && joined.state === 'ready') {
      const due = starter.due(actions.start, now);
      if (due.length > 0) this.task('start', () => starter.startAll(due));
    }
    this.pause();
    this.setTimer();
  }

  private async leaveNode(why: string): Promise<void> {
    await deleteJoined(this.context, this.pod, why);
    this.leaving = true;
  }

  /** Not while something is in the making, which would stand still with the rest. */
  private pause(): void {
    const isBusy = ['sandbox', 'start'].some((name) => this.tasks.has(name));
    const isWanted = wantsPause(this.pod);
    if (isBusy || !this.freezer.differs(isWanted)) return;
    this.task('freeze', () => this.freezer.set(isWanted));
  }

  private allocate(): void {
    if (!this.resizer.allocate(this.wantedPod)) return;
    this.currentPod = this.resizer.given(this.wantedPod);
    this.starter.specChanged();
    this.options.roomChanged();
  }

  /** Containers that stay get their resources as they run; the pod's group has room for them and for those made anew. */
  private resize({ kill }: PodActions): void {
    const observed = this.view.observed();
    const isReplaced = (name: string): boolean => this.resized.has(currentOf(observed, name)?.id ?? '');
    const isRestarting =
      kill.some(({ cause }) => cause === 'resize') || containersOf(this.pod).some(({ spec }) => isReplaced(spec.name));
    const plan = this.resizer.plan(this.pod, observed, isRestarting);
    if (plan) this.task('resize', () => this.resizer.apply(this.pod, plan));
  }

  private async stopSandbox(id: string): Promise<void> {
    await this.context.runtime.stopPodSandbox(id);
    await this.view.refresh(id);
  }

  private kill(kill: ContainerKill): void {
    const { containerId, container, message, cause } = kill;
    if (cause === 'resize') this.resized.add(containerId);
    const { livenessProbe: liveness, startupProbe: startup } = container?.spec ?? {};
    const probe = { liveness, startup, resize: undefined, other: undefined }[cause];
    const graceSeconds = kill.graceSeconds ?? probe?.terminationGracePeriodSeconds ?? graceSecondsOf(this.pod);
    const before = this.killing.get(containerId);
    if (before !== undefined && before <= graceSeconds) return;
    const ip = this.starter.podIps()[0] ?? '';
    this.task(`kill ${containerId} ${graceSeconds}`, async () => {
      this.killing.set(containerId, graceSeconds);
      try {
        await killContainer(this.context, { pod: this.pod, container, containerId, graceSeconds, message, ip });
        await this.view.refresh(containerId);
      } finally {
        this.killing.delete(containerId);
      }
    });
  }

  private sweep(actions: PodActions): void {
    for (const id of actions.removeContainers) {
      this.task(`remove ${id}`, async () => {
        await this.context.runtime.removeContainer(id);
        this.view.forget(id);
      });
    }
  }

  private setTimer(): void {
    this.cancelTimer();
    const { clock } = this.context;
    const { activeDeadlineSeconds } = this.pod.spec ?? {};
    const startTime = this.status?.startTime ?? this.pod.status?.startTime;
    const startMs = startTime ? Date.parse(startTime) : clock.now();
    const deadlineMs = activeDeadlineSeconds === undefined ? Infinity : startMs + activeDeadlineSeconds * 1000;
    const next = Math.min(deadlineMs, this.starter.nextRetryMs ?? Infinity);
    if (next === Infinity) return;
    this.cancelTimer = clock.setTimer(Math.max(0, next - clock.now()), () => this.wake());
  }

  // A pod that is to end.

  private end(): void {
    const graceSeconds = this.evictedFor ? leastGraceSeconds : graceSecondsOf(this.pod);
    if (this.stage === 'running') {
      this.stage = 'ending';
      this.cancelTimer();
    }
    if (this.stage === 'ending' && !this.tasks.has('end')) {
      this.graceSeconds = graceSeconds;
      this.task('end', () => this.stopEverything(graceSeconds));
    } else if (this.stage === 'ending' && graceSeconds < (this.graceSeconds ?? 0)) {
      this.graceSeconds = graceSeconds;
      this.task(`hurry ${graceSeconds}`, () => this.hurry(graceSeconds));
    } else if (this.stage === 'ended' && (this.removed || this.pod.metadata.deletionTimestamp)) {
      if (!this.cleaned) this.task('clean', () => this.cleanUp());
      else if (this.removed) this.leave();
    }
  }

  private async stopEverything(graceSeconds: number): Promise<void> {
    const { context, pod } = this;
    // A sandbox or a container in the making is waited for: it must not come up after all was ended.
    const making = [this.tasks.get('sandbox'), this.tasks.get('freeze')];
    await Promise.allSettled([...making, this.starter.stop(this.tasks.get('start'))]);
    // What stands still does not hear signals.
    await this.freezer.set(false);
    const running = this.view.observed().containers.filter((container) => container.state === 'running');
    const containerOf = (name: string) => containersOf(pod).find(({ spec }) => spec.name === name);
    await killAll(context, { pod, running, containerOf, graceSeconds, ip: this.starter.podIps()[0] ?? '' });
    await Promise.all(running.map((container) => this.view.refresh(container.id)));
    this.wake();
    await Promise.all(this.view.observed().sandboxes.map((sandbox) => this.endSandbox(sandbox.id)));
    await this.starter.volumes.anonymous.leave(this.pod);
    this.stage = 'ended';
    this.options.roomChanged();
    this.prober.stop();
    this.wake();
    const releases = [this.starter.volumes.tearDown(), context.system.cgroups.remove(this.cgroup())];
    for (const result of await Promise.allSettled(releases)) {
      if (result.status === 'rejected') context.log.warn('cannot clean up after a pod', { error: result.reason });
    }
    context.objects.release(pod.metadata.uid ?? '');
  }

  /** A pod that is deleted leaves in one step; one that has finished stays to be looked at. */
  private async endSandbox(id: string): Promise<void> {
    const { runtime } = this.context;
    if (this.pod.metadata.deletionTimestamp === undefined && !this.removed) return this.stopSandbox(id);
    this.view.goingDown(id);
    await runtime.removePodSandbox(id);
  }

  /** The grace became shorter: those still running get the new one. */
  private async hurry(graceSeconds: number): Promise<void> {
    const running = this.view.observed().containers.filter((container) => container.state === 'running');
    await Promise.all(running.map((container) => this.context.runtime.stopContainer(container.id, graceSeconds)));
  }

  private async cleanUp(): Promise<void> {
    const { context, pod } = this;
    const { containers, sandboxes } = this.view.observed();
    await Promise.all(containers.map((container) => context.runtime.removeContainer(container.id)));
    await Promise.all(sandboxes.map((sandbox) => context.runtime.removePodSandbox(sandbox.id)));
    this.view.replace([], []);
    await this.starter.volumes.anonymous.forget(pod);
    await context.system.files.remove(logDirectoryOf(context, pod));
    const { uid = '' } = pod.metadata;
    context.images.forget(uid);
    context.crashBackoff.reset(`${uid}/`);
    this.cleaned = true;
  }

  private leave(): void {
    this.context.statuses.forget(this.pod.metadata.uid ?? '');
    this.stop();
    this.options.gone();
  }

  private cgroup(): string {
    return podCgroupPath(this.context.settings.cgroupRoot, this.pod);
  }

  // Odds and ends.

  private runningContainers(): RunningContainer[] {
    return containersOf(this.pod).flatMap((container) => {
      const current = currentOf(this.view.observed(), container.spec.name);
      if (current?.state !== 'running' || this.starter.starting.has(container.spec.name)) return [];
      const check = healthcheckOf(current);
      const readinessProbe = container.spec.readinessProbe ?? (check && healthcheckProbe(check));
      const probed = check ? { ...container, spec: { ...container.spec, readinessProbe } } : container;
      const startPeriod = check?.startPeriod ?? healthStartPeriodOf(this.pod);
      const startPeriodMs = startPeriod === undefined ? undefined : startPeriod * 1000;
      return [{ container: probed, containerId: current.id, startedAtMs: current.startedAtMs, startPeriodMs }];
    });
  }

  private createProber(): Prober {
    const { context } = this;
    const { clock, random, runtime, system } = context;
    const doors = { runtime, clock, network: system.network };
    return createProber({
      clock,
      random,
      agentStartedMs: context.startedMs,
      probe: ({ container, containerId }, probe) =>
        runProbe(doors, { container, containerId, ip: this.starter.podIps()[0] ?? '' }, probe),
      record: (container, type, reason, message) => recorderFor(context, this.pod, container)(type, reason, message),
      changed: () => this.wake(),
    });
  }

  /**
   * Runs work once at a time under its name; its end is a reason for the next step, its failure too (after a
   * pause).
   */
  private task(name: string, work: () => Promise<void>): void {
    if (this.tasks.has(name)) return;
    const { log, clock } = this.context;
    const run = work()
      .catch(async (error: Error) => {
        log.warn('a step of a pod failed', { pod: this.pod.metadata.name, step: name, error });
        await clock.sleep(1000);
      })
      .finally(() => {
        this.tasks.delete(name);
        this.wake();
      });
    this.tasks.set(name, run);
  }
}
