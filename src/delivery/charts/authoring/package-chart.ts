import { emitYaml } from '../functions/yaml-emit.ts';
import { packChart } from '../chart/archive.ts';
import { type Chart, ChartError, type ChartFile, type ChartMetadata } from '../chart/chart.ts';
import { isVersion } from '../chart/metadata.ts';

export interface PackageOptions {
  version?: string | undefined;
  appVersion?: string | undefined;
  /** Time of the files in the archive, epoch milliseconds. */
  modified: number;
}

export interface PackagedChart {
  metadata: ChartMetadata;
  /** `web-1.2.3.tgz` */
  fileName: string;
  data: Uint8Array;
}

/** A chart as an archive, with another version where one is given. @throws ChartError */
export async function packageChart(chart: Chart, options: PackageOptions): Promise<PackagedChart> {
  const { version, appVersion, modified } = options;
  if (version !== undefined && !isVersion(version)) throw new ChartError('invalid semantic version');
  const missing = (chart.metadata.dependencies ?? []).filter(
    ({ name }) => !chart.dependencies.some(({ metadata }) => metadata.name === name),
  );
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new ChartError(`found in Chart.yaml, but missing in charts/ directory: ${names}`);
  }
  const metadata: ChartMetadata = {
    ...chart.metadata,
    ...(version !== undefined && { version }),
    ...(appVersion !== undefined && { appVersion }),
  };
  const isChanged = version !== undefined || appVersion !== undefined;
  const files = isChanged ? chart.raw.map((file) => withMetadata(file, metadata)) : chart.raw;
  return {
    metadata,
    fileName: `${metadata.name}-${metadata.version}.tgz`,
    data: await packChart(metadata.name, inOrder(files), modified),
  };
}

function withMetadata(file: ChartFile, metadata: ChartMetadata): ChartFile {
  if (file.name !== 'Chart.yaml') return file;
  // A v1 chart's dependencies stand in a file of their own.
  const { dependencies, ...own } = metadata;
  const written = metadata.apiVersion === 'v1' ? own : { ...own, ...(dependencies && { dependencies }) };
  return { ...file, data: Buffer.from(emitYaml(written)) };
}

/** `Chart.yaml` first: who reads only that needs to read no further. */
function inOrder(files: readonly ChartFile[]): ChartFile[] {
  const rank = ({ name }: ChartFile): number => ['Chart.yaml', 'Chart.lock', 'values.yaml'].indexOf(name);
  const first = files.filter((file) => rank(file) >= 0).toSorted((a, b) => rank(a) - rank(b));
  return [...first, ...files.filter((file) => rank(file) < 0)];
}
