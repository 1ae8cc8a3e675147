import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { systemRandom } from '../../base/random.ts';
import { crdsOf, textOf } from '../../delivery/charts/chart/chart.ts';
import { shellPattern } from '../../delivery/charts/chart/shell-pattern.ts';
import { requireReleaseName } from '../../delivery/charts/release/release-name.ts';
import { offlineCapabilities } from '../../delivery/charts/render/capabilities.ts';
import { type Prepared, prepareRelease, type PrepareOptions } from '../../delivery/charts/render/prepare.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { chartOf } from './chart-source.ts';
import type { RenderFlags, ValueFlags, ChartFlags, ClusterFlags } from './flags.ts';
import { nameAndChart } from './release-name.ts';
import { renderExtras, showingInvalid } from './render-extras.ts';
import { userValues } from './user-values.ts';

export interface TemplateFlags extends ClusterFlags, ValueFlags, ChartFlags, RenderFlags {
  showOnly: string[];
  validate?: boolean;
  includeCrds?: boolean;
  outputDir?: string;
  isUpgrade?: boolean;
  skipTests?: boolean;
  releaseName?: boolean;
  generateName?: boolean;
  nameTemplate?: string;
  hooks: boolean;
  skipCrds?: boolean;
}

/** `NAME CHART`, or `CHART` alone: renders what would be installed. No cluster is asked, unless --validate says so. */
export async function template(words: string[], flags: TemplateFlags): Promise<void> {
  const { name, reference } = await nameAndChart(words, flags, 'release-name');
  requireReleaseName(name, 'release name check failed: ');
  const [chart, values] = await Promise.all([chartOf(reference, flags), userValues(flags)]);
  const output = createOutput();
  const release = {
    ...{ name, namespace: flags.namespace || 'default' },
    ...{ revision: 1, isUpgrade: flags.isUpgrade ?? false },
  };
  const options: PrepareOptions = {
    ...{ chart, values, release, clock, random: systemRandom },
    capabilities: offlineCapabilities(flags.kubeVersion, flags.apiVersions),
    subNotes: flags.renderSubchartNotes ?? false,
    skipSchemaValidation: flags.skipSchemaValidation ?? false,
    warn: (message) => output.message(message),
    ...(await renderExtras(flags)),
  };
  const asksCluster = flags.validate || flags.dryRun === 'server';
  const prepared = await showingInvalid(flags, () =>
    asksCluster ? validated(flags, options) : prepareRelease(options),
  );
  const rendered = documentsOf(prepared, flags);
  if (flags.showOnly.length > 0) {
    await write(onlyShown([...rendered.manifests, ...rendered.hooks], flags.showOnly), flags, name);
  } else if (flags.outputDir !== undefined) {
    await write([...rendered.manifests, ...rendered.hooks], flags, name);
  } else process.stdout.write(wholeText(rendered));
}

async function validated(flags: TemplateFlags, options: PrepareOptions): Promise<Prepared> {
  const { prepareAgainstCluster } = await import('./validate.ts');
  return prepareAgainstCluster(flags, options, { checks: flags.validate ?? false });
}

interface Document {
  path: string;
  content: string;
}

interface Documents {
  /** Definitions among them, where they are asked for. */
  manifests: Document[];
  hooks: Document[];
}

function documentsOf(prepared: Prepared, flags: TemplateFlags): Documents {
  const definitions = flags.includeCrds ? crdsOf(prepared.chart) : [];
  const hooks = prepared.hooks.filter(({ events }) => !(flags.skipTests && events.includes('test')));
  return {
    manifests: [...definitions.map(({ file, path }) => ({ path, content: textOf(file) })), ...prepared.manifests],
    hooks: flags.hooks ? hooks.map(({ path, manifest }) => ({ path, content: manifest })) : [],
  };
}

/** As Helm prints it: files of `crds/` as they are, nothing around the manifests, and a line even where there are none. */
export function wholeText({ manifests, hooks }: Documents): string {
  return `${manifests.map(textOfDocument).join('').trim()}\n${hooks.map(textOfDocument).join('')}`;
}

async function write(documents: readonly Document[], flags: TemplateFlags, releaseName: string): Promise<void> {
  if (flags.outputDir === undefined) {
    process.stdout.write(documents.map(textOfDocument).join(''));
    return;
  }
  const files = new Map<string, string>();
  for (const document of documents)
    files.set(document.path, (files.get(document.path) ?? '') + textOfDocument(document));
  const directory = join(flags.outputDir, flags.releaseName ? releaseName : '');
  const root = resolve(directory);
  for (const [path, text] of files) {
    const file = join(root, path);
    if (!file.startsWith(root + sep))
      throw new CliError(`the template ${path} would be written outside of ${flags.outputDir}`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    process.stdout.write(`wrote ${join(directory, path)}\n`);
  }
  if (flags.showOnly.length === 0) process.stdout.write('\n');
}

function textOfDocument({ path, content }: Document): string {
  return path === '' ? `---\n${content}\n` : `---\n# Source: ${path}\n${content}\n`;
}

/** `-s templates/web.yaml`, from the chart's root, or a pattern for it. */
export function onlyShown(documents: readonly Document[], wanted: readonly string[]): Document[] {
  return wanted.flatMap((pattern) => {
    const matches = shellPattern(pattern);
    const found = documents.filter(({ path }) => matches?.(path.slice(path.indexOf('/') + 1)));
    if (found.length === 0) throw new CliError(`could not find template ${pattern} in chart`);
    return found.map(({ path, content }) => ({ path, content: content.trim() }));
  });
}
