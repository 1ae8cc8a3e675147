import { readValues } from '../values/read-values.ts';
import { type Chart, ChartError, type ChartFile, textOf } from './chart.ts';
import { readLock, readMetadata, readRequirements, validateMetadata } from './metadata.ts';

/** Unpacks an archive among the files: a subchart in `charts/`. */
export type Unpack = (data: Uint8Array, name: string) => Promise<ChartFile[]>;

/** Charts in charts in charts end somewhere. */
const maxDepth = 32;

/**
 * Makes a chart of its files (Helm documentation, "The Chart File Structure"): a directory's or an archive's.
 * @throws ChartError
 */
export async function loadFiles(files: readonly ChartFile[], unpack: Unpack, depth = 0): Promise<Chart> {
  if (depth > maxDepth) throw new ChartError(`charts are nested more than ${maxDepth} deep`);
  const chartFile = files.find(({ name }) => name === 'Chart.yaml');
  if (!chartFile) throw new ChartError('Chart.yaml file is missing');
  const chart: Chart = {
    metadata: readMetadata(chartFile),
    templates: [],
    values: {},
    files: [],
    raw: [...files],
    dependencies: [],
    ...(chartFile.modified !== undefined && { modified: chartFile.modified }),
  };
  const subcharts = new Map<string, ChartFile[]>();
  for (const file of files) sortIn(file, chart, subcharts);
  validateMetadata(chart.metadata);
  for (const [name, inside] of [...subcharts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const subchart = await loadSubchart(name, inside, { unpack, depth, parent: chart });
    if (subchart) chart.dependencies.push(subchart);
  }
  return chart;
}

function sortIn(file: ChartFile, chart: Chart, subcharts: Map<string, ChartFile[]>): void {
  const { name } = file;
  const isV1 = chart.metadata.apiVersion === 'v1';
  switch (name) {
    case 'Chart.yaml':
      return;
    case 'Chart.lock':
      chart.lock = readLock(file);
      return;
    case 'values.yaml':
      chart.values = valuesOf(file);
      return;
    case 'values.schema.json':
      chart.schema = file.data;
      if (file.modified !== undefined) chart.schemaModified = file.modified;
      return;
    case 'requirements.yaml': {
      const dependencies = readRequirements(file);
      if (dependencies) chart.metadata.dependencies = dependencies;
      if (isV1) chart.files.push(file);
      return;
    }
    case 'requirements.lock':
      chart.lock = readLock(file);
      if (isV1) chart.files.push(file);
      return;
    default:
  }
  if (name.startsWith('templates/')) chart.templates.push(file);
  else if (name.startsWith('charts/') && !name.endsWith('.prov')) {
    const rest = name.slice('charts/'.length);
    const first = rest.split('/', 1)[0] ?? '';
    const inside = subcharts.get(first) ?? [];
    inside.push({ ...file, name: rest });
    subcharts.set(first, inside);
  } else chart.files.push(file);
}

function valuesOf(file: ChartFile): Chart['values'] {
  try {
    return readValues(textOf(file));
  } catch (error) {
    throw new ChartError(`cannot load values.yaml: cannot unmarshal yaml document: ${(error as Error).message}`, error);
  }
}

async function loadSubchart(
  name: string,
  inside: readonly ChartFile[],
  { unpack, depth, parent }: { unpack: Unpack; depth: number; parent: Chart },
): Promise<Chart | undefined> {
  if (/^[_.]/.test(name)) return undefined;
  const [first] = inside;
  try {
    if (name.endsWith('.tgz') && first?.name === name) {
      return await loadFiles(await unpack(first.data, name), unpack, depth + 1);
    }
    // Files that lie beside the subcharts belong to none.
    const files = inside
      .filter((file) => file.name.includes('/'))
      .map((file) => ({ ...file, name: file.name.slice(name.length + 1) }));
    if (files.length === 0) return undefined;
    return await loadFiles(files, unpack, depth + 1);
  } catch (error) {
    if (!(error instanceof ChartError)) throw error;
    throw new ChartError(`error unpacking subchart ${name} in ${parent.metadata.name}: ${error.message}`, error);
  }
}
