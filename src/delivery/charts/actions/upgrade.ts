import type { KubeObject } from '../../../api/object.ts';
import { removeObject } from '../../apply/applier.ts';
import { ApplyError } from '../../apply/errors.ts';
import { identityOf } from '../../apply/order.ts';
import type { Chart, Values } from '../chart/chart.ts';
import { plainValues } from '../release/codec.ts';
import { requireReleaseName } from '../release/release-name.ts';
import { type Release, ReleaseError, ReleaseNotFound, storedChart } from '../release/release.ts';
import { requireUserLabels } from '../release/storage.ts';
import type { Prepared } from '../render/prepare.ts';
import { coalesceTables, coalesceValues } from '../values/coalesce.ts';
import { applyContext, type OperationOptions, type ReleaseContext, timestamp, withApplyMethod } from './context.ts';
import { ended, objectsSince, pruneHistory, revisionsOf, settlePending, supersedeOthers } from './history.ts';
import { runHooks } from './hooks.ts';
import { bringObjects, checkConflicts, describeError, objectsOf } from './objects.ts';
import { thisProcess } from './operation-owner.ts';
import { rollbackRelease } from './rollback.ts';

export interface UpgradeOptions extends OperationOptions {
  name: string;
  rollbackOnFailure: boolean;
  /** Delete what a failed upgrade made new. */
  cleanupOnFail: boolean;
  description?: string;
  takeOwnership: boolean;
  labels: Record<string, string>;
  maxHistory: number;
  valuesFrom: 'reset' | 'reuse' | 'reset-then-reuse' | 'default';
}

/** What an upgrade starts from. */
export interface UpgradeBase {
  /** The revision whose objects are in the cluster: the deployed one, or the newest when there is none. */
  current: Release;
  /** The newest revision's number. */
  lastVersion: number;
  /** Objects that may be there: the current revision's, and those of failed ones since. */
  objects: KubeObject[];
}

/** Looks what there is to upgrade, and gets a dead operation out of the way. */
export async function findUpgradeBase(context: ReleaseContext, options: UpgradeOptions): Promise<UpgradeBase> {
  const { name, labels, abandonPending = false } = options;
  requireReleaseName(name);
  requireUserLabels(labels);
  const revisions = await revisionsOf(context, name).catch((error: unknown) => {
    if (error instanceof ReleaseNotFound) {
      throw new ReleaseError(`"${name}" has no deployed releases`, {
        hint: 'Install it: timonel chart install, or upgrade --install.',
      });
    }
    throw error;
  });
  const last = revisions.at(-1)?.read() as Release;
  const wasPending = last.info.status.startsWith('pending-');
  await settlePending(context, last, abandonPending);
  const deployed = revisions.findLast(({ status }) => status === 'deployed');
  if (!deployed && !wasPending && last.info.status !== 'failed' && last.info.status !== 'superseded') {
    throw new ReleaseError(`"${name}" has no deployed releases: its last revision is ${last.info.status}`, {
      hint: `Install it anew: timonel chart install --replace ${name} …`,
    });
  }
  const current = deployed?.read() ?? last;
  return { current, lastVersion: last.version, objects: objectsSince(revisions, current) };
}

/** The user's values for an upgrade, and the chart with the defaults that go with them. */
export function valuesForUpgrade(
  chart: Chart,
  { current }: UpgradeBase,
  { values, from }: { values: Values; from: UpgradeOptions['valuesFrom'] },
): { chart: Chart; values: Values } {
  switch (from) {
    case 'reset':
      return { chart, values };
    case 'reuse': {
      // The old chart's defaults count, as they were with the old values.
      const old = coalesceValues({ ...chart, values: current.chart.values ?? {}, dependencies: [] }, current.config);
      return { chart: { ...chart, values: old }, values: coalesceTables(values, current.config, 'merge') };
    }
    case 'reset-then-reuse':
      return { chart, values: coalesceTables(values, current.config, 'merge') };
    case 'default':
      return { chart, values: Object.keys(values).length === 0 ? current.config : values };
  }
}

/** A revision as it is about to be deployed. */
export function nextRelease(
  context: ReleaseContext,
  { current, lastVersion }: UpgradeBase,
  { prepared, values, labels }: { prepared: Prepared; values: Values; labels: Record<string, string> },
): Release {
  const kept = Object.fromEntries(
    Object.entries({ ...current.labels, ...labels }).filter(([, value]) => value !== 'null'),
  );
  return {
    name: current.name,
    namespace: current.namespace,
    version: lastVersion + 1,
    info: {
      firstDeployed: current.info.firstDeployed,
      lastDeployed: timestamp(context),
      deleted: '',
      description: 'Preparing upgrade',
      status: 'pending-upgrade',
      notes: prepared.notes,
    },
    chart: storedChart(prepared.chart),
    config: plainValues(values),
    manifest: prepared.manifest,
    hooks: prepared.hooks,
    labels: kept,
    ...(current.applyMethod !== undefined && { applyMethod: current.applyMethod }),
    owner: thisProcess(),
  };
}

/** Brings the cluster to a new revision. Rejects with what went wrong; the failed revision is kept, the old one stays deployed. */
export async function upgradeRelease(
  context: ReleaseContext,
  { base, release: made }: { base: UpgradeBase; release: Release },
  options: UpgradeOptions,
): Promise<Release> {
  const release = withApplyMethod(made, options);
  const { applyMethod } = release;
  const owner = { name: release.name, namespace: release.namespace };
  const wanted = objectsOf(release.manifest);
  const before = new Set(base.objects.map(identityOf));
  const created = wanted.filter((object) => !before.has(identityOf(object)));
  if (!options.takeOwnership) await checkConflicts(context, created, { owner, operation: 'update' });
  await pruneHistory(context, release.name, options.maxHistory);
  await context.storage.create(release);
  const record = (changed: Release): Promise<void> => context.storage.update(changed);
  const { timeoutMs } = options;
  try {
    if (!options.noHooks) await runHooks(context, release, { event: 'pre-upgrade', timeoutMs, record });
    await bringObjects(context, { owner, previous: base.objects, wanted, applyMethod }, options);
    if (!options.noHooks) await runHooks(context, release, { event: 'post-upgrade', timeoutMs, record });
  } catch (error) {
    return failUpgrade(context, release, { error, options, created });
  }
  const done = ended(context, release, { status: 'deployed', description: options.description || 'Upgrade complete' });
  await context.storage.update(done);
  await supersedeOthers(context, done);
  return done;
}

async function failUpgrade(
  context: ReleaseContext,
  release: Release,
  { error, options, created }: { error: unknown; options: UpgradeOptions; created: readonly KubeObject[] },
): Promise<never> {
  const why = describeError(error);
  await context.storage.update(
    ended(context, release, { status: 'failed', description: `Upgrade "${release.name}" failed: ${why}` }),
  );
  if (options.cleanupOnFail) {
    const done = error instanceof ApplyError ? error.applied.map(({ object }) => object) : undefined;
    const made = done ? created.filter((object) => done.some((other) => isSame(other, object))) : created;
    for (const object of made) await removeObject(applyContext(context), object);
  }
  if (!options.rollbackOnFailure) throw error;
  const good = (await context.storage.index(release.name)).findLast(
    ({ status, version }) => version !== release.version && (status === 'deployed' || status === 'superseded'),
  );
  if (!good)
    throw new ReleaseError(`release ${release.name} failed, and there is no good revision to roll back to: ${why}`, {
      cause: error,
    });
  await rollbackRelease(context, release.name, { ...options, version: good.version, wait: true, description: '' });
  throw new ReleaseError(
    `release ${release.name} failed, and has been rolled back due to rollback-on-failure being set: ${why}`,
    { cause: error },
  );
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.name === b.metadata.name && (b.kind === undefined || a.kind === undefined || a.kind === b.kind);
}
