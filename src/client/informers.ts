import type { KubeObject } from '../api/object.ts';
import type { Resource } from './client.ts';
import type { Informer } from './informer.ts';

/** Informers shared by the components of one process: one list-and-watch for each kind (and selector), whoever asks. */
export interface Informers {
  /** The shared informer of a kind; it starts with the first call. `fieldSelector` narrows it (an agent's own pods). */
  of<T extends KubeObject>(
    resource: Resource<T>,
    options?: { fieldSelector?: string; namespace?: string },
  ): Informer<T>;
  /** Resolves when every informer asked for so far has synced. */
  synced(): Promise<void>;
  /** Stops all of them. */
  stop(): void;
}
