import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { Namespace, Pod } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { namespaces, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { discoverKinds, type Discovered, type ServedKind } from '../discovery.ts';
import { done, type Outcome } from '../reconciler.ts';
import { deletionConditions, type Leftover } from './conditions.ts';

const finalizer = 'kubernetes';
const firstRetryMs = 100;
const maxRetryMs = 15_000;

/** Empties a namespace that is being deleted, its pods first (KEP-5080), then lets it go. */
export class NamespaceReconciler implements Controller {
  readonly name = 'namespace-controller';
  readonly concurrency = 10;
  readonly #context: ControllerContext;
  readonly #namespaces: Informer<Namespace>;
  readonly #pods: Informer<Pod>;
  readonly #attempts = new Map<string, number>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#namespaces = context.informers.of(namespaces);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
  }

  watch(enqueue: Enqueue): () => void {
    const seen = (namespace: Namespace): void => {
      if (namespace.metadata.deletionTimestamp !== undefined) enqueue(keyOf(namespace));
    };
    const ends = [
      this.#namespaces.subscribe({
        added: seen,
        updated: seen,
        deleted: (namespace) => this.#attempts.delete(keyOf(namespace)),
      }),
      this.#pods.subscribe({
        deleted: (pod) => {
          const name = pod.metadata.namespace ?? '';
          const namespace = this.#namespaces.get(name);
          if (namespace && this.#pods.byIndex('namespace', name).length === 0) seen(namespace);
        },
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const { client, clock } = this.#context;
    const cached = this.#namespaces.get(key);
    if (cached?.metadata.deletionTimestamp === undefined) return done;
    if (!cached.spec?.finalizers?.includes(finalizer)) return done;
    let namespace = cached;
    if (namespace.status?.phase !== 'Terminating') {
      namespace = await this.#writeStatus(namespace, { ...namespace.status, phase: 'Terminating' });
    }
    const leftover = await this.#empty(key);
    const conditions = deletionConditions(namespace.status?.conditions ?? [], leftover, clock.now());
    const isEmpty =
      leftover.remaining.size === 0 && leftover.contentFailures.length === 0 && leftover.discoveryFailures.length === 0;
    if (isEmpty) {
      const finalizers = namespace.spec?.finalizers?.filter((entry) => entry !== finalizer) ?? [];
      await ignoreGone(client.update(namespaces, { ...namespace, spec: { finalizers } }, { subresource: 'finalize' }));
      return done;
    }
    if (conditions) await this.#writeStatus(namespace, { ...namespace.status, conditions });
    return { kind: 'requeue', afterMs: this.#retryInMs(key) };
  }

  async #empty(namespace: string): Promise<Leftover> {
    const { kinds, failures } = await discoverKinds(this.#context.client);
    const sweep = new Sweep(this.#context, namespace, failures);
    const deletable = kinds.filter(({ resource, verbs }) => resource.namespaced && verbs.includes('delete'));
    const isPod = ({ resource }: ServedKind): boolean => resource.group === '' && resource.plural === 'pods';
    for (const kind of deletable.filter(isPod)) await sweep.remove(kind);
    if (sweep.leftover.remaining.size > 0 || sweep.leftover.contentFailures.length > 0) return sweep.leftover;
    await Promise.all(deletable.filter((kind) => !isPod(kind)).map((kind) => sweep.remove(kind)));
    return sweep.leftover;
  }

  #writeStatus(namespace: Namespace, status: Namespace['status']): Promise<Namespace> {
    return this.#context.client.update(namespaces, { ...namespace, status }, { subresource: 'status' });
  }

  /** The last pod's end brings the key back by itself; what other objects wait for is unknown here. */
  #retryInMs(key: string): number {
    const attempt = this.#attempts.get(key) ?? 0;
    this.#attempts.set(key, attempt + 1);
    return Math.min(firstRetryMs * 2 ** attempt, maxRetryMs);
  }
}

/** One pass over a namespace's content. */
class Sweep {
  readonly leftover: Leftover & { remaining: Map<string, number>; finalizers: Map<string, number> };
  readonly #context: ControllerContext;
  readonly #namespace: string;

  constructor(context: ControllerContext, namespace: string, discoveryFailures: Discovered['failures']) {
    this.#context = context;
    this.#namespace = namespace;
    this.leftover = { discoveryFailures, contentFailures: [], remaining: new Map(), finalizers: new Map() };
  }

  async remove(kind: ServedKind): Promise<void> {
    const { client } = this.#context;
    const { resource, verbs } = kind;
    const namespace = this.#namespace;
    try {
      if (!verbs.includes('list')) return;
      const items = (await client.list(resource, { namespace })).items;
      if (items.length === 0) return;
      if (verbs.includes('deletecollection')) {
        await client.deleteCollection(resource, { namespace, propagationPolicy: 'Background' });
      } else {
        for (const { metadata } of items) {
          const name = { name: metadata.name ?? '', namespace };
          await ignoreGone(client.delete(resource, name, { propagationPolicy: 'Background' }));
        }
      }
      this.#count(kind, (await client.list(resource, { namespace })).items);
    } catch (error) {
      if (isApiError(error, 'NotFound', 'MethodNotAllowed')) return;
      this.leftover.contentFailures.push(error instanceof Error ? error.message : String(error));
    }
  }

  #count({ resource }: ServedKind, items: readonly KubeObject[]): void {
    if (items.length === 0) return;
    this.leftover.remaining.set(`${resource.plural}.${resource.group}`, items.length);
    for (const { metadata } of items) {
      for (const entry of metadata.finalizers ?? []) {
        this.leftover.finalizers.set(entry, (this.leftover.finalizers.get(entry) ?? 0) + 1);
      }
    }
  }
}

async function ignoreGone(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
