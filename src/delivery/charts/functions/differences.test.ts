import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { parseTemplates } from '../template/engine.ts';
import { settle } from '../template/pause.ts';
import { chartFunctions } from './functions.ts';

const clock = createSimulatedClock(Date.UTC(2026, 0, 2, 3, 4, 5));

async function result(text: string, values: unknown = {}): Promise<string> {
  const functions = chartFunctions({ clock, random: seededRandom(7) });
  try {
    const set = parseTemplates([{ name: 't', text }], functions);
    return await settle(() => set.execute('t', values, { missingKey: 'zero' }));
  } catch (error) {
    return (error as Error).message;
  }
}

process.env['TZ'] = 'UTC';

/** What newer versions give, what only Helm has, and what is told otherwise here on purpose. */
it.each([
  [
    'a map replaces what is none, as mergo 1.0 has it',
    '{{ mergeOverwrite (dict "a" "s") (dict "a" (dict "x" 1)) }}',
    'map[a:map[x:1]]',
  ],
  ['names of groups may be written so since Go 1.22', '{{ regexReplaceAll "(?<n>a)" "ba" "<$n>" }}', 'b<a>'],
  ['keys come in order', '{{ keys (dict "b" 1 "a" 2) (dict "c" 3) }} {{ values (dict "b" 1 "a" 2) }}', '[a b c] [2 1]'],
  [
    'of the capitals that a word begins with the first stays, and later ones do (xstrings 1.5)',
    '{{ range list "FooBAR" "HTTPServer" "AbC_DE" "aB" "AB" }}{{ camelcase . }} {{ end }}',
    'FooBAR Httpserver AbCDe AB Ab ',
  ],
  [
    'two more letters behind a backslash since Go 1.22',
    '{{ toJson "é\\u2028\\b\\f\\t\\\"\\\\" }}',
    '"é\\u2028\\b\\f\\t\\"\\\\"',
  ],
  [
    'numbers of TOML with exponents, as toml 1.6 has them',
    '{{ toToml (dict "a" 1e6 "b" 999999.0 "c" 123456789.5 "d" 1e-5 "e" 1e21) }}',
    'a = 1e+06\nb = 999999.0\nc = 1.234567895e+08\nd = 1e-05\ne = 1e+21\n',
  ],
  [
    'TOML of what is no table',
    '{{ toToml "x" }} {{ toToml (list 1 "a" (dict "a" 1)) }} {{ toToml true }} {{ toToml (list (list 1)) }}',
    '"x" [1, "a", {a = 1}] true [[1]]',
  ],
  [
    'lists of tables have no place without a key',
    '{{ toToml (list (dict "a" 1)) }}',
    'toml: top-level values must be Go maps or structs',
  ],
  ['a newer hash', '{{ sha512sum "" | trunc 16 }}', 'cf83e1357eefb8bd'],
  ['YAML or an error', '{{ mustToYaml (dict "a" (list 1)) }}', 'a:\n- 1'],
  [
    'a URL may hold a password, and is not told',
    '{{ urlParse "http://u:secret@h:x/" }}',
    'template: t:1:3: executing "t" at <urlParse "http://u:secret@h:x/">: error calling urlParse: ' +
      'unable to parse url: invalid port ":x" after host',
  ],
  ['what is wrong with TOML, in words of ours', '{{ (fromToml "a = ").Error }}', 'toml: invalid value'],
  [
    'a key that is null, without its value',
    '{{ (fromYaml "~: hunter2").Error }}',
    'error converting YAML to JSON: Unsupported map key of type: %!s(<nil>), key: <nil>',
  ],
  [
    'blocks of go-yaml 3 may hold tabs, those of 2 may not',
    '{{ toYamlPretty (dict "a" "x\\ty\\nz") }}|{{ toYaml (dict "a" "x\\ty\\nz") }}',
    'a: |-\n  x\ty\n  z|a: "x\\ty\\nz"',
  ],
  [
    'numbers in keys that are past 64 bits wrap around',
    '{{ toYaml (dict "123456789012345678901234567890" 1 "," 2) }}',
    '"123456789012345678901234567890": 1\n\',\': 2',
  ],
  [
    'a document that ends before it has begun',
    '{{ (fromYaml "# c\\n...\\na: b").Error }}|{{ fromYaml "---\\n...\\n" }}',
    'error converting YAML to JSON: yaml: line 1: did not find expected node content|map[]',
  ],
  ['bytes that are no text', '{{ trunc 1 "é" }}|{{ trunc 1 "é" | b64enc }}', '\ufffd|ww=='],
  [
    'nothing is looked up without a cluster',
    '{{ lookup "v1" "Pod" "" "" }}{{ (lookup "v1" "Pod" "ns" "x").metadata }}',
    'map[]<no value>',
  ],
  ['no names are resolved unless they may be', '{{ getHostByName "localhost" }}', ''],
])('%s: %s', async (_why, text, expected) => {
  expect(await result(text)).toBe(expected);
});

it.each([
  ['{{ now }} {{ now.Unix }} {{ now | date "2006-01-02" }}', '2026-01-02 03:04:05 +0000 UTC 1767323045 2026-01-02'],
  ['{{ ago now }} {{ ago (toDate "2006-01-02" "2026-01-02") }} {{ ago 1767323000 }}', '0s 3h4m5s 45s'],
  ['{{ durationRound (toDate "2006-01-02" "2025-01-01") }} {{ date "2006" "what" }}', '1y 2026'],
  ['{{ now | dateModify "-1.5h" | date "15:04" }}', '01:34'],
])('tells the time by the clock it was given: %s', async (text, expected) => {
  expect(await result(text)).toBe(expected);
});

it.each([
  ['{{ randAlphaNum 12 }}', /^[A-Za-z0-9]{12}$/],
  ['{{ randAlpha 12 }}', /^[A-Za-z]{12}$/],
  ['{{ randNumeric 12 }}', /^\d{12}$/],
  ['{{ randAscii 12 }}', /^[ -~]{12}$/],
  ['{{ randBytes 9 }}', /^[\w+/]{12}$/],
  ['{{ randInt 5 9 }} {{ randInt -3 -2 }}', /^[5-8] -3$/],
  ['{{ shuffle "abc" }}', /^(?=.*a)(?=.*b)(?=.*c)[abc]{3}$/],
  ['{{ uuidv4 }}', /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/],
])('draws from the source it was given: %s', async (text, expected) => {
  const first = await result(text);
  expect(first).toMatch(expected);
  expect(await result(text)).toBe(first);
});

it('hashes passwords so that they can be checked', async () => {
  const { compareSync } = await import('bcryptjs');
  const hash = await result('{{ bcrypt "pass" }}');
  expect(hash).toMatch(/^\$2a\$10\$/);
  expect(compareSync('pass', hash)).toBe(true);
  const [user, line] = (await result('{{ htpasswd "user" "pass" }}')).split(':');
  expect([user, compareSync('pass', line ?? '')]).toEqual(['user', true]);
  expect(await result('{{ bcrypt (repeat 73 "x") }}')).toContain('password length exceeds 72 bytes');
});

it('encrypts what it can decrypt', async () => {
  expect(await result('{{ encryptAES "key" "text é" | decryptAES "key" }}{{ encryptAES "k" "" }}')).toBe('text é');
});

it('resolves names and looks objects up where it may', async () => {
  const lookups: string[][] = [];
  const functions = chartFunctions({
    clock,
    random: seededRandom(1),
    resolveHost: (name) => Promise.resolve([`${name} has 10.0.0.1`]),
    lookup: (...place) => {
      lookups.push(place);
      return { metadata: { name: place[3] } };
    },
  });
  const text = '{{ getHostByName "h" }}; {{ (lookup "v1" "Secret" "ns" "s").metadata.name }}';
  const set = parseTemplates([{ name: 't', text }], functions);
  expect(await settle(() => set.execute('t', {}))).toBe('h has 10.0.0.1; s');
  expect(lookups).toEqual([['v1', 'Secret', 'ns', 's']]);
});

it('passes over what is required, and over fail, when it lints', () => {
  const notes: string[] = [];
  const functions = chartFunctions({ clock, random: seededRandom(1), onLint: (note) => notes.push(note) });
  const set = parseTemplates([{ name: 't', text: '[{{ required "a" .a }}{{ fail "b" }}]' }], functions);
  expect(set.execute('t', {})).toBe('[]');
  expect(notes).toEqual(['a', 'b']);
});
