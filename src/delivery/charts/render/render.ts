import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { Chart, Values } from '../chart/chart.ts';
import { chartFunctions } from '../functions/functions.ts';
import { parseTemplates } from '../template/engine.ts';
import { Usage } from '../template/execution.ts';
import { settle } from '../template/pause.ts';
import type { GoMap } from '../template/values.ts';
import { coalesceValues, copyValues } from '../values/coalesce.ts';
import type { Capabilities } from './capabilities.ts';
import { explained } from './explain.ts';
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
        rendered.set(name, text.includes('<no value>') ? text.replaceAll('<no value>', '') : text);
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
