import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { parseTemplates } from '../template/engine.ts';
import { chartFunctions } from './functions.ts';
import { chartFiles } from './files.ts';
import { compileGlob } from './glob.ts';

const functions = chartFunctions({ clock: createSimulatedClock(), random: seededRandom(1) });
const contents: [string, string | Uint8Array][] = [
  ['config/a.conf', 'x = 1\ny = 2\n'],
  ['config/sub/b.conf', 'b'],
  ['README.md', '# read\nme'],
  ['Get', 'a file with the name of a method'],
  ['image.bin', Uint8Array.from([0xff, 0x00, 0x41])],
  ['empty', ''],
];
const files = chartFiles(contents.map(([name, content]) => [name, Buffer.from(content as string)] as const));

function render(text: string): string {
  return parseTemplates([{ name: 't', text }], functions).execute('t', { Files: files }, { missingKey: 'zero' });
}

it.each([
  ['{{ .Files.Get "config/a.conf" }}', 'x = 1\ny = 2\n'],
  ['[{{ .Files.Get "nope" }}{{ .Files.GetBytes "nope" }}]', '[[]]'],
  ['{{ .Files.Get "image.bin" | b64enc }} {{ .Files.Get "image.bin" | len }}', '/wBB 3'],
  ['{{ .Files.GetBytes "README.md" | toString | trunc 6 }}', '# read'],
  ['{{ range .Files.Lines "config/a.conf" }}<{{ . }}>{{ end }}', '<x = 1><y = 2>'],
  ['{{ .Files.Lines "nope" }} {{ len (.Files.Lines "empty") }}', '[] 1'],
  ['{{ range $name, $_ := .Files.Glob "config/**" }}{{ $name }} {{ end }}', 'config/a.conf config/sub/b.conf '],
  ['{{ range $name, $_ := .Files.Glob "config/*" }}{{ $name }} {{ end }}', 'config/a.conf '],
  [
    '{{ range $name, $content := .Files.Glob "**.md" }}{{ $name }}: {{ toString $content }}{{ end }}',
    'README.md: # read\nme',
  ],
  ['{{ (.Files.Glob "config/**").AsConfig }}', 'a.conf: |\n  x = 1\n  y = 2\nb.conf: b'],
  ['{{ (.Files.Glob "config/**.conf").AsSecrets }}', 'a.conf: eCA9IDEKeSA9IDIK\nb.conf: Yg=='],
  ['{{ (.Files.Glob "none/*").AsConfig }}', '{}'],
  ['{{ tpl (.Files.Get "README.md") . | indent 2 }}', '  # read\n  me'],
  ['{{ typeOf .Files }} {{ len .Files }} {{ kindOf (index .Files "Get") }}', 'engine.files 6 slice'],
])('gives files to templates: %s', (text, expected) => {
  expect(render(text)).toBe(expected);
});

it.each<[string, string[], string[]]>([
  ['*', ['a', '.b'], ['a/b']],
  ['**', ['a', 'a/b/c'], []],
  ['a/**/z', ['a/b/z', 'a/b/c/z'], ['a/z', 'b/z']],
  ['?.txt', ['a.txt', 'é.txt'], ['ab.txt', '/.txt']],
  ['[abc].txt', ['a.txt'], ['d.txt']],
  ['[!a-c].txt', ['d.txt'], ['b.txt']],
  ['[a-c]', ['b'], ['d']],
  ['*.{yaml,yml}', ['a.yaml', 'b.yml'], ['c.json']],
  ['{a,b{1,2}}/*', ['a/x', 'b1/x', 'b2/y'], ['b/x', 'a/x/y']],
  ['\\*', ['*'], ['a']],
  ['{conf/*.txt,**.md}', ['conf/a.txt', 'x/y.md'], ['a.txt']],
  ['*a*a*a*a*a*a*a*a*a*a*a*a*b', [], ['a'.repeat(2000)]],
  ['', [''], ['a']],
])('matches names with %s', (pattern, yes, no) => {
  const matches = compileGlob(pattern);
  expect(yes.filter((name) => !matches(name))).toEqual([]);
  expect(no.filter(matches)).toEqual([]);
});

it('takes a pattern that makes no sense for one that matches all', () => {
  expect(render('{{ len (.Files.Glob "[") }} {{ len (.Files.Glob "{a") }}')).toBe('6 6');
});
