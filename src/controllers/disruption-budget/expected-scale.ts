import { parseApiVersion, type KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Informers } from '../../client/informers.ts';
import { deployments, replicaSets, replicationControllers, statefulSets } from '../../client/resources.ts';
import { discoverKinds } from '../discovery.ts';
import { controllerOf } from '../owner-references.ts';

type Replicated = KubeObject & { spec?: { replicas?: number } };

const builtIn: Record<string, Resource<Replicated>> = {
  'apps/Deployment': deployments,
  'apps/ReplicaSet': replicaSets,
  'apps/StatefulSet': statefulSets,
  '/ReplicationController': replicationControllers,
};

/** How many pods the controllers of some pods want. */
export class ExpectedScale {
  readonly #client: Client;
  readonly #informers: Informers;

  constructor({ client, informers }: { client: Client; informers: Informers }) {
    this.#client = client;
    this.#informers = informers;
    for (const resource of Object.values(builtIn)) informers.of(resource);
  }

  /** Calls back with the namespace of a controller that has come, gone or been scaled. */
  watch(changed: (namespace: string) => void): () => void {
    const ends = Object.values(builtIn).map((resource) =>
      this.#informers.of(resource).subscribe({
        added: ({ metadata }) => changed(metadata.namespace ?? ''),
        updated: ({ metadata, spec }, old) => {
          if (spec?.replicas !== old.spec?.replicas) changed(metadata.namespace ?? '');
        },
        deleted: ({ metadata }) => changed(metadata.namespace ?? ''),
      }),
    );
    return () => ends.forEach((end) => end());
  }

  /** Rejects when a controller cannot be asked. `unmanaged`: names of pods that have none. */
  async of(pods: readonly Pod[]): Promise<{ scale: number; unmanaged: string[] }> {
    const scales = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of pods) {
      const owner = controllerOf(pod);
      if (!owner) {
        unmanaged.push(pod.metadata.name ?? '');
        continue;
      }
      if (scales.has(owner.uid)) continue;
      const found = await this.#scaleOf(pod.metadata.namespace ?? '', owner);
      scales.set(found.uid, found.scale);
      scales.set(owner.uid, scales.get(owner.uid) ?? 0);
    }
    return { scale: [...scales.values()].reduce((sum, each) => sum + each, 0), unmanaged };
  }

  /** Of the controller, or of the one above it: a replica set's deployment. */
  async #scaleOf(namespace: string, owner: OwnerReference): Promise<{ uid: string; scale: number }> {
    const { group } = parseApiVersion(owner.apiVersion);
    const resource = builtIn[`${group}/${owner.kind}`];
    if (!resource) return this.#scaleByRequest(namespace, owner);
    const found = this.#informers.of(resource).get(`${namespace}/${owner.name}`);
    // Gone: nobody wants its pods any more.
    if (found?.metadata.uid !== owner.uid) return { uid: owner.uid, scale: 0 };
    const above = owner.kind === 'ReplicaSet' ? controllerOf(found) : undefined;
    if (above?.kind === 'Deployment') return this.#scaleOf(namespace, above);
    return { uid: owner.uid, scale: found.spec?.replicas ?? 1 };
  }

  /** Any other kind tells by its scale subresource. */
  async #scaleByRequest(namespace: string, owner: OwnerReference): Promise<{ uid: string; scale: number }> {
    const { byKind } = await discoverKinds(this.#client);
    const resource = byKind.get(`${owner.apiVersion}/${owner.kind}`);
    const plural = resource ? `${resource.plural}.${resource.group}` : owner.kind;
    const refused = new Error(`${plural} does not implement the scale subresource`);
    if (!resource) throw refused;
    try {
      const path = `/apis/${owner.apiVersion}/namespaces/${namespace}/${resource.plural}/${owner.name}/scale`;
      const scale = (await this.#client.raw('GET', path)) as Replicated;
      return { uid: owner.uid, scale: scale.spec?.replicas ?? 0 };
    } catch (error) {
      if (isApiError(error, 'NotFound')) throw refused;
      throw error;
    }
  }
}
