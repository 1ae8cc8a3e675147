import { posix } from 'node:path';
import type { IgnoreRules } from './docker-ignore.ts';
import type { ShipFile, ShipWatch } from './ship-file.ts';

/** What is done about files that changed. Paths are relative to `timonel.yaml`. */
export type ChangePlan =
  | { kind: 'nothing' }
  /** Copied into the containers that run; `to` is absolute in there. */
  | { kind: 'sync'; files: { path: string; to: string; image: string }[] }
  | { kind: 'ship' };

export interface WatchedProject {
  file: Pick<ShipFile, 'images' | 'deploy' | 'watch'>;
  /** Name of the file itself. */
  fileName: string;
  /** By image: what its context keeps out. */
  ignored: ReadonlyMap<string, IgnoreRules>;
  /** Further files that what is deployed was read from. */
  sources: ReadonlySet<string>;
  /** Of `watch.ignore`. */
  unwatched: IgnoreRules;
}

/**
 * Files that all are to be synchronised are; one that is part of an image, of what is deployed, or of `timonel.yaml`
 * itself ships everything anew. Others are nobody's business. Pure.
 */
export function planChange(paths: readonly string[], project: WatchedProject): ChangePlan {
  const { file, unwatched } = project;
  const seen = paths.filter((path) => !isUnwatched(path, unwatched));
  const files: Extract<ChangePlan, { kind: 'sync' }>['files'] = [];
  let isShipped = false;
  for (const path of seen) {
    const synced = syncOf(path, file);
    if (synced) files.push(synced);
    else isShipped ||= isPart(path, project);
  }
  if (isShipped) return { kind: 'ship' };
  return files.length > 0 ? { kind: 'sync', files } : { kind: 'nothing' };
}

/** Whether a change at a path, or anywhere below it, may be somebody's business. Pure. */
export function mayMatter(path: string, project: WatchedProject): boolean {
  const { file, fileName, ignored, unwatched, sources } = project;
  if (isUnwatched(path, unwatched)) return false;
  const places = [
    ...[fileName, ...sources, ...sourcePaths(file.deploy.source)],
    ...file.watch.sync.map(({ from }) => from),
    ...file.images.flatMap((image) => [image.context, ...recipesOf(image)]),
  ];
  if (places.some((place) => below(place, path) !== undefined)) return true;
  if (syncOf(path, file) || isPart(path, project)) return true;
  return file.images.some(({ key, context }) => below(path, context) !== undefined && ignored.get(key)?.hasExceptions);
}

function isUnwatched(path: string, unwatched: IgnoreRules): boolean {
  return path === '' || path.split('/').includes('.git') || unwatched.ignores(path);
}

/** What says how an image is made, in its context or elsewhere, whether or not the context lets it in. */
function recipesOf({ context, dockerfile }: ShipFile['images'][number]): string[] {
  const files =
    dockerfile === undefined ? ['Dockerfile', 'Containerfile'].map((name) => `${context}/${name}`) : [dockerfile];
  return [...files.flatMap((name) => [name, `${name}.dockerignore`]), `${context}/.dockerignore`];
}

function syncOf(
  path: string,
  { images, watch }: { images: ShipFile['images']; watch: ShipWatch },
): { path: string; to: string; image: string } | undefined {
  for (const { from, to, image } of watch.sync) {
    const rest = below(path, from);
    const key = image ?? images[0]?.key;
    if (rest === undefined || key === undefined) continue;
    return { path, to: rest === '' ? to : `${to.replace(/\/$/, '')}/${rest}`, image: key };
  }
  return undefined;
}

function isPart(path: string, { file, fileName, ignored, sources }: WatchedProject): boolean {
  const wholes = [fileName, ...sources, ...sourcePaths(file.deploy.source)];
  if (wholes.some((each) => below(path, each) !== undefined)) return true;
  return file.images.some((image) => {
    const inside = below(path, image.context);
    const isRecipe = recipesOf(image).some((each) => below(path, each) === '');
    return isRecipe || (inside !== undefined && !ignored.get(image.key)?.ignores(inside));
  });
}

function sourcePaths(source: ShipFile['deploy']['source']): readonly string[] {
  switch (source.kind) {
    case 'chart':
      return [source.path, ...source.valuesFiles];
    case 'manifests':
      return source.paths;
    case 'kustomization':
    case 'compose':
      return [source.path];
  }
}

/** The part of a path below a folder: '' is the folder (or file) itself, undefined what lies elsewhere. */
function below(path: string, folder: string): string | undefined {
  const [clean, whole] = [folder, path].map((each) => posix.normalize(each).replace(/\/$/, '')) as [string, string];
  if (clean === '.') return whole.startsWith('../') ? undefined : whole;
  if (whole === clean) return '';
  return whole.startsWith(`${clean}/`) ? whole.slice(clean.length + 1) : undefined;
}
