import type { Chart, ChartMetadata } from '../chart/chart.ts';
import { isLibrary, textOf } from '../chart/chart.ts';
import type { Values } from '../chart/chart.ts';
import { chartFiles } from '../functions/files.ts';
import type { TemplateSource } from '../template/engine.ts';
import { describe, GoStruct, isMap, strings } from '../template/values.ts';
import { type Capabilities, capabilitiesStruct, fieldsOf } from './capabilities.ts';

/** What `.Release` tells. */
export interface ReleaseFacts {
  name: string;
  namespace: string;
  revision: number;
  isUpgrade: boolean;
}

/** One template of a chart or subchart, with the data that it is rendered with. */
export interface Renderable extends TemplateSource {
  /** `.`, in which `.Template` is set when it is rendered. */
  data: Record<string, unknown>;
  /** `web/charts/db/templates` */
  basePath: string;
}

/** All templates of a chart and of its subcharts. The values are changed by rendering: they must be the caller's own. */
export function collectTemplates(
  chart: Chart,
  given: { values: Values; release: ReleaseFacts; capabilities: Capabilities },
): Renderable[] {
  const { release, capabilities } = given;
  const shared = {
    Release: fieldsOf({
      Name: release.name,
      Namespace: release.namespace,
      IsUpgrade: release.isUpgrade,
      IsInstall: !release.isUpgrade,
      Revision: BigInt(release.revision),
      Service: 'Helm',
    }),
    Capabilities: capabilitiesStruct(capabilities),
  };
  const found: Renderable[] = [];
  collect(chart, { path: chart.metadata.name, isRoot: true, values: given.values, shared, found });
  return found;
}

interface Walk {
  /** `web/charts/db` */
  path: string;
  isRoot: boolean;
  values: Values;
  shared: Record<string, unknown>;
  found: Renderable[];
}

/** Gives what templates see of the chart: it is `.Subcharts.NAME` of the parent. */
function collect(chart: Chart, { path, isRoot, values, shared, found }: Walk): Record<string, unknown> {
  const subcharts = fieldsOf({});
  const data = fieldsOf({
    Chart: metadataStruct(chart.metadata, isRoot),
    Files: chartFiles(chart.files.map(({ name, data: bytes }) => [name, bytes] as const)),
    Values: describe(values, { type: 'common.Values' }),
    Subcharts: subcharts,
    ...shared,
  });
  for (const subchart of chart.dependencies) {
    const { name } = subchart.metadata;
    const own = values[name];
    subcharts[name] = collect(subchart, {
      ...{ path: `${path}/charts/${name}`, isRoot: false, shared, found },
      values: isMap(own) ? own : fieldsOf({}),
    });
  }
  for (const file of chart.templates) {
    // A library has definitions only.
    if (isLibrary(chart) && !isPartial(file.name)) continue;
    found.push({
      name: `${path}/${file.name}`,
      // Of the data of a rendering that starts over nobody asks for the text again.
      get text() {
        return textOf(file);
      },
      data,
      basePath: `${path}/templates`,
    });
  }
  return data;
}

/** Files whose names begin with `_` hold definitions, and render to nothing of their own. */
export function isPartial(name: string): boolean {
  return name.slice(name.lastIndexOf('/') + 1).startsWith('_');
}

const metadataNames: Readonly<Record<string, string>> = {
  Name: 'name',
  Home: 'home',
  Sources: 'sources',
  Version: 'version',
  Description: 'description',
  Keywords: 'keywords',
  Maintainers: 'maintainers',
  Icon: 'icon',
  APIVersion: 'apiVersion',
  Condition: 'condition',
  Tags: 'tags',
  AppVersion: 'appVersion',
  Deprecated: 'deprecated',
  Annotations: 'annotations',
  KubeVersion: 'kubeVersion',
  Dependencies: 'dependencies',
  Type: 'type',
};

export function metadataStruct(metadata: ChartMetadata, isRoot: boolean): GoStruct {
  const fields = fieldsOf({});
  for (const [name, key] of Object.entries(metadataNames)) {
    fields[name] = metadataField(name, metadata[key as keyof ChartMetadata]);
  }
  fields['IsRoot'] = isRoot;
  return new GoStruct({ type: '*chart.Metadata', fields, json: () => ({ ...metadata, IsRoot: isRoot }) });
}

function metadataField(name: string, value: unknown): unknown {
  switch (name) {
    case 'Sources':
    case 'Keywords':
      return value === undefined ? describe([], { ...noStrings, isNil: true }) : strings(value as string[]);
    case 'Deprecated':
      return value ?? false;
    case 'Annotations':
      return describe(fieldsOf((value as Record<string, string> | undefined) ?? {}), {
        ...{ type: 'map[string]string', element: 'string' },
        isNil: value === undefined,
      });
    case 'Maintainers':
      return structs(value, '*chart.Maintainer', { Name: 'name', Email: 'email', URL: 'url' });
    case 'Dependencies':
      return structs(value, '*chart.Dependency', {
        ...{ Name: 'name', Version: 'version', Repository: 'repository', Condition: 'condition' },
        ...{ Tags: 'tags', Enabled: 'enabled', ImportValues: 'import-values', Alias: 'alias' },
      });
    default:
      return value ?? '';
  }
}

function structs(value: unknown, type: string, names: Readonly<Record<string, string>>): unknown[] {
  const list = ((value as Record<string, unknown>[] | undefined) ?? []).map((item) => {
    const fields = fieldsOf({});
    for (const [name, key] of Object.entries(names)) fields[name] = item[key] ?? zeros[name] ?? '';
    return new GoStruct({ type, fields, json: () => item });
  });
  return describe(list, { type: `[]${type}`, element: type, isNil: value === undefined });
}

/** What Chart.yaml does not name is nil, which is `null` in YAML and JSON. */
const noStrings = { type: '[]string', element: 'string' };

const zeros: Readonly<Record<string, unknown>> = { Tags: [], Enabled: false, ImportValues: [] };
