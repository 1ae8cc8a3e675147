import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { unpackChart } from '../chart/archive.ts';
import { type Chart, ChartError, type ChartFile, textOf, type Values } from '../chart/chart.ts';
import { loadFiles } from '../chart/load-files.ts';
import type { Capabilities } from '../render/capabilities.ts';
import { coalesceTables } from '../values/coalesce.ts';
import { readValues } from '../values/read-values.ts';
import { schemaViolations } from '../values/schema.ts';
import type { LintMessage, Severity } from './lint-message.ts';
import { metadataMessages } from './lint-metadata.ts';
import { crdMessages, missingTemplates, templateMessages } from './lint-templates.ts';

export interface LintOptions {
  values: Values;
  namespace: string;
  capabilities: Capabilities;
  skipSchemaValidation: boolean;
  clock: Clock;
  random: Random;
}

/** A chart's files, `Chart.yaml` among them, and what it is called when its dependencies are told of. */
export interface LintSource {
  files: readonly ChartFile[];
  place: string;
}

/** What is wrong with a chart, or could be better: Helm's rules, in its words and its order, loadable or not. */
export async function lintChart({ files, place }: LintSource, options: LintOptions): Promise<LintMessage[]> {
  const metadata = files.find(({ name }) => name === 'Chart.yaml');
  const loaded = await load(files);
  const chart = loaded instanceof ChartError ? undefined : loaded;
  const hasTemplates = files.some(({ name }) => name.startsWith('templates/'));
  const problem = loaded instanceof ChartError ? loaded.message : undefined;
  const unloadable: LintMessage[] = [];
  if (problem !== undefined) {
    if (hasTemplates) unloadable.push(message('ERROR', 'templates/', problem));
    unloadable.push(message('ERROR', '', `unable to load chart\n\t${problem}`));
    if (files.some(({ name }) => name.startsWith('crds/'))) unloadable.push(message('ERROR', 'crds/', problem));
  }
  return [
    ...(metadata ? metadataMessages(metadata) : []),
    ...(await valuesMessages(files, options)),
    ...missingTemplates(chart, hasTemplates),
    ...(chart && hasTemplates ? await templateMessages(chart, options) : []),
    ...unloadable,
    ...(chart ? [...dependencyMessages(chart, place), ...crdMessages(chart)] : []),
  ];
}

function message(severity: Severity, path: string, text: string): LintMessage {
  return { severity, path, text };
}

async function load(files: readonly ChartFile[]): Promise<Chart | ChartError> {
  try {
    return await loadFiles(files, unpackChart);
  } catch (error) {
    if (error instanceof ChartError) return error;
    throw error;
  }
}

/** Of the chart's own values: those of its subcharts are not looked at here. */
async function valuesMessages(files: readonly ChartFile[], options: LintOptions): Promise<LintMessage[]> {
  const path = 'values.yaml';
  const file = files.find(({ name }) => name === path);
  if (!file) return [message('INFO', path, 'file does not exist')];
  let own: Values;
  try {
    own = readValues(textOf(file));
  } catch (error) {
    // Helm's rule has a type of its own for them.
    const text = (error as Error).message.replace(/(?<=value of type )map\[string\]interface {}$/, 'common.Values');
    return [message('ERROR', path, `unable to parse YAML: ${text}`)];
  }
  const schema = files.find(({ name }) => name === 'values.schema.json');
  if (!schema || options.skipSchemaValidation) return [];
  const found = await schemaViolations(schema.data, coalesceTables(options.values, own));
  return found.length === 0 ? [] : [message('ERROR', path, `${found.join('\n')}\n`)];
}

function dependencyMessages({ metadata, dependencies }: Chart, place: string): LintMessage[] {
  const wanted = (metadata.dependencies ?? []).map(({ name }) => name);
  const there = dependencies.map((subchart) => subchart.metadata.name);
  const extra = there.filter((name) => !wanted.includes(name));
  const missing = wanted.filter((name) => !there.includes(name));
  const found: LintMessage[] = [];
  const names = (list: readonly string[]): string => list.join(',');
  if (extra.length > 0)
    found.push(message('ERROR', place, `chart metadata is missing these dependencies: ${names(extra)}`));
  if (missing.length > 0)
    found.push(message('WARNING', place, `chart directory is missing these dependencies: ${names(missing)}`));
  return found;
}
