import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashContext } from './build-context.ts';
import { parseIgnore } from './docker-ignore.ts';

describe('a .dockerignore', () => {
  const ignored = (text: string, paths: string[]): string[] => paths.filter((path) => parseIgnore(text).ignores(path));

  it('names paths from the root, and all that is below them', () => {
    const paths = ['a.log', 'b/a.log', 'tmp', 'tmp/x/y', 'src/tmp'];
    expect(ignored('*.log\n/tmp/\n', paths)).toEqual(['a.log', 'tmp', 'tmp/x/y']);
    expect(ignored('**/*.log', paths)).toEqual(['a.log', 'b/a.log']);
    expect(ignored('**/tmp', paths)).toEqual(['tmp', 'tmp/x/y', 'src/tmp']);
    expect(ignored('src/**', ['src', 'src/a', 'src/a/b'])).toEqual(['src/a', 'src/a/b']);
  });

  it('lets in again what an exception names; the last line counts', () => {
    const paths = ['README.md', 'docs/a.md', 'docs/keep.md'];
    expect(ignored('**/*.md\n!docs/keep.md', paths)).toEqual(['README.md', 'docs/a.md']);
    expect(ignored('!docs/keep.md\n**/*.md', paths)).toEqual(paths);
  });

  it('has comments, empty lines, classes and escapes', () => {
    const text = '# no\n\n  \n[ab]?.txt\n\\*.c\n.\n..\n';
    expect(ignored(text, ['a1.txt', 'c1.txt', '*.c', 'x.c', '# no'])).toEqual(['a1.txt', '*.c']);
    expect(ignored('[^a].x', ['a.x', 'b.x'])).toEqual(['b.x']);
  });
});

describe('the digest of a build context', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'timonel-context-'));
    writeFileSync(join(directory, 'Dockerfile'), 'FROM scratch\n');
    writeFileSync(join(directory, 'app.py'), 'print()\n');
    writeFileSync(join(directory, '.dockerignore'), '*.log\ncache\n');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const digest = (more: string[] = []): Promise<string> =>
    hashContext(directory, { dockerfile: join(directory, 'Dockerfile'), more });

  it('stays the same over what is ignored and over times', async () => {
    const before = await digest();
    mkdirSync(join(directory, 'cache'));
    writeFileSync(join(directory, 'cache/x'), 'x');
    writeFileSync(join(directory, 'noise.log'), 'x');
    writeFileSync(join(directory, 'app.py'), 'print()\n');
    expect(await digest()).toBe(before);
  });

  it('changes with contents, names, modes, links, the Dockerfile and the settings of the build', async () => {
    const seen = new Set([await digest(), await digest(['A=1'])]);
    writeFileSync(join(directory, 'app.py'), 'print(1)\n');
    seen.add(await digest());
    chmodSync(join(directory, 'app.py'), 0o755);
    seen.add(await digest());
    symlinkSync('/etc/shadow', join(directory, 'link'));
    seen.add(await digest());
    writeFileSync(join(directory, 'Dockerfile'), 'FROM scratch\nUSER 1\n');
    seen.add(await digest());
    expect(seen.size).toBe(6);
  });
});
