import { compareQuantities } from '../../api/quantity.ts';
import { isApiError } from '../../api/status.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import { claimClass, isBound, selectedNode } from '../../api/volume-binding.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import {
  persistentVolumeClaims as claimResource,
  persistentVolumes as volumeResource,
  storageClasses as classResource,
} from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { nameOf } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { unlessGone } from '../unless-gone.ts';
import { VolumeEvents } from './claim-events.ts';
import { provisionedBy, provisionerAnnotations, waitsForConsumer } from './storage-classes.ts';

/** Where the data of volumes lies: a directory for each, which every node of the cluster reaches under this path. */
export interface LocalVolumes {
  /** Name of the provisioner, as storage classes give it. */
  provisioner: string;
  /** Absolute. */
  root: string;
  /** Makes the directory, for everyone to write to, unless it is there. */
  create(path: string): Promise<void>;
  /** Removes it with all that is in it; one that is not there is fine. */
  remove(path: string): Promise<void>;
}

/** Keeps a volume that is being deleted until its data is gone. (KEP-2644.) */
const dataFinalizer = 'external-provisioner.volume.kubernetes.io/finalizer';
const claimPrefix = 'claim ';
const volumePrefix = 'volume ';

/** Makes volumes for claims that ask for them, grows them, and removes what is to be deleted with its claim. */
export class LocalProvisioner implements Controller {
  readonly name: string;
  readonly #context: ControllerContext;
  readonly #local: LocalVolumes;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #events: VolumeEvents;

  constructor(context: ControllerContext, local: LocalVolumes) {
    this.name = local.provisioner;
    this.#context = context;
    this.#local = local;
    this.#claims = context.informers.of(claimResource);
    this.#volumes = context.informers.of(volumeResource);
    this.#classes = context.informers.of(classResource);
    this.#events = new VolumeEvents(context.recorder);
  }

  watch(enqueue: Enqueue): () => void {
    const claimChanged = (claim: PersistentVolumeClaim): void => {
      if (this.#isOurs(claim)) enqueue(claimPrefix + keyOf(claim));
    };
    const volumeChanged = (volume: PersistentVolume): void => {
      if (volume.metadata.annotations?.[provisionedBy] !== this.#local.provisioner) return;
      enqueue(volumePrefix + keyOf(volume));
    };
    const ends = [
      this.#claims.subscribe({ added: claimChanged, updated: claimChanged }),
      this.#volumes.subscribe({ added: volumeChanged, updated: volumeChanged }),
      this.#classes.subscribe({
        added: () => {
          for (const claim of this.#claims.list()) claimChanged(claim);
        },
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    if (key.startsWith(volumePrefix)) {
      const volume = this.#volumes.get(key.slice(volumePrefix.length));
      if (volume) await this.#reclaim(volume);
      return done;
    }
    const claim = this.#claims.get(key.slice(claimPrefix.length));
    if (!claim || !this.#isOurs(claim) || claim.metadata.deletionTimestamp !== undefined) return done;
    if (isBound(claim)) await this.#grow(claim);
    else if (!claim.spec?.volumeName) await this.#provision(claim);
    return done;
  }

  #isOurs({ metadata }: PersistentVolumeClaim): boolean {
    return provisionerAnnotations.some((name) => metadata.annotations?.[name] === this.#local.provisioner);
  }

  async #provision(claim: PersistentVolumeClaim): Promise<void> {
    const name = `pvc-${claim.metadata.uid}`;
    const storageClass = this.#classes.get(claimClass(claim));
    if (!storageClass || this.#volumes.get(name)) return;
    if (waitsForConsumer(storageClass) && !claim.metadata.annotations?.[selectedNode]) return;
    const subject = `volume for claim "${keyOf(claim)}"`;
    const problem = unsupported(claim);
    if (problem !== undefined) {
      const message = `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${problem}`;
      return this.#events.claim(claim, 'Warning', 'ProvisioningFailed', message);
    }
    this.#events.claim(claim, 'Normal', 'Provisioning', `External provisioner is provisioning ${subject}`);
    const path = `${this.#local.root}/${name}`;
    await this.#local.create(path);
    try {
      await this.#context.client.create(volumeResource, this.#newVolume(name, path, claim, storageClass));
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    this.#events.claim(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
  }

  #newVolume(
    name: string,
    path: string,
    { metadata, spec }: PersistentVolumeClaim,
    storageClass: StorageClass,
  ): PersistentVolume {
    const { namespace, uid, resourceVersion } = metadata;
    const reference = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: metadata.name };
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name,
        annotations: { [provisionedBy]: this.#local.provisioner },
        finalizers: [dataFinalizer],
      },
      spec: {
        capacity: { storage: spec?.resources?.requests?.storage ?? '0' },
        accessModes: [...(spec?.accessModes ?? [])],
        claimRef: { ...reference, namespace, uid, resourceVersion },
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name ?? '',
        volumeMode: 'Filesystem',
        hostPath: { path, type: 'DirectoryOrCreate' },
      },
    };
  }

  /** A directory has no size of its own: what the claim asks for is what it has. */
  async #grow(claim: PersistentVolumeClaim): Promise<void> {
    const { client } = this.#context;
    const volume = this.#volumes.get(claim.spec?.volumeName ?? '');
    const storage = claim.spec?.resources?.requests?.storage ?? '0';
    if (volume?.metadata.annotations?.[provisionedBy] !== this.#local.provisioner || !volume?.spec) return;
    if (compareQuantities(storage, volume.spec.capacity?.storage ?? '0') > 0) {
      await client.update(volumeResource, { ...volume, spec: { ...volume.spec, capacity: { storage } } });
    }
    if (compareQuantities(storage, claim.status?.capacity?.storage ?? storage) <= 0) return;
    await client.update(
      claimResource,
      { ...claim, status: { ...claim.status, capacity: { storage } } },
      { subresource: 'status' },
    );
  }

  async #reclaim(volume: PersistentVolume): Promise<void> {
    const { client } = this.#context;
    const { metadata, spec, status } = volume;
    const deletes = spec?.persistentVolumeReclaimPolicy === 'Delete';
    const isReleased = status?.phase === 'Released' || status?.phase === 'Failed';
    const isGoing = metadata.deletionTimestamp !== undefined;
    if (isGoing ? status?.phase === 'Bound' : !isReleased || !deletes) return;
    if (deletes) await this.#removeData(volume);
    if (metadata.finalizers?.includes(dataFinalizer)) {
      const finalizers = metadata.finalizers.filter((finalizer) => finalizer !== dataFinalizer);
      await unlessGone(client.update(volumeResource, { ...volume, metadata: { ...metadata, finalizers } }));
    }
    if (isGoing) return;
    await unlessGone(client.delete(volumeResource, nameOf(volume), { preconditions: { uid: metadata.uid ?? '' } }));
  }

  async #removeData(volume: PersistentVolume): Promise<void> {
    const path = `${this.#local.root}/${volume.metadata.name}`;
    if (volume.spec?.hostPath?.path !== path) return;
    try {
      await this.#local.remove(path);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#events.volume(volume, 'Warning', 'VolumeFailedDelete', message);
      throw error;
    }
  }
}

/** Why no volume can be made for the claim. */
function unsupported({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec?.volumeMode === 'Block') return 'only file system volumes are made here';
  if (spec?.selector) return 'claim Selector is not supported';
  return spec?.dataSource || spec?.dataSourceRef ? 'data sources are not supported' : undefined;
}
