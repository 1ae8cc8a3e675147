import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { chartFunctions } from '../functions/functions.ts';
import { parseTemplates } from './engine.ts';
import { Usage } from './execution.ts';
import { goFunction } from './function.ts';
import { settle } from './pause.ts';

const functions = chartFunctions({ clock: createSimulatedClock(), random: seededRandom(1) });
/** Small enough that a test takes no time; the defaults are of the same kind. */
const limits = { steps: 100_000, outputLength: 4_000_000 };

async function outcome(text: string, values: unknown = {}): Promise<string> {
  try {
    const set = parseTemplates([{ name: 't', text }], functions);
    return await settle(() => set.execute('t', values, { missingKey: 'zero', limits }));
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}

const shared = '{{ $d := dict "a" 1 }}{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}';
const large = '{{ $d := dict }}{{ range until 1000 }}{{ $_ := set $d (toString .) . }}{{ end }}';
const circular = '{{ $d := dict "a" 1 }}{{ $_ := set $d "self" $d }}';

it.each([
  [
    'a template that calls itself',
    '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
    'maximum template depth',
  ],
  ['a template that includes itself', '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}', 'depth'],
  ['a text that is its own template', '{{ tpl .t . }}', 'depth'],
  ['a huge string', '{{ repeat 1000000000 "ab" }}', 'longer than'],
  [
    'a string that doubles',
    '{{ $x := "ab" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}',
    'characters of output',
  ],
  ['a huge list', '{{ until 1000000000 }}', 'too long'],
  ['a huge sequence', '{{ seq 1000000000 }}', 'too long'],
  ['a long loop', '{{ range 1000000000000 }}{{ end }}', 'steps'],
  ['loops in loops', '{{ range until 1000 }}{{ range until 1000 }}x{{ end }}{{ end }}', 'steps'],
  ['a list that doubles', '{{ $l := list 1 2 }}{{ range until 60 }}{{ $l = concat $l $l }}{{ end }}', 'output'],
  [
    'lists that are copied again and again',
    '{{ $l := list }}{{ range until 20000 }}{{ $l = append $l 1 }}{{ end }}',
    'output',
  ],
  ['hashes of passwords without end', '{{ range until 1000 }}{{ $_ := bcrypt "x" }}{{ end }}', 'steps'],
  ['derived passwords', '{{ range until 1000 }}{{ $_ := derivePassword 1 "long" "p" "u" "s" }}{{ end }}', 'steps'],
  ['keys without end', '{{ range until 1000 }}{{ $_ := genPrivateKey "ed25519" }}{{ end }}', 'steps'],
  ['a map of many', '{{ splitn "" 900000 (repeat 900000 "a") }}', 'output'],
  ['copies of a map', `${large}{{ range until 1000 }}{{ $_ := deepCopy $d }}{{ end }}`, 'output'],
  ['maps that are merged', `${large}{{ range until 1000 }}{{ $_ := merge (dict) $d }}{{ end }}`, 'output'],
  ['parts of a map', `${large}{{ range until 1000 }}{{ $_ := omit $d "1" }}{{ end }}`, 'output'],
  ['what is read again and again', `{{ range until 5000 }}{{ $_ := fromJsonArray $.json }}{{ end }}`, 'output'],
  ['shared maps as YAML', `${shared}{{ toYaml $d }}`, 'more than 400000 parts'],
  ['shared maps as text', `${shared}{{ $d }}`, 'more than 400000 parts'],
  ['a map that holds itself, as JSON', `${circular}{{ toJson $d }}`, 'nested more than'],
  ['a map that holds itself, as text', `${circular}{{ $d }}`, 'nested more than'],
  [
    'a map that holds itself, merged',
    `${circular}{{ merge $d (deepCopy (dict)) (dict "self" $d) }}`,
    'nested more than',
  ],
  ['much indentation', '{{ indent 100000 (repeat 100000 "a\\n") }}', 'longer than'],
  ['a long replacement', '{{ replace "a" (repeat 100000 "b") (repeat 100000 "a") }}', 'longer than'],
  ['a group that is put many times', '{{ regexReplaceAll "(a+)" (repeat 100000 "a") (repeat 1000 "$1") }}', 'longer'],
  ['a long join', '{{ join (repeat 100000 "x") (until 10000) }}', 'longer than'],
  ['a long separator', '{{ wrapWith 1 (repeat 100000 "x") (repeat 10000 "y ") }}', 'longer than'],
  ['a long range of versions', '{{ semverCompare (repeat 50000 "1-") "1.0.0" }}', 'too long'],
  ['a long duration', '{{ mustDateModify (repeat 50000 "1h") now }}', 'too long'],
  ['many parentheses', `{{ ${'('.repeat(10_000)}1${')'.repeat(10_000)} }}`, 'nested more than'],
  ['many blocks', '{{ if 1 }}'.repeat(10_000), 'nested more than'],
])('ends %s in an error', async (_what, text, expected) => {
  expect(await outcome(text, { t: '{{ tpl .t . }}', json: JSON.stringify(Array(1000).fill(1)) })).toMatch(
    new RegExp(`^error: template: .*${expected}`, 's'),
  );
});

it('says where a value is that holds itself', async () => {
  expect(await outcome(`${circular}\n  {{ toYaml $d }}`)).toBe(
    'error: template: t:2:5: executing "t" at <toYaml $d>: values are nested more than 500 deep',
  );
  expect(await outcome(`${circular}\n  {{ $d }}`)).toBe(
    'error: template: t:2:5: executing "t" at <{{$d}}>: values are nested more than 200 deep',
  );
  expect(await outcome(`{{ define "a" }}${circular}{{ toJson $d }}{{ end }}\n{{ include "a" . }}`)).toMatch(
    /^error: template: t:1:\d+: executing "a" at <toJson \$d>: values/,
  );
});

it('ends what takes long, though it has few steps', () => {
  let now = 0;
  const clock = { monotonic: () => now };
  const slow = goFunction([], () => void (now += 1000));
  const set = parseTemplates([{ name: 't', text: '{{ range until 1000 }}{{ slow }}{{ end }}' }], {
    ...functions,
    slow,
  });
  const render = (): string => set.execute('t', {}, { usage: new Usage(clock) });
  expect(render).toThrow(/^template: t:1:25: executing "t" at <{{slow}}>: more than 30 seconds$/);
});

it('matches in time that grows with the text alone', async () => {
  expect(await outcome('{{ regexMatch "(a+)+$" (print (repeat 50000 "a") "b") }}')).toBe('false');
  expect(await outcome('{{ atoi (repeat 1000000 "9") }}')).toBe('9223372036854775807');
  expect(await outcome('{{ printf "%1000000000d" 1 }}')).toBe('1');
});

it('reads no YAML that is nested very deep', async () => {
  expect(await outcome('{{ fromYaml (repeat 20000 "[") }}')).toContain(
    'Error:error converting YAML to JSON: yaml: exceeded max depth',
  );
});

it('reads no YAML with very many blocks in each other', async () => {
  const limit = 'Error:error converting YAML to JSON: yaml: exceeded max depth of 1000';
  expect(await outcome('{{ fromYaml (repeat 20000 "- ") }}')).toContain(limit);
  expect(await outcome('{{ fromYaml (repeat 20000 "? ") }}')).toContain(limit);
  const deeper = Array.from({ length: 1500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
  expect(await outcome('{{ fromYaml .y }}', { y: deeper })).toContain(limit);
  const beside = 'a:\n  - - - x\n    - - "\t"\n'.repeat(2000);
  expect(await outcome('{{ fromYaml .y | len }}', { y: beside })).toBe('1');
});

it('counts aliases of YAML', async () => {
  const lines = Array.from({ length: 9 }, (_, i) => `b${i + 1}: &b${i + 1} [${Array(10).fill(`*b${i}`).join(', ')}]`);
  const bomb = ['b0: &b0 [x, x]', ...lines].join('\n');
  expect(await outcome('{{ fromYaml .y }}', { y: bomb })).toBe(
    'map[Error:error converting YAML to JSON: yaml: document contains excessive aliasing]',
  );
});

it.each([
  ['{{ .constructor }}{{ .toString }}{{ .__proto__ }}', '<no value><no value><no value>'],
  ['{{ (dict "__proto__" (dict "x" 1)).__proto__.x }}{{ (dict).x }}', '1<no value>'],
  ['{{ $d := set (dict) "__proto__" 1 }}{{ keys $d }}{{ hasKey (dict) "toString" }}', '[__proto__]false'],
  ['{{ merge (dict) (fromJson "{\\"__proto__\\":{\\"x\\":1}}") }}{{ (dict).x }}', 'map[__proto__:map[x:1]]<no value>'],
  ['{{ mergeOverwrite (dict "__proto__" (dict)) (dict "__proto__" (dict "x" 1)) }}', 'map[__proto__:map[x:1]]'],
  ['{{ fromYaml "__proto__: {x: 1}" }}{{ (dict).x }}', 'map[__proto__:map[x:1]]<no value>'],
  ['{{ index (dict) "constructor" }}{{ get (dict) "valueOf" }}{{ pluck "toString" (dict) }}', '<no value>[]'],
  ['{{ dig "constructor" "name" "none" (dict) }}', 'none'],
  [
    '{{ (list).length }}',
    `error: template: t:1:4: executing "t" at <list>: can't evaluate field length in type []interface {}`,
  ],
  ['{{ "x".length }}', 'error: template: t:1: unexpected . after term "\\"x\\""'],
])('sees nothing of what objects inherit: %s', async (text, expected) => {
  expect(await outcome(text, {})).toBe(expected);
});

it('knows neither environment nor files', async () => {
  expect(await outcome('{{ env "HOME" }}')).toBe('error: template: t:1: function "env" not defined');
  expect(await outcome('{{ expandenv "$HOME" }}')).toBe('error: template: t:1: function "expandenv" not defined');
  expect(await outcome('{{ getHostByName "localhost" }}')).toBe('');
});

it.each([
  '{{ range .secret }}{{ end }}',
  '{{ .secret.x }}',
  '{{ index .secret "a" }}',
  '{{ index (list .secret) "a" }}',
  '{{ tpl .template . }}',
  '{{ tpl .broken . }}',
  '{{ urlParse .url }}',
  '{{ genSelfSignedCertWithKey "cn" nil nil 1 .secret }}',
  '{{ buildCustomCert .secret .secret }}',
  '{{ decryptAES "k" .secret }}',
  '{{ fromJson .secret | toJson | fail }}',
  '{{ eq .list .list }}',
  '{{ add .map | len }}{{ .map.x.y.z }}',
  '{{ ternary 1 2 .secret }}',
  '{{ until .secret }}',
])('tells no secret: %s', async (text) => {
  const secret = 'hunter2';
  const values = {
    secret,
    template: `${secret} {{ .a.b.c }}`,
    broken: `${secret} {{`,
    url: `http://user:${secret}@host:port x/`,
    list: [secret],
    map: { x: { y: secret } },
  };
  const message = await outcome(text, values);
  expect(message).toMatch(/^error: /);
  expect(message).not.toContain(secret);
});
