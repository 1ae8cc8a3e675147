import type { KubeObject } from '../../api/object.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { Resource } from '../../client/client.ts';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

/** One object in the graph of owners, and what a collector must know of it. */
export interface GraphNode {
  uid: string;
  /** Undefined while the object is only known from references to it. */
  resource: Resource | undefined;
  name: string;
  namespace: string | undefined;
  /** As a reference to it says. */
  apiVersion: string;
  kind: string;
  owners: readonly OwnerReference[];
  dependents: Set<GraphNode>;
  beingDeleted: boolean;
  /** Waits, before it goes, for dependents to go: foreground deletion. */
  deletingDependents: boolean;
  /** Waits, before it goes, for dependents to be let go. */
  orphaning: boolean;
}

/** What a change in the graph calls for: uids of nodes to look at. */
export interface Work {
  attemptDelete: Set<string>;
  attemptOrphan: Set<string>;
}

/** Who owns whom, over all kinds, from what the caches saw. Owners not seen yet stand in it as virtual nodes. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  observe(object: KubeObject, resource: Resource): Work {
    const work: Work = { attemptDelete: new Set(), attemptOrphan: new Set() };
    const { uid = '', name = '', namespace, ownerReferences = [], finalizers = [] } = object.metadata;
    const beingDeleted = object.metadata.deletionTimestamp !== undefined;
    const node = this.#nodes.get(uid) ?? this.#add(uid);
    const { owners, deletingDependents } = node;
    Object.assign(node, {
      resource,
      name,
      namespace,
      apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
      kind: resource.kind,
      owners: ownerReferences,
      beingDeleted,
      deletingDependents: beingDeleted && finalizers.includes(foregroundFinalizer),
      orphaning: beingDeleted && finalizers.includes(orphanFinalizer),
    } satisfies Partial<GraphNode>);
    this.#link(node, owners, work);
    if (node.orphaning) work.attemptOrphan.add(uid);
    if (node.deletingDependents && !deletingDependents) {
      work.attemptDelete.add(uid);
      for (const dependent of node.dependents) work.attemptDelete.add(dependent.uid);
    }
    return work;
  }

  /** The object is gone: its dependents have lost an owner, and an owner of its may have waited for it. */
  remove(uid: string): Work {
    const work: Work = { attemptDelete: new Set(), attemptOrphan: new Set() };
    const node = this.#nodes.get(uid);
    if (!node) return work;
    this.#nodes.delete(uid);
    for (const dependent of node.dependents) work.attemptDelete.add(dependent.uid);
    for (const reference of node.owners) {
      const owner = this.#nodes.get(reference.uid);
      owner?.dependents.delete(node);
      if (owner?.deletingDependents) work.attemptDelete.add(owner.uid);
    }
    return work;
  }

  #link(node: GraphNode, old: readonly OwnerReference[], work: Work): void {
    for (const reference of old) {
      const now = node.owners.find((owner) => owner.uid === reference.uid);
      const owner = this.#nodes.get(reference.uid);
      if (!now) owner?.dependents.delete(node);
      const unblocked = reference.blockOwnerDeletion === true && now?.blockOwnerDeletion !== true;
      if (owner?.deletingDependents && unblocked) work.attemptDelete.add(owner.uid);
    }
    for (const reference of node.owners) {
      const known = this.#nodes.get(reference.uid);
      const owner = known ?? this.#addVirtual(reference, node.namespace);
      if (owner.dependents.has(node)) continue;
      owner.dependents.add(node);
      // An owner nobody has seen may never have been, and one that waits for its dependents has one more.
      if (!known) work.attemptDelete.add(owner.uid);
      else if (owner.deletingDependents || !sharesScope(owner, node)) work.attemptDelete.add(node.uid);
    }
  }

  #addVirtual(reference: OwnerReference, namespace: string | undefined): GraphNode {
    const { uid, name, apiVersion, kind } = reference;
    return Object.assign(this.#add(uid), { name, namespace, apiVersion, kind });
  }

  #add(uid: string): GraphNode {
    const node: GraphNode = {
      uid,
      resource: undefined,
      name: '',
      namespace: undefined,
      apiVersion: '',
      kind: '',
      owners: [],
      dependents: new Set(),
      beingDeleted: false,
      deletingDependents: false,
      orphaning: false,
    };
    this.#nodes.set(uid, node);
    return node;
  }
}

/** Dependents that hold the owner's foreground deletion up. */
export function blockingDependents(owner: GraphNode): GraphNode[] {
  return [...owner.dependents].filter((dependent) =>
    dependent.owners.some((reference) => reference.uid === owner.uid && reference.blockOwnerDeletion === true),
  );
}

/** A cluster-scoped object may own anything; a namespaced one only what is in its namespace. */
export function sharesScope(owner: GraphNode, dependent: GraphNode): boolean {
  return !owner.resource?.namespaced || owner.namespace === dependent.namespace;
}
