import type { Clock } from '../../base/clock.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { keyOf } from '../../client/informer.ts';

const forgetAfterMs = 5 * 60_000;
/** A cache that lags longer than this is worth a question to the server. */
export const doubtAfterMs = 10_000;

interface Expected {
  created: Set<string>;
  deleted: Set<string>;
  since: number;
}

/**
 * What a controller did that its cache does not show yet. While something is expected the controller neither creates
 * nor deletes, so that a cache that lags never makes it create twice. Pods are expected by their own name or uid,
 * never by count: another pod's event cannot stand in for the awaited one. An expectation that is not met in five
 * minutes is dropped.
 */
export class Expectations {
  readonly #clock: Clock;
  readonly #byController = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Say it before the request: the event may arrive before the answer. `podKey` is `namespace/name`. */
  expectCreation(controller: string, podKey: string): void {
    this.#of(controller).created.add(podKey);
  }

  expectDeletion(controller: string, podUid: string): void {
    this.#of(controller).deleted.add(podUid);
  }

  /** The request failed: there will be no event. */
  creationFailed(controller: string, podKey: string): void {
    this.#byController.get(controller)?.created.delete(podKey);
  }

  deletionFailed(controller: string, podUid: string): void {
    this.#byController.get(controller)?.deleted.delete(podUid);
  }

  /** The cache shows this pod now (in whatever state). */
  seen(controller: string, pod: Pod): void {
    const expected = this.#byController.get(controller);
    if (!expected) return;
    expected.created.delete(keyOf(pod));
    if (pod.metadata.deletionTimestamp) expected.deleted.delete(pod.metadata.uid ?? '');
  }

  /** The pod has left the cache. */
  gone(controller: string, pod: Pod): void {
    const expected = this.#byController.get(controller);
    expected?.created.delete(keyOf(pod));
    expected?.deleted.delete(pod.metadata.uid ?? '');
  }

  satisfied(controller: string): boolean {
    const expected = this.#byController.get(controller);
    if (!expected) return true;
    const met = expected.created.size === 0 && expected.deleted.size === 0;
    if (met || this.#clock.monotonic() - expected.since > forgetAfterMs) {
      this.#byController.delete(controller);
      return true;
    }
    return false;
  }

  /**
   * Created pods (`namespace/name`) that the cache should show by now. A cache that lost its watch and listed anew never
   * shows those that were deleted in between: ask the server, and say {@link creationFailed} of those it does not have.
   */
  overdue(controller: string): string[] {
    const expected = this.#byController.get(controller);
    if (!expected || this.#clock.monotonic() - expected.since < doubtAfterMs) return [];
    return [...expected.created];
  }

  forget(controller: string): void {
    this.#byController.delete(controller);
  }

  #of(controller: string): Expected {
    let expected = this.#byController.get(controller);
    if (!expected) {
      expected = { created: new Set(), deleted: new Set(), since: this.#clock.monotonic() };
      this.#byController.set(controller, expected);
    }
    expected.since = this.#clock.monotonic();
    return expected;
  }
}
