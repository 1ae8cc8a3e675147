import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { podClaims } from '../../api/volume-binding.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import {
  persistentVolumeClaims as claimResource,
  persistentVolumes as volumeResource,
  pods as podResource,
} from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { controllerOf } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { unlessGone } from '../unless-gone.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const usedClaims = 'used claims';

/** Keeps claims that are being deleted until no pod with a node uses them any more. */
export class ClaimProtectionReconciler implements Controller {
  readonly name = 'pvc-protection-controller';
  readonly #context: ControllerContext;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #pods: Informer<Pod>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informers.of(claimResource);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex(usedClaims, claimKeys);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (claim: PersistentVolumeClaim): void => {
      if (isHeld(claim, claimFinalizer)) enqueue(keyOf(claim));
    };
    const podChanged = (pod: Pod): void => {
      for (const key of claimKeys(pod)) {
        const claim = this.#claims.get(key);
        if (claim) look(claim);
      }
    };
    const ends = [
      this.#claims.subscribe({ added: look, updated: look }),
      this.#pods.subscribe({ updated: podChanged, deleted: podChanged }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const claim = this.#claims.get(key);
    if (!claim || !isHeld(claim, claimFinalizer)) return done;
    if (this.#pods.byIndex(usedClaims, key).some((pod) => uses(pod, claim))) return done;
    // The cache may be behind: a pod that came a moment ago must not lose its data.
    const { client } = this.#context;
    const fresh = await client.list(podResource, { namespace: claim.metadata.namespace ?? '' });
    if (fresh.items.some((pod) => uses(pod, claim))) return done;
    await unlessGone(client.update(claimResource, without(claim, claimFinalizer)));
    return done;
  }
}

/** Keeps volumes that are being deleted while they are bound. */
export class VolumeProtectionReconciler implements Controller {
  readonly name = 'pv-protection-controller';
  readonly #context: ControllerContext;
  readonly #volumes: Informer<PersistentVolume>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#volumes = context.informers.of(volumeResource);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (volume: PersistentVolume): void => {
      if (isHeld(volume, volumeFinalizer)) enqueue(keyOf(volume));
    };
    return this.#volumes.subscribe({ added: look, updated: look });
  }

  async reconcile(key: string): Promise<Outcome> {
    const volume = this.#volumes.get(key);
    if (!volume || !isHeld(volume, volumeFinalizer) || volume.status?.phase === 'Bound') return done;
    await unlessGone(this.#context.client.update(volumeResource, without(volume, volumeFinalizer)));
    return done;
  }
}

function claimKeys(pod: Pod): string[] {
  return podClaims(pod).map(({ name }) => `${pod.metadata.namespace}/${name}`);
}

/** Only pods with a node count: a node does not start a pod whose claim is being deleted. */
function uses(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const isShutDown = pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
  return podClaims(pod).some(({ name, volume }) => {
    if (name !== metadata.name) return false;
    return !volume.ephemeral || (!isShutDown && controllerOf({ metadata })?.uid === pod.metadata.uid);
  });
}

type Protected = PersistentVolume | PersistentVolumeClaim;

function isHeld({ metadata }: Protected, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false);
}

function without<T extends Protected>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers?.filter((other) => other !== finalizer) ?? [];
  return { ...object, metadata: { ...object.metadata, finalizers } };
}
