import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = walk(join(root, 'src')).filter((f) => f.endsWith('.ts') && !/src\/api\/(types|generated)\//.test(f));
const tests = [...walk(join(root, 'test')), ...walk(join(root, 'bench'))].filter((f) => f.endsWith('.ts'));

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
const clockAdapters = ['src/base/system-clock.ts', 'src/base/random.ts', 'src/base/log.ts', 'src/base/clock.ts'];
const banned = /\b(Date\.now\(|new Date\(\)|setTimeout\(|setInterval\(|Math\.random\(|randomUUID\(|performance\.now\()/;

describe('the house is tidy', () => {
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
    const wrong = [...sources, ...tests].flatMap((file) => {
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
    expect(sources.filter((f) => !f.endsWith('.test.ts')).flatMap(longFunctions)).toEqual([]);
  });

  it('reads time and randomness only in their adapters', () => {
    const wrong = sources
      .filter((file) => !file.endsWith('.test.ts') && !clockAdapters.includes(name(file)))
      .flatMap((file) =>
        textOf(file)
          .split('\n')
          .flatMap((line, i) => (banned.test(line.replace(/\/\/.*|^\s*\*.*/, '')) ? [`${name(file)}:${i + 1}`] : [])),
      );
    expect(wrong).toEqual([]);
  });

  it('has no exports that nobody imports', () => {
    const everything = [...sources, ...tests].map((file) => ({ file, text: textOf(file) }));
    const productive = everything.filter(({ file }) => !file.endsWith('.test.ts') && !file.includes('/test/'));
    const wrong = sources
      .filter((file) => !file.endsWith('.test.ts') && !['src/main.ts', 'src/library.ts'].includes(name(file)))
      .flatMap((file) => {
        const exported = [
          ...textOf(file).matchAll(/^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm),
        ].map((m) => m[1] as string);
        return exported
          .filter((symbol) => {
            const word = new RegExp(`\\b${symbol}\\b`);
            if (productive.some((other) => other.file !== file && word.test(other.text))) return false;
            // A type that its own file's exported signatures use is part of the door.
            return [...textOf(file).matchAll(new RegExp(`\\b${symbol}\\b`, 'g'))].length < 2;
          })
          .map((symbol) => `${name(file)} exports ${symbol}`);
      });
    expect(wrong).toEqual([]);
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

/** Functions and methods by their indentation: the formatter guarantees that a body ends at its head's column. */
function longFunctions(file: string): string[] {
  const lines = textOf(file).split('\n');
  const head =
    /^(\s*)(?:export )?(?:async )?(?:function\b|(?:private |public |static |override |async |get |set )*[#\w]+\([^;]*\{$)/;
  return lines.flatMap((line, start) => {
    const match = head.exec(line);
    if (!match || /^\s*(if|for|while|switch|catch|return)\b/.test(line)) return [];
    const end = lines.findIndex((l, i) => i > start && l.startsWith(`${match[1]}}`) && !l.startsWith(`${match[1]} `));
    const length = end - start + 1;
    return length > 70 ? [`${name(file)}:${start + 1} has ${length} lines`] : [];
  });
}
