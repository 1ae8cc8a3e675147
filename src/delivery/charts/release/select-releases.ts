import type { ReleaseStatus } from './release.ts';
import { owner, type StoredRevision } from './storage.ts';

export interface ReleaseSelection {
  /** Only releases in these states; the usual ones when empty. */
  states: readonly ReleaseStatus[];
  /** In any state. */
  all?: boolean;
  matchesName?: (name: string) => boolean;
  /** The user's, and those by which the storage finds them. */
  matchesLabels?: (labels: Record<string, string>) => boolean;
}

/** What is there, or was meant to be and is not. */
const usual: readonly ReleaseStatus[] = [
  'deployed',
  'failed',
  'pending-install',
  'pending-upgrade',
  'pending-rollback',
];

/**
 * The newest revision of each release, where it is in one of the states (`helm list`). Superseded ones are hardly ever the
 * newest: who asks for them alone gets them all.
 */
export function selectReleases<T extends Pick<StoredRevision, 'name' | 'namespace' | 'version' | 'status' | 'labels'>>(
  revisions: readonly T[],
  { states, all, matchesName, matchesLabels }: ReleaseSelection,
): T[] {
  const newest = new Map(revisions.map((revision) => [`${revision.namespace}/${revision.name}`, revision]));
  const isForSuperseded = !all && states.length > 0 && states.every((state) => state === 'superseded');
  const wanted = states.length > 0 ? states : usual;
  return (isForSuperseded ? [...revisions] : [...newest.values()]).filter(
    ({ name, version, status, labels }) =>
      (all || wanted.includes(status)) &&
      (!matchesName || matchesName(name)) &&
      (!matchesLabels || matchesLabels({ ...labels, name, owner, status, version: String(version) })),
  );
}
