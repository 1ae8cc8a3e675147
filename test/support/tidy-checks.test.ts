import { describe, expect, it } from 'vitest';
import { deadExports, impureLines, longFunctions } from './tidy-checks.ts';

const body = (count: number, indent = '  '): string =>
  Array.from({ length: count }, () => `${indent}work();`).join('\n');
const lengths = (text: string): number[] => longFunctions(text, 5).map(({ lines }) => lines);
const at = (file: string, text: string): { file: string; text: string } => ({ file: `/src/${file}`, text });

describe('the length of functions', () => {
  it('counts functions, methods, getters and arrow functions with their heads', () => {
    expect(lengths(`export async function f(a: number): Promise<void> {\n${body(4)}\n}`)).toEqual([6]);
    expect(lengths(`class A {\n  async #run(a: number): Promise<void> {\n${body(4, '    ')}\n  }\n}`)).toEqual([6]);
    expect(lengths(`class A {\n  get size() {\n${body(4, '    ')}\n  }\n}`)).toEqual([6]);
    expect(lengths(`const f = async (a: number): Promise<void> => {\n${body(4)}\n};`)).toEqual([6]);
    expect(lengths(`call(\n  (a) => {\n${body(4, '    ')}\n  },\n);`)).toEqual([6]);
  });

  it('counts parameters that stand on lines of their own', () => {
    expect(lengths(`function f(options: {\n  a: number;\n}): void {\n${body(2)}\n}`)).toEqual([6]);
    expect(lengths(`class A {\n  run(\n    a: number,\n  ): void {\n${body(2, '    ')}\n  }\n}`)).toEqual([6]);
  });

  it('leaves short functions, statements, classes and suites alone', () => {
    expect(lengths(`function f() {\n${body(3)}\n}`)).toEqual([]);
    expect(lengths(`if (a) {\n${body(8)}\n} else if (b) {\n${body(8)}\n}`)).toEqual([]);
    expect(lengths(`for (\n  const a of b\n) {\n${body(8)}\n}`)).toEqual([]);
    expect(lengths(`export class A {\n${body(8)}\n}`)).toEqual([]);
    expect(lengths(`describe('it', () => {\n  it('works', () => {\n    work();\n  });\n${body(8)}\n});`)).toEqual([]);
  });
});

describe('dead exports', () => {
  const dead = (...files: { file: string; text: string }[]): string[] => deadExports({ files, users: files });

  it('finds what nobody imports, though others say the same word', () => {
    const files = [at('a.ts', 'export function plan() {}'), at('b.ts', '// a plan\nconst plan = 1;\nuse(plan);')];
    expect(dead(...files)).toEqual(['/src/a.ts exports plan']);
  });

  it('finds what only its own file uses', () => {
    expect(dead(at('a.ts', 'export const size = 1;\nuse(size);'))).toEqual(['/src/a.ts exports size']);
  });

  it('knows imports by their file, under another name, as a namespace, when needed, and passed on', () => {
    const a = at('room/a.ts', 'export const one = 1;');
    const users = [
      "import { one } from './room/a.ts';",
      "import {\n  other,\n  one as first,\n} from './room/a.ts';",
      "import * as all from './room/a.ts';\nuse(all.one);",
      "const { one } = await import('./room/a.ts');",
      "export { one } from './room/a.ts';",
      "export * as all from './room/a.ts';",
    ];
    for (const text of users) expect(deadExports({ files: [a], users: [at('b.ts', text)] })).toEqual([]);
    const elsewhere = "import { one } from './other/a.ts';";
    expect(deadExports({ files: [a], users: [at('b.ts', elsewhere)] })).toHaveLength(1);
  });

  it('leaves types that the file itself needs, and what a test pins down of its work', () => {
    const options = at('a.ts', 'export interface Options {}\nexport function run(options: Options) {}');
    const files = [options, at('b.ts', "import { run } from './a.ts';")];
    expect(dead(...files)).toEqual([]);
    const step = at('c.ts', 'export const step = () => 1;\nstep();');
    const tests = [at('c.test.ts', "import { step } from './c.ts';")];
    expect(deadExports({ files: [step], users: [], tests })).toEqual([]);
    expect(deadExports({ files: [at('c.ts', 'export const step = () => 1;')], users: [], tests })).toHaveLength(1);
  });
});

describe('time and randomness', () => {
  it('are found wherever they are read', () => {
    const text =
      'Date.now();\nnew Date();\nglobalThis.clock;\n await x(setTimeout(go, 1));\n Math.random();\nrandomUUID();';
    expect(impureLines(text)).toEqual([1, 2, 4, 5, 6]);
    expect(impureLines("import { setTimeout } from 'node:timers/promises';")).toEqual([1]);
  });

  it('are not what a comment says, a date of something, or a socket waits', () => {
    expect(impureLines('// Date.now()\n/* setTimeout(x) */\nnew Date(now);\nsocket.setTimeout(10);')).toEqual([]);
  });
});
