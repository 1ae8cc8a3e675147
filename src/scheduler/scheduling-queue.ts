import { jsonEquals } from '../api/plain-json.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { Heap } from './heap.ts';
import { priorityOf, uidOf } from './pod-facts.ts';
import type { ClusterEvent, Filter } from './plugin.ts';

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
  /** The filters that turned it away; none: any event is worth a try. */
  rejectedBy: ReadonlySet<Filter>;
  backoffUntil: number;
  /**
   * `backoff` may be cut short when nothing else is to be done (KEP-5142), `penalty`, after an API error, may not;
   * `parked` waits for an event.
   */
  place: 'active' | 'inFlight' | 'backoff' | 'penalty' | 'parked';
  cancelTimer?: () => void;
}

/**
 * Pods that wait for a node. Active ones come out by priority, then in order; those that found none wait for an event
 * that could help, and behind pods that have not had their turn at least for their backoff.
 */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #onActive: () => void;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active = new Heap<QueuedPod>(isBefore);
  readonly #backoff = new Heap<QueuedPod>((a, b) => a.backoffUntil < b.backoffUntil);
  readonly #parked = new Set<QueuedPod>();
  #sequence = 0;

  constructor(clock: Clock, onActive: () => void) {
    this.#clock = clock;
    this.#onActive = onActive;
  }

  get length(): number {
    return this.#pods.size;
  }

  /** A new pod, or a new state of one that waits. A changed spec or label is worth a new try. */
  set(pod: Pod): void {
    const uid = uidOf(pod);
    const known = this.#pods.get(uid);
    if (!known) return this.#add(pod, uid);
    const old = known.pod;
    known.pod = pod;
    if (known.place === 'parked' && isChanged(pod, old)) this.#retry(known);
  }

  remove(uid: string): void {
    const known = this.#pods.get(uid);
    if (!known) return;
    this.#pods.delete(uid);
    this.#leave(known);
  }

  /** The next pod to try; it stays in flight until {@link failed}, {@link broken} or {@link remove}. */
  next(): Pod | undefined {
    const first = this.#active.pop() ?? this.#backoff.pop();
    if (!first) return undefined;
    first.cancelTimer?.();
    first.place = 'inFlight';
    first.attempts++;
    return first.pod;
  }

  /** As it is known now; undefined when it waits no more. */
  get(uid: string): Pod | undefined {
    return this.#pods.get(uid)?.pod;
  }

  /** The attempt found no node. */
  failed(uid: string, rejectedBy: ReadonlySet<Filter>): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    pod.rejectedBy = rejectedBy;
    pod.backoffUntil = this.#clock.monotonic() + backoffMs(pod.attempts);
    pod.place = 'parked';
    this.#parked.add(pod);
    pod.cancelTimer = this.#clock.setTimer(maxUnschedulableMs, () => this.#retry(pod));
  }

  /** The attempt broke down (API error): again after its backoff. */
  broken(uid: string): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    pod.place = 'penalty';
    pod.cancelTimer = this.#clock.setTimer(backoffMs(pod.attempts), () => this.#activate(pod));
  }

  /** Brings back every pod that `event` could help. */
  happened(event: ClusterEvent): void {
    for (const pod of [...this.#parked]) {
      if (couldHelp(pod, event)) this.#retry(pod);
    }
  }

  stop(): void {
    for (const pod of this.#pods.values()) pod.cancelTimer?.();
    this.#pods.clear();
    this.#parked.clear();
    this.#active.clear();
    this.#backoff.clear();
  }

  #add(pod: Pod, uid: string): void {
    const queued: QueuedPod = {
      uid,
      pod,
      priority: priorityOf(pod),
      sequence: this.#sequence++,
      attempts: 0,
      rejectedBy: new Set(),
      backoffUntil: 0,
      place: 'active',
    };
    this.#pods.set(uid, queued);
    this.#activate(queued);
  }

  #retry(pod: QueuedPod): void {
    this.#leave(pod);
    const waitMs = pod.backoffUntil - this.#clock.monotonic();
    if (waitMs <= 0) return this.#activate(pod);
    pod.place = 'backoff';
    this.#backoff.push(pod);
    pod.cancelTimer = this.#clock.setTimer(waitMs, () => {
      this.#leave(pod);
      this.#activate(pod);
    });
    this.#onActive();
  }

  #activate(pod: QueuedPod): void {
    pod.cancelTimer = undefined;
    pod.place = 'active';
    this.#active.push(pod);
    this.#onActive();
  }

  #leave(pod: QueuedPod): void {
    pod.cancelTimer?.();
    switch (pod.place) {
      case 'active':
        return this.#active.remove(pod);
      case 'backoff':
        return this.#backoff.remove(pod);
      case 'parked':
        this.#parked.delete(pod);
        return;
      case 'inFlight':
      case 'penalty':
        return;
    }
  }
}

function isBefore(a: QueuedPod, b: QueuedPod): boolean {
  return a.priority === b.priority ? a.sequence < b.sequence : a.priority > b.priority;
}

function couldHelp({ pod, rejectedBy }: QueuedPod, event: ClusterEvent): boolean {
  if (rejectedBy.size === 0) return true;
  for (const filter of rejectedBy) if (filter.couldHelp(pod, event)) return true;
  return false;
}

function isChanged(pod: Pod, old: Pod): boolean {
  return !jsonEquals(pod.metadata.labels, old.metadata.labels) || !jsonEquals(pod.spec, old.spec);
}

function backoffMs(attempts: number): number {
  return Math.min(initialBackoffMs * 2 ** Math.max(0, attempts - 1), maxBackoffMs);
}
