import { isPodFinished } from '../api/pod-phase.ts';
import { isApiError } from '../api/status.ts';
import type { Namespace, Node, Pod } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { yieldToEventLoop } from '../base/yield.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Informer } from '../client/informer.ts';
import type { Informers } from '../client/informers.ts';
import { namespaces, nodes, podDisruptionBudgets, pods } from '../client/resources.ts';
import { AffinityTerms, type Namespaces } from './affinity-terms.ts';
import { Binder } from './binder.ts';
import { ClusterCache } from './cluster-cache.ts';
import { companionsFrom } from './companions.ts';
import { type Decision, decide, type Plugins } from './decide.ts';
import { defaultPlugins } from './default-plugins.ts';
import { Nominations } from './nominations.ts';
import { priorityOf, uidOf } from './pod-facts.ts';
import { type Preemption, preempt } from './preemption.ts';
import { ReportPace } from './report-pace.ts';
import { SchedulingQueue } from './scheduling-queue.ts';
import { Verdicts } from './verdicts.ts';
import type { VolumePlan } from './filters/volume-filters.ts';
import { VolumeBinder } from './volume-binder.ts';

export interface SchedulerOptions {
  client: Client;
  informers: Informers;
  recorder: EventRecorder;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Pods that name this scheduler are ours. */
  schedulerName?: string;
}

export interface Scheduler {
  /** Resolves when the caches are filled and scheduling has begun. */
  start(): Promise<void>;
  stop(): void;
}

/** How long decisions may go on before everyone else in the process gets a turn. */
const sliceMs = 5;

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new RunningScheduler(options);
}

class RunningScheduler implements Scheduler {
  readonly #options: SchedulerOptions;
  readonly #name: string;
  readonly #cache: ClusterCache;
  readonly #nominations = new Nominations();
  readonly #queue: SchedulingQueue;
  readonly #plugins: Plugins;
  readonly #verdicts: Verdicts;
  readonly #pace: ReportPace;
  readonly #binder: Binder;
  readonly #volumes: VolumeBinder;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #unsubscribe: (() => void)[] = [];
  #isRunning = false;
  #isPumping = false;
  #startAt = 0;

  constructor(options: SchedulerOptions) {
    const { client, clock, informers } = options;
    this.#options = options;
    this.#name = options.schedulerName ?? 'default-scheduler';
    this.#queue = new SchedulingQueue(clock, () => this.#pump());
    const known = namespacesFrom(informers.of(namespaces));
    this.#cache = new ClusterCache(known);
    this.#volumes = new VolumeBinder({ client, clock, informers });
    this.#plugins = defaultPlugins(new AffinityTerms(known), companionsFrom(informers), this.#volumes);
    this.#verdicts = new Verdicts(options);
    this.#pace = new ReportPace(clock);
    this.#binder = new Binder({ client, clock, onBound: (pod, node) => this.#verdicts.scheduled(pod, node) });
    this.#budgets = informers.of(podDisruptionBudgets);
  }

  async start(): Promise<void> {
    const { informers } = this.#options;
    const nodeInformer = informers.of(nodes);
    const podInformer = informers.of(pods);
    await informers.synced();
    this.#unsubscribe.push(
      nodeInformer.subscribe({
        added: (node) => this.#nodeAdded(node),
        updated: (node, old) => this.#nodeUpdated(node, old),
        deleted: (node) => this.#nodeDeleted(node),
      }),
      podInformer.subscribe({
        added: (pod) => this.#podChanged(pod, undefined),
        updated: (pod, old) => this.#podChanged(pod, old),
        deleted: (pod) => this.#podGone(pod),
      }),
      this.#volumes.watch(() => this.#queue.happened({ kind: 'volumesChanged' })),
    );
    this.#isRunning = true;
    this.#pump();
  }

  stop(): void {
    this.#isRunning = false;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#queue.stop();
    this.#pace.stop();
    this.#binder.flush();
  }

  #nodeAdded(node: Node): void {
    this.#cache.setNode(node);
    this.#queue.happened({ kind: 'nodeAdded', node });
  }

  #nodeUpdated(node: Node, old: Node): void {
    if (isHeartbeat(node, old)) return;
    this.#cache.setNode(node);
    this.#queue.happened({ kind: 'nodeUpdated', node, old });
  }

  #nodeDeleted(node: Node): void {
    this.#cache.removeNode(node.metadata.name ?? '');
    this.#queue.happened({ kind: 'nodeDeleted', node });
  }

  #podChanged(pod: Pod, old: Pod | undefined): void {
    if (isPodFinished(pod)) return this.#podGone(pod);
    if (pod.spec?.nodeName) return this.#assignedPodChanged(pod, old);
    const uid = uidOf(pod);
    if ((pod.spec?.schedulerName ?? 'default-scheduler') !== this.#name) return;
    this.#nominationChanged(pod, old);
    if (pod.metadata.deletionTimestamp || pod.spec?.schedulingGates?.length) return this.#queue.remove(uid);
    // An assumed pod is not waiting any more, unless its binding fails: then its newest state counts.
    if (!this.#cache.knows(uid) || this.#queue.get(uid)) this.#queue.set(pod);
  }

  #assignedPodChanged(pod: Pod, old: Pod | undefined): void {
    const uid = uidOf(pod);
    this.#queue.remove(uid);
    this.#nominations.delete(uid);
    const isNew = !this.#cache.knows(uid) || !old?.spec?.nodeName;
    if (isNew) {
      this.#cache.setPod(pod);
      this.#queue.happened({ kind: 'podAdded', pod });
    } else if (isRelevant(pod, old)) {
      this.#cache.setPod(pod);
      this.#queue.happened({ kind: 'podUpdated', pod, old });
    }
  }

  #podGone(pod: Pod): void {
    const uid = uidOf(pod);
    this.#queue.remove(uid);
    const wasNominated = this.#nominations.delete(uid);
    if (!this.#cache.knows(uid) && !wasNominated) return;
    this.#cache.removePod(uid);
    this.#queue.happened({ kind: 'podDeleted', pod });
  }

  /** Our own nomination counts before the API shows it, so that an older state of the pod does not undo it. */
  #nominationChanged(pod: Pod, old: Pod | undefined): void {
    const now = pod.status?.nominatedNodeName ?? '';
    if (now === '' && !old?.status?.nominatedNodeName) return;
    if (this.#cache.knows(uidOf(pod))) return;
    if (now === '' || pod.metadata.deletionTimestamp) this.#nominations.delete(uidOf(pod));
    else this.#nominations.set(pod, now);
  }

  #pump(): void {
    if (this.#isPumping || !this.#isRunning) return;
    this.#isPumping = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    const { clock } = this.#options;
    // One turn later, so that pods that arrive together are decided together.
    await yieldToEventLoop();
    let sliceStart = clock.monotonic();
    while (this.#isRunning) {
      const pod = this.#queue.next();
      if (!pod) break;
      this.#scheduleOne(pod);
      if (clock.monotonic() - sliceStart > sliceMs) {
        await yieldToEventLoop();
        sliceStart = clock.monotonic();
      }
    }
    this.#isPumping = false;
  }

  #scheduleOne(pod: Pod): void {
    try {
      const decision = this.#decide(pod);
      if (decision.kind === 'none') return this.#park(pod, decision);
      const count = this.#cache.nodes.length;
      this.#startAt = (this.#startAt + decision.looked) % count;
      this.#nominations.delete(uidOf(pod));
      const node = this.#cache.node(decision.name);
      const volumes = node && this.#volumes.reserve(pod, node);
      this.#cache.assume(pod, decision.name);
      void this.#bind(pod, decision.name, volumes);
    } catch (error) {
      this.#broke(pod, error);
    }
  }

  #decide(pod: Pod): Decision {
    const { random } = this.#options;
    return decide(pod, {
      ...{ cluster: this.#cache, plugins: this.#plugins, nominations: this.#nominations },
      ...{ random, startAt: this.#startAt },
    });
  }

  async #bind(pod: Pod, nodeName: string, volumes: VolumePlan | undefined): Promise<void> {
    const uid = uidOf(pod);
    let plugin = 'PreBind plugin "VolumeBinding"';
    try {
      if (volumes) await this.#volumes.bind(volumes, nodeName);
      if (!this.#isRunning) return;
      plugin = 'Bind plugin "DefaultBinder"';
      await this.#binder.bind(pod, nodeName);
      this.#queue.remove(uid);
    } catch (error) {
      this.#cache.forget(uid);
      const isStillWaiting = this.#queue.get(uid) !== undefined;
      this.#queue.happened({ kind: 'podDeleted', pod });
      if (isApiError(error, 'NotFound')) return this.#queue.remove(uid);
      if (isStillWaiting) this.#broke(pod, error, `running ${plugin}: `);
    } finally {
      if (volumes) this.#volumes.release(volumes);
    }
  }

  /** Neither scheduled nor unschedulable: something did not work. */
  #broke(pod: Pod, error: unknown, during = ''): void {
    const message = `${during}${error instanceof Error ? error.message : String(error)}`;
    this.#options.log.warn('scheduling failed', { pod: nameOf(pod), error });
    const current = this.#queue.get(uidOf(pod)) ?? pod;
    this.#queue.broken(uidOf(pod));
    void this.#report(current, this.#verdicts.rejected(current, { reason: 'SchedulerError', message }));
  }

  /** No node for the pod: says why, and makes room where that is possible. */
  #park(pod: Pod, decision: Extract<Decision, { kind: 'none' }>): void {
    const preemption = this.#preempt(pod, decision);
    const reason = 'Unschedulable';
    this.#queue.failed(uidOf(pod), decision.rejectedBy);
    if (preemption?.kind === 'victims') {
      this.#nominations.set(pod, preemption.nodeName);
      const nominatedNode = preemption.nodeName;
      const told = this.#verdicts.rejected(pod, { reason, message: decision.message, nominatedNode });
      return void this.#report(
        pod,
        told.then(() => this.#evict(pod, preemption)),
      );
    }
    if (preemption?.isHopeless) this.#nominations.delete(uidOf(pod));
    const message = preemption ? `${decision.message} ${preemption.message}` : decision.message;
    const nominatedNode = preemption?.isHopeless ? '' : undefined;
    this.#pace.add(uidOf(pod), () => {
      const current = this.#queue.get(uidOf(pod));
      if (current) void this.#report(current, this.#verdicts.rejected(current, { reason, message, nominatedNode }));
    });
  }

  #preempt(pod: Pod, decision: Extract<Decision, { kind: 'none' }>): Preemption | undefined {
    if (this.#cache.nodes.length === 0) return undefined;
    return preempt(pod, decision, {
      ...{ cluster: this.#cache, plugins: this.#plugins, nominations: this.#nominations },
      ...{ random: this.#options.random, budgets: this.#budgets.list() },
    });
  }

  async #evict(pod: Pod, { nodeName, victims }: Extract<Preemption, { kind: 'victims' }>): Promise<void> {
    await Promise.all(victims.map((victim) => this.#verdicts.preempted(victim, pod, nodeName)));
    for (const other of [...this.#nominations.on(nodeName)]) {
      if (priorityOf(other) >= priorityOf(pod)) continue;
      // They were to go where this pod goes now.
      this.#nominations.delete(uidOf(other));
      await this.#verdicts.unnominated(other);
    }
  }

  /** Waits for a verdict to be written; one that cannot be is logged, the next attempt writes it again. */
  async #report(pod: Pod, told: Promise<void>): Promise<void> {
    try {
      await told;
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict')) return;
      this.#options.log.warn('cannot report on a pod', { pod: nameOf(pod), error });
    }
  }
}

function namespacesFrom(informer: Informer<Namespace>): Namespaces {
  return {
    labelsOf: (name) => informer.get(name)?.metadata.labels,
    *names() {
      for (const { metadata } of informer.list()) yield metadata.name ?? '';
    },
  };
}

/** Changes that no filter and no score looks at. */
function isHeartbeat(node: Node, old: Node): boolean {
  return (
    isSame(node.spec, old.spec) &&
    isSame(node.metadata.labels, old.metadata.labels) &&
    isSame(node.status?.allocatable, old.status?.allocatable) &&
    isSame(node.status?.images, old.status?.images)
  );
}

/** Changes of an assigned pod that a filter or a score may look at; everything else in its status says nothing here. */
function isRelevant(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.status?.startTime !== old.status?.startTime ||
    !isSame(pod.metadata.labels, old.metadata.labels) ||
    !isSame(pod.spec, old.spec)
  );
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function nameOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}
