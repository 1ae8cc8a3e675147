import { formatTime } from '../base/clock.ts';
import { isApiError } from '../api/status.ts';
import { isPodFinished } from '../api/pod-phase.ts';
import type { Node, Pod, PodCondition } from '../api/types/core-v1.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import { nodes, pods as podResource } from '../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from './controller.ts';
import { disruptPod } from './disruption.ts';
import { nodesOfPod } from './node-lifecycle/node-lifecycle-controller.ts';
import { hasTaint } from './node-lifecycle/taints.ts';
import { judgePod, outOfService, surplusFinishedPods } from './pod-garbage.ts';
import { done, type Outcome } from './reconciler.ts';

/** The one key that is no pod's: too many finished pods. */
const finishedKey = 'finished';

/** Removes pods whose node is gone or given up, pods deleted before they had one, and surplus finished pods. */
export class PodGarbageCollector implements Controller {
  readonly name = 'pod-garbage-collector';
  readonly concurrency = 20;
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  /** Since when (monotonic) a node that pods name has been missing. */
  readonly #missing = new Map<string, number>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#nodes = context.informers.of(nodes);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('node', nodesOfPod);
    this.#pods.addIndex('finished', (pod) => (isPodFinished(pod) ? [''] : []));
  }

  watch(enqueue: Enqueue): () => void {
    const podSeen = (pod: Pod): void => {
      if (judgePod(pod, this.#nodes.get(pod.spec?.nodeName ?? '')) !== 'keep') enqueue(keyOf(pod));
      const threshold = this.#context.settings.terminatedPodThreshold;
      if (isPodFinished(pod) && this.#pods.byIndex('finished', '').length > threshold) enqueue(finishedKey);
    };
    const nodeSeen = (node: Node): void => {
      for (const pod of this.#pods.byIndex('node', node.metadata.name ?? '')) enqueue(keyOf(pod));
    };
    const ends = [
      this.#pods.subscribe({ added: podSeen, updated: podSeen }),
      this.#nodes.subscribe({
        added: (node) => this.#missing.delete(node.metadata.name ?? ''),
        updated: (node) => hasTaint(node, outOfService, 'NoExecute') && nodeSeen(node),
        deleted: nodeSeen,
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (key === finishedKey) return this.#removeFinished();
    const { client } = this.#context;
    const pod = this.#pods.get(key);
    if (!pod) return done;
    const verdict = judgePod(pod, this.#nodes.get(pod.spec?.nodeName ?? ''));
    switch (verdict) {
      case 'keep':
        return done;
      case 'unscheduled':
        await disruptPod(client, pod, { force: true });
        return done;
      case 'out-of-service':
        await disruptPod(client, pod, { force: true });
        return done;
      case 'orphaned':
        return this.#removeOrphan(pod);
    }
  }

  async #removeOrphan(pod: Pod): Promise<Outcome> {
    const { client, clock, settings } = this.#context;
    const node = pod.spec?.nodeName ?? '';
    const now = clock.monotonic();
    const since = this.#missing.get(node) ?? now;
    this.#missing.set(node, since);
    const leftMs = since + settings.missingNodeQuarantineMs - now;
    if (leftMs > 0) return { kind: 'requeue', afterMs: leftMs };
    if (await this.#nodeExists(node)) return done;
    await disruptPod(client, pod, { force: true, condition: orphanCondition(clock.now()) });
    if (this.#pods.byIndex('node', node).length <= 1) this.#missing.delete(node);
    return done;
  }

  /** The cache may be behind, and a forced deletion cannot be taken back. */
  async #nodeExists(name: string): Promise<boolean> {
    try {
      await this.#context.client.get(nodes, { name });
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return false;
      throw error;
    }
  }

  async #removeFinished(): Promise<Outcome> {
    const { client, settings } = this.#context;
    const surplus = surplusFinishedPods(this.#pods.byIndex('finished', ''), settings.terminatedPodThreshold);
    for (const pod of surplus) await disruptPod(client, pod, { force: true });
    return done;
  }
}

function orphanCondition(now: number): PodCondition {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: formatTime(now),
  };
}
