import type { ConfigMap } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { configMaps, secrets } from '../../client/resources.ts';

/** What is kept of a shipment, beside the revision of its release. No output, no values: nothing that may be secret. */
export interface ShipRecord {
  /** `ana@laptop` */
  by: string;
  /** Hash of the commit; `+` behind it: with changes that are in no commit. '' outside of a repository. */
  commit: string;
  branch: string;
  images: readonly { name: string; digest: string; isRebuilt: boolean }[];
  tests: readonly { name: string; result: 'passed' | 'skipped'; milliseconds: number }[];
  checks: readonly { name: string; milliseconds: number }[];
  strategy: string;
  /** RFC 3339. */
  startedAt: string;
  endedAt: string;
}

const ownerLabel = { owner: 'timonel-ship' };

function nameOf(release: string, revision: number): string {
  return `timonel.ship.v1.${release}.v${revision}`;
}

/**
 * Keeps the record of a revision in a ConfigMap beside it. The revision's own Secret owns that, so that it goes with it
 * (Kubernetes documentation, "Owners and Dependents").
 */
export async function keepRecord(
  client: Client,
  { namespace, release, revision }: { namespace: string; release: string; revision: number },
  record: ShipRecord,
): Promise<void> {
  const stored = `sh.helm.release.v1.${release}.v${revision}`;
  const { metadata } = await client.get(secrets, { name: stored, namespace });
  const object: ConfigMap = {
    metadata: {
      name: nameOf(release, revision),
      namespace,
      labels: { ...ownerLabel, name: release, version: String(revision) },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: stored, uid: metadata.uid ?? '' }],
    },
    data: { record: JSON.stringify(record) },
  };
  try {
    await client.create(configMaps, object);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    await client.update(configMaps, object);
  }
}

/** The records of a release by revision; one that cannot be read is left out. */
export async function recordsOf(client: Client, namespace: string, release: string): Promise<Map<number, ShipRecord>> {
  const labelSelector = `owner=${ownerLabel.owner},name=${release}`;
  const { items } = await client.list(configMaps, { namespace, labelSelector });
  return new Map(
    items.flatMap(({ metadata, data }): [number, ShipRecord][] => {
      try {
        return [[Number(metadata.labels?.['version']), JSON.parse(data?.['record'] ?? '') as ShipRecord]];
      } catch {
        return [];
      }
    }),
  );
}

/** After a rollback: the new revision has what the one had that it went back to, by somebody else at another time. */
export async function copyRecord(
  client: Client,
  { namespace, release, from, to }: { namespace: string; release: string; from: number; to: number },
  changed: Pick<ShipRecord, 'by' | 'startedAt' | 'endedAt'>,
): Promise<void> {
  const record = (await recordsOf(client, namespace, release)).get(from);
  if (record) await keepRecord(client, { namespace, release, revision: to }, { ...record, ...changed });
}
