import { systemRandom } from '../../base/random.ts';
import {
  checkInstall,
  installRelease,
  type InstallOptions,
  newRelease,
  prepareCluster,
} from '../../delivery/charts/actions/install.ts';
import {
  findUpgradeBase,
  nextRelease,
  upgradeRelease,
  type UpgradeOptions,
  valuesForUpgrade,
} from '../../delivery/charts/actions/upgrade.ts';
import type { Chart } from '../../delivery/charts/chart/chart.ts';
import type { Values } from '../../delivery/charts/chart/chart.ts';
import type { Release } from '../../delivery/charts/release/release.ts';
import { type Capabilities, offlineCapabilities } from '../../delivery/charts/render/capabilities.ts';
import type { ReleaseFacts } from '../../delivery/charts/render/context.ts';
import { createLookup } from '../../delivery/charts/render/lookup.ts';
import { checkDependencies, type Prepared, prepareRelease } from '../../delivery/charts/render/prepare.ts';
import { processDependencies } from '../../delivery/charts/values/dependencies.ts';
import { clock } from '../context.ts';
import { CliError, OperationError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { chartOf } from './chart-source.ts';
import { type CliReleaseContext, operationOptions, withCluster } from './context.ts';
import type { ChartFlags, ClusterFlags, OperationFlags, OutputFormat, RenderFlags, ValueFlags } from './flags.ts';
import { printAs, releaseData, statusText } from './print.ts';
import { nameAndChart } from './release-name.ts';
import { renderExtras, showingInvalid } from './render-extras.ts';
import { userValues } from './user-values.ts';

export interface InstallFlags extends ClusterFlags, ValueFlags, ChartFlags, RenderFlags, OperationFlags {
  output: OutputFormat;
  createNamespace?: boolean;
  description?: string;
  skipCrds?: boolean;
  takeOwnership?: boolean;
  labels: Record<string, string>;
  hideNotes?: boolean;
  generateName?: boolean;
  nameTemplate?: string;
  replace?: boolean;
}

export interface UpgradeFlags extends InstallFlags {
  install?: boolean;
  resetValues?: boolean;
  reuseValues?: boolean;
  resetThenReuseValues?: boolean;
  cleanupOnFail?: boolean;
  historyMax: number;
}

export async function install(words: string[], flags: InstallFlags): Promise<void> {
  await failingAs('INSTALLATION FAILED', async () => {
    checkHidden(flags);
    const { name, reference } = await nameAndChart(words, flags);
    const [chart, values] = await Promise.all([chartOf(reference, flags), userValues(flags)]);
    await withCluster(flags, async (context) => {
      const release = await installChart(context, { name, chart, values }, flags);
      show(release, flags);
    });
  });
}

/** Helm's words for what failed, which scripts look for. */
async function failingAs<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new OperationError(operation, error);
  }
}

/** Whoever hides secrets wants to see the rest, and not to install. */
function checkHidden({ hideSecret, dryRun }: RenderFlags): void {
  if (hideSecret && !dryRun) throw new CliError('hiding Kubernetes secrets requires a dry-run mode');
}

interface ToInstall {
  name: string;
  chart: Chart;
  values: Values;
}

async function installChart(
  context: CliReleaseContext,
  { name, chart, values }: ToInstall,
  flags: InstallFlags,
): Promise<Release> {
  warnDeprecated(chart);
  const options: InstallOptions = {
    ...operationOptions(flags),
    ...{ name, labels: flags.labels, createNamespace: flags.createNamespace ?? false },
    ...{
      skipCrds: flags.skipCrds ?? false,
      takeOwnership: flags.takeOwnership ?? false,
      replace: flags.replace ?? false,
    },
    ...(flags.description && { description: flags.description }),
  };
  const isOffline = isClientDryRun(flags);
  const version = isOffline ? 1 : await checkInstall(context, options);
  // What conditions and tags turn off has no definitions to install.
  if (!flags.dryRun) await prepareCluster(context, processDependencies(chart, values), options);
  const release = { name, namespace: context.namespace, revision: version, isUpgrade: false };
  const prepared = await prepare(context, { chart, values, release }, flags);
  const made = newRelease(context, { name, version, prepared, values }, options);
  if (flags.dryRun) return { ...made, info: { ...made.info, description: 'Dry run complete' } };
  return installRelease(context, made, options);
}

export async function upgrade(name: string, reference: string, flags: UpgradeFlags): Promise<void> {
  const [chart, values] = await Promise.all([chartOf(reference, flags), userValues(flags)]);
  checkDependencies(chart);
  await failingAs('UPGRADE FAILED', async () => checkHidden(flags));
  await withCluster(flags, async (context) => {
    if (flags.install && (await isMissing(context, name))) {
      if (flags.output === 'table') process.stdout.write(`Release "${name}" does not exist. Installing it now.\n`);
      show(await installChart(context, { name, chart, values }, { ...flags, replace: true }), flags);
      return;
    }
    const release = await failingAs('UPGRADE FAILED', () => upgradeChart(context, { name, chart, values }, flags));
    if (flags.output === 'table' && !flags.dryRun)
      process.stdout.write(`Release "${name}" has been upgraded. Happy Helming!\n`);
    show(release, flags, true);
  });
}

/** Nothing there, or only what was uninstalled. */
async function isMissing({ storage }: CliReleaseContext, name: string): Promise<boolean> {
  const revisions = await storage.index(name);
  return revisions.length === 0 || revisions.at(-1)?.status === 'uninstalled';
}

async function upgradeChart(
  context: CliReleaseContext,
  { name, chart, values: given }: ToInstall,
  flags: UpgradeFlags,
): Promise<Release> {
  warnDeprecated(chart);
  const options: UpgradeOptions = {
    ...operationOptions(flags),
    ...{ name, labels: flags.labels, maxHistory: flags.historyMax, cleanupOnFail: flags.cleanupOnFail ?? false },
    takeOwnership: flags.takeOwnership ?? false,
    valuesFrom: valuesFrom(flags),
    ...(flags.description && { description: flags.description }),
  };
  const base = await findUpgradeBase(context, options);
  const { chart: effective, values } = valuesForUpgrade(chart, base, { values: given, from: options.valuesFrom });
  const facts = { name, namespace: context.namespace, revision: base.lastVersion + 1, isUpgrade: true };
  const prepared = await prepare(context, { chart: effective, values, release: facts }, flags);
  const release = nextRelease(context, base, { prepared, values, labels: flags.labels });
  if (flags.dryRun) return { ...release, info: { ...release.info, description: 'Dry run complete' } };
  return upgradeRelease(context, { base, release }, options);
}

function valuesFrom(flags: UpgradeFlags): UpgradeOptions['valuesFrom'] {
  if (flags.resetValues) return 'reset';
  if (flags.reuseValues) return 'reuse';
  return flags.resetThenReuseValues ? 'reset-then-reuse' : 'default';
}

function isClientDryRun({ dryRun }: RenderFlags): boolean {
  return dryRun === 'client';
}

/** Renders for the cluster, or without asking it when that is not wanted. */
async function prepare(
  context: CliReleaseContext,
  { chart, values, release }: { chart: Chart; values: Values; release: ReleaseFacts },
  flags: RenderFlags & ClusterFlags,
): Promise<Prepared> {
  const isOffline = isClientDryRun(flags);
  return showingInvalid(flags, async () =>
    prepareRelease({
      ...{ chart, values, release, clock, random: systemRandom, warn: context.say },
      capabilities: isOffline
        ? offlineCapabilities(flags.kubeVersion, flags.apiVersions)
        : await clusterCapabilities(context),
      subNotes: flags.renderSubchartNotes ?? false,
      skipSchemaValidation: flags.skipSchemaValidation ?? false,
      ...(!isOffline && { lookup: createLookup(context.client, context.mapper) }),
      ...(await renderExtras(flags)),
    }),
  );
}

export async function clusterCapabilities({
  client,
  mapper,
}: Pick<CliReleaseContext, 'client' | 'mapper'>): Promise<Capabilities> {
  const [version, apiVersions] = await Promise.all([client.raw('GET', '/version'), mapper.apiVersions()]);
  return { kubeVersion: (version as { gitVersion: string }).gitVersion, apiVersions };
}

function warnDeprecated({ metadata }: Chart): void {
  if (metadata.deprecated) createOutput().message('warning: this chart is deprecated');
}

function show(release: Release, flags: InstallFlags, isUpgrade = false): void {
  const isDry = flags.dryRun !== undefined;
  printAs(flags.output, releaseData(release), () =>
    statusText(release, {
      hideNotes: flags.hideNotes ?? false,
      showValues: flags.debug ?? false,
      isUpgrade,
      showManifest: isDry || (flags.debug ?? false),
      hideSecret: flags.hideSecret ?? false,
    }),
  );
}
