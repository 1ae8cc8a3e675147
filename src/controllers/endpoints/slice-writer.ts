import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { isApiError } from '../../api/status.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { endpointSlices } from '../../client/resources.ts';
import { nameSuffix } from '../../base/random.ts';
import type { ControllerContext } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import type { SliceChanges } from './slice-packing.ts';

const forgetAfterMs = 5 * 60_000;

interface Written {
  /** The resource version written; undefined: the slice was deleted. */
  version: string | undefined;
  at: number;
}

/**
 * Writes slices and remembers what was written until the cache shows it: deciding on slices that the cache does not
 * show yet would create them a second time.
 */
export class SliceWriter {
  readonly #context: ControllerContext;
  readonly #slices: Informer<EndpointSlice>;
  /** By owner's key, then by slice's key. */
  readonly #written = new Map<string, Map<string, Written>>();

  constructor(context: ControllerContext, slices: Informer<EndpointSlice>) {
    this.#context = context;
    this.#slices = slices;
  }

  /** Does the cache lag behind what was written for this owner? The event that it waits for brings the key back. */
  isBehind(owner: string): boolean {
    const written = this.#written.get(owner);
    if (!written) return false;
    const now = this.#context.clock.monotonic();
    for (const [key, { version, at }] of written) {
      const cached = this.#slices.get(key)?.metadata;
      const shown = version === undefined ? !cached : cached && !isOlder(cached.resourceVersion, version);
      if (shown || now - at > forgetAfterMs) written.delete(key);
    }
    if (written.size === 0) this.#written.delete(owner);
    return written.size > 0;
  }

  /** The cache dropped a slice: nothing is awaited of it any more. */
  dropped(owner: string, slice: EndpointSlice): void {
    this.#written.get(owner)?.delete(keyOf(slice));
  }

  forget(owner: string): void {
    this.#written.delete(owner);
  }

  async apply(owner: string, changes: SliceChanges): Promise<void> {
    const { client, random } = this.#context;
    const creations = changes.create.map(async (slice) => {
      // The name is chosen here, so that two creations of one blank slice can be told apart before they are answered.
      const name = `${slice.metadata.generateName}${nameSuffix(random)}`;
      const created = await client.create(endpointSlices, { ...slice, metadata: { ...slice.metadata, name } });
      this.#remember(owner, created, created.metadata.resourceVersion);
    });
    const updates = changes.update.map(async (slice) => {
      const updated = await client.update(endpointSlices, slice);
      this.#remember(owner, updated, updated.metadata.resourceVersion);
    });
    const removals = changes.remove.map(async (slice) => {
      try {
        await client.delete(endpointSlices, nameOf(slice), { preconditions: { uid: slice.metadata.uid ?? '' } });
        this.#remember(owner, slice, undefined);
      } catch (error) {
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
      }
    });
    const results = await Promise.allSettled([...creations, ...updates, ...removals]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed && !isTerminatingNamespace(failed.reason)) throw failed.reason;
  }

  #remember(owner: string, slice: EndpointSlice, version: string | undefined): void {
    let written = this.#written.get(owner);
    if (!written) this.#written.set(owner, (written = new Map()));
    written.set(keyOf(slice), { version, at: this.#context.clock.monotonic() });
  }
}

/** Resource versions are whole numbers that only grow (KEP-5504). */
function isOlder(cached: string | undefined, written: string): boolean {
  const [a, b] = [cached ?? '', written];
  return a.length === b.length ? a < b : a.length < b.length;
}

export function isTerminatingNamespace(error: unknown): boolean {
  return (
    isApiError(error, 'Forbidden') &&
    (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
  );
}
