import { isApiError } from '../../api/status.ts';
import { isPodFinished } from '../../api/pod-phase.ts';
import type { PersistentVolumeClaim, Pod, Volume } from '../../api/types/core-v1.ts';
import { podClaims } from '../../api/volume-binding.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { persistentVolumeClaims as claimResource, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { controllerOf, controllerReference } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';

/** Makes the claims of generic ephemeral volumes; they go with their pod, which owns them. (KEP-1698.) */
export class EphemeralVolumeReconciler implements Controller {
  readonly name = 'ephemeral_volume';
  readonly #context: ControllerContext;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #pods: Informer<Pod>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informers.of(claimResource);
    this.#pods = context.informers.of(podResource);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (pod: Pod): void => {
      if (pod.spec?.volumes?.some(({ ephemeral }) => ephemeral)) enqueue(keyOf(pod));
    };
    const ends = [
      this.#pods.subscribe({ added: look, updated: look }),
      this.#claims.subscribe({
        deleted: (claim) => {
          const owner = controllerOf(claim);
          if (owner?.kind === 'Pod') enqueue(`${claim.metadata.namespace}/${owner.name}`);
        },
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const pod = this.#pods.get(key);
    if (!pod || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return done;
    for (const { name, volume } of podClaims(pod)) {
      if (!volume.ephemeral) continue;
      const found = this.#claims.get(`${pod.metadata.namespace}/${name}`) ?? (await this.#create(pod, name, volume));
      if (controllerOf(found)?.uid === pod.metadata.uid) continue;
      const claim = `${pod.metadata.namespace}/${name}`;
      const message = `ephemeral volume ${volume.name}: PVC ${claim} was not created for pod ${key} (pod is not owner)`;
      const subject = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
      this.#context.recorder.record(subject, 'Warning', 'FailedBinding', message);
    }
    return done;
  }

  async #create(pod: Pod, name: string, { ephemeral }: Volume): Promise<PersistentVolumeClaim> {
    const { client } = this.#context;
    const { namespace = '' } = pod.metadata;
    const { metadata, spec = {} } = ephemeral?.volumeClaimTemplate ?? {};
    const claim: PersistentVolumeClaim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        namespace,
        ...(metadata?.labels && { labels: { ...metadata.labels } }),
        ...(metadata?.annotations && { annotations: { ...metadata.annotations } }),
        ownerReferences: [controllerReference(pod, 'v1', 'Pod')],
      },
      spec: structuredClone(spec),
    };
    try {
      return await client.create(claimResource, claim);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      return client.get(claimResource, { namespace, name });
    }
  }
}
