import type { Pod } from '../api/types/core-v1.ts';
import type { NodeInfo, PodQuestion } from './snapshot.ts';

/** Questions that are kept counted; one that nobody asked for long makes room. */
const maxQuestions = 256;

interface Counted {
  question: PodQuestion;
  byNode: Map<string, number>;
}

/**
 * How many pods answer a question, node by node. Counted once over all pods, then kept up to date as pods come and go:
 * pods of one workload ask the same again and again.
 */
export class PodCounts {
  readonly #byKey = new Map<string, Counted>();
  /** The same by namespace; '' holds those that are about all namespaces. */
  readonly #byNamespace = new Map<string, Set<Counted>>();

  of(question: PodQuestion, nodes: readonly NodeInfo[]): ReadonlyMap<string, number> {
    const known = this.#byKey.get(question.key);
    if (known) {
      // The newest at the end: the first is the one to drop.
      this.#byKey.delete(question.key);
      this.#byKey.set(question.key, known);
      return known.byNode;
    }
    const counted: Counted = { question, byNode: new Map() };
    const namespaces = question.namespaces && new Set(question.namespaces);
    for (const node of nodes) {
      let count = 0;
      for (const pod of node.pods.values()) {
        if ((!namespaces || namespaces.has(pod.metadata.namespace ?? '')) && question.matches(pod)) count++;
      }
      if (count > 0) counted.byNode.set(node.name, count);
    }
    this.#keep(counted);
    return counted.byNode;
  }

  /** A pod comes to (1) or leaves (-1) a node. */
  count(pod: Pod, nodeName: string, sign: 1 | -1): void {
    for (const namespace of [pod.metadata.namespace ?? '', '']) {
      for (const { question, byNode } of this.#byNamespace.get(namespace) ?? []) {
        if (!question.matches(pod)) continue;
        const count = (byNode.get(nodeName) ?? 0) + sign;
        if (count > 0) byNode.set(nodeName, count);
        else byNode.delete(nodeName);
      }
    }
  }

  #keep(counted: Counted): void {
    this.#byKey.set(counted.question.key, counted);
    for (const namespace of counted.question.namespaces ?? ['']) {
      const those = this.#byNamespace.get(namespace) ?? new Set();
      this.#byNamespace.set(namespace, those.add(counted));
    }
    if (this.#byKey.size <= maxQuestions) return;
    const [key, oldest] = this.#byKey.entries().next().value as [string, Counted];
    this.#byKey.delete(key);
    for (const [namespace, those] of this.#byNamespace) {
      if (those.delete(oldest) && those.size === 0) this.#byNamespace.delete(namespace);
    }
  }
}
