import { formatTime, parseTime, type Time } from '../../delivery/charts/functions/go-time.ts';
import { localZone, utc } from '../../delivery/charts/functions/time-zones.ts';
import { structJson } from '../../delivery/charts/functions/json.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';
import { storedForm } from '../../delivery/charts/release/codec.ts';
import { type Release, suppliedValues } from '../../delivery/charts/release/release.ts';
import { coalesceValues } from '../../delivery/charts/values/coalesce.ts';
import type { OutputFormat } from './flags.ts';

/** Prints data as JSON or YAML, or as the text that `table` gives. */
export function printAs(format: OutputFormat, data: unknown, table: () => string): void {
  if (format === 'json') process.stdout.write(`${structJson(data)}\n`);
  else if (format === 'yaml') process.stdout.write(emitYaml(data));
  else process.stdout.write(`${table()}\n`);
}

/** Columns as Helm prints them: padded to the widest cell, a tab between. */
export function helmTable(rows: readonly (readonly string[])[], maxWidth = Infinity): string {
  const cut = (cell: string): string => (cell.length > maxWidth ? `${cell.slice(0, maxWidth - 3)}...` : cell);
  const cells = rows.map((row) => row.map(cut));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  return cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('\t')).join('\n');
}

/** `Mon Jan  2 15:04:05 2006`, in local time: Go's ANSIC. */
export function ansiTime(time: string): string {
  const parsed = parsedTime(time);
  return parsed === undefined ? '' : formatTime({ ...parsed, zone: localZone() }, 'Mon Jan _2 15:04:05 2006');
}

/** A stored time by a layout of Go's; default: as Go prints times. `-` is never. */
export function listTime(time: string, layout = '2006-01-02 15:04:05.999999999 -0700 MST'): string {
  const parsed = parsedTime(time);
  return parsed === undefined ? time || '-' : formatTime(parsed, layout);
}

function parsedTime(time: string): Time | undefined {
  try {
    return parseTime('2006-01-02T15:04:05Z07:00', time, utc);
  } catch {
    // Never set, or written by who knows whom.
    return undefined;
  }
}

/** `web-1.2.3` */
export function chartLabel({ chart }: Release): string {
  return chart.metadata.name === '' ? 'MISSING' : `${chart.metadata.name}-${chart.metadata.version}`;
}

/** A release for `-o json`, in Helm's form; `status` tells nothing of its chart, which is long. */
export function releaseData(
  release: Release,
  { withChart = true, resources = {} }: { withChart?: boolean; resources?: Record<string, readonly object[]> } = {},
): object {
  const { name, info, chart, config, manifest, hooks, version, ...more } = storedForm(release);
  return {
    ...{ name, info: { ...info, ...(Object.keys(resources).length > 0 && { resources }) } },
    ...(withChart && { chart }),
    ...(config && { config }),
    ...(manifest !== undefined && { manifest }),
    ...(hooks && { hooks }),
    ...(version !== 0 && { version }),
    ...more,
  };
}

export interface StatusText {
  /** Chart and versions, as `get all` has them. */
  showMetadata?: boolean;
  hideNotes?: boolean;
  /** Show the values: --debug. */
  showValues?: boolean;
  /** An upgrade has values where nobody gave any: none, and not null. */
  isUpgrade?: boolean;
  /** Show hooks and manifest: a dry run, or --debug. */
  showManifest?: boolean;
  hideSecret?: boolean;
  /** Tables of what is in the cluster. */
  resources?: string;
}

/** What Helm says after an install or upgrade, and for `status`. */
export function statusText(release: Release, options: StatusText = {}): string {
  const { hideNotes, showValues, showManifest, hideSecret, showMetadata, resources, isUpgrade } = options;
  const { info } = release;
  const { metadata } = release.chart;
  const lines = [
    `NAME: ${release.name}`,
    ...(info.lastDeployed ? [`LAST DEPLOYED: ${ansiTime(info.lastDeployed)}`] : []),
    `NAMESPACE: ${release.namespace}`,
    `STATUS: ${info.status}`,
    `REVISION: ${release.version}`,
    ...(showMetadata
      ? [`CHART: ${metadata.name}`, `VERSION: ${metadata.version}`, `APP_VERSION: ${metadata.appVersion ?? ''}`]
      : []),
    `DESCRIPTION: ${info.description}`,
    ...(resources ? [`RESOURCES:\n${resources}`] : []),
    ...testLines(release),
  ];
  if (showValues) lines.push(valuesText(release, isUpgrade ? {} : null));
  if (showManifest) {
    lines.push('HOOKS:');
    for (const { path, manifest } of release.hooks) lines.push(`---\n# Source: ${path}\n${manifest}`);
    lines.push('MANIFEST:', hideSecret ? withoutSecrets(release.manifest) : release.manifest);
  }
  if (!hideNotes && info.notes.trim() !== '') lines.push('NOTES:', info.notes.trim());
  return lines.join('\n');
}

/** The user's values, and what they are with those of the chart. */
export function valuesText(release: Release, none: Record<string, unknown> | null = null): string {
  return [
    'USER-SUPPLIED VALUES:',
    emitYaml(suppliedValues(release) ?? none),
    'COMPUTED VALUES:',
    emitYaml(computedValues(release)),
  ].join('\n');
}

export function computedValues({ chart, config }: Release): Record<string, unknown> {
  const { metadata, templates, values, files } = chart;
  return coalesceValues({ metadata, templates, values: values ?? {}, files, raw: [], dependencies: [] }, config);
}

function testLines({ hooks }: Release): string[] {
  const tests = hooks.filter(({ events }) => events.includes('test'));
  // Of tests that have not been run nothing is said.
  if (tests.length === 0) return ['TEST SUITE: None'];
  return tests
    .filter(({ lastRun }) => lastRun.startedAt !== '')
    .flatMap(({ name, lastRun }) => [
      `TEST SUITE:     ${name}`,
      `Last Started:   ${ansiTime(lastRun.startedAt)}`,
      `Last Completed: ${ansiTime(lastRun.completedAt)}`,
      `Phase:          ${lastRun.phase}`,
    ]);
}

function withoutSecrets(manifest: string): string {
  return manifest
    .split(/^(?=---\n)/m)
    .map((document) => {
      const source = /^# Source: .*$/m.exec(document)?.[0];
      return /^kind:\s*["']?Secret["']?\s*$/m.test(document)
        ? `---\n${source ?? ''}\n# HIDDEN: The Secret output has been suppressed\n`
        : document;
    })
    .join('');
}
