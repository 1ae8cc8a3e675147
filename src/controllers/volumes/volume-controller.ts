import { formatTime } from '../../base/clock.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import {
  bestVolume,
  bindCompleted,
  boundByController,
  claimClass,
  isBound,
  isReservedFor,
  mismatch,
  selectedNode,
} from '../../api/volume-binding.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import {
  persistentVolumeClaims as claimResource,
  persistentVolumes as volumeResource,
  storageClasses as classResource,
} from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { done, type Outcome } from '../reconciler.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { unlessGone } from '../unless-gone.ts';
import { VolumeEvents } from './claim-events.ts';
import { defaultClass, provisionedBy, provisionerAnnotations, waitsForConsumer } from './storage-classes.ts';

const claimPrefix = 'claim ';
const volumePrefix = 'volume ';
/** Claims that ask for something and have nothing. */
const unbound = 'unbound';

/**
 * Binds claims to volumes, asks for volumes that are to be made, and lets go of those whose claim is gone
 * (concepts/storage/persistent-volumes). A binding is written step by step, volume first; each step can be the last one
 * before a crash, and the next look goes on from there.
 */
export class PersistentVolumeReconciler implements Controller {
  readonly name = 'persistentvolume-controller';
  readonly #context: ControllerContext;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #events: VolumeEvents;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informers.of(claimResource);
    this.#claims.addIndex(unbound, (claim) => (isBound(claim) ? [] : ['']));
    this.#volumes = context.informers.of(volumeResource);
    this.#classes = context.informers.of(classResource);
    this.#events = new VolumeEvents(context.recorder);
  }

  watch(enqueue: Enqueue): () => void {
    const claimChanged = (claim: PersistentVolumeClaim): void => {
      enqueue(claimPrefix + keyOf(claim));
      if (claim.spec?.volumeName) enqueue(volumePrefix + claim.spec.volumeName);
    };
    const volumeChanged = (volume: PersistentVolume): void => {
      enqueue(volumePrefix + keyOf(volume));
      const reference = volume.spec?.claimRef;
      if (reference) enqueue(`${claimPrefix}${reference.namespace}/${reference.name}`);
      else if (volume.status?.phase === 'Available') lookAtUnbound();
    };
    const lookAtUnbound = (): void => {
      for (const claim of this.#claims.byIndex(unbound, '')) enqueue(claimPrefix + keyOf(claim));
    };
    const ends = [
      this.#claims.subscribe({ added: claimChanged, updated: claimChanged, deleted: claimChanged }),
      this.#volumes.subscribe({ added: volumeChanged, updated: volumeChanged, deleted: volumeChanged }),
      this.#classes.subscribe({ added: lookAtUnbound, updated: lookAtUnbound }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (key.startsWith(volumePrefix)) {
      const volume = this.#volumes.get(key.slice(volumePrefix.length));
      if (volume) await this.#syncVolume(volume);
      return done;
    }
    const claim = this.#claims.get(key.slice(claimPrefix.length));
    if (!claim) return done;
    if (isBound(claim) || claim.metadata.annotations?.[bindCompleted] !== undefined) await this.#syncBound(claim);
    else if (claim.metadata.deletionTimestamp === undefined) await this.#syncUnbound(claim);
    return done;
  }

  async #syncUnbound(claim: PersistentVolumeClaim): Promise<void> {
    if (claim.spec?.volumeName) return this.#syncNamed(claim, claim.spec.volumeName);
    const storageClass = this.#classes.get(claimClass(claim));
    const waits = waitsForConsumer(storageClass) && claim.metadata.annotations?.[selectedNode] === undefined;
    const volume = bestVolume(claim, this.#volumes.list(), { waits });
    if (volume) return this.#bind(volume, claim);
    if (waits) {
      const message = 'waiting for first consumer to be created before binding';
      this.#events.claim(claim, 'Normal', 'WaitForFirstConsumer', message);
    } else if (claimClass(claim) !== '') {
      await this.#askForVolume(claim, storageClass);
    } else {
      if (await this.#takeDefaultClass(claim)) return;
      const message = 'no persistent volumes available for this claim and no storage class is set';
      this.#events.claim(claim, 'Normal', 'FailedBinding', message);
    }
    await this.#writeClaimStatus(claim, { phase: 'Pending' });
  }

  /** A claim that was made when there was no default class gets the one that has come since. (KEP-3333.) */
  async #takeDefaultClass(claim: PersistentVolumeClaim): Promise<boolean> {
    const chosen = claim.spec?.storageClassName === undefined ? defaultClass(this.#classes.list()) : undefined;
    if (!chosen?.metadata.name) return false;
    await this.#context.client.update(claimResource, {
      ...claim,
      spec: { ...claim.spec, storageClassName: chosen.metadata.name },
    });
    return true;
  }

  /** Says which provisioner is to make a volume: it watches for this annotation. */
  async #askForVolume(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): Promise<void> {
    if (!storageClass) {
      const message = `storageclass.storage.k8s.io "${claimClass(claim)}" not found`;
      return this.#events.claim(claim, 'Warning', 'ProvisioningFailed', message);
    }
    const { provisioner } = storageClass;
    if (provisioner.startsWith('kubernetes.io/')) {
      const message = `no volume plugin matched name: ${provisioner}`;
      return this.#events.claim(claim, 'Warning', 'ProvisioningFailed', message);
    }
    const annotations = { ...claim.metadata.annotations };
    if (provisionerAnnotations.some((name) => annotations[name] !== provisioner)) {
      for (const name of provisionerAnnotations) annotations[name] = provisioner;
      await this.#context.client.update(claimResource, { ...claim, metadata: { ...claim.metadata, annotations } });
    }
    const message =
      `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the ` +
      'system administrator. If volume creation is delayed, please verify that the provisioner is running and ' +
      'correctly registered.';
    this.#events.claim(claim, 'Normal', 'ExternalProvisioning', message);
  }

  /** The claim asks for one volume by name. */
  async #syncNamed(claim: PersistentVolumeClaim, volumeName: string): Promise<void> {
    const volume = this.#volumes.get(volumeName);
    if (volume && (isReservedFor(volume, claim) || !volume.spec?.claimRef)) {
      const problem = volume.spec?.claimRef ? undefined : mismatch(volume, claim);
      if (problem === undefined) return this.#bind(volume, claim);
      const message = `Cannot bind to requested volume "${volumeName}": ${problem}`;
      this.#events.claim(claim, 'Warning', 'VolumeMismatch', message);
    } else if (volume) {
      const message = `volume "${volumeName}" already bound to a different claim.`;
      this.#events.claim(claim, 'Warning', 'FailedBinding', message);
    }
    await this.#writeClaimStatus(claim, { phase: 'Pending' });
  }

  async #syncBound(claim: PersistentVolumeClaim): Promise<void> {
    const volumeName = claim.spec?.volumeName;
    if (!volumeName) {
      return this.#lose(
        claim,
        'ClaimLost',
        'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
      );
    }
    const volume = this.#volumes.get(volumeName);
    if (!volume) {
      return this.#lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    }
    if (!volume.spec?.claimRef || isReservedFor(volume, claim)) return this.#bind(volume, claim);
    const message = 'Two claims are bound to the same volume, this one is bound incorrectly';
    await this.#lose(claim, 'ClaimMisbound', message);
  }

  async #lose(claim: PersistentVolumeClaim, reason: string, message: string): Promise<void> {
    if (claim.status?.phase === 'Lost') return;
    await this.#writeClaimStatus(claim, { phase: 'Lost' });
    this.#events.claim(claim, 'Warning', reason, message);
  }

  /** Writes what is missing of the binding; nothing when it is whole. */
  async #bind(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    const { client } = this.#context;
    let bound = volume;
    if (!volume.spec?.claimRef?.uid) {
      const { name, namespace, uid, resourceVersion } = claim.metadata;
      const kind = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
      const annotations = {
        ...volume.metadata.annotations,
        ...(!volume.spec?.claimRef && { [boundByController]: 'yes' }),
      };
      bound = await client.update(volumeResource, {
        ...volume,
        metadata: { ...volume.metadata, annotations },
        spec: { ...volume.spec, claimRef: { ...kind, name, namespace, uid, resourceVersion } },
      });
    }
    await this.#writePhase(bound, 'Bound');
    let owner = claim;
    if (!isBound(claim)) {
      const annotations = {
        ...claim.metadata.annotations,
        ...(!claim.spec?.volumeName && { [boundByController]: 'yes' }),
        [bindCompleted]: 'yes',
      };
      owner = await client.update(claimResource, {
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName: volume.metadata.name ?? '' },
      });
    }
    const { accessModes, capacity } = bound.spec ?? {};
    await this.#writeClaimStatus(owner, {
      phase: 'Bound',
      ...(accessModes && { accessModes }),
      ...(capacity && { capacity }),
    });
  }

  async #syncVolume(volume: PersistentVolume): Promise<void> {
    const reference = volume.spec?.claimRef;
    if (!reference?.uid) return this.#writePhase(volume, 'Available');
    const claim = await this.#claimOf(volume);
    if (!claim) {
      if (volume.status?.phase !== 'Failed') await this.#writePhase(volume, 'Released');
      return;
    }
    if (claim.spec?.volumeName === volume.metadata.name) return this.#writePhase(volume, 'Bound');
    if (!claim.spec?.volumeName) return;
    // The claim has another volume. One that was made for it is of no use any more; any other goes back to all.
    const isOwn = volume.metadata.annotations?.[provisionedBy] !== undefined;
    if (isOwn && volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return this.#writePhase(volume, 'Released');
    if (volume.metadata.annotations?.[boundByController] === undefined) return;
    const { [boundByController]: _, ...annotations } = volume.metadata.annotations;
    const { claimRef: __, ...spec } = volume.spec ?? {};
    await this.#context.client.update(volumeResource, {
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec,
    });
  }

  /** The claim that the volume is bound to, if it still is that one. A release is for good: the server has the last word. */
  async #claimOf(volume: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { namespace = '', name = '', uid } = volume.spec?.claimRef ?? {};
    const cached = this.#claims.get(`${namespace}/${name}`);
    if (cached?.metadata.uid === uid) return cached;
    const fresh = await unlessGone(this.#context.client.get(claimResource, { namespace, name }));
    return fresh?.metadata.uid === uid ? fresh : undefined;
  }

  async #writePhase(volume: PersistentVolume, phase: string): Promise<void> {
    if (volume.status?.phase === phase) return;
    const status = { phase, lastPhaseTransitionTime: formatTime(this.#context.clock.now()) };
    await this.#context.client.update(volumeResource, { ...volume, status }, { subresource: 'status' });
  }

  async #writeClaimStatus(
    claim: PersistentVolumeClaim,
    wanted: NonNullable<PersistentVolumeClaim['status']>,
  ): Promise<void> {
    const { accessModes: _, capacity: __, ...rest } = claim.status ?? {};
    const status = { ...rest, ...wanted };
    if (semanticallyEqual(status, claim.status)) return;
    await this.#context.client.update(claimResource, { ...claim, status }, { subresource: 'status' });
  }
}
