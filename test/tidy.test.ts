import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { deadExports, impureLines, longFunctions, type SourceText } from './support/tidy-checks.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = walk(join(root, 'src')).filter((f) => f.endsWith('.ts') && !/src\/api\/(types|generated)\//.test(f));
const rest = ['test', 'bench', 'scripts', 'examples'].flatMap((folder) => walk(join(root, folder))).filter(isCode);
const everything = [...sources, ...rest];
const productive = sources.filter((file) => !file.endsWith('.test.ts'));
/** The program and the library: what they export is for others. */
const doors = ['src/main.ts', 'src/library.ts'];

/** What each room may import besides itself. */
const arrows: Record<string, readonly string[]> = {
  base: [],
  api: ['base'],
  store: ['base', 'api'],
  client: ['base', 'api'],
  apiserver: ['base', 'api', 'store', 'client'],
  controllers: ['base', 'api', 'client'],
  scheduler: ['base', 'api', 'client'],
  node: ['base', 'api', 'client'],
  network: ['base', 'api', 'client'],
  delivery: ['base', 'api', 'client'],
};

/** Files that touch the machine's clock, timers or randomness for everybody. */
const clockAdapters = ['src/base/system-clock.ts', 'src/base/random.ts'];
const laterWords = new RegExp(
  `\\b(?:${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b|@ts-(?:ignore|nocheck)|\\b(?:it|test|describe)\\.(?:skip|only|todo)\\(`,
);
/** What runs beside a real cluster, or measures one, lives in real time. */
const realTime = /^(?:test\/e2e|bench|scripts|examples)\/|^test\/support\/tidy-checks/;

describe('the house is tidy', { timeout: 120_000 }, () => {
  it('imports only in the direction of the arrows', () => {
    const wrong = sources.flatMap((file) => {
      const room = roomOf(file);
      const allowed = arrows[room];
      if (!allowed || file.endsWith('.test.ts')) return [];
      return importsOf(file)
        .map(roomOf)
        .filter((target) => target !== room && !allowed.includes(target))
        .map((target) => `${name(file)} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps files to 500 lines and lines to 120 columns', () => {
    const wrong = everything.flatMap((file) => {
      const lines = textOf(file).split('\n');
      const wide = lines.findIndex((line) => line.length > 120 && !/https?:|import |'[^']{60,}'|`|"|\/.*\//.test(line));
      return [
        ...(lines.length > 501 ? [`${name(file)}: ${lines.length} lines`] : []),
        ...(wide >= 0 ? [`${name(file)}:${wide + 1} is wider than 120`] : []),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it('keeps functions to 70 lines', () => {
    const wrong = everything.flatMap((file) =>
      longFunctions(textOf(file), 70).map(({ line, lines }) => `${name(file)}:${line} has ${lines} lines`),
    );
    expect(wrong).toEqual([]);
  });

  it('reads time and randomness only in their adapters', () => {
    const wrong = everything
      .filter((file) => !clockAdapters.includes(name(file)) && !realTime.test(name(file)))
      .flatMap((file) => impureLines(textOf(file)).map((line) => `${name(file)}:${line}`));
    expect(wrong).toEqual([]);
  });

  it('has no exports that nobody imports', () => {
    const files = productive.filter((file) => !doors.includes(name(file))).map(source);
    const tests = rest.concat(sources).filter((file) => file.endsWith('.test.ts'));
    const wrong = [
      ...deadExports({ files, users: productive.map(source), tests: tests.map(source) }),
      ...deadExports({ files: rest.map(source), users: everything.map(source) }),
    ];
    expect(wrong.map((line) => line.replace(`${root}/`, ''))).toEqual([]);
  });

  it('leaves nothing for later, and skips no test', () => {
    const wrong = everything.filter((file) => laterWords.test(textOf(file)));
    expect(wrong.map(name)).toEqual([]);
  });

  it('uses kebab-case file names, no barrels and no utils', () => {
    const wrong = sources.filter((f) => !/^[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(f.split('/').at(-1) as string));
    const bad = sources.filter((f) => /\/(utils?|helpers?)\/|\/index\.ts$/.test(f));
    expect([...wrong, ...bad].map(name)).toEqual([]);
  });

  it('has a README in every room', () => {
    const rooms = readdirSync(join(root, 'src')).filter((r) => statSync(join(root, 'src', r)).isDirectory());
    expect(rooms.filter((room) => !readdirSync(join(root, 'src', room)).includes('README.md'))).toEqual([]);
  });
});

function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(directory, entry.name)) : [join(directory, entry.name)],
  );
}

function isCode(file: string): boolean {
  return /\.(?:ts|mjs)$/.test(file);
}

function source(file: string): SourceText {
  return { file, text: textOf(file) };
}

function name(file: string): string {
  return relative(root, file);
}

function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}

function roomOf(file: string): string {
  return relative(join(root, 'src'), file).split('/')[0] as string;
}

function importsOf(file: string): string[] {
  return [...textOf(file).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((m) =>
    resolve(dirname(file), m[1] as string),
  );
}
