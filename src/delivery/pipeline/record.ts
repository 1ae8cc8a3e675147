import type { ConfigMap } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
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
  tests: readonly { name: string; result: 'passed' | 'failed' | 'skipped'; milliseconds: number }[];
  checks: readonly { name: string; milliseconds: number }[];
  strategy: string;
  /** RFC 3339. */
  startedAt: string;
  endedAt: string;
}

/** What is kept of a way that ended before the release was touched. */
export interface StoppedRecord extends ShipRecord {
  /** Which step failed, and nothing that it said: `test pytest failed`. */
  reason: string;
}

const ownerLabel = { owner: 'timonel-ship' };
const stoppedLabel = { owner: 'timonel-ship-stopped' };

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
  const owner = await ownerOf(client, { namespace, release, revision });
  const object: ConfigMap = {
    metadata: {
      name: nameOf(release, revision),
      namespace,
      labels: { ...ownerLabel, name: release, version: String(revision) },
      ownerReferences: [owner],
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
      const record = parseRecord(data?.['record']);
      return record ? [[Number(metadata.labels?.['version']), record]] : [];
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

/**
 * Keeps the record of a way that was stopped, the last `history` of them. The newest revision owns it, where there is
 * one: it goes with the release. Rejects with NotFound where the namespace is not there yet.
 */
export async function keepStopped(
  client: Client,
  at: { namespace: string; release: string; newest: number | undefined; history: number },
  record: StoppedRecord,
): Promise<void> {
  const { namespace, release, newest, history } = at;
  const labels = { ...stoppedLabel, name: release };
  const owner = newest === undefined ? undefined : await ownerOf(client, { namespace, release, revision: newest });
  const generateName = `timonel.ship.v1.${release}.stopped-`;
  const metadata = { generateName, namespace, labels, ...(owner && { ownerReferences: [owner] }) };
  await client.create(configMaps, { metadata, data: { record: JSON.stringify(record) } });
  const kept = await stoppedObjects(client, namespace, release);
  const surplus = kept.toSorted((a, b) => b.record.endedAt.localeCompare(a.record.endedAt)).slice(history);
  for (const { name } of surplus) await client.delete(configMaps, { name, namespace });
}

/** The records of ways that were stopped, the oldest first; one that cannot be read is left out. */
export async function stoppedRecordsOf(client: Client, namespace: string, release: string): Promise<StoppedRecord[]> {
  const found = await stoppedObjects(client, namespace, release);
  return found.map(({ record }) => record).toSorted((a, b) => a.endedAt.localeCompare(b.endedAt));
}

async function stoppedObjects(
  client: Client,
  namespace: string,
  release: string,
): Promise<{ name: string; record: StoppedRecord }[]> {
  const labelSelector = `owner=${stoppedLabel.owner},name=${release}`;
  const { items } = await client.list(configMaps, { namespace, labelSelector });
  return items.flatMap(({ metadata, data }) => {
    const record = parseRecord<StoppedRecord>(data?.['record']);
    return record ? [{ name: metadata.name ?? '', record }] : [];
  });
}

function parseRecord<T extends ShipRecord>(text: string | undefined): T | undefined {
  try {
    return JSON.parse(text ?? '') as T;
  } catch {
    return undefined;
  }
}

/** The Secret that a revision is stored in, as an owner. */
async function ownerOf(
  client: Client,
  { namespace, release, revision }: { namespace: string; release: string; revision: number },
): Promise<OwnerReference> {
  const name = `sh.helm.release.v1.${release}.v${revision}`;
  const { metadata } = await client.get(secrets, { name, namespace });
  return { apiVersion: 'v1', kind: 'Secret', name, uid: metadata.uid ?? '' };
}
