import { formatTime } from '../../base/clock.ts';
import { tolerates } from '../../api/taints.ts';
import { isPodFinished } from '../../api/pod-phase.ts';
import type { Node, Pod, PodCondition, Taint } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { nodes, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { disruptPod } from '../disruption.ts';
import { done, type Outcome } from '../reconciler.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { nodesOfPod } from './node-lifecycle-controller.ts';

/**
 * How long the pod tolerates these NoExecute taints: the shortest of the tolerations it uses, undefined when for
 * ever, 0 when one taint is not tolerated.
 */
export function toleratedMs(pod: Pod, taints: readonly Taint[]): number | undefined {
  let shortest: number | undefined;
  for (const taint of taints) {
    const using = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (using.length === 0) return 0;
    for (const { tolerationSeconds } of using) {
      if (tolerationSeconds === undefined) continue;
      const ms = Math.max(0, tolerationSeconds * 1000);
      shortest = shortest === undefined ? ms : Math.min(shortest, ms);
    }
  }
  return shortest;
}

function noExecuteTaints(node: Node | undefined): Taint[] {
  return node?.spec?.taints?.filter((taint) => taint.effect === 'NoExecute') ?? [];
}

/** Deletes pods from nodes whose NoExecute taints they do not, or no longer, tolerate. */
export class TaintEvictionReconciler implements Controller {
  readonly name = 'taint-eviction-controller';
  readonly concurrency = 20;
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #pods: Informer<Pod>;
  /** Since when (monotonic) a pod, by uid, has been tolerating taints for a limited time. */
  readonly #since = new Map<string, number>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#nodes = context.informers.of(nodes);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('node', nodesOfPod);
  }

  watch(enqueue: Enqueue): () => void {
    const nodeSeen = (node: Node): void => {
      for (const pod of this.#pods.byIndex('node', node.metadata.name ?? '')) enqueue(keyOf(pod));
    };
    const ends = [
      this.#nodes.subscribe({
        added: (node) => noExecuteTaints(node).length > 0 && nodeSeen(node),
        updated: (node, old) => {
          if (!semanticallyEqual(noExecuteTaints(node), noExecuteTaints(old))) nodeSeen(node);
        },
      }),
      this.#pods.subscribe({
        added: (pod) => enqueue(keyOf(pod)),
        updated: (pod, old) => {
          const moved = pod.spec?.nodeName !== old.spec?.nodeName;
          if (moved || !semanticallyEqual(pod.spec?.tolerations, old.spec?.tolerations)) enqueue(keyOf(pod));
        },
        deleted: (pod) => this.#since.delete(pod.metadata.uid ?? ''),
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const pod = this.#pods.get(key);
    if (!pod || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return done;
    const uid = pod.metadata.uid ?? '';
    const taints = noExecuteTaints(this.#nodes.get(pod.spec?.nodeName ?? ''));
    const limitMs = taints.length === 0 ? undefined : toleratedMs(pod, taints);
    if (limitMs === undefined) {
      if (this.#since.delete(uid)) this.#record(pod, `Cancelling deletion of Pod ${key}`);
      return done;
    }
    const now = this.#context.clock.monotonic();
    const since = this.#since.get(uid) ?? now;
    const leftMs = since + limitMs - now;
    if (leftMs > 0) {
      this.#since.set(uid, since);
      return { kind: 'requeue', afterMs: leftMs };
    }
    this.#record(pod, `Marking for deletion Pod ${key}`);
    await disruptPod(this.#context.client, pod, { condition: condition(this.#context.clock.now()) });
    this.#since.delete(uid);
    return done;
  }

  #record(pod: Pod, message: string): void {
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
    this.#context.recorder.record(object, 'Normal', 'TaintManagerEviction', message);
  }
}

function condition(now: number): PodCondition {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: formatTime(now),
  };
}
