import type { KubeObject } from '../api/object.ts';
import { isApiError } from '../api/status.ts';
import type { Binding, Node, Pod } from '../api/types/core-v1.ts';
import { type Clock, formatTime } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { yieldToEventLoop } from '../base/yield.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Informers } from '../client/informers.ts';
import { namespaces, nodes, pods } from '../client/resources.ts';
import { ClusterCache, uidOf } from './cluster-cache.ts';
import { type Decision, decide, type Plugins } from './decide.ts';
import { type NamespaceLabels, interPodAffinity } from './filters/inter-pod-affinity.ts';
import {
  nodeAffinity,
  nodeName,
  nodePorts,
  nodeResourcesFit,
  nodeUnschedulable,
  taintToleration,
} from './filters/node-filters.ts';
import { podTopologySpread } from './filters/pod-topology-spread.ts';
import { findVictims } from './preemption.ts';
import { SchedulingQueue } from './scheduling-queue.ts';
import { balancedAllocation, imageLocality, leastAllocated } from './scores/resource-scores.ts';
import { interPodPreference, nodeAffinityPreference, spread, taintPreference } from './scores/placement-scores.ts';

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
  readonly #cache = new ClusterCache();
  readonly #queue: SchedulingQueue;
  readonly #plugins: Plugins;
  readonly #unsubscribe: (() => void)[] = [];
  #isRunning = false;
  #isPumping = false;
  #startAt = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#name = options.schedulerName ?? 'default-scheduler';
    this.#queue = new SchedulingQueue(options.clock, () => this.#pump());
    const byName = options.informers.of(namespaces);
    const namespaceLabels: NamespaceLabels = (namespace) => byName.get(namespace)?.metadata.labels;
    this.#plugins = {
      filters: [
        nodeUnschedulable,
        nodeName,
        taintToleration,
        nodeAffinity,
        nodePorts,
        nodeResourcesFit,
        podTopologySpread,
        interPodAffinity(namespaceLabels),
      ],
      scores: [
        taintPreference,
        nodeAffinityPreference,
        leastAllocated,
        balancedAllocation,
        imageLocality,
        spread,
        interPodPreference(namespaceLabels),
      ],
    };
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
        deleted: (node) => this.#cache.removeNode(node.metadata.name ?? ''),
      }),
      podInformer.subscribe({
        added: (pod) => this.#podChanged(pod, undefined),
        updated: (pod, old) => this.#podChanged(pod, old),
        deleted: (pod) => this.#podGone(pod),
      }),
    );
    this.#isRunning = true;
    this.#pump();
  }

  stop(): void {
    this.#isRunning = false;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#queue.stop();
  }

  #nodeAdded(node: Node): void {
    this.#cache.setNode(node);
    this.#queue.happened('nodeAdded');
  }

  #nodeUpdated(node: Node, old: Node): void {
    this.#cache.setNode(node);
    const isHeartbeat =
      sameJson(node.spec, old.spec) &&
      sameJson(node.metadata.labels, old.metadata.labels) &&
      sameJson(node.status?.allocatable, old.status?.allocatable);
    if (!isHeartbeat) this.#queue.happened('nodeUpdated');
  }

  #podChanged(pod: Pod, old: Pod | undefined): void {
    const uid = uidOf(pod);
    if (isFinished(pod)) return this.#podGone(pod);
    if (pod.spec?.nodeName) {
      this.#queue.remove(uid);
      const isNew = !this.#cache.knows(uid);
      this.#cache.setPod(pod);
      const isRelabelled = old !== undefined && !sameJson(pod.metadata.labels, old.metadata.labels);
      if (isNew || isRelabelled) this.#queue.happened('podAdded');
    } else if (pod.metadata.deletionTimestamp) {
      this.#queue.remove(uid);
    } else if ((pod.spec?.schedulerName ?? 'default-scheduler') === this.#name && !pod.spec?.schedulingGates?.length) {
      // An assumed pod whose binding is under way is not waiting any more.
      if (!this.#cache.knows(uid)) this.#queue.set(pod);
    }
  }

  #podGone(pod: Pod): void {
    const uid = uidOf(pod);
    this.#queue.remove(uid);
    if (!this.#cache.knows(uid)) return;
    this.#cache.removePod(uid);
    this.#queue.happened('podDeleted');
  }

  #pump(): void {
    if (this.#isPumping || !this.#isRunning) return;
    this.#isPumping = true;
    void this.#drain().finally(() => {
      this.#isPumping = false;
    });
  }

  async #drain(): Promise<void> {
    const { clock } = this.#options;
    // One turn later, so that pods that arrive together are decided together.
    await yieldToEventLoop();
    let sliceStart = clock.monotonic();
    for (let pod = this.#queue.next(); pod && this.#isRunning; pod = this.#queue.next()) {
      this.#scheduleOne(pod);
      if (clock.monotonic() - sliceStart > sliceMs) {
        await yieldToEventLoop();
        sliceStart = clock.monotonic();
      }
    }
  }

  #scheduleOne(pod: Pod): void {
    const { random, log } = this.#options;
    let decision: Decision;
    try {
      decision = decide(pod, this.#cache, this.#plugins, { random, startAt: this.#startAt });
    } catch (error) {
      log.error('scheduling failed', { pod: nameOf(pod), error });
      this.#queue.broken(uidOf(pod));
      return;
    }
    this.#startAt = this.#cache.nodes.size > 0 ? (this.#startAt + 1) % this.#cache.nodes.size : 0;
    if (decision.kind === 'none') {
      void this.#reject(pod, decision);
      return;
    }
    this.#cache.assume(pod, decision.name);
    void this.#bind(pod, decision.name);
  }

  async #bind(pod: Pod, nodeName: string): Promise<void> {
    const { client, recorder, log } = this.#options;
    const { name = '', namespace, uid } = pod.metadata;
    const binding: Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    try {
      await client.createSubresource(pods, { name, namespace }, 'binding', binding);
      this.#queue.remove(uidOf(pod));
      recorder.record(
        withKind(pod),
        'Normal',
        'Scheduled',
        `Successfully assigned ${namespace}/${name} to ${nodeName}`,
      );
    } catch (error) {
      this.#cache.forget(uidOf(pod));
      if (isApiError(error, 'NotFound')) return this.#queue.remove(uidOf(pod));
      log.warn('binding failed', { pod: nameOf(pod), node: nodeName, error });
      this.#queue.broken(uidOf(pod));
      this.#queue.happened('podDeleted');
    }
  }

  async #reject(pod: Pod, decision: Extract<Decision, { kind: 'none' }>): Promise<void> {
    const { client, recorder, log, clock } = this.#options;
    const preemption = findVictims(pod, decision.resolvable, this.#cache, this.#plugins.filters);
    const message = preemption
      ? `${decision.message} preemption: evicting ${preemption.victims.length} pods on ${preemption.nodeName}.`
      : `${decision.message} preemption: 0/${this.#cache.nodes.size} nodes are available: ` +
        `${this.#cache.nodes.size} No preemption victims found for incoming pod.`;
    recorder.record(withKind(pod), 'Warning', 'FailedScheduling', message);
    this.#queue.failed(uidOf(pod), decision.retryOn);
    const target = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace };
    try {
      const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
      const isNews = known?.status !== 'False' || known.message !== message;
      const nominated = preemption?.nodeName;
      if (isNews || (nominated && pod.status?.nominatedNodeName !== nominated)) {
        const condition = {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message,
          lastProbeTime: null,
          lastTransitionTime: known?.status === 'False' ? known.lastTransitionTime : formatTime(clock.now()),
        };
        const status = { conditions: [condition], ...(nominated && { nominatedNodeName: nominated }) };
        await client.patch(pods, target, { kind: 'strategic', document: { status } }, { subresource: 'status' });
      }
      for (const victim of preemption?.victims ?? []) {
        const text = `Preempted by pod ${pod.metadata.uid} on node ${preemption?.nodeName}`;
        recorder.record(withKind(victim), 'Normal', 'Preempted', text);
        await client.delete(pods, { name: victim.metadata.name ?? '', namespace: victim.metadata.namespace });
      }
    } catch (error) {
      if (!isApiError(error, 'NotFound')) log.warn('cannot report an unschedulable pod', { pod: nameOf(pod), error });
    }
  }
}

function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function nameOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

/** Items of a list may come without their kind; events need it. */
function withKind(pod: Pod): KubeObject {
  return pod.kind ? pod : { ...pod, apiVersion: 'v1', kind: 'Pod' };
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
