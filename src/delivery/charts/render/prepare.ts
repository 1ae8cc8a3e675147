import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { type Chart, ChartError, isLibrary, type Values } from '../chart/chart.ts';
import type { GoMap } from '../template/values.ts';
import { coalesceValues } from '../values/coalesce.ts';
import { isCompatible, processDependencies } from '../values/dependencies.ts';
import { validateValues } from '../values/schema.ts';
import type { Hook } from '../release/release.ts';
import { type Capabilities, normalKubeVersion } from './capabilities.ts';
import type { ReleaseFacts } from './context.ts';
import { joinManifests, postRender, type RenderedManifest, type SortedManifests, sortManifests } from './manifests.ts';
import type { PostRenderer } from './post-renderer.ts';
import { InvalidYamlError, RenderError } from './render-error.ts';
import { type Rendered, renderChart } from './render.ts';

export interface PrepareOptions {
  chart: Chart;
  /** The user's. */
  values: Values;
  release: ReleaseFacts;
  capabilities: Capabilities;
  clock: Clock;
  random: Random;
  strict?: boolean;
  /** NOTES.txt of subcharts as well. */
  subNotes?: boolean;
  skipSchemaValidation?: boolean;
  lookup?: (apiVersion: string, kind: string, namespace: string, name: string) => GoMap;
  resolveHost?: (name: string) => Promise<readonly string[]>;
  postRenderer?: PostRenderer;
  warn?: (message: string) => void;
}

/** A chart, made into what a release holds. */
export interface Prepared {
  /** With its dependencies processed. */
  chart: Chart;
  hooks: Hook[];
  manifests: RenderedManifest[];
  /** The manifests as one text. */
  manifest: string;
  notes: string;
}

/** Processes dependencies, checks values, renders, and sorts what comes out. */
export async function prepareRelease(options: PrepareOptions): Promise<Prepared> {
  const { values, capabilities, warn } = options;
  checkInstallable(options.chart, capabilities);
  checkDependencies(options.chart);
  const chart = processDependencies(options.chart, values, warn);
  if (!options.skipSchemaValidation) await validateValues(chart, coalesceValues(chart, values));
  const rendered = await renderChart({ ...options, chart });
  const notes = notesOf(rendered, chart, options.subNotes ?? false);
  const sorted = sortedOf(rendered);
  for (const { path, events } of sorted.skipped) warn?.(`warning: skipping unknown hooks ${events} (${path})`);
  const { hooks, manifests } = options.postRenderer ? await postRender(sorted, options.postRenderer) : sorted;
  return {
    ...{ chart, hooks, manifests, notes },
    // A rendering that is only shown needs it not.
    get manifest() {
      return joinManifests(manifests);
    },
  };
}

function sortedOf(rendered: Rendered): SortedManifests {
  try {
    return sortManifests(rendered);
  } catch (error) {
    throw error instanceof RenderError ? new InvalidYamlError(error.message, error, rendered) : error;
  }
}

function checkInstallable(chart: Chart, { kubeVersion }: Capabilities): void {
  const { name, kubeVersion: wanted, type } = chart.metadata;
  if (isLibrary(chart)) throw new ChartError(`${type} charts are not installable`);
  if (wanted && !isCompatible(wanted, normalKubeVersion(kubeVersion))) {
    throw new ChartError(
      `chart requires kubeVersion: ${wanted} which is incompatible with Kubernetes ${kubeVersion} (chart ${name})`,
    );
  }
}

/** @throws ChartError when a dependency that Chart.yaml names is not there, in whatever version */
export function checkDependencies({ metadata, dependencies }: Chart): void {
  const missing = (metadata.dependencies ?? []).filter(
    (wanted) => !dependencies.some((subchart) => subchart.metadata.name === wanted.name),
  );
  if (missing.length === 0) return;
  throw new ChartError(
    'an error occurred while checking for chart dependencies. You may need to run `timonel chart dependency build` to ' +
      `fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: ${missing.map(({ name }) => name).join(', ')}`,
  );
}

function notesOf(rendered: Rendered, chart: Chart, subNotes: boolean): string {
  const own = `${chart.metadata.name}/templates/NOTES.txt`;
  const texts = [...rendered]
    .filter(([name]) => name === own || (subNotes && name.endsWith('/templates/NOTES.txt')))
    .toSorted(([a], [b]) => b.split('/').length - a.split('/').length)
    .map(([, text]) => text);
  return texts.join('\n');
}
