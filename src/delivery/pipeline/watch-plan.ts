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
  /** Of `watch.ignore`. */
  unwatched: IgnoreRules;
}

/**
 * Files that all are to be synchronised are; one that is part of an image, of what is deployed, or of `timonel.yaml`
 * itself ships everything anew. Others are nobody's business. Pure.
 */
export function planChange(paths: readonly string[], project: WatchedProject): ChangePlan {
  const { file, unwatched } = project;
  const seen = paths.filter((path) => path !== '' && !path.split('/').includes('.git') && !unwatched.ignores(path));
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

function isPart(path: string, { file, fileName, ignored }: WatchedProject): boolean {
  if (path === fileName || sourcePaths(file.deploy.source).some((each) => below(path, each) !== undefined)) return true;
  return file.images.some(({ key, context, dockerfile }) => {
    const inside = below(path, context);
    const isRecipe = dockerfile !== undefined && below(path, dockerfile) === '';
    return isRecipe || (inside !== undefined && !ignored.get(key)?.ignores(inside));
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
  const clean = folder.replace(/^(?:\.\/)+|\/+$/g, '');
  if (clean === '' || clean === '.') return path;
  if (path === clean) return '';
  return path.startsWith(`${clean}/`) ? path.slice(clean.length + 1) : undefined;
}
