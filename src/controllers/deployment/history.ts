import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import { compareRevisions, revisionOf } from './annotations.ts';
import { replicasOf } from './sizing.ts';

const unlimited = 2 ** 31 - 1;

/** Old replica sets beyond the revision history limit: the lowest revisions, and only those that are quite empty. */
export function setsToCleanUp(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  if (limit === unlimited) return [];
  const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined);
  const excess = alive.length - limit;
  if (excess <= 0) return [];
  return alive
    .toSorted((a, b) => compareRevisions(revisionOf(a), revisionOf(b)))
    .slice(0, excess)
    .filter(isEmpty);
}

function isEmpty(set: ReplicaSet): boolean {
  return (
    (set.status?.replicas ?? 0) === 0 &&
    replicasOf(set) === 0 &&
    (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0)
  );
}
