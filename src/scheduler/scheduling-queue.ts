import type { Pod } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { uidOf } from './cluster-cache.ts';
import type { ClusterEvent } from './plugin.ts';

const initialBackoffMs = 1_000;
const maxBackoffMs = 10_000;
/** A pod that no event has brought back is tried again after this long, whatever the events said (as upstream). */
const maxUnschedulableMs = 5 * 60_000;

interface QueuedPod {
  uid: string;
  pod: Pod;
  priority: number;
  /** Order among pods of the same priority. */
  sequence: number;
  attempts: number;
  /** Events worth another try, from the filters that turned it away. Empty: any. */
  retryOn: ReadonlySet<ClusterEvent>;
  backoffUntil: number;
  /** Index of the newest cluster event when the current attempt began. */
  seenEvent: number;
  place: 'active' | 'inFlight' | 'backoff' | 'unschedulable';
  cancelTimer?: () => void;
}

/**
 * Pods that wait for a node. Active ones come out by priority, then in order; those that failed wait for an event that could
 * help, but at least for their backoff. An event during an attempt counts for that attempt's pod too, so none is missed.
 */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #onActive: () => void;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #heap: QueuedPod[] = [];
  #sequence = 0;
  /** Recent events, the newest last; `#firstEvent` is the index of the oldest kept. */
  #events: ClusterEvent[] = [];
  #firstEvent = 0;

  constructor(clock: Clock, onActive: () => void) {
    this.#clock = clock;
    this.#onActive = onActive;
  }

  get length(): number {
    return this.#pods.size;
  }

  /** A new pod, or a new state of one that waits. A changed spec is worth a new try at once. */
  set(pod: Pod): void {
    const uid = uidOf(pod);
    const known = this.#pods.get(uid);
    if (!known) {
      this.#activate(this.#add(pod, uid));
      return;
    }
    const isChanged = known.pod.spec !== pod.spec && JSON.stringify(known.pod.spec) !== JSON.stringify(pod.spec);
    const isRelabelled = JSON.stringify(known.pod.metadata.labels) !== JSON.stringify(pod.metadata.labels);
    known.pod = pod;
    if ((isChanged || isRelabelled) && known.place === 'unschedulable') this.#retry(known);
  }

  remove(uid: string): void {
    const known = this.#pods.get(uid);
    if (!known) return;
    this.#pods.delete(uid);
    known.cancelTimer?.();
    const at = this.#heap.indexOf(known);
    if (at >= 0) this.#removeAt(at);
  }

  /** The next pod to try; it stays in flight until {@link failed} or {@link remove}. */
  next(): Pod | undefined {
    const first = this.#heap[0];
    if (!first) return undefined;
    this.#removeAt(0);
    first.place = 'inFlight';
    first.attempts++;
    first.seenEvent = this.#firstEvent + this.#events.length;
    return first.pod;
  }

  /** The attempt found no node. */
  failed(uid: string, retryOn: ReadonlySet<ClusterEvent>): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    pod.retryOn = retryOn;
    pod.backoffUntil = this.#clock.monotonic() + backoffMs(pod.attempts);
    const missed = this.#events.slice(Math.max(0, pod.seenEvent - this.#firstEvent));
    if (missed.some((event) => retryOn.size === 0 || retryOn.has(event))) return this.#retry(pod);
    pod.place = 'unschedulable';
    pod.cancelTimer = this.#clock.setTimer(maxUnschedulableMs, () => this.#retry(pod));
    this.#forgetOldEvents();
  }

  /** The attempt broke down (API error): again after its backoff. */
  broken(uid: string): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    pod.backoffUntil = this.#clock.monotonic() + backoffMs(pod.attempts);
    this.#retry(pod);
  }

  /** Brings back every pod that `event` could help. */
  happened(event: ClusterEvent): void {
    if (this.#pods.size === 0) return;
    this.#events.push(event);
    for (const pod of this.#pods.values()) {
      if (pod.place !== 'unschedulable') continue;
      if (pod.retryOn.size === 0 || pod.retryOn.has(event)) this.#retry(pod);
    }
    this.#forgetOldEvents();
  }

  stop(): void {
    for (const pod of this.#pods.values()) pod.cancelTimer?.();
    this.#pods.clear();
    this.#heap.length = 0;
  }

  #add(pod: Pod, uid: string): QueuedPod {
    const queued: QueuedPod = {
      uid,
      pod,
      priority: pod.spec?.priority ?? 0,
      sequence: this.#sequence++,
      attempts: 0,
      retryOn: new Set(),
      backoffUntil: 0,
      seenEvent: 0,
      place: 'active',
    };
    this.#pods.set(uid, queued);
    return queued;
  }

  #retry(pod: QueuedPod): void {
    pod.cancelTimer?.();
    const waitMs = pod.backoffUntil - this.#clock.monotonic();
    if (waitMs <= 0) return this.#activate(pod);
    pod.place = 'backoff';
    pod.cancelTimer = this.#clock.setTimer(waitMs, () => this.#activate(pod));
  }

  #activate(pod: QueuedPod): void {
    pod.cancelTimer = undefined;
    pod.place = 'active';
    this.#heap.push(pod);
    this.#siftUp(this.#heap.length - 1);
    this.#onActive();
  }

  /** Only attempts under way can still ask for events. */
  #forgetOldEvents(): void {
    if (this.#events.length < 1_000) return;
    let oldest = this.#firstEvent + this.#events.length;
    for (const pod of this.#pods.values()) if (pod.place === 'inFlight') oldest = Math.min(oldest, pod.seenEvent);
    this.#events = this.#events.slice(oldest - this.#firstEvent);
    this.#firstEvent = oldest;
  }

  #removeAt(index: number): void {
    const last = this.#heap.pop();
    if (!last || index === this.#heap.length) return;
    this.#heap[index] = last;
    this.#siftDown(index);
    this.#siftUp(index);
  }

  #siftUp(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #siftDown(start: number): void {
    let index = start;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const least = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (least >= this.#heap.length || !this.#swapIfBefore(least, index)) return;
      index = least;
    }
  }

  #swapIfBefore(a: number, b: number): boolean {
    if (!this.#isBefore(a, b)) return false;
    const [first, second] = [this.#heap[a] as QueuedPod, this.#heap[b] as QueuedPod];
    this.#heap[a] = second;
    this.#heap[b] = first;
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a] as QueuedPod, this.#heap[b] as QueuedPod];
    return first.priority === second.priority ? first.sequence < second.sequence : first.priority > second.priority;
  }
}

function backoffMs(attempts: number): number {
  return Math.min(initialBackoffMs * 2 ** Math.max(0, attempts - 1), maxBackoffMs);
}
