import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import type { Enqueue } from '../controller.ts';
import { endpointChanged } from './pod-changes.ts';

/** Enqueues every object that changes in any way. Returns what ends it. */
export function enqueueChanged<T extends KubeObject>(informer: Informer<T>, enqueue: Enqueue): () => void {
  const seen = (object: T): void => enqueue(keyOf(object));
  return informer.subscribe({ added: seen, updated: seen, deleted: seen });
}

/** Enqueues the services of pods whose change shows in their endpoints. Returns what ends it. */
export function enqueueServicesOfPods(options: {
  pods: Informer<Pod>;
  servicesOf: (pod: Pod) => string[];
  enqueue: Enqueue;
}): () => void {
  const { pods, servicesOf, enqueue } = options;
  const seen = (pod: Pod): void => servicesOf(pod).forEach((key) => enqueue(key));
  return pods.subscribe({
    added: seen,
    updated: (pod, old) => {
      if (!endpointChanged(pod, old)) return;
      seen(old);
      seen(pod);
    },
    deleted: seen,
  });
}
