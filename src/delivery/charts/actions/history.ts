import { applyMergePatch } from '../../../api/merge-patch.ts';
import type { KubeObject } from '../../../api/object.ts';
import { identityOf } from '../../apply/order.ts';
import { requireReleaseName } from '../release/release-name.ts';
import { type Release, ReleaseError, ReleaseNotFound, isPending } from '../release/release.ts';
import type { ReleaseStorage, StoredRevision } from '../release/storage.ts';
import { type ReleaseContext, timestamp } from './context.ts';
import { objectsOf } from './objects.ts';
import { ownerState } from './operation-owner.ts';

/** All revisions of a release, oldest first. Rejects with {@link ReleaseNotFound} when there is none. */
export async function revisionsOf({ storage }: { storage: ReleaseStorage }, name: string): Promise<StoredRevision[]> {
  requireReleaseName(name);
  const found = await storage.index(name);
  if (found.length === 0) throw new ReleaseNotFound(name);
  return found;
}

/** The newest revision, or the one with the given number. */
export async function releaseAt(context: { storage: ReleaseStorage }, name: string, version = 0): Promise<Release> {
  requireReleaseName(name);
  if (version > 0) return context.storage.get(name, version);
  return (await revisionsOf(context, name)).at(-1)?.read() as Release;
}

/**
 * A pending operation must not be in the way for ever: when the process that did it is gone, or the user says so, its
 * revision is marked as failed, and the next operation begins. Rejects with {@link ReleaseError}, which says what is
 * pending.
 */
export async function settlePending(context: ReleaseContext, last: Release, abandon: boolean): Promise<void> {
  if (!isPending(last)) return;
  const state = ownerState(last.owner);
  const what = `${last.info.status} of revision ${last.version}, since ${last.info.lastDeployed || 'an unknown time'}`;
  if (state !== 'dead' && !abandon) {
    const who = state === 'alive' ? `process ${last.owner?.split(' ')[1]} of this machine` : 'somebody else';
    throw new ReleaseError(`another operation (install/upgrade/rollback) is in progress: ${what}, by ${who}`, {
      hint: 'Wait for it to end. If nobody does it any more: the same command with --abandon-pending.',
    });
  }
  context.say(`release "${last.name}": ${what} was left unfinished; going on`);
  const { owner, ...rest } = last;
  void owner;
  const description = `Abandoned: ${last.info.status} was left unfinished`;
  await context.storage.update({ ...rest, info: { ...last.info, status: 'failed', description } });
}

/** Marks every deployed revision but one as superseded. */
export async function supersedeOthers({ storage }: ReleaseContext, current: Release): Promise<void> {
  for (const revision of await storage.index(current.name)) {
    if (revision.version === current.version || revision.status !== 'deployed') continue;
    const other = revision.read();
    await storage.update({ ...other, info: { ...other.info, status: 'superseded' } });
  }
}

/** Removes the oldest revisions until one more fits; the deployed one stays. `max` 0 keeps all. */
export async function pruneHistory({ storage }: ReleaseContext, name: string, max: number): Promise<void> {
  if (max <= 0) return;
  const revisions = await storage.index(name);
  const deployed = revisions.findLast(({ status }) => status === 'deployed');
  const removable = revisions.filter((revision) => revision !== deployed);
  const excess = revisions.length - (max - 1);
  for (const { version } of removable.slice(0, Math.max(0, excess))) await storage.remove(name, version);
}

/** The release with what became of an operation; it is nobody's any more. */
export function ended(
  context: ReleaseContext,
  release: Release,
  outcome: Pick<Release['info'], 'status' | 'description'>,
): Release {
  const { owner, ...rest } = release;
  void owner;
  return {
    ...rest,
    info: { ...release.info, ...outcome, lastDeployed: release.info.lastDeployed || timestamp(context) },
  };
}

/**
 * The objects of a revision, and of those after it, which failed on the way. The cluster may have of an object what any
 * of them gave it: it is all of that, the newest first, so that what the next one does not want goes.
 */
export function objectsSince(
  revisions: readonly { version: number; read(): Release }[],
  current: Release,
): KubeObject[] {
  const later = revisions
    .filter(({ version }) => version > current.version)
    .map((revision) => revision.read().manifest);
  const found = new Map<string, KubeObject>();
  for (const manifest of [current.manifest, ...later]) {
    for (const object of objectsOf(manifest)) {
      const identity = identityOf(object);
      const before = found.get(identity);
      found.set(identity, before ? applyMergePatch(before, object) : object);
    }
  }
  return [...found.values()];
}
