import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../api/types/core-v1.ts';
import type { StorageClass } from '../api/types/storage-v1.ts';
import { boundByController, isBound, selectedNode } from '../api/volume-binding.ts';
import type { Clock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import { keyOf, type Informer } from '../client/informer.ts';
import type { Informers } from '../client/informers.ts';
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../client/resources.ts';
import type { NodeInfo } from './snapshot.ts';
import { claimsOf, planVolumes, type VolumePlan, type VolumeView } from './filters/volume-filters.ts';

/** How long a volume may take to be made and bound: upstream's default. */
const bindTimeoutMs = 10 * 60_000;

/**
 * Claims and volumes as the filters see them, and the binding of claims that waited for a pod: volumes that are there
 * are given to them, for others the provisioner is told the node; then the pod waits until all are bound.
 */
export class VolumeBinder implements VolumeView {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #waiting = new Set<{ look: () => void; giveUp: () => void }>();
  readonly taken = new Set<string>();

  constructor({ client, clock, informers }: { client: Client; clock: Clock; informers: Informers }) {
    this.#client = client;
    this.#clock = clock;
    this.#claims = informers.of(persistentVolumeClaims);
    this.#volumes = informers.of(persistentVolumes);
    this.#classes = informers.of(storageClasses);
  }

  /** Calls back when pods that found no volume may find one now. The returned function ends that, and every wait. */
  watch(changed: () => void): () => void {
    const handler = {
      added: changed,
      updated: () => {
        changed();
        for (const { look } of [...this.#waiting]) look();
      },
      deleted: () => {
        for (const { look } of [...this.#waiting]) look();
      },
    };
    const ends = [this.#claims.subscribe(handler), this.#volumes.subscribe(handler), this.#classes.subscribe(handler)];
    return () => {
      ends.forEach((end) => end());
      for (const { giveUp } of [...this.#waiting]) giveUp();
    };
  }

  claim(key: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(key);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name);
  }

  volumes(): Iterable<PersistentVolume> {
    return this.#volumes.list();
  }

  storageClass(name: string): StorageClass | undefined {
    return this.#classes.get(name);
  }

  /**
   * Keeps the volumes that the pod's waiting claims get on this node, so that the next decision does not count on them;
   * undefined when no claim waits. Call `bind` or `release` with the answer.
   */
  reserve(pod: Pod, { node }: NodeInfo): VolumePlan | undefined {
    const waiting = claimsOf(pod, this).filter((claim) => !isBound(claim));
    const plan = waiting.length > 0 ? planVolumes(waiting, node, this) : undefined;
    for (const { volume } of plan?.bind ?? []) this.taken.add(volume.metadata.name ?? '');
    return plan;
  }

  release(plan: VolumePlan): void {
    for (const { volume } of plan.bind) this.taken.delete(volume.metadata.name ?? '');
  }

  /** Resolves when every claim of the plan is bound. */
  async bind(plan: VolumePlan, nodeName: string): Promise<void> {
    for (const { claim, volume } of plan.bind) {
      const { name, namespace, uid, resourceVersion } = claim.metadata;
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion };
      const annotations = { ...volume.metadata.annotations, [boundByController]: 'yes' };
      const metadata = { ...volume.metadata, annotations };
      await this.#client.update(persistentVolumes, { ...volume, metadata, spec: { ...volume.spec, claimRef } });
    }
    for (const claim of plan.provision) {
      const annotations = { ...claim.metadata.annotations, [selectedNode]: nodeName };
      if (claim.metadata.annotations?.[selectedNode] === nodeName) continue;
      await this.#client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } });
    }
    const keys = [...plan.bind.map(({ claim }) => claim), ...plan.provision].map(keyOf);
    await this.#untilBound(keys);
  }

  #untilBound(keys: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (problem?: string): void => {
        this.#waiting.delete(waiter);
        cancel();
        if (problem === undefined) resolve();
        else reject(new Error(problem));
      };
      const look = (): void => {
        const claims = keys.map((key) => this.#claims.get(key));
        const gone = keys.find((_, i) => !claims[i]);
        if (gone !== undefined) end(`persistentvolumeclaim "${gone}" not found`);
        else if (claims.every((claim) => claim && isBound(claim))) end();
      };
      const waiter = { look, giveUp: () => end('the scheduler stopped') };
      const cancel = this.#clock.setTimer(bindTimeoutMs, () => end('binding volumes: context deadline exceeded'));
      this.#waiting.add(waiter);
      look();
    });
  }
}
