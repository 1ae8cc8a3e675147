import { isApiError } from '../../api/status.ts';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { persistentVolumeClaims } from '../../client/resources.ts';
import { messageOf } from '../replication/pod-control.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { claimOwners, claimsOf, isStaleClaim } from './identity.ts';

/** The claims of a set's places: made before their pod, kept or let go with it as the set says. */
export class ClaimKeeper {
  readonly #client: Client;
  readonly #recorder: EventRecorder;
  readonly #claims: Informer<PersistentVolumeClaim>;

  constructor(
    { client, recorder }: { client: Client; recorder: EventRecorder },
    claims: Informer<PersistentVolumeClaim>,
  ) {
    this.#client = client;
    this.#recorder = recorder;
    this.#claims = claims;
  }

  /** Is a claim of this place still on its way out with the pod that had the place before? */
  isStale(set: StatefulSet, ordinal: number): boolean {
    if (set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false;
    return claimsOf(set, ordinal).some((wanted) => {
      const found = this.#claims.get(keyOf(wanted));
      return found !== undefined && isStaleClaim(found, `${set.metadata.name}-${ordinal}`);
    });
  }

  /** Makes the claims of a place that are missing. */
  async create(set: StatefulSet, ordinal: number): Promise<void> {
    for (const wanted of claimsOf(set, ordinal)) {
      const { name } = wanted.metadata;
      const found = this.#claims.get(keyOf(wanted));
      if (found?.metadata.deletionTimestamp !== undefined) throw new Error(`pvc ${name} is being deleted`);
      if (found) continue;
      const owners = claimOwners(wanted, set, undefined);
      if (owners.length > 0) wanted.metadata.ownerReferences = owners;
      const subject = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: set.metadata };
      const pod = `Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name}`;
      try {
        await this.#client.create(persistentVolumeClaims, wanted);
        this.#recorder.record(subject, 'Normal', 'SuccessfulCreate', `create Claim ${name} ${pod} success`);
      } catch (error) {
        if (isApiError(error, 'AlreadyExists')) continue;
        const message = `create Claim ${name} for ${pod} failed error: ${messageOf(error)}`;
        this.#recorder.record(subject, 'Warning', 'FailedCreate', message);
        throw error;
      }
    }
  }

  /** Writes the owners that the claims of a pod's place should have. */
  async own(set: StatefulSet, ordinal: number, pod: Pod): Promise<void> {
    for (const wanted of claimsOf(set, ordinal)) {
      const found = this.#claims.get(keyOf(wanted));
      if (!found || found.metadata.deletionTimestamp !== undefined) continue;
      const ownerReferences = claimOwners(found, set, pod);
      if (semanticallyEqual(ownerReferences, found.metadata.ownerReferences)) continue;
      await this.#client.update(persistentVolumeClaims, { ...found, metadata: { ...found.metadata, ownerReferences } });
    }
  }
}
