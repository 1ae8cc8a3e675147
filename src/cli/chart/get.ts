import { releaseAt } from '../../delivery/charts/actions/history.ts';
import { encodeJson } from '../../delivery/charts/functions/json.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';
import { renderRelease } from '../../delivery/charts/release/release-template.ts';
import { type Release, suppliedValues } from '../../delivery/charts/release/release.ts';
import { TemplateError } from '../../delivery/charts/template/error.ts';
import { CliError } from '../errors.ts';
import { withCluster } from './context.ts';
import type { ClusterFlags, OutputFormat } from './flags.ts';
import { computedValues, listTime, printAs, statusText, valuesText } from './print.ts';

export interface GetFlags extends ClusterFlags {
  revision?: number;
  output?: OutputFormat;
  all?: boolean;
  /** A template that is filled in with `.Release`. */
  template?: string;
}

export type GetWhat = 'all' | 'hooks' | 'manifest' | 'metadata' | 'notes' | 'values';

export async function get(what: GetWhat, name: string, flags: GetFlags): Promise<void> {
  await withCluster(flags, async (context) => {
    const release = await releaseAt(context, name, flags.revision);
    switch (what) {
      case 'all':
        process.stdout.write(flags.template ? await filledIn(flags.template, release) : everything(release));
        return;
      case 'hooks':
        process.stdout.write(hooksText(release));
        return;
      case 'manifest':
        process.stdout.write(`${release.manifest}\n`);
        return;
      case 'notes':
        if (release.info.notes !== '') process.stdout.write(`NOTES:\n${release.info.notes}\n`);
        return;
      case 'metadata':
        return printMetadata(release, flags.output ?? 'table');
      case 'values':
        return printValues(release, flags);
    }
  });
}

async function filledIn(template: string, release: Release): Promise<string> {
  try {
    return await renderRelease(template, release);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new CliError(`--template: ${error.message}`, { cause: error });
  }
}

function hooksText({ hooks }: Release): string {
  return hooks.map(({ path, manifest }) => `---\n# Source: ${path}\n${manifest}\n`).join('');
}

function everything(release: Release): string {
  return [
    statusText(release, { hideNotes: true, showMetadata: true }),
    valuesText(release),
    `HOOKS:\n${hooksText(release)}MANIFEST:`,
    release.manifest,
    ...(release.info.notes === '' ? [] : ['NOTES:', release.info.notes.trim()]),
    '',
  ].join('\n');
}

function printValues(release: Release, { all, output = 'table' }: GetFlags): void {
  const values = all ? computedValues(release) : suppliedValues(release);
  const heading = all ? 'COMPUTED VALUES:' : 'USER-SUPPLIED VALUES:';
  if (output === 'json') process.stdout.write(`${encodeJson(values)}\n`);
  else printAs(output, values, () => `${heading}\n${emitYaml(values).replace(/\n$/, '')}`);
}

function printMetadata(release: Release, output: OutputFormat): void {
  const { metadata } = release.chart;
  const data = {
    name: release.name,
    chart: metadata.name,
    version: metadata.version,
    appVersion: metadata.appVersion ?? '',
    ...(metadata.annotations && { annotations: metadata.annotations }),
    ...(Object.keys(release.labels).length > 0 && { labels: release.labels }),
    ...(metadata.dependencies && { dependencies: metadata.dependencies }),
    namespace: release.namespace,
    revision: release.version,
    status: release.info.status,
    deployedAt: listTime(release.info.lastDeployed, '2006-01-02T15:04:05Z07:00'),
    ...(release.applyMethod !== undefined && { applyMethod: release.applyMethod }),
  };
  const pairs = (map: Record<string, string> | undefined): string =>
    Object.entries(map ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .toSorted()
      .join(',');
  printAs(output, data, () =>
    [
      `NAME: ${data.name}`,
      `CHART: ${data.chart}`,
      `VERSION: ${data.version}`,
      `APP_VERSION: ${data.appVersion}`,
      `ANNOTATIONS: ${pairs(metadata.annotations)}`,
      `LABELS: ${pairs(release.labels)}`,
      `DEPENDENCIES: ${(metadata.dependencies ?? [])
        .map(({ name }) => name)
        .toSorted()
        .join(',')}`,
      `NAMESPACE: ${data.namespace}`,
      `REVISION: ${data.revision}`,
      `STATUS: ${data.status}`,
      `DEPLOYED_AT: ${data.deployedAt}`,
      `APPLY_METHOD: ${applyMethodText(release.applyMethod)}`,
    ].join('\n'),
  );
}

/** In the words of `helm get metadata`. */
export function applyMethodText(method: string | undefined): string {
  if (method === 'ssa') return 'server-side apply';
  if (method === 'csa') return 'client-side apply';
  return method === undefined || method === ''
    ? 'client-side apply (defaulted)'
    : `unknown (${JSON.stringify(method)})`;
}
