import { lstat, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Something in an image: which layer has it, and its path there, which leads through no link. */
export interface ImageEntry {
  layer: string;
  path: string;
  isDirectory: boolean;
}

const maxLinks = 40;

/**
 * Looks a path up in an image as a process with that root would: through the layers (directories of overlayfs, topmost
 * first), over their whiteouts, and along links, which never lead out of the image. Undefined when there is nothing.
 */
export async function findInImage(layers: readonly string[], path: string): Promise<ImageEntry | undefined> {
  let todo = path.split('/');
  let done: string[] = [];
  let links = 0;
  let found: ImageEntry | undefined = { layer: layers[0] ?? '', path: '', isDirectory: true };
  while (todo.length > 0) {
    const [name = '', ...rest] = todo;
    todo = rest;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const entry = await lookUp(layers, [...done, name]);
    if (!entry) return undefined;
    if (entry.target === undefined) {
      done = [...done, name];
      found = entry;
      continue;
    }
    if (++links > maxLinks) return undefined;
    todo = [...entry.target.split('/'), ...rest];
    if (entry.target.startsWith('/')) done = [];
  }
  // The last step may have been `..`.
  return found.path === done.join('/') || done.length === 0 ? found : lookUp(layers, done);
}

/** A file's text; undefined when the image has no such file. */
export async function readFromImage(layers: readonly string[], path: string): Promise<string | undefined> {
  const entry = await findInImage(layers, path);
  return entry && !entry.isDirectory ? readFile(join(entry.layer, entry.path), 'utf8') : undefined;
}

/** `parts`, all but the last of which are directories of the image. */
async function lookUp(
  layers: readonly string[],
  parts: readonly string[],
): Promise<(ImageEntry & { target?: string }) | undefined> {
  for (const layer of layers) {
    let at = layer;
    for (const [index, part] of parts.entries()) {
      at = join(at, part);
      const stats = await lstat(at).catch(() => undefined);
      if (!stats) break;
      // A whiteout: what lower layers have here is not there.
      if (stats.isCharacterDevice() && stats.rdev === 0) return undefined;
      if (index < parts.length - 1) {
        if (stats.isDirectory()) continue;
        return undefined;
      }
      const entry = { layer, path: parts.join('/'), isDirectory: stats.isDirectory() };
      return stats.isSymbolicLink() ? { ...entry, target: await readlink(at) } : entry;
    }
  }
  return undefined;
}
