import type { Chart, ChartMetadata } from '../chart/chart.ts';
import { isLibrary, textOf } from '../chart/chart.ts';
import type { Values } from '../chart/chart.ts';
import { chartFiles } from '../functions/files.ts';
import type { TemplateSource } from '../template/engine.ts';
import { describe, isMap } from '../template/values.ts';
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
    Chart: chartFacts(chart.metadata, isRoot),
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

/**
 * `.Chart`, which is a plain map from Helm 4 on: Chart.yaml under the names of Go's fields, each of them there. Lists that
 * it does not name are empty, not nil.
 */
function chartFacts(metadata: ChartMetadata, isRoot: boolean): Record<string, unknown> {
  const text = (value: string | undefined): string => value ?? '';
  return fieldsOf({
    Name: metadata.name,
    Home: text(metadata.home),
    Sources: [...(metadata.sources ?? [])],
    Version: metadata.version,
    Description: text(metadata.description),
    Keywords: [...(metadata.keywords ?? [])],
    Maintainers: (metadata.maintainers ?? []).map(({ name, email, url }) =>
      fieldsOf({ Name: text(name), Email: text(email), URL: text(url) }),
    ),
    Icon: text(metadata.icon),
    APIVersion: text(metadata.apiVersion),
    Condition: text(metadata.condition),
    Tags: text(metadata.tags),
    AppVersion: text(metadata.appVersion),
    Deprecated: metadata.deprecated ?? false,
    Annotations: describe(fieldsOf(metadata.annotations ?? {}), {
      ...{ type: 'map[string]string', element: 'string' },
      isNil: metadata.annotations === undefined,
    }),
    KubeVersion: text(metadata.kubeVersion),
    Dependencies: (metadata.dependencies ?? []).map((dependency) =>
      fieldsOf({
        Name: dependency.name,
        Version: text(dependency.version),
        Repository: text(dependency.repository),
        Condition: text(dependency.condition),
        Tags: [...(dependency.tags ?? [])],
        Enabled: dependency.enabled ?? false,
        ImportValues: [...(dependency['import-values'] ?? [])],
        Alias: text(dependency.alias),
      }),
    ),
    Type: text(metadata.type),
    IsRoot: isRoot,
  });
}
