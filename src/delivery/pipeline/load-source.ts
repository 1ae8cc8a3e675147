import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { KubeObject } from '../../api/object.ts';
import { parseManifests } from '../apply/manifests.ts';
import { type Chart, ChartError, type Values } from '../charts/chart/chart.ts';
import { loadChart } from '../charts/chart/load-chart.ts';
import { mergeUserValues } from '../charts/values/values-options.ts';
import { buildKustomization, type KustomizeFiles } from '../kustomize/build-kustomization.ts';
import { diskKustomizeFiles } from '../kustomize/disk-files.ts';
import { asShipError, composeObjects } from './compose-source.ts';
import { replaceImages } from './replace-images.ts';
import { ShipError } from './ship-error.ts';
import type { DeploySource, ShipFile, ShipImage } from './ship-file.ts';
import { fillIn, type Variables, withDefaultImage } from './variables.ts';

/** What is to be deployed, all sources alike: a chart with values, or objects, which go as a release without templates. */
export interface LoadedSource {
  chart: Chart;
  values: Values;
  /** Undefined: the chart's templates give them. */
  objects: KubeObject[] | undefined;
}

export interface SourceOptions {
  /** Where `timonel.yaml` lies. */
  directory: string;
  file: ShipFile;
  variables: Variables;
  /** Told of what is not quite as the file has it. */
  warn: (message: string) => void;
  /** Told of every file that a kustomization or compose file looks for, by its absolute path. */
  onRead?: ((path: string) => void) | undefined;
}

/** Reads what `deploy` names, with the images that were built in it. Rejects with a sentence. */
export async function loadSource(options: SourceOptions): Promise<LoadedSource> {
  const { source } = options.file.deploy;
  switch (source.kind) {
    case 'chart':
      return chartSource(source, options);
    case 'manifests':
      return objectSource(await readManifests(source.paths, options.directory), options);
    case 'kustomization':
      return objectSource(kustomized(source.path, options), options);
    case 'compose':
      return objectSource(composed(source.path, options), options);
  }
}

async function chartSource(
  { path, values, valuesFiles }: Extract<DeploySource, { kind: 'chart' }>,
  { directory, file, variables }: SourceOptions,
): Promise<LoadedSource> {
  const chart = await readChart(join(directory, path), path);
  const own = fillIn(values, variables, 'deploy.values');
  const merged = await mergeUserValues(
    {
      ...{ set: [], setString: [], setFile: [], setLiteral: [] },
      files: [...valuesFiles],
      setJson: [JSON.stringify(own)],
    },
    (each) => readValues(join(directory, each), each),
  );
  const [only, ...others] = Object.values(variables.images);
  const isSingle = only !== undefined && others.length === 0 && file.images.length === 1;
  return {
    chart,
    values: isSingle ? withDefaultImage(merged, { chartImage: chart.values['image'], image: only }) : merged,
    objects: undefined,
  };
}

async function readChart(path: string, name: string): Promise<Chart> {
  if (!(await stat(path).catch(() => undefined))) throw new ShipError(`deploy.chart: there is no ${name}`);
  try {
    return await loadChart(path);
  } catch (error) {
    if (!(error instanceof ChartError)) throw error;
    throw new ShipError(`deploy.chart: ${name}: ${error.message}`, { cause: error });
  }
}

function readValues(path: string, name: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ShipError(`deploy.valuesFiles: there is no ${name}`, { cause: error });
  });
}

function kustomized(path: string, { directory, variables, onRead }: SourceOptions): KubeObject[] {
  const files: KustomizeFiles = {
    ...diskKustomizeFiles,
    read(name) {
      onRead?.(resolve(name));
      return diskKustomizeFiles.read(name);
    },
  };
  return buildKustomization(join(directory, path), { files, environment: variables.environment });
}

function composed(path: string, { directory, file, variables, warn, onRead }: SourceOptions): KubeObject[] {
  const { environment, images } = variables;
  const built = new Map(Object.entries(images));
  const { name } = file;
  return asShipError(() => composeObjects({ path, directory, name, environment, images: built, warn, onRead }));
}

/** The objects of files and directories, which are read as `kubectl apply -f` reads them. */
async function readManifests(paths: readonly string[], directory: string): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    for (const file of await manifestFiles(join(directory, path), path)) {
      const name = relative(directory, file);
      objects.push(...parseManifests(await readFile(file, 'utf8'), name).map(({ object }) => object));
    }
  }
  return objects;
}

async function manifestFiles(path: string, name: string): Promise<string[]> {
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new ShipError(`deploy.manifests: there is no ${name}`);
  if (!info.isDirectory()) return [path];
  const names = (await readdir(path)).filter((each) => /\.(?:ya?ml|json)$/.test(each)).toSorted();
  if (names.length === 0) throw new ShipError(`deploy.manifests: directory ${name} has no manifests`);
  return names.map((each) => join(path, each));
}

function objectSource(objects: KubeObject[], { file, variables }: SourceOptions): LoadedSource {
  const built = file.images.flatMap(({ key, repository }: ShipImage) => {
    const image = variables.images[key];
    return image ? [{ repository, image }] : [];
  });
  return { chart: chartWithoutTemplates(file.name), values: {}, objects: replaceImages(objects, built) };
}

/** What stands in a release for the chart that there is none of. */
function chartWithoutTemplates(name: string): Chart {
  return {
    metadata: { apiVersion: 'v2', name, version: '0.0.0', description: 'shipped by timonel, without a chart' },
    templates: [],
    values: {},
    files: [],
    raw: [],
    dependencies: [],
  };
}

/** Objects as the text that a release keeps. */
export function manifestOf(objects: readonly KubeObject[]): string {
  return objects.map((object) => `---\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`).join('');
}
