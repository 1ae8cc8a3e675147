import type { Client, Resource } from '../client/client.ts';
import type { KubeObject } from '../api/object.ts';
import { isApiError } from '../api/status.ts';
import type { OwnerReference } from '../api/types/meta-v1.ts';
import { controllerOf, nameOf } from './owner-references.ts';

export interface ClaimDecision<T extends KubeObject> {
  owned: T[];
  adopt: T[];
  release: T[];
}

/**
 * Sorts objects by whom they belong to: those of `owner` that match stay, those that no longer match are let go,
 * orphans that match are taken in. Nothing is taken in or let go by an owner that is being deleted.
 */
export function decideClaims<T extends KubeObject>(
  owner: KubeObject,
  candidates: Iterable<T>,
  matches: (object: T) => boolean,
): ClaimDecision<T> {
  const decision: ClaimDecision<T> = { owned: [], adopt: [], release: [] };
  const leaving = owner.metadata.deletionTimestamp !== undefined;
  for (const object of candidates) {
    const reference = controllerOf(object);
    if (reference) {
      if (reference.uid !== owner.metadata.uid) continue;
      if (matches(object)) decision.owned.push(object);
      else if (!leaving) decision.release.push(object);
    } else if (!leaving && object.metadata.deletionTimestamp === undefined && matches(object)) {
      decision.adopt.push(object);
    }
  }
  return decision;
}

/** The patch that makes `reference` the controller of the object with this uid. */
function adoptionPatch(reference: OwnerReference, uid: string, finalizers?: string[]): Record<string, unknown> {
  return { metadata: { ownerReferences: [reference], uid, ...(finalizers && { finalizers }) } };
}

/** The patch that takes the reference to `ownerUid` away from the object with this uid. */
function releasePatch(ownerUid: string, uid: string): Record<string, unknown> {
  return { metadata: { ownerReferences: [{ $patch: 'delete', uid: ownerUid }], uid } };
}

/** Adopts and releases; answers the objects that belong to the owner afterwards. */
export async function claim<T extends KubeObject>(options: {
  client: Client;
  resource: Resource<T>;
  decision: ClaimDecision<T>;
  reference: OwnerReference;
  /** Asks the server, not the cache: an owner that is gone or going must not adopt. */
  canAdopt: () => Promise<boolean>;
  /** Finalizers that adopted objects get as well. */
  finalizers?: string[];
}): Promise<T[]> {
  const { client, resource, decision, reference } = options;
  const patch = (object: T, document: Record<string, unknown>): Promise<T | undefined> =>
    unlessGone(client.patch(resource, nameOf(object), { kind: 'strategic', document }));
  const owned = [...decision.owned];
  if (decision.adopt.length > 0 && (await options.canAdopt())) {
    for (const object of decision.adopt) {
      const adopted = await patch(object, adoptionPatch(reference, object.metadata.uid ?? '', options.finalizers));
      if (adopted) owned.push(adopted);
    }
  }
  for (const object of decision.release) {
    await patch(object, releasePatch(reference.uid, object.metadata.uid ?? ''));
  }
  return owned;
}

/** Asks the server whether this very object is there and not being deleted. */
export async function isStillThere<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  object: T,
): Promise<boolean> {
  const fresh = await unlessGone(client.get(resource, nameOf(object)));
  return fresh?.metadata.uid === object.metadata.uid && fresh?.metadata.deletionTimestamp === undefined;
}

/** Undefined for an object that disappeared or was replaced by another of its name: such needs no claim. */
async function unlessGone<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Invalid', 'Conflict')) return undefined;
    throw error;
  }
}
