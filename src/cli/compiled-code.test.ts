import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadCompiled } from './compiled-code.ts';

interface Program {
  answer(n: number): string;
}

let root: string;
let directory: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'timonel-code-'));
  directory = join(root, 'code');
});
afterEach(() => rmSync(root, { recursive: true }));

function programOf(name: string): string {
  const file = join(root, name);
  writeFileSync(
    file,
    `((module, require) => {
    const { sep } = require('node:path');
    module.exports = { name: '${name}', answer: (n) => sep + n };
  });`,
  );
  return file;
}

test('a program runs the same with and without the code of an earlier run, which is written once', () => {
  const file = programOf('program-1.cjs');
  const first = loadCompiled(file, directory);
  expect((first.exports as Program).answer(1)).toBe('/1');
  first.keep?.();
  const second = loadCompiled(file, directory);
  expect(second.exports).toMatchObject({ name: 'program-1.cjs' });
  expect((second.exports as Program).answer(2)).toBe('/2');
  expect(second.keep).toBeUndefined();
});

test('code that is damaged, cut off or of another program is not taken, but replaced', () => {
  const file = programOf('program-1.cjs');
  loadCompiled(file, directory).keep?.();
  const cache = join(directory, readdirSync(directory)[0] ?? '');
  const whole = readFileSync(cache);
  const damaged = Buffer.from(whole);
  damaged.writeUInt8((damaged.at(-9) ?? 0) ^ 1, damaged.length - 9);
  for (const bytes of [damaged, whole.subarray(0, whole.length - 100), Buffer.alloc(0)]) {
    writeFileSync(cache, bytes);
    const loaded = loadCompiled(file, directory);
    expect(loaded.exports).toMatchObject({ name: 'program-1.cjs' });
    expect(loaded.keep).toBeDefined();
  }
  loadCompiled(file, directory).keep?.();
  expect(loadCompiled(file, directory).keep).toBeUndefined();
});

test('what other versions of the program left is removed, and nothing half-written stays', () => {
  loadCompiled(programOf('program-1.cjs'), directory).keep?.();
  loadCompiled(programOf('other-1.cjs'), directory).keep?.();
  loadCompiled(programOf('program-2.cjs'), directory).keep?.();
  const kept = (name: string): unknown => expect.stringMatching(`^${name}\\.cjs-v[\\d.]+-\\w+$`);
  expect(readdirSync(directory).toSorted()).toEqual([kept('other-1'), kept('program-2')]);
});

test('where the code cannot be written, that is an error for whoever wanted it kept, and the program runs', () => {
  writeFileSync(directory, 'a file in the way');
  const loaded = loadCompiled(programOf('program-1.cjs'), directory);
  expect(loaded.exports).toMatchObject({ name: 'program-1.cjs' });
  expect(() => loaded.keep?.()).toThrow(/EEXIST|ENOTDIR/);
});
