import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { ObjectName, Resource } from '../../client/client.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { discoverKinds } from '../discovery.ts';
import { nameOf } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { decideDependent, ownerState, type OwnerState } from './decide.ts';
import {
  blockingDependents,
  foregroundFinalizer,
  orphanFinalizer,
  OwnerGraph,
  sharesScope,
  type GraphNode,
  type Work,
} from './graph.ts';

const discoverKey = 'discover';
const deletePrefix = 'delete/';
const orphanPrefix = 'orphan/';
const rediscoverMs = 30_000;
const maxAbsent = 500;

function clusterResource(group: string, plural: string, kind: string): Resource {
  return { group, version: 'v1', plural, kind, namespaced: false };
}
/** Objects that change which kinds there are. */
const kindSources = [
  clusterResource('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition'),
  clusterResource('apiregistration.k8s.io', 'apiservices', 'APIService'),
];

/**
 * Deletes what has lost its last owner, and carries out foreground deletion and orphaning. The graph only says where
 * to look: nothing is deleted before the server has confirmed that the owner is gone.
 */
export class GarbageCollector implements Controller {
  readonly name = 'garbage-collector-controller';
  readonly concurrency = 20;
  readonly #context: ControllerContext;
  readonly #graph = new OwnerGraph();
  readonly #monitors = new Map<string, () => void>();
  /** Owners known to be gone, by uid and the namespace they were looked for in, oldest first. */
  readonly #absent = new Set<string>();
  #byKind: ReadonlyMap<string, Resource> = new Map();
  #enqueue: Enqueue = () => {};
  #stopped = false;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  watch(enqueue: Enqueue): () => void {
    this.#enqueue = enqueue;
    enqueue(discoverKey);
    return () => {
      this.#stopped = true;
      for (const end of this.#monitors.values()) end();
      this.#monitors.clear();
    };
  }

  async reconcile(key: string): Promise<Outcome> {
    if (key === discoverKey) return this.#discover();
    if (key.startsWith(orphanPrefix)) {
      const owner = this.#graph.get(key.slice(orphanPrefix.length));
      if (owner?.orphaning) await this.#orphanDependents(owner);
      return done;
    }
    const node = this.#graph.get(key.slice(deletePrefix.length));
    if (node) await this.#attemptDelete(node);
    return done;
  }

  /** Watches every kind that can be owned or own. Groups that could not be asked are asked again. */
  async #discover(): Promise<Outcome> {
    const { kinds, byKind, failures } = await discoverKinds(this.#context.client);
    this.#byKind = byKind;
    const wanted = kinds.filter(
      ({ resource, verbs }) => ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) && !isEvent(resource),
    );
    const names = new Set(wanted.map(({ resource }) => monitorName(resource)));
    for (const [name, end] of this.#monitors) {
      if (names.has(name)) continue;
      end();
      this.#monitors.delete(name);
    }
    for (const { resource } of wanted) this.#monitor(resource);
    return failures.length > 0 ? { kind: 'requeue', afterMs: rediscoverMs } : done;
  }

  #monitor(resource: Resource): void {
    const name = monitorName(resource);
    if (this.#monitors.has(name) || this.#stopped) return;
    const changesKinds = kindSources.some((source) => monitorName(source) === name);
    const seen = (object: KubeObject): void => this.#add(this.#graph.observe(object, resource));
    const end = this.#context.informers.of(resource).subscribe({
      added: (object) => {
        seen(object);
        if (changesKinds) this.#enqueue(discoverKey);
      },
      updated: (object, old) => {
        if (object.metadata.uid !== old.metadata.uid) this.#gone(old);
        if (ownershipChanged(object, old)) seen(object);
        if (changesKinds) this.#enqueue(discoverKey);
      },
      deleted: (object) => {
        this.#gone(object);
        if (changesKinds) this.#enqueue(discoverKey);
      },
    });
    this.#monitors.set(name, end);
  }

  #gone({ metadata }: KubeObject): void {
    const node = this.#graph.get(metadata.uid ?? '');
    if (node && node.dependents.size > 0) this.#rememberAbsent(node.uid, metadata.namespace);
    this.#add(this.#graph.remove(metadata.uid ?? ''));
  }

  #add(work: Work): void {
    for (const uid of work.attemptDelete) this.#enqueue(deletePrefix + uid);
    for (const uid of work.attemptOrphan) this.#enqueue(orphanPrefix + uid);
  }

  async #attemptDelete(node: GraphNode): Promise<void> {
    if (node.beingDeleted && !node.deletingDependents) return;
    const resource = node.resource ?? this.#byKind.get(`${node.apiVersion}/${node.kind}`);
    if (!resource) throw new Error(`no server serves ${node.apiVersion} ${node.kind}, owner of other objects`);
    const latest = await this.#get(resource, inScope(resource, node));
    if (latest?.metadata.uid !== node.uid) {
      // A virtual owner that never was; an object whose end the cache has yet to hear of.
      this.#rememberAbsent(node.uid, inScope(resource, node).namespace);
      this.#add(this.#graph.remove(node.uid));
      return;
    }
    if (node.deletingDependents) return this.#finishForeground(node, latest, resource);
    const references = latest.metadata.ownerReferences ?? [];
    if (references.length === 0) return;
    const owners = [];
    for (const reference of references)
      owners.push({ reference, state: await this.#stateOf(reference, node, resource) });
    const decision = decideDependent(latest, owners, node.dependents.size > 0);
    switch (decision.kind) {
      case 'keep':
        return;
      case 'dropReferences':
        return this.#patchReferences(resource, latest, (all) => all.filter(({ uid }) => !decision.uids.has(uid)));
      case 'delete':
        return this.#delete(node, latest, resource, decision.policy);
    }
  }

  async #delete(
    node: GraphNode,
    latest: KubeObject,
    resource: Resource,
    propagationPolicy: 'Orphan' | 'Background' | 'Foreground',
  ): Promise<void> {
    let { resourceVersion = '' } = latest.metadata;
    const isCircle = [...node.dependents].some((dependent) => dependent.deletingDependents);
    if (propagationPolicy === 'Foreground' && isCircle) {
      // Two objects that wait for each other would wait for ever.
      const unblocked = await this.#patch(resource, latest, {
        ownerReferences: latest.metadata.ownerReferences?.map((reference) => ({
          ...reference,
          blockOwnerDeletion: false,
        })),
      });
      resourceVersion = unblocked?.metadata.resourceVersion ?? resourceVersion;
    }
    try {
      const preconditions = { uid: node.uid, resourceVersion };
      await this.#context.client.delete(resource, nameOf(latest), { propagationPolicy, preconditions });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  /** The last blocking dependent went: the owner may go; else those that remain are looked at. */
  async #finishForeground(node: GraphNode, latest: KubeObject, resource: Resource): Promise<void> {
    const blocking = blockingDependents(node);
    if (blocking.length === 0) return this.#dropFinalizer(resource, latest, foregroundFinalizer);
    for (const dependent of blocking) {
      if (!dependent.deletingDependents) this.#enqueue(deletePrefix + dependent.uid);
    }
  }

  async #orphanDependents(owner: GraphNode): Promise<void> {
    const { resource } = owner;
    if (!resource) return;
    const letGo = [...owner.dependents].map(async (dependent) => {
      const kind = dependent.resource;
      const latest = kind && (await this.#get(kind, inScope(kind, dependent)));
      if (!latest || latest.metadata.uid !== dependent.uid) return;
      await this.#patchReferences(kind, latest, (all) => all.filter(({ uid }) => uid !== owner.uid));
    });
    await Promise.all(letGo);
    const latest = await this.#get(resource, inScope(resource, owner));
    if (latest?.metadata.uid === owner.uid) await this.#dropFinalizer(resource, latest, orphanFinalizer);
  }

  /** Where the reference points to is decided by the owner's kind: the dependent's namespace, or none. */
  async #stateOf(reference: OwnerReference, node: GraphNode, resource: Resource): Promise<OwnerState> {
    const ownerResource = this.#byKind.get(`${reference.apiVersion}/${reference.kind}`);
    if (!ownerResource) {
      const { apiVersion, kind } = reference;
      throw new Error(`no server serves ${apiVersion} ${kind}, owner of ${resource.plural} ${node.name}`);
    }
    const owner = this.#graph.get(reference.uid);
    const isForeign = owner?.resource !== undefined && !sharesScope(owner, node);
    if (isForeign || (ownerResource.namespaced && !resource.namespaced)) this.#reportInvalid(reference, node, resource);
    // An object without a namespace cannot say where its owner is: it is not judged by it.
    if (ownerResource.namespaced && !resource.namespaced) return 'solid';
    const where = inScope(ownerResource, { name: reference.name, namespace: node.namespace });
    if (this.#absent.has(absentKey(reference.uid, where.namespace))) return 'absent';
    const state = ownerState(await this.#get(ownerResource, where), reference.uid);
    if (state === 'absent') this.#rememberAbsent(reference.uid, where.namespace);
    return state;
  }

  #reportInvalid(reference: OwnerReference, node: GraphNode, resource: Resource): void {
    const { apiVersion, kind, name, uid } = reference;
    const namespace = node.namespace ?? '';
    const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    const message = resource.namespaced
      ? `ownerRef ${owner} does not exist in namespace ${JSON.stringify(namespace)}`
      : `cluster-scoped objects cannot have a namespaced owner, ownerRef ${owner}`;
    const metadata = { name: node.name, uid: node.uid, ...(node.namespace && { namespace }) };
    const object = { apiVersion: node.apiVersion, kind: node.kind, metadata };
    this.#context.recorder.record(object, 'Warning', 'OwnerRefInvalidNamespace', message);
  }

  #rememberAbsent(uid: string, namespace: string | undefined): void {
    this.#absent.add(absentKey(uid, namespace));
    if (this.#absent.size > maxAbsent) this.#absent.delete(this.#absent.values().next().value as string);
  }

  async #get(resource: Resource, name: ObjectName): Promise<KubeObject | undefined> {
    try {
      return await this.#context.client.get(resource, name);
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #patchReferences(
    resource: Resource,
    latest: KubeObject,
    change: (all: OwnerReference[]) => OwnerReference[],
  ): Promise<void> {
    const old = latest.metadata.ownerReferences ?? [];
    const ownerReferences = change(old);
    if (ownerReferences.length < old.length) await this.#patch(resource, latest, { ownerReferences });
  }

  async #dropFinalizer(resource: Resource, latest: KubeObject, finalizer: string): Promise<void> {
    const old = latest.metadata.finalizers ?? [];
    if (!old.includes(finalizer)) return;
    await this.#patch(resource, latest, { finalizers: old.filter((entry) => entry !== finalizer) });
  }

  /** Merge patches replace lists whole, so they hold only for the version they were made from. */
  async #patch(
    resource: Resource,
    latest: KubeObject,
    change: Record<string, unknown>,
  ): Promise<KubeObject | undefined> {
    const { uid, resourceVersion } = latest.metadata;
    const document = { metadata: { uid, resourceVersion, ...change } };
    try {
      return await this.#context.client.patch(resource, nameOf(latest), { kind: 'merge', document });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

function inScope(resource: Resource, at: { name: string; namespace: string | undefined }): ObjectName {
  return resource.namespaced && at.namespace ? { name: at.name, namespace: at.namespace } : { name: at.name };
}

function absentKey(uid: string, namespace: string | undefined): string {
  return `${namespace ?? ''}/${uid}`;
}

function monitorName(resource: Resource): string {
  return `${resource.group}/${resource.plural}`;
}

function isEvent(resource: Resource): boolean {
  return resource.plural === 'events' && (resource.group === '' || resource.group === 'events.k8s.io');
}

/** Most changes of an object, its status above all, are nothing to the graph. */
function ownershipChanged(object: KubeObject, old: KubeObject): boolean {
  const [now, before] = [object.metadata, old.metadata];
  return (
    now.uid !== before.uid ||
    now.deletionTimestamp !== before.deletionTimestamp ||
    JSON.stringify(now.ownerReferences) !== JSON.stringify(before.ownerReferences) ||
    JSON.stringify(now.finalizers) !== JSON.stringify(before.finalizers)
  );
}
