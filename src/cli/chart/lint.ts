import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemRandom } from '../../base/random.ts';
import { lintChart, type LintOptions } from '../../delivery/charts/authoring/lint.ts';
import type { LintMessage } from '../../delivery/charts/authoring/lint-message.ts';
import { unpackChart } from '../../delivery/charts/chart/archive.ts';
import { ChartError } from '../../delivery/charts/chart/chart.ts';
import { readDirectory } from '../../delivery/charts/chart/directory.ts';
import { offlineCapabilities } from '../../delivery/charts/render/capabilities.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import type { OutputFormat, ValueFlags } from './flags.ts';
import { printAs } from './print.ts';
import { userValues } from './user-values.ts';

export interface LintFlags extends ValueFlags {
  strict?: boolean;
  withSubcharts?: boolean;
  quiet?: boolean;
  kubeVersion?: string;
  namespace?: string;
  skipSchemaValidation?: boolean;
  output: OutputFormat;
}

/** What is said of one chart; `error` where it cannot be looked at. */
export interface Linted {
  path: string;
  messages: LintMessage[];
  error?: string;
}

export async function lint(paths: string[], flags: LintFlags): Promise<void> {
  const options = {
    ...{ values: await userValues(flags), clock, random: systemRandom, namespace: flags.namespace || 'default' },
    capabilities: offlineCapabilities(flags.kubeVersion),
    skipSchemaValidation: flags.skipSchemaValidation ?? false,
  };
  const given = paths.length === 0 ? ['.'] : paths;
  const below = flags.withSubcharts ? given.flatMap((path) => chartsBelow(join(path, 'charts'))) : [];
  const charts: Linted[] = [];
  for (const path of [...given, ...below]) charts.push({ path, ...(await lintPath(path, options)) });
  const failed = charts.filter(
    ({ messages, error }) =>
      error !== undefined || messages.some(({ severity }) => isBad(severity, flags.strict ?? false)),
  ).length;
  const shown = flags.quiet ? charts.flatMap(withoutRemarks) : charts;
  const summary = `${charts.length} chart(s) linted, ${failed} chart(s) failed`;
  if (flags.output === 'table') process.stdout.write(shown.map(lintedText).join(''));
  else printAs(flags.output, shown.map(lintedData), () => '');
  if (failed > 0) throw new CliError(summary);
  if (flags.output === 'table' && (!flags.quiet || shown.length > 0)) process.stdout.write(`${summary}\n`);
}

function isBad(severity: LintMessage['severity'], strict: boolean): boolean {
  return severity === 'ERROR' || (strict && severity === 'WARNING');
}

/** `--quiet`: nothing of charts that only remarks are made on. */
function withoutRemarks(linted: Linted): Linted[] {
  const messages = linted.messages.filter(({ severity }) => severity !== 'INFO');
  return messages.length > 0 || linted.error !== undefined ? [{ ...linted, messages }] : [];
}

function lintedText({ path, messages, error }: Linted): string {
  const lines = messages.map(({ severity, path: at, text }) => `[${severity}] ${at}: ${text}`);
  return [`==> Linting ${path}`, ...(error === undefined ? [] : [`Error ${error}`]), ...lines, '', ''].join('\n');
}

/** Helm's form; a message about the chart as a whole has no path. */
function lintedData({ path, messages, error }: Linted): object {
  return {
    chart: path,
    messages: [
      ...(error === undefined ? [] : [{ severity: 'ERROR', message: error }]),
      ...messages.map(({ severity, path: at, text }) => ({ severity, ...(at !== '' && { path: at }), message: text })),
    ],
  };
}

/** Directories with a `Chart.yaml`, and archives, in the order of their names. */
function chartsBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return chartsBelow(path);
    if (entry.name === 'Chart.yaml') return [directory];
    return /\.(?:tgz|tar\.gz)$/.test(entry.name) ? [path] : [];
  });
}

/** What is said of a chart, or why nothing can be. */
async function lintPath(path: string, options: LintOptions): Promise<Omit<Linted, 'path'>> {
  try {
    const isArchive = /\.(?:tgz|tar\.gz)$/.test(path);
    const manifest = join(path, 'Chart.yaml');
    if (!isArchive && !existsSync(manifest)) {
      const error = `unable to check Chart.yaml file in chart: stat ${manifest}: no such file or directory`;
      return { messages: [], error };
    }
    const files = isArchive ? await unpackChart(await readFile(path), path) : readDirectory(path);
    return { messages: await lintChart({ files, place: resolve(path) }, options) };
  } catch (error) {
    if (error instanceof ChartError) return { messages: [], error: error.message };
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { messages: [], error: `unable to open tarball: open ${path}: no such file or directory` };
  }
}
