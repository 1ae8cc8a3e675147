import { namespaces } from '../../../client/resources.ts';
import { isApiError } from '../../../api/status.ts';
import { crdsOf, type Chart, textOf, type Values } from '../chart/chart.ts';
import { plainValues } from '../release/codec.ts';
import { type Release, ReleaseError, storedChart } from '../release/release.ts';
import { requireReleaseName } from '../release/release-name.ts';
import { requireUserLabels } from '../release/storage.ts';
import type { Prepared } from '../render/prepare.ts';
import { type OperationOptions, type ReleaseContext, timestamp, withApplyMethod } from './context.ts';
import { ended, settlePending, supersedeOthers } from './history.ts';
import { runHooks } from './hooks.ts';
import { bringObjects, checkConflicts, describeError, installDefinitions, objectsOf } from './objects.ts';
import { thisProcess } from './operation-owner.ts';
import { uninstallRelease } from './uninstall.ts';

export interface InstallOptions extends OperationOptions {
  name: string;
  /** Take the whole release back when it fails. */
  rollbackOnFailure: boolean;
  createNamespace: boolean;
  description?: string;
  skipCrds: boolean;
  takeOwnership: boolean;
  labels: Record<string, string>;
  /** Use the name of a release that was uninstalled (and kept) or failed. */
  replace: boolean;
}

/** What is looked at before anything is rendered: the name, and who has it. Gives the new revision's number. */
export async function checkInstall(context: ReleaseContext, options: InstallOptions): Promise<number> {
  const { name, replace, labels, abandonPending = false } = options;
  requireReleaseName(name, 'release name check failed: ');
  requireUserLabels(labels);
  const last = (await context.storage.index(name)).at(-1)?.read();
  if (!last) return 1;
  const wasPending = last.info.status.startsWith('pending-');
  if (wasPending) await settlePending(context, last, abandonPending);
  if (replace && (wasPending || last.info.status === 'uninstalled' || last.info.status === 'failed'))
    return last.version + 1;
  throw new ReleaseError('release name check failed: cannot reuse a name that is still in use', {
    hint: `Change the release instead: timonel chart upgrade --install ${name} …; or remove it: timonel chart uninstall ${name}`,
  });
}

/** Definitions must be there before capabilities are looked up and objects are checked. */
export async function prepareCluster(
  context: ReleaseContext,
  chart: Chart,
  { skipCrds, createNamespace }: Pick<InstallOptions, 'skipCrds' | 'createNamespace'>,
): Promise<void> {
  if (createNamespace) await ensureNamespace(context);
  if (skipCrds) return;
  const definitions = crdsOf(chart).map((each) => ({ name: each.file.name, text: textOf(each.file) }));
  await installDefinitions(context, definitions);
}

async function ensureNamespace({ client, namespace }: ReleaseContext): Promise<void> {
  try {
    await client.create(namespaces, { metadata: { name: namespace, labels: { name: namespace } } });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}

export interface NewRelease {
  name: string;
  version: number;
  prepared: Prepared;
  values: Values;
}

/** A release as it is about to be installed. */
export function newRelease(
  context: ReleaseContext,
  { name, version, prepared, values }: NewRelease,
  { labels }: Pick<InstallOptions, 'labels'>,
): Release {
  const now = timestamp(context);
  return {
    name,
    namespace: context.namespace,
    version,
    info: {
      firstDeployed: now,
      lastDeployed: now,
      deleted: '',
      description: 'Initial install underway',
      status: 'pending-install',
      notes: prepared.notes,
    },
    chart: storedChart(prepared.chart),
    config: plainValues(values),
    manifest: prepared.manifest,
    hooks: prepared.hooks,
    labels,
    owner: thisProcess(),
  };
}

/** Installs a release that was made by {@link newRelease}. Rejects with {@link ReleaseError}; the failed release is kept. */
export async function installRelease(
  context: ReleaseContext,
  made: Release,
  options: InstallOptions,
): Promise<Release> {
  const release = withApplyMethod(made, options);
  const { applyMethod } = release;
  const owner = { name: release.name, namespace: release.namespace };
  const objects = objectsOf(release.manifest);
  if (!options.takeOwnership) await checkConflicts(context, objects, { owner, operation: 'install' });
  await context.storage.create(release);
  const record = (changed: Release): Promise<void> => context.storage.update(changed);
  try {
    if (!options.noHooks)
      await runHooks(context, release, { event: 'pre-install', timeoutMs: options.timeoutMs, record });
    await bringObjects(context, { owner, previous: [], wanted: objects, applyMethod }, options);
    if (!options.noHooks)
      await runHooks(context, release, { event: 'post-install', timeoutMs: options.timeoutMs, record });
  } catch (error) {
    return failInstall(context, release, { error, options });
  }
  const done = ended(context, release, {
    status: 'deployed',
    description: options.description || 'Install complete',
  });
  await context.storage.update(done);
  if (release.version > 1) await supersedeOthers(context, done);
  return done;
}

async function failInstall(
  context: ReleaseContext,
  release: Release,
  { error, options }: { error: unknown; options: InstallOptions },
): Promise<never> {
  const why = describeError(error);
  const failed = ended(context, release, { status: 'failed', description: `Release "${release.name}" failed: ${why}` });
  await context.storage.update(failed);
  if (!options.rollbackOnFailure) throw error;
  await uninstallRelease(context, release.name, {
    ...options,
    keepHistory: false,
    propagationPolicy: 'Background',
    description: '',
    ignoreNotFound: true,
  });
  throw new ReleaseError(
    `release ${release.name} failed, and has been uninstalled due to rollback-on-failure being set: ${why}`,
    { cause: error },
  );
}
