import type { Pod, Service } from '../../api/types/core-v1.ts';
import { parseTime, podCondition } from '../pod-state.ts';

/** What one computation of endpoints was based on. */
interface Seen {
  service: number;
  pods: ReadonlyMap<string, number>;
}

/**
 * When did what is published now begin: the earliest change, of pods or service, since the last computation. Readers
 * measure from it how long endpoints take to reach the data plane.
 */
export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** Epoch milliseconds; undefined when nothing changed that has a time. */
  next(key: string, service: Service, pods: readonly Pod[]): number | undefined {
    const last = this.#seen.get(key);
    const times = new Map(pods.map((pod) => [pod.metadata.uid ?? '', lastChange(pod)]));
    const created = parseTime(service.metadata.creationTimestamp);
    this.#seen.set(key, { service: created, pods: times });
    const changed = [...times].filter(([uid, time]) => time > (last?.pods.get(uid) ?? 0)).map(([, time]) => time);
    if (last?.service !== created) changed.push(created);
    const known = changed.filter((time) => time > 0);
    return known.length > 0 ? Math.min(...known) : undefined;
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}

function lastChange(pod: Pod): number {
  return parseTime(podCondition(pod, 'Ready')?.lastTransitionTime) || parseTime(pod.metadata.creationTimestamp);
}
