import { removeObject } from '../../apply/applier.ts';
import { identityOf } from '../../apply/order.ts';
import { type Release, ReleaseError } from '../release/release.ts';
import { applyContext, type OperationOptions, type ReleaseContext, timestamp, withApplyMethod } from './context.ts';
import { ended, objectsSince, pruneHistory, revisionsOf, settlePending, supersedeOthers } from './history.ts';
import { runHooks } from './hooks.ts';
import { bringObjects, describeError, objectsOf } from './objects.ts';
import { thisProcess } from './operation-owner.ts';

export interface RollbackOptions extends OperationOptions {
  /** To which revision; 0: the one before the newest. */
  version: number;
  cleanupOnFail: boolean;
  maxHistory: number;
  description: string;
}

/** A rollback as it would be: the new revision, and the one that the cluster is at. */
export async function prepareRollback(
  context: ReleaseContext,
  name: string,
  { version, abandonPending = false }: Pick<RollbackOptions, 'version' | 'abandonPending'>,
): Promise<{ release: Release; current: Release; objects: ReturnType<typeof objectsOf> }> {
  const revisions = await revisionsOf(context, name);
  const last = revisions.at(-1)?.read() as Release;
  await settlePending(context, last, abandonPending);
  const number = version === 0 ? last.version - 1 : version;
  const target = revisions.find((revision) => revision.version === number)?.read();
  if (!target)
    throw new ReleaseError(`release has no ${number} version`, { hint: `See: timonel chart history ${name}` });
  const current = revisions.findLast(({ status }) => status === 'deployed')?.read() ?? last;
  const { rollbackRevision: _, ...info } = target.info;
  const release: Release = {
    ...target,
    version: last.version + 1,
    info: {
      ...info,
      firstDeployed: last.info.firstDeployed,
      lastDeployed: timestamp(context),
      deleted: '',
      status: 'pending-rollback',
      description: `Rollback to ${number}`,
    },
    hooks: target.hooks.map((hook) => ({ ...hook, lastRun: { startedAt: '', completedAt: '', phase: 'Unknown' } })),
    owner: thisProcess(),
  };
  return { release, current, objects: objectsSince(revisions, current) };
}

/** Brings a release back to an earlier revision, as a new one. */
export async function rollbackRelease(
  context: ReleaseContext,
  name: string,
  options: RollbackOptions,
): Promise<Release> {
  const { release: prepared, current, objects } = await prepareRollback(context, name, options);
  const release = withApplyMethod(prepared, options);
  const { applyMethod } = release;
  const owner = { name, namespace: release.namespace };
  const wanted = objectsOf(release.manifest);
  await pruneHistory(context, name, options.maxHistory);
  await context.storage.create(release);
  const record = (changed: Release): Promise<void> => context.storage.update(changed);
  const { timeoutMs } = options;
  try {
    if (!options.noHooks) await runHooks(context, release, { event: 'pre-rollback', timeoutMs, record });
    await bringObjects(context, { owner, previous: objects, wanted, applyMethod }, options);
    if (!options.noHooks) await runHooks(context, release, { event: 'post-rollback', timeoutMs, record });
  } catch (error) {
    await context.storage.update(
      ended(context, release, { status: 'failed', description: `Rollback "${name}" failed: ${describeError(error)}` }),
    );
    if (current.info.status === 'deployed') {
      await context.storage.update({ ...current, info: { ...current.info, status: 'superseded' } });
    }
    if (options.cleanupOnFail) {
      const before = new Set(objects.map(identityOf));
      const made = wanted.filter((object) => !before.has(identityOf(object)));
      for (const object of made) await removeObject(applyContext(context), object);
    }
    throw error;
  }
  const done = ended(context, release, {
    status: 'deployed',
    description: options.description || release.info.description,
  });
  await context.storage.update(done);
  await supersedeOthers(context, done);
  return done;
}
