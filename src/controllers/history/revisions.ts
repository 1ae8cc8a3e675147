import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { ControllerRevision } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { Client } from '../../client/client.ts';
import { controllerRevisions } from '../../client/resources.ts';
import { templateHash } from '../deployment/template-hash.ts';
import { nameOf } from '../owner-references.ts';
import { canonicalJson, semanticallyEqual } from '../semantic-equality.ts';

/** The owner of revisions, and how its kind marks them. */
export interface RevisionOwner {
  object: KubeObject;
  reference: OwnerReference;
  template: PodTemplateSpec;
  /** Of its status: makes another hash when two templates fell together. */
  collisionCount: number | undefined;
  /** Labels of a new revision, besides the template's. */
  labels: (hash: string) => Record<string, string>;
}

export interface Revisions {
  /** The one with the owner's template. */
  update: ControllerRevision;
  /** All, the oldest first, `update` among them. */
  all: ControllerRevision[];
  collisionCount: number | undefined;
}

const longestOwnerName = 223;

/**
 * Sees to it that there is a revision of the owner's template with the highest number: a new one, or an old one that is
 * the present one again (a rollback).
 */
export async function settleRevisions(
  client: Client,
  owner: RevisionOwner,
  known: readonly ControllerRevision[],
): Promise<Revisions> {
  const sorted = known.toSorted(byRevision);
  const { collisionCount } = owner;
  const highest = sorted.at(-1)?.revision ?? 0;
  const data = dataOf(owner.template);
  const same = sorted.findLast((revision) => semanticallyEqual(revision.data, data));
  if (!same) {
    const made = await create(client, owner, { data, revision: highest + 1 });
    return { ...made, all: [...sorted, made.update] };
  }
  if (same.revision === highest) return { update: same, all: sorted, collisionCount };
  const update = await client.update(controllerRevisions, { ...same, revision: highest + 1 });
  return { update, all: [...sorted.filter((each) => each !== same), update], collisionCount };
}

/** The pod template that a revision keeps. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { spec } = revision.data as { spec: { template: PodTemplateSpec & { $patch?: string } } };
  const { $patch: _, ...template } = spec.template;
  return template;
}

/** Deletes the oldest revisions beyond `limit`, of those that are not `live`. */
export async function truncateHistory(
  client: Client,
  all: readonly ControllerRevision[],
  { live, limit }: { live: (revision: ControllerRevision) => boolean; limit: number },
): Promise<void> {
  const dead = all.filter((revision) => !live(revision));
  for (const revision of dead.slice(0, Math.max(0, dead.length - limit))) {
    try {
      await client.delete(controllerRevisions, nameOf(revision));
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}

/**
 * A strategic merge patch of the owner, which is how `kubectl rollout undo` uses it. Its keys are sorted: others make
 * the same of the owner and compare the bytes, as upstream's controller does.
 */
function dataOf(template: PodTemplateSpec): Record<string, unknown> {
  return JSON.parse(canonicalJson({ spec: { template: { ...template, $patch: 'replace' } } })) as Record<
    string,
    unknown
  >;
}

async function create(
  client: Client,
  owner: RevisionOwner,
  { data, revision }: { data: Record<string, unknown>; revision: number },
): Promise<Omit<Revisions, 'all'>> {
  const { name = '', namespace = '', annotations } = owner.object.metadata;
  for (let { collisionCount } = owner; ; collisionCount = (collisionCount ?? 0) + 1) {
    const hash = templateHash(owner.template, collisionCount);
    const wanted: ControllerRevision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${name.slice(0, longestOwnerName)}-${hash}`,
        namespace,
        labels: { ...owner.template.metadata?.labels, ...owner.labels(hash) },
        ...(annotations && { annotations: { ...annotations } }),
        ownerReferences: [owner.reference],
      },
      data: structuredClone(data),
      revision,
    };
    try {
      return { update: await client.create(controllerRevisions, wanted), collisionCount };
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const found = await client.get(controllerRevisions, nameOf(wanted));
      if (semanticallyEqual(found.data, data)) return { update: found, collisionCount };
    }
  }
}

function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}
