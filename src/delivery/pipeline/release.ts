import type { KubeObject } from '../../api/object.ts';
import { checkInstall, installRelease, newRelease, prepareCluster } from '../charts/actions/install.ts';
import type { OperationOptions, ReleaseContext, Rollout } from '../charts/actions/context.ts';
import { objectsSince } from '../charts/actions/history.ts';
import { objectsOf } from '../charts/actions/objects.ts';
import { rollbackRelease } from '../charts/actions/rollback.ts';
import { type Tried, tryObjects } from '../charts/actions/try-objects.ts';
import { uninstallRelease } from '../charts/actions/uninstall.ts';
import { findUpgradeBase, nextRelease, upgradeRelease } from '../charts/actions/upgrade.ts';
import type { Release } from '../charts/release/release.ts';
import type { ReleaseFacts } from '../charts/render/context.ts';
import { createLookup } from '../charts/render/lookup.ts';
import { type Prepared, prepareRelease } from '../charts/render/prepare.ts';
import { type LoadedSource, manifestOf } from './load-source.ts';
import type { Strategy } from './ship-file.ts';
import { versioned } from './strategy.ts';

export interface ReleaseOptions {
  name: string;
  timeoutMs: number;
  /** How many revisions are kept. */
  history: number;
  /** How its objects must be, for the rollout to go that way. */
  strategy: Strategy;
  description: string;
  rollout: Rollout;
  /** Go on although another operation is marked as under way. */
  abandonPending?: boolean;
}

type Way = Pick<ReleaseOptions, 'timeoutMs' | 'rollout' | 'abandonPending'>;

function operation({ timeoutMs, rollout, abandonPending }: Way): OperationOptions {
  return { timeoutMs, rollout, abandonPending, wait: true, waitForJobs: false, noHooks: false, force: false };
}

/** Whether there is a release to upgrade: any that was not uninstalled. */
async function isThere({ storage }: ReleaseContext, name: string): Promise<boolean> {
  const last = (await storage.index(name)).at(-1);
  return last !== undefined && last.status !== 'uninstalled';
}

/** Installs or upgrades the release. Rejects with what went wrong; the revision is kept as failed. */
export async function deployRelease(
  context: ReleaseContext,
  source: LoadedSource,
  options: ReleaseOptions,
): Promise<Release> {
  const { name, description, history } = options;
  const common = {
    ...operation(options),
    name,
    description,
    labels: {},
    takeOwnership: false,
    rollbackOnFailure: false,
  };
  const { values } = source;
  if (!(await isThere(context, name))) {
    const install = { ...common, createNamespace: true, skipCrds: false, replace: true };
    const version = await checkInstall(context, install);
    await prepareCluster(context, source.chart, install);
    const prepared = await prepareSource(context, source, factsOf(context, name, version), options.strategy);
    return installRelease(context, newRelease(context, { name, version, prepared, values }, install), install);
  }
  const upgrade = { ...common, cleanupOnFail: false, maxHistory: history, valuesFrom: 'reset' as const };
  const base = await findUpgradeBase(context, upgrade);
  const prepared = await prepareSource(context, source, factsOf(context, name, base.lastVersion + 1), options.strategy);
  const release = nextRelease(context, base, { prepared, values, labels: {} });
  return upgradeRelease(context, { base, release }, upgrade);
}

function factsOf({ namespace }: ReleaseContext, name: string, revision: number): ReleaseFacts {
  return { name, namespace, revision, isUpgrade: revision > 1 };
}

/** What the cluster would get of a source, for this revision. */
async function prepareSource(
  context: ReleaseContext,
  { chart, values, objects }: LoadedSource,
  release: ReleaseFacts,
  strategy: Strategy,
): Promise<Prepared> {
  const manifestFor = (all: readonly KubeObject[]): string => manifestOf(versioned(all, strategy));
  if (objects) return { chart, hooks: [], manifests: [], manifest: manifestFor(objects), notes: '' };
  const { client, mapper, clock, random, say } = context;
  const [version, apiVersions] = await Promise.all([client.raw('GET', '/version'), mapper.apiVersions()]);
  return prepareRelease({
    ...{ chart, values, release, clock, random, warn: say },
    capabilities: { kubeVersion: (version as { gitVersion: string }).gitVersion, apiVersions },
    lookup: createLookup(client, mapper),
    ...(strategy.type !== 'rolling' && {
      postRenderer: (manifest: string) => Promise.resolve(manifestFor(objectsOf(manifest))),
    }),
  });
}

export type Restored =
  /** The failure came before anything was changed. */
  | { kind: 'unchanged'; revision: number }
  | { kind: 'rolled-back'; release: Release; to: number }
  /** There was no good release before. */
  | { kind: 'removed' }
  | { kind: 'nothing' };

/** After a failure: back to the last revision that was good, or away with what there is when none ever was. */
export async function restoreRelease(
  context: ReleaseContext,
  options: Omit<ReleaseOptions, 'description' | 'strategy'>,
): Promise<Restored> {
  const { name } = options;
  const revisions = await context.storage.index(name);
  const last = revisions.at(-1);
  // Another operation is under way: it was not begun by this one, which marks its own failures.
  if (!last || last.status === 'uninstalled' || last.status.startsWith('pending-')) return { kind: 'nothing' };
  if (last.status === 'deployed') return { kind: 'unchanged', revision: last.version };
  const good = revisions.findLast(({ status }) => status === 'deployed' || status === 'superseded');
  if (!good) {
    await uninstallRelease(context, name, {
      ...operation(options),
      ...{ keepHistory: false, propagationPolicy: 'Background', description: '', ignoreNotFound: true },
    });
    return { kind: 'removed' };
  }
  const release = await returnTo(context, good.version, { ...options, description: '' });
  return { kind: 'rolled-back', release, to: good.version };
}

/** Brings the release back to an earlier revision (0: the one before the newest), as a new one. */
export async function returnTo(
  context: ReleaseContext,
  version: number,
  options: Omit<ReleaseOptions, 'strategy'>,
): Promise<Release> {
  const { name, history, description } = options;
  return rollbackRelease(context, name, {
    ...operation(options),
    ...{ version, description, cleanupOnFail: false, maxHistory: history },
  });
}

/** The newest good revision before the one that is deployed: what a rollback goes to by itself. */
export async function lastGoodRevision({ storage }: ReleaseContext, name: string): Promise<number | undefined> {
  const revisions = await storage.index(name);
  const current = revisions.findLast(({ status }) => status === 'deployed')?.version ?? Infinity;
  return revisions.findLast(({ status, version }) => version < current && status === 'superseded')?.version;
}

/** What deploying a source would change, by the server's own dry run. */
export async function planRelease(
  context: ReleaseContext,
  source: LoadedSource,
  name: string,
  strategy: Strategy,
): Promise<Tried[]> {
  const owner = { name, namespace: context.namespace };
  const revisions = (await isThere(context, name)) ? await context.storage.index(name) : [];
  const last = revisions.at(-1)?.read();
  const current = revisions.findLast(({ status }) => status === 'deployed')?.read() ?? last;
  const prepared = await prepareSource(context, source, factsOf(context, name, (last?.version ?? 0) + 1), strategy);
  const previous = current ? objectsSince(revisions, current) : [];
  return tryObjects(context, { owner, previous, wanted: objectsOf(prepared.manifest) });
}
