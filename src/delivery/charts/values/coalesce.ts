import { isMap } from '../template/values.ts';
import type { Chart, Values } from '../chart/chart.ts';
import { ValuesError } from './values-error.ts';

/**
 * How the values of charts, their subcharts and their users come together (Helm documentation, "Values Files" and
 * "Subcharts and Globals"): what the user says wins over the chart, a parent over its subcharts, maps are merged,
 * everything else is replaced. `coalesce` takes away what is null on top of something; `merge` keeps it, for a later step.
 * Warnings are in Helm's words, without the values, which may be secret.
 */
export type Mode = 'coalesce' | 'merge';

export interface CoalesceOptions {
  mode?: Mode;
  warn?: (message: string) => void;
}

const silent = (): void => {};

/** The values of a chart and of all of its subcharts, with the user's on top. Nothing of what is given is changed. */
export function coalesceValues(chart: Chart, values: Values, options: CoalesceOptions = {}): Values {
  return coalesceChart(chart, copyValues(values), { prefix: '', mode: 'coalesce', warn: silent, ...options });
}

interface Walk {
  /** Names of the charts above, for warnings; '' for the one on top. */
  prefix: string;
  mode: Mode;
  warn: (message: string) => void;
}

function coalesceChart(chart: Chart, into: Values, walk: Walk): Values {
  coalesceOwn(chart, into, walk);
  for (const subchart of chart.dependencies) {
    const { name } = subchart.metadata;
    const given = Object.hasOwn(into, name) ? into[name] : undefined;
    if (Object.hasOwn(into, name) && !isMap(given)) {
      throw new ValuesError(`type mismatch on ${name}: the values for a subchart must be a map`);
    }
    const values = (given as Values | undefined) ?? {};
    const prefix = join(walk.prefix, chart.metadata.name);
    passGlobals(values, into, { ...walk, prefix });
    into[name] = coalesceChart(subchart, values, { ...walk, prefix });
  }
  return into;
}

/** Puts a chart's own defaults under what is given. */
function coalesceOwn(chart: Chart, into: Values, walk: Walk): void {
  const defaults = copyValues(chart.values);
  const prefix = join(walk.prefix, chart.metadata.name);
  for (const [key, value] of Object.entries(defaults)) {
    if (!Object.hasOwn(into, key)) {
      into[key] = value;
      continue;
    }
    const given = into[key];
    if (given === null && walk.mode === 'coalesce') delete into[key];
    else if (isMap(given)) {
      if (isMap(value)) {
        const isForSubchart = chart.dependencies.some(({ metadata }) => metadata.name === key);
        const mode = isForSubchart ? 'merge' : walk.mode;
        coalesceMaps(given, value, { ...walk, prefix: join(prefix, key), mode });
      } else if (value !== null) walk.warn(`warning: skipped value for ${join(prefix, key)}: Not a table.`);
    }
  }
}

/**
 * Globals of the parent are on top of those of the subchart. As in Helm, a map two levels down is the same for both, so
 * that the parent and its other subcharts see what this one adds there.
 */
function passGlobals(subchart: Values, parent: Values, walk: Walk): void {
  const own = 'global' in subchart ? subchart['global'] : newMap();
  const given = 'global' in parent ? parent['global'] : newMap();
  if (!isMap(own) || !isMap(given)) {
    const which = isMap(own) ? 'source' : 'destination';
    walk.warn(`warning: skipping globals because ${which} global is not a table.`);
    return;
  }
  for (const [key, value] of Object.entries(given)) {
    const before = Object.hasOwn(own, key) ? own[key] : undefined;
    if (isMap(value)) {
      if (before === undefined) own[key] = Object.assign(newMap(), value);
      else if (isMap(before)) {
        const merged = Object.assign(newMap(), value);
        coalesceMaps(merged, before, { ...walk, prefix: join(walk.prefix, key), mode: 'merge' });
        own[key] = merged;
      } else walk.warn(`Conflict: cannot merge map onto non-map for ${JSON.stringify(key)}. Skipping.`);
    } else if (isMap(before)) walk.warn(`key ${key} is table. Skipping`);
    else own[key] = value;
  }
  subchart['global'] = own;
}

/** Puts `under` under `into`, which is changed; both are ours. */
function coalesceMaps(into: Values, under: Values, walk: Walk): void {
  for (const [key, value] of Object.entries(under)) {
    const isGiven = Object.hasOwn(into, key);
    const given = into[key];
    if (isGiven && given === null && value !== null && walk.mode === 'coalesce') delete into[key];
    else if (!isGiven) into[key] = value;
    else if (isMap(value)) {
      if (isMap(given)) coalesceMaps(given, value, { ...walk, prefix: join(walk.prefix, key) });
      else if (given !== null)
        walk.warn(`warning: cannot overwrite table with non table for ${join(walk.prefix, key)}`);
    } else if (isMap(given) && value !== null) {
      walk.warn(`warning: destination for ${join(walk.prefix, key)} is a table. Ignoring non-table value`);
    }
  }
}

/** `under` under `into`; neither is changed. */
export function coalesceTables(into: Values, under: Values, mode: Mode = 'coalesce'): Values {
  const merged = copyValues(into);
  coalesceMaps(merged, copyValues(under), { prefix: '', mode, warn: silent });
  return merged;
}

/** A copy of maps and lists; leaves are shared, since nobody changes them in place. */
export function copyValues<T>(value: T): T {
  if (Array.isArray(value)) return (value as unknown[]).map(copyValues) as T;
  if (!isMap(value)) return value;
  const copy = newMap();
  for (const key of Object.keys(value)) copy[key] = copyValues(value[key]);
  return copy as T;
}

function newMap(): Values {
  return Object.create(null) as Values;
}

/** The value at a path of names with dots; undefined where there is none. */
export function valueAt(values: Values, path: string): unknown {
  let at: unknown = values;
  for (const name of path.split('.')) {
    if (!isMap(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}
