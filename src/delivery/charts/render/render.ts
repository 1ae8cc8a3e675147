import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { Chart, Values } from '../chart/chart.ts';
import { chartFunctions } from '../functions/functions.ts';
import { ChartMessage } from '../functions/helm.ts';
import { parseTemplates } from '../template/engine.ts';
import { TemplateError } from '../template/error.ts';
import { Usage } from '../template/execution.ts';
import { settle } from '../template/pause.ts';
import type { GoMap } from '../template/values.ts';
import { coalesceValues, copyValues } from '../values/coalesce.ts';
import type { Capabilities } from './capabilities.ts';
import { RenderError } from './render-error.ts';
import { collectTemplates, isPartial, type Renderable, type ReleaseFacts } from './context.ts';

export interface RenderOptions {
  /** With its dependencies processed: see `processDependencies`. */
  chart: Chart;
  /** The user's; the chart's own come underneath. */
  values: Values;
  release: ReleaseFacts;
  capabilities: Capabilities;
  clock: Clock;
  random: Random;
  /** A missing key is an error. */
  strict?: boolean;
  /** Linting: what is required may be missing, and is told here. */
  onLint?: (message: string) => void;
  lookup?: (apiVersion: string, kind: string, namespace: string, name: string) => GoMap;
  resolveHost?: (name: string) => Promise<readonly string[]>;
  warn?: (message: string) => void;
}

/** What each template gave, by its full name: `web/charts/db/templates/service.yaml`. */
export type Rendered = ReadonlyMap<string, string>;

/** How much of a line is shown. */
const maxExcerpt = 100;

/** Renders all templates of a chart. @throws RenderError */
export async function renderChart(options: RenderOptions): Promise<Rendered> {
  const { chart, release, capabilities, warn } = options;
  const values = coalesceValues(chart, options.values, warn && { warn });
  const functions = chartFunctions(options);
  const first = collectTemplates(chart, { values, release, capabilities }).toSorted(deepestFirst);
  try {
    const templates = parseTemplates(first, functions);
    return await settle(() => {
      // Templates change values in place, so that a rendering that starts over must start from fresh ones.
      const sources = collectTemplates(chart, { values: copyValues(values), release, capabilities });
      const rendered = new Map<string, string>();
      // The limits are those of a chart, not of each of its templates.
      const usage = new Usage(options.clock);
      for (const { name, data, basePath } of sources.toSorted(deepestFirst)) {
        if (isPartial(name)) continue;
        data['Template'] = { Name: name, BasePath: basePath };
        const text = templates.execute(name, data, { missingKey: options.strict ? 'error' : 'zero', usage });
        rendered.set(name, text.replaceAll('<no value>', ''));
      }
      return rendered;
    });
  } catch (error) {
    throw explained(error, first);
  }
}

/** Templates further down come first, so that definitions of the charts above them win. */
function deepestFirst(a: Renderable, b: Renderable): number {
  const depth = (name: string): number => name.split('/').length;
  return depth(b.name) - depth(a.name) || (a.name < b.name ? 1 : -1);
}

function explained(error: unknown, sources: readonly Renderable[]): unknown {
  if (error instanceof ChartMessage) return new RenderError(error.message, error);
  if (!(error instanceof TemplateError)) return error;
  const { location, message, phase } = error;
  const excerpt = excerptOf(error, sources);
  const cause = ultimate(error);
  if (!location) return new RenderError(message, error);
  const place = `${location.name}:${location.line}:${location.column}`;
  if (cause instanceof ChartMessage) {
    return new RenderError(`execution error at (${place}): ${cause.message}`, error, excerpt);
  }
  if (phase === 'parse') {
    const what = message.replace(/^template: [^:]+:\d+(?::\d+)?: /, '');
    return new RenderError(`parse error at (${place}): ${what}`, error, excerpt);
  }
  return new RenderError(message, error, excerpt);
}

function ultimate(error: Error): unknown {
  let at: unknown = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return at;
}

/** Where it went wrong, as far down as templates of the chart were being executed. */
function excerptOf(error: Error, sources: readonly Renderable[]): string {
  let excerpt = '';
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { location } = at as Partial<TemplateError>;
    if (!location) continue;
    const line = sources.find(({ name }) => name === location.name)?.text.split('\n')[location.line - 1] ?? '';
    if (line.trim() === '') continue;
    const start = Math.max(0, location.column - maxExcerpt / 2);
    const shown = line.slice(start, start + maxExcerpt);
    excerpt = `${location.line} | ${shown}\n${' '.repeat(`${location.line} | `.length + location.column - start)}^`;
  }
  return excerpt;
}
