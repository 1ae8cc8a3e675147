import type { Pod } from '../api/types/core-v1.ts';

/** Who must agree before a process of a pod runs: the node's network policies. */
export interface PodGate {
  /** Resolves when everything that was decided before this call, and concerns pods of the namespace, is known. */
  catchUp(namespace: string): Promise<void>;
  /** Resolves when what was decided holds for the pod's addresses; containers may start then, and not before. */
  admit(pod: Pod, ips: readonly string[]): Promise<void>;
  /** The pod is gone from this node. */
  forget(pod: Pod): void;
}

/** Nothing is decided about pods. */
export const openGate: PodGate = {
  async catchUp() {},
  async admit() {},
  forget() {},
};
