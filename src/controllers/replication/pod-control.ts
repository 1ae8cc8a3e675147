import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { keyOf } from '../../client/informer.ts';
import { pods as podResource } from '../../client/resources.ts';
import { nameOf } from '../owner-references.ts';
import type { Expectations } from './expectations.ts';

/**
 * Creates and deletes the pods of controllers: what is under way is expected in the cache, what came of it is told in
 * the owner's events. `key` is the owner's key; `owner` must have its apiVersion and kind, which events name.
 */
export class PodControl {
  readonly #client: Client;
  readonly #recorder: EventRecorder;
  readonly #expectations: Expectations;

  constructor(context: { client: Client; recorder: EventRecorder }, expectations: Expectations) {
    this.#client = context.client;
    this.#recorder = context.recorder;
    this.#expectations = expectations;
  }

  /** False when the namespace is on its way out and takes no new objects: that is not the owner's failure. */
  async create(key: string, owner: KubeObject, pod: Pod): Promise<boolean> {
    this.#expectations.expectCreation(key, keyOf(pod));
    try {
      await this.#client.create(podResource, pod);
      this.#recorder.record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
      return true;
    } catch (failure) {
      this.#expectations.creationFailed(key, keyOf(pod));
      if (isNamespaceTerminating(failure)) return false;
      this.#recorder.record(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(failure)}`);
      throw failure;
    }
  }

  /** A pod that is gone, or another one of its name by now, is left in peace. */
  async delete(key: string, owner: KubeObject, pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    this.#expectations.expectDeletion(key, uid);
    try {
      await this.#client.delete(podResource, nameOf(pod), { preconditions: { uid } });
      this.#recorder.record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    } catch (failure) {
      this.#expectations.deletionFailed(key, uid);
      if (isApiError(failure, 'NotFound', 'Conflict')) return;
      this.#recorder.record(owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(failure)}`);
      throw failure;
    }
  }

  /**
   * Asks the server for pods that the cache does not come to show; true when nothing is expected any more. By a list:
   * upstream's roles of these controllers may list pods, and not get one.
   */
  async isConfirmed(key: string): Promise<boolean> {
    for (const podKey of this.#expectations.overdue(key)) {
      const [namespace = '', name = ''] = podKey.split('/', 2);
      const { items } = await this.#client.list(podResource, { namespace, fieldSelector: `metadata.name=${name}` });
      if (items.length === 0) this.#expectations.creationFailed(key, podKey);
    }
    return this.#expectations.satisfied(key);
  }
}

/** A namespace on its way out takes no new objects. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    isApiError(error, 'Forbidden') &&
    (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
