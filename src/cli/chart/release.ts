import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { releaseAt, revisionsOf } from '../../delivery/charts/actions/history.ts';
import { prepareRollback, rollbackRelease } from '../../delivery/charts/actions/rollback.ts';
import { testRelease } from '../../delivery/charts/actions/test-release.ts';
import { type Uninstalled, uninstallRelease } from '../../delivery/charts/actions/uninstall.ts';
import { type Release, ReleaseError, type ReleaseStatus } from '../../delivery/charts/release/release.ts';
import { type ReleaseSelection, selectReleases } from '../../delivery/charts/release/select-releases.ts';
import type { StoredRevision } from '../../delivery/charts/release/storage.ts';
import { parseLabelSelector } from '../../api/label-selector.ts';
import { operationOptions, withCluster } from './context.ts';
import type { ClusterFlags, DryRun, OperationFlags, OutputFormat } from './flags.ts';
import { liveResources, resourceTables } from './resources.ts';
import { ansiTime, chartLabel, helmTable, listTime, printAs, releaseData, statusText } from './print.ts';

export interface ListFlags extends ClusterFlags {
  output: OutputFormat;
  allNamespaces?: boolean;
  all?: boolean;
  date?: boolean;
  reverse?: boolean;
  max: number;
  offset: number;
  filter?: string;
  selector?: string;
  short?: boolean;
  headers: boolean;
  timeFormat?: string;
  deployed?: boolean;
  failed?: boolean;
  pending?: boolean;
  superseded?: boolean;
  uninstalled?: boolean;
  uninstalling?: boolean;
}

export async function list(flags: ListFlags): Promise<void> {
  await withCluster(flags, async ({ storage, say }) => {
    const selection: ReleaseSelection = {
      ...{ states: statesOf(flags), all: flags.all ?? false },
      ...(flags.filter !== undefined && { matchesName: await nameFilter(flags.filter) }),
      ...(flags.selector !== undefined && { matchesLabels: labelFilter(flags.selector) }),
    };
    const shown = selectReleases(await storage.index(), selection).flatMap((revision) => readable(revision, say));
    const byDate = ({ info }: Release): string => info.lastDeployed;
    shown.sort((a, b) => (flags.date ? compare(byDate(a), byDate(b)) : 0) || compare(a.name, b.name));
    if (flags.reverse) shown.reverse();
    const page = shown.slice(flags.offset, flags.max === 0 ? undefined : flags.offset + flags.max);
    printReleases(page, flags);
  });
}

/** One that cannot be read must not hide all others. */
function readable(revision: StoredRevision, say: (message: string) => void): Release[] {
  try {
    return [revision.read()];
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    say(`warning: revision ${revision.version} of release "${revision.name}" is left out: ${error.message}`);
    return [];
  }
}

function statesOf(flags: ListFlags): ReleaseStatus[] {
  return [
    ...(flags.deployed ? (['deployed'] as const) : []),
    ...(flags.failed ? (['failed'] as const) : []),
    ...(flags.pending ? (['pending-install', 'pending-upgrade', 'pending-rollback'] as const) : []),
    ...(flags.superseded ? (['superseded'] as const) : []),
    ...(flags.uninstalled ? (['uninstalled'] as const) : []),
    ...(flags.uninstalling ? (['uninstalling'] as const) : []),
  ];
}

function labelFilter(text: string): (labels: Record<string, string>) => boolean {
  const selector = parseLabelSelector(text);
  return (labels) => selector.matches(labels);
}

/** An expression in Go's dialect, whose time grows with the name alone. */
async function nameFilter(expression: string): Promise<(name: string) => boolean> {
  const { RE2JS } = await import('re2js');
  try {
    const compiled = RE2JS.compile(expression);
    return (name) => compiled.matcher(name).find();
  } catch (error) {
    throw new CliError(`--filter: ${(error as Error).message}`, { cause: error });
  }
}

function printReleases(releases: readonly Release[], flags: ListFlags): void {
  if (flags.short) {
    const names = releases.map(({ name }) => name);
    if (flags.output === 'table') process.stdout.write(names.map((name) => `${name}\n`).join(''));
    else printAs(flags.output, names, () => '');
    return;
  }
  const data = releases.map((release) => ({
    name: release.name,
    namespace: release.namespace,
    revision: String(release.version),
    updated: listTime(release.info.lastDeployed, flags.timeFormat),
    status: release.info.status,
    chart: chartLabel(release),
    app_version: release.chart.metadata.appVersion ?? '',
  }));
  const header = ['NAME', 'NAMESPACE', 'REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION'];
  printAs(flags.output, data, () =>
    helmTable([...(flags.headers ? [header] : []), ...data.map((row) => Object.values(row))]),
  );
}

export async function status(
  name: string,
  flags: ClusterFlags & { output: OutputFormat; revision?: number },
): Promise<void> {
  await withCluster(flags, async (context) => {
    const release = await releaseAt(context, name, flags.revision);
    if (flags.output === 'table') {
      const resources = await resourceTables(context, release);
      process.stdout.write(`${statusText(release, { resources })}\n`);
    } else {
      const resources = await liveResources(context, release);
      printAs(flags.output, releaseData(release, { withChart: false, resources }), () => '');
    }
  });
}

export async function history(
  name: string,
  flags: ClusterFlags & { output: OutputFormat; max: number; showRollbackRevision?: boolean },
): Promise<void> {
  await withCluster(flags, async (context) => {
    const revisions = (await revisionsOf(context, name))
      .slice(flags.max === 0 ? 0 : -flags.max)
      .map((revision) => revision.read());
    const withTarget = flags.showRollbackRevision ?? false;
    const data = revisions.map((release) => ({
      revision: release.version,
      ...(release.info.lastDeployed && { updated: release.info.lastDeployed }),
      status: release.info.status,
      chart: chartLabel(release),
      app_version: release.chart.metadata.appVersion ?? '',
      ...(withTarget && rollbackTarget(release)),
      description: release.info.description,
    }));
    printAs(flags.output, data, () =>
      helmTable([
        [
          ...['REVISION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION'],
          ...(withTarget ? ['ROLLBACK'] : []),
          'DESCRIPTION',
        ],
        ...data.map((row) => [
          ...[String(row.revision), ansiTime(row.updated ?? ''), row.status, row.chart, row.app_version],
          ...(withTarget ? [String(row.rollback_revision ?? '')] : []),
          row.description,
        ]),
      ]),
    );
  });
}

/** Which revision a rollback went back to. Helm 4.1 tells it in the description alone, later ones keep it. */
function rollbackTarget({ info }: Release): { rollback_revision?: number } {
  const target = info.rollbackRevision ?? Number(/^Rollback to (\d+)$/.exec(info.description)?.[1] ?? 0);
  return target > 0 ? { rollback_revision: target } : {};
}

export interface RollbackFlags extends ClusterFlags, OperationFlags {
  cleanupOnFail?: boolean;
  historyMax: number;
  dryRun?: DryRun;
  description?: string;
}

export async function rollback(name: string, revision: string | undefined, flags: RollbackFlags): Promise<void> {
  const version = revision === undefined ? 0 : Number(revision);
  if (!Number.isInteger(version) || version < 0)
    throw new CliError(
      `could not convert revision to a number: strconv.Atoi: parsing ${JSON.stringify(revision)}: invalid syntax`,
    );
  await withCluster(flags, async (context) => {
    const options = {
      ...operationOptions(flags),
      version,
      cleanupOnFail: flags.cleanupOnFail ?? false,
      maxHistory: flags.historyMax,
      description: flags.description ?? '',
    };
    if (flags.dryRun) await prepareRollback(context, name, options);
    else await rollbackRelease(context, name, options);
    process.stdout.write('Rollback was a success! Happy Helming!\n');
  });
}

export interface UninstallFlags extends ClusterFlags, OperationFlags {
  keepHistory?: boolean;
  cascade: 'background' | 'foreground' | 'orphan';
  description?: string;
  ignoreNotFound?: boolean;
  dryRun?: DryRun;
}

const propagation = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

export async function uninstall(names: string[], flags: UninstallFlags): Promise<void> {
  await withCluster(flags, async (context) => {
    for (const name of names) {
      if (flags.dryRun) await releaseAt(context, name);
      const done = flags.dryRun
        ? undefined
        : await uninstallRelease(context, name, {
            ...operationOptions(flags),
            keepHistory: flags.keepHistory ?? false,
            propagationPolicy: propagation[flags.cascade],
            description: flags.description ?? '',
            ignoreNotFound: flags.ignoreNotFound ?? false,
          });
      if (done) process.stdout.write(leftText(done));
      process.stdout.write(`release "${name}" uninstalled\n`);
    }
  });
}

/** What an uninstall left, and why, in Helm's words. */
export function leftText({ kept, foreign }: Pick<Uninstalled, 'kept' | 'foreign'>): string {
  const part = (title: string, labels: readonly string[]): string =>
    labels.length === 0 ? '' : `${title}:\n${labels.map((label) => `${label}\n`).join('')}\n`;
  return (
    part('These resources were kept due to the resource policy', kept) +
    part(`${foreign.length} resource(s) were not deleted because they are not owned by this release`, foreign)
  );
}

export interface TestFlags extends ClusterFlags {
  timeout: number;
  filter: string[];
  logs?: boolean;
}

export async function test(name: string, flags: TestFlags): Promise<void> {
  await withCluster(flags, async (context) => {
    const output = createOutput();
    const logs: string[] = [];
    const { release, failure } = await testRelease({ ...context, log: (line) => void logs.push(line) }, name, {
      timeoutMs: flags.timeout,
      filters: flags.filter,
      logs: flags.logs ?? false,
    });
    output.data(statusText(release, { hideNotes: true }));
    if (flags.logs) output.data(['', ...logs].join('\n'));
    if (failure) throw failure;
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
