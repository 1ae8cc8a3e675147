import { satisfies } from '../functions/semver.ts';
import { isMap } from '../template/values.ts';
import type { Chart, ChartMetadata, Dependency, Values } from '../chart/chart.ts';
import { coalesceTables, coalesceValues, copyValues, valueAt } from './coalesce.ts';

/**
 * The chart as it is rendered with these values: subcharts that conditions and tags turn off are gone, those with an
 * alias have it for a name, and values that parents import from their subcharts are among the parents' own. The given
 * chart stays as it is. (Helm documentation, "Chart Dependencies".)
 */
export function processDependencies(chart: Chart, values: Values, warn: (message: string) => void = () => {}): Chart {
  return importValues(enabledOnly(chart, values, { path: '', warn }), warn);
}

interface Walk {
  /** `parent.child.`, as conditions of charts further down are looked up. */
  path: string;
  warn: (message: string) => void;
}

function enabledOnly(chart: Chart, values: Values, { path, warn }: Walk): Chart {
  const requirements = chart.metadata.dependencies;
  if (!requirements) return chart;
  const named = (requirement: Dependency, subchart: Chart): boolean =>
    subchart.metadata.name === requirement.name && isCompatible(requirement.version ?? '', subchart.metadata.version);
  const unasked = chart.dependencies.filter((subchart) => !requirements.some((each) => named(each, subchart)));
  const asked = requirements.flatMap((requirement) => {
    const found = chart.dependencies.find((subchart) => named(requirement, subchart));
    return found ? [renamed(found, requirement.alias)] : [];
  });
  const renamedRequirements = requirements.map((each) => ({ ...each, name: each.alias || each.name, enabled: true }));
  const whole: Chart = { ...chart, dependencies: [...unasked, ...asked] };
  const merged = coalesceValues(whole, values, { warn });
  byTags(renamedRequirements, merged, warn);
  byConditions(renamedRequirements, merged, { path, warn });
  const disabled = new Set(renamedRequirements.filter(({ enabled }) => !enabled).map(({ name }) => name));
  const kept = whole.dependencies.filter(({ metadata }) => !disabled.has(metadata.name));
  const metadata: ChartMetadata = {
    ...chart.metadata,
    dependencies: renamedRequirements.filter(({ name }) => !disabled.has(name)),
  };
  // Conditions of charts further down are looked up from the top.
  const dependencies = kept.map((subchart) =>
    enabledOnly(subchart, merged, { path: `${path}${subchart.metadata.name}.`, warn }),
  );
  return { ...chart, metadata, dependencies };
}

function renamed(chart: Chart, alias: string | undefined): Chart {
  return alias ? { ...chart, metadata: { ...chart.metadata, name: alias } } : chart;
}

/** Whether a version is in a range; a range that is empty or cannot be read contains nothing. */
export function isCompatible(range: string, version: string): boolean {
  try {
    return range !== '' && satisfies(range, version);
  } catch {
    return false;
  }
}

function byTags(requirements: Dependency[], values: Values, warn: (message: string) => void): void {
  const tags = values['tags'];
  if (!isMap(tags)) return;
  for (const requirement of requirements) {
    const found = (requirement.tags ?? [])
      .filter((tag) => Object.hasOwn(tags, tag))
      .map((tag) => [tag, tags[tag]] as const);
    for (const [tag, value] of found)
      if (typeof value !== 'boolean')
        warn(`Warning: Tag '${tag}' for chart ${requirement.name} returned non-bool value`);
    const switches = found.map(([, value]) => value).filter((value) => typeof value === 'boolean');
    requirement.enabled = switches.length === 0 || switches.includes(true);
  }
}

/** The first condition that has a value decides, and wins over tags. */
function byConditions(requirements: Dependency[], values: Values, { path, warn }: Walk): void {
  for (const requirement of requirements) {
    for (const condition of (requirement.condition ?? '').trim().split(',')) {
      if (condition === '') continue;
      const value = valueAt(values, path + condition.trim());
      if (value === undefined) continue;
      if (typeof value === 'boolean') {
        requirement.enabled = value;
        break;
      }
      warn(`Warning: Condition path '${condition}' for chart ${requirement.name} returned non-bool value`);
    }
  }
}

/**
 * From the leaves up: what a chart imports from its subcharts goes under its own values, among which are from here on
 * those of its subcharts, globals included. As with Helm, a user's `null` takes a key out of a global map for the chart,
 * and not for the subcharts that Chart.yaml names.
 */
function importValues(chart: Chart, warn: (message: string) => void): Chart {
  const dependencies = chart.dependencies.map((subchart) => importValues(subchart, warn));
  const whole: Chart = { ...chart, dependencies };
  const requirements = chart.metadata.dependencies ?? [];
  if (requirements.length === 0) return whole;
  const merged = coalesceValues(whole, {}, { mode: 'merge' });
  let imported: Values = {};
  const named = requirements.map((requirement) => {
    const imports = requirement['import-values']?.map(importOf);
    for (const { child, parent } of imports ?? []) {
      const found = valueAt(merged, `${requirement.name}.${child}`);
      if (isMap(found)) imported = coalesceTables(imported, nest(parent, found), 'merge');
      else warn(`Warning: ImportValues missing table from chart ${requirement.name}: "${child}" is not a table`);
    }
    return { ...requirement, ...(imports && { 'import-values': imports }) };
  });
  const metadata = { ...chart.metadata, dependencies: named };
  return { ...whole, metadata, values: coalesceTables(merged, imported, 'merge') };
}

interface Import {
  child: string;
  parent: string;
}

/** `data` stands for what is below `exports.data` of the subchart, and goes to the top of the parent's values. */
function importOf(item: unknown): Import {
  if (typeof item === 'string') return { child: `exports.${item}`, parent: '.' };
  const { child, parent } = isMap(item) ? item : {};
  return { child: String(child), parent: String(parent) };
}

function nest(path: string, values: Values): Values {
  if (path === '.') return copyValues(values);
  return path
    .split('.')
    .toReversed()
    .reduce<Values>((inner, name) => ({ [name]: inner }), copyValues(values));
}
