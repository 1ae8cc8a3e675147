import type { Pod } from '../api/types/core-v1.ts';
import { priorityOf, uidOf } from './pod-facts.ts';

/** Pods that wait for room which was made for them on a node: others of lower priority may not take it. */
export class Nominations {
  readonly #byUid = new Map<string, { pod: Pod; nodeName: string }>();
  readonly #byNode = new Map<string, Map<string, Pod>>();

  get size(): number {
    return this.#byUid.size;
  }

  nodeOf(uid: string): string | undefined {
    return this.#byUid.get(uid)?.nodeName;
  }

  set(pod: Pod, nodeName: string): void {
    const uid = uidOf(pod);
    this.delete(uid);
    this.#byUid.set(uid, { pod, nodeName });
    const there = this.#byNode.get(nodeName) ?? new Map<string, Pod>();
    this.#byNode.set(nodeName, there.set(uid, pod));
  }

  /** True when there was one. */
  delete(uid: string): boolean {
    const known = this.#byUid.get(uid);
    if (!known) return false;
    this.#byUid.delete(uid);
    const there = this.#byNode.get(known.nodeName);
    there?.delete(uid);
    if (there?.size === 0) this.#byNode.delete(known.nodeName);
    return true;
  }

  on(nodeName: string): Iterable<Pod> {
    return this.#byNode.get(nodeName)?.values() ?? [];
  }

  /** Those on the node that `pod` has to leave room for. */
  ahead(pod: Pod, nodeName: string): Pod[] {
    const there = this.#byNode.get(nodeName);
    if (!there) return [];
    return [...there.values()].filter((other) => priorityOf(other) >= priorityOf(pod) && uidOf(other) !== uidOf(pod));
  }
}
