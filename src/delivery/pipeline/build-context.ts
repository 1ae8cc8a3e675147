import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseIgnore, type IgnoreRules } from './docker-ignore.ts';
import { ShipError } from './ship-error.ts';

/** A file of a build context, by its path in it. */
interface ContextFile {
  path: string;
  kind: 'file' | 'link' | 'directory';
  isExecutable: boolean;
}

/** The rules of a context: of the Dockerfile's own ignore file, where it has one, else of the context's. */
export async function ignoreRules(directory: string, dockerfile: string): Promise<IgnoreRules> {
  for (const file of [`${dockerfile}.dockerignore`, join(directory, '.dockerignore')]) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseIgnore(text);
  }
  return parseIgnore('');
}

/**
 * A digest of all that an image is built from: the files of its context that are not ignored (names, contents, whether
 * they can be run; links by where they point, never followed), its Dockerfile, and `more`. Hex.
 */
export async function hashContext(
  directory: string,
  { dockerfile, more }: { dockerfile: string; more: readonly string[] },
): Promise<string> {
  const rules = await ignoreRules(directory, dockerfile);
  const hash = createHash('sha256');
  const add = (...words: string[]): void =>
    void hash.update(`${words.map((word) => JSON.stringify(word)).join(' ')}\n`);
  add(...more);
  const recipe = await readFile(dockerfile).catch(() => undefined);
  if (!recipe) throw new ShipError(`there is no file ${dockerfile}`, { hint: 'timonel init writes a Dockerfile.' });
  hash.update(recipe);
  for await (const { path, kind, isExecutable } of filesOf(directory, rules)) {
    add(kind, path, isExecutable ? 'x' : '-');
    const full = join(directory, path);
    if (kind === 'link') add(await readlink(full));
    else if (kind === 'file') {
      const content = createHash('sha256');
      await pipeline(createReadStream(full), content);
      add(content.digest('hex'));
    }
  }
  return hash.digest('hex');
}

/** In the order of their names, so that the same files give the same digest everywhere. */
async function* filesOf(root: string, rules: IgnoreRules, below = ''): AsyncGenerator<ContextFile> {
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch((error: Error) => {
    throw new ShipError(`the build context cannot be read: ${error.message}`);
  });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    const isIgnored = rules.ignores(path);
    if (entry.isDirectory()) {
      if (!isIgnored) yield { path, kind: 'directory', isExecutable: false };
      if (!isIgnored || rules.hasExceptions) yield* filesOf(root, rules, path);
    } else if (!isIgnored && entry.isSymbolicLink()) {
      yield { path, kind: 'link', isExecutable: false };
    } else if (!isIgnored && entry.isFile()) {
      const { mode } = await lstat(join(root, path));
      yield { path, kind: 'file', isExecutable: (mode & 0o111) !== 0 };
    }
  }
}
