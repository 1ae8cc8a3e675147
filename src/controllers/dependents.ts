import type { LabelMatcher } from '../api/label-selector.ts';
import type { KubeObject } from '../api/object.ts';
import type { OwnerReference } from '../api/types/meta-v1.ts';
import type { Client, Resource } from '../client/client.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import { claim, decideClaims, isStillThere } from './claims.ts';
import type { ControllerContext, Enqueue } from './controller.ts';
import { controllerOf, controllerReference, controllerUids, orphanNamespaces } from './owner-references.ts';

/** A kind whose objects manage others by a selector. */
export interface OwnerKind<T extends KubeObject> {
  resource: Resource<T>;
  apiVersion: string;
  selector(owner: T): LabelMatcher;
}

/** Is told of dependents that have an owner; `ownerKey` is the owner's `namespace/name`. */
export interface DependentListener<D extends KubeObject> {
  seen(ownerKey: string, dependent: D): void;
  gone(ownerKey: string, dependent: D): void;
}

export interface ClaimOptions<D extends KubeObject> {
  /** What belongs to the owner; without it what its selector selects. */
  matches?: (dependent: D) => boolean;
  /** Which orphans may be taken in at all. */
  adopts?: (orphan: D) => boolean;
  /** What no longer matches stays the owner's. */
  keepsAll?: boolean;
  /** Finalizers that adopted objects get as well. */
  finalizers?: string[];
}

/** Objects that belong to objects of another kind: replica sets to deployments, pods to replica sets, revisions to sets. */
export class Dependents<T extends KubeObject, D extends KubeObject> {
  readonly #client: Client;
  readonly #kind: OwnerKind<T>;
  readonly #resource: Resource<D>;
  readonly #owners: Informer<T>;
  readonly #dependents: Informer<D>;

  constructor(context: ControllerContext, kind: OwnerKind<T>, resource: Resource<D>) {
    this.#client = context.client;
    this.#kind = kind;
    this.#resource = resource;
    this.#owners = context.informers.of(kind.resource);
    this.#owners.addIndex('namespace', (owner) => [owner.metadata.namespace ?? '']);
    this.#dependents = context.informers.of(resource);
    this.#dependents.addIndex('controller', controllerUids);
    this.#dependents.addIndex('orphan', orphanNamespaces);
  }

  /** What the cache has of the owner's. */
  of(owner: T): readonly D[] {
    return this.#dependents.byIndex('controller', owner.metadata.uid ?? '');
  }

  /** By name and not by uid: the dependent may be in the cache before its owner is. */
  ownerKey(dependent: D): string | undefined {
    const reference = controllerOf(dependent);
    if (reference?.kind !== this.#kind.resource.kind) return undefined;
    return `${dependent.metadata.namespace}/${reference.name}`;
  }

  reference(owner: T): OwnerReference {
    return controllerReference(owner, this.#kind.apiVersion, this.#kind.resource.kind);
  }

  /** A dependent with an owner concerns that owner; an orphan everyone in its namespace whose selector it matches. */
  watch(enqueue: Enqueue, listener?: DependentListener<D>): () => void {
    const changed = (dependent: D): void => {
      const key = this.ownerKey(dependent);
      if (key !== undefined) {
        listener?.seen(key, dependent);
        enqueue(key);
      } else if (!controllerOf(dependent) && dependent.metadata.deletionTimestamp === undefined) {
        for (const owner of this.#owners.byIndex('namespace', dependent.metadata.namespace ?? '')) {
          if (this.#kind.selector(owner).matches(dependent.metadata.labels)) enqueue(keyOf(owner));
        }
      }
    };
    return this.#dependents.subscribe({
      added: changed,
      updated: (dependent, old) => {
        if (controllerOf(old)?.uid !== controllerOf(dependent)?.uid) changed(old);
        changed(dependent);
      },
      deleted: (dependent) => {
        const key = this.ownerKey(dependent);
        if (key === undefined) return;
        listener?.gone(key, dependent);
        enqueue(key);
      },
    });
  }

  /** Takes in orphans that belong to the owner and lets go what no longer does; answers what is the owner's then. */
  claim(owner: T, options: ClaimOptions<D> = {}): Promise<D[]> {
    const selector = this.#kind.selector(owner);
    const { matches = (dependent: D) => selector.matches(dependent.metadata.labels), adopts = () => true } = options;
    const orphans = this.#dependents.byIndex('orphan', owner.metadata.namespace ?? '').filter(adopts);
    const decision = decideClaims(owner, [...this.of(owner), ...orphans], matches);
    const { owned, release } = decision;
    return claim({
      client: this.#client,
      resource: this.#resource,
      decision: options.keepsAll ? { ...decision, owned: [...owned, ...release], release: [] } : decision,
      reference: this.reference(owner),
      canAdopt: () => isStillThere(this.#client, this.#kind.resource, owner),
      ...(options.finalizers && { finalizers: options.finalizers }),
    });
  }
}

/** Owners' own changes. `forget` is called for a key whose object is gone or has become another one. */
export function watchOwners<T extends KubeObject>(
  owners: Informer<T>,
  enqueue: Enqueue,
  forget: (key: string) => void = () => undefined,
): () => void {
  return owners.subscribe({
    added: (owner) => enqueue(keyOf(owner)),
    updated: (owner, old) => {
      if (owner.metadata.uid !== old.metadata.uid) forget(keyOf(owner));
      enqueue(keyOf(owner));
    },
    deleted: (owner) => {
      forget(keyOf(owner));
      enqueue(keyOf(owner));
    },
  });
}
