import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TreeWatcher } from './tree-watcher.ts';

let root: string;
let watcher: TreeWatcher | undefined;
let seen: Set<string>;
let wake: () => void;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'timonel-tree-'));
  mkdirSync(join(root, 'app/deep'), { recursive: true });
  mkdirSync(join(root, 'app/.git'));
  write('app/a', 'app/deep/b', 'app/.git/index', 'beside');
  seen = new Set();
  wake = () => undefined;
});
afterEach(() => {
  watcher?.close();
  rmSync(root, { recursive: true });
});

function watchThem(...roots: string[]): void {
  watcher = new TreeWatcher(
    roots.map((each) => join(root, each)),
    {
      onChange: (path) => {
        seen.add(relative(root, path));
        wake();
      },
      onError: (error) => expect(error).toBeUndefined(),
      ignores: (path) => path.endsWith('/.git'),
    },
  );
}

function write(...paths: string[]): void {
  for (const path of paths) writeFileSync(join(root, path), path);
}

const move = (from: string, to: string): void => renameSync(join(root, from), join(root, to));

/** Waits for a path to be told, and gives all that were until then. */
async function told(path: string): Promise<string[]> {
  while (!seen.has(path)) await new Promise<void>((resolve) => (wake = resolve));
  const all = [...seen].toSorted();
  seen.clear();
  return all;
}

describe('a watcher of trees', () => {
  it('tells of files however they are saved, again and again', async () => {
    watchThem('app');
    for (let round = 0; round < 3; round++) {
      write('app/new~');
      move('app/new~', 'app/a');
      await told('app/a');
      write('app/a');
      await told('app/a');
      write('app/deep/b');
      await told('app/deep/b');
    }
  });

  it('looks into directories that come, and no more at those that went', async () => {
    watchThem('app');
    mkdirSync(join(root, 'app/x/y'), { recursive: true });
    write('app/x/y/z');
    await told('app/x/y/z');
    move('app/x', 'app/w');
    await told('app/w/y/z');
    write('app/w/y/z');
    expect(await told('app/w/y/z')).toEqual(['app/w/y/z']);
    rmSync(join(root, 'app/w'), { recursive: true });
    await told('app/w');
    mkdirSync(join(root, 'app/w'));
    await told('app/w');
    write('app/w/again');
    await told('app/w/again');
  });

  it('knows a directory from what has the same name inside', async () => {
    mkdirSync(join(root, 'app/same'));
    write('app/same/same', 'app/same/other');
    watchThem('app');
    rmSync(join(root, 'app/same/same'));
    await told('app/same/same');
    rmSync(join(root, 'app/same'), { recursive: true });
    expect(await told('app/same')).not.toContain('app/same/same');
  });

  it('follows roots that are replaced, and roots that are files', async () => {
    watchThem('app', 'beside');
    move('app', 'old');
    await told('app');
    mkdirSync(join(root, 'app'));
    write('app/fresh');
    await told('app/fresh');
    write('old/a', 'beside~');
    move('beside~', 'beside');
    expect(await told('beside')).not.toContain('old/a');
    write('beside');
    await told('beside');
  });

  it('says nothing of what is ignored', async () => {
    watchThem('app');
    write('app/.git/index', 'app/.git/HEAD', 'app/a');
    expect(await told('app/a')).toEqual(['app/a']);
  });

  it('ends with what there is not', () => {
    expect(() => watchThem('none/at/all')).toThrow('there is no directory');
  });
});
