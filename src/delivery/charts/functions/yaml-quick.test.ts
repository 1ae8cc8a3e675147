import { stringify, type ToStringOptions } from 'yaml';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../base/random.ts';
import { readQuickly, unsure } from './yaml-quick.ts';
import { HeadSkimmer } from './yaml-skim.ts';
import { readWholeYaml } from './yaml-whole.ts';

/** One for all documents, as a rendering has it: what it keeps of one must not change what it says of another. */
const skimmer = new HeadSkimmer();

/** Whether the quick reader read a text or left it. What it reads must be what the whole reader gives. */
function read(text: string): 'read' | 'left' {
  const quick = readQuickly(text);
  const head = skimmed(text);
  if (head !== unsure) expect(headIn(head), text).toBe(headIn(quick));
  if (quick === unsure) return 'left';
  let whole: unknown;
  try {
    whole = readWholeYaml(text);
  } catch (error) {
    whole = `refused: ${(error as Error).message}`;
  }
  expect(JSON.stringify(quick), text).toBe(JSON.stringify(whole));
  return 'read';
}

function skimmed(text: string): unknown {
  const head = skimmer.head(text);
  if (head === unsure || !('usual' in head)) return head === unsure ? unsure : head.document;
  const { kind, name, annotations } = head.usual;
  return { kind, metadata: { name, annotations } };
}

/** What the skimmer asks a document for. */
function headIn(document: unknown): string {
  if (document === unsure) return 'unsure';
  const { kind, metadata } = (document ?? {}) as Record<string, unknown>;
  if (metadata != null && (typeof metadata !== 'object' || Array.isArray(metadata)))
    return JSON.stringify({ kind, metadata });
  const { name, annotations } = (metadata ?? {}) as Record<string, unknown>;
  return JSON.stringify({ kind: kind ?? '', name: name ?? '', annotations: annotations ?? {} });
}

const words = [
  ...['web', 'true', 'no', '~', '', 'null', '12', '0x1f', '010', '1e3', '-5', '.5', '1_000', '2024-01-02', '12:30:45'],
  ...['a b', 'a: b', 'a:b', ' x', 'x ', 'a #b', 'a#b', '# a', '- a', '-a', '{a}', '[a]', '"q"', "it's", 'a\nb', 'a\n'],
  ...[
    '\na',
    'a\n\n',
    ' a\nb',
    'http://x:80/y?z=1&a',
    '{{ x }}',
    '*',
    '&a',
    '!t',
    '%',
    '@',
    '`',
    '|',
    '>',
    '?',
    ':',
    '-',
  ],
  ...['a\tb', 'é', '日本', '😀', 'a\\b', '\\n', '---', '...', '<<', '=', 'a, b', 'x'.repeat(130), '.inf', '__proto__'],
];
const plainWords = ['web', 'two words', '12', 'true', 'http://x:80/y', 'a\nb\n', '', 'a: b'];
const plainKeys = ['name', 'app.kubernetes.io/name', 'a_b-c', 'Key', 'x.y/z', 'kind', 'metadata'];

/** What to choose words from: a document is wild or tame as a whole, so that the quick reader gets through some. */
interface Words {
  values: readonly string[];
  keys: readonly string[];
}
const wild: Words = { values: words, keys: [...words, ...plainKeys] };
const tame: Words = { values: plainWords, keys: plainKeys };

function randomDocument(random: Random): string {
  return stringify(randomValue(random, random.int(2) === 0 ? wild : tame, 0), randomStyle(random));
}

function randomValue(random: Random, from: Words, depth: number): unknown {
  const kind = depth > 3 ? random.int(3) : random.int(7);
  const count = random.int(4);
  if (kind < 2) return from.values[random.int(from.values.length)];
  if (kind === 2) return [0, 1, -7, 1.5, 1e21, true, false, null][random.int(8)];
  if (kind < 5) {
    const entries = Array.from({ length: count }, () => [
      from.keys[random.int(from.keys.length)],
      randomValue(random, from, depth + 1),
    ]);
    return Object.fromEntries(entries);
  }
  return Array.from({ length: count }, () => randomValue(random, from, depth + 1));
}

function randomStyle(random: Random): ToStringOptions {
  return {
    indent: 1 + random.int(4),
    indentSeq: random.int(2) === 0,
    lineWidth: random.int(3) === 0 ? 20 : 0,
    singleQuote: random.int(2) === 0,
    collectionStyle: random.int(6) === 0 ? 'flow' : 'any',
    ...(random.int(3) === 0 && { defaultStringType: random.int(2) === 0 ? 'QUOTE_DOUBLE' : 'QUOTE_SINGLE' }),
    ...(random.int(4) === 0 && { blockQuote: false }),
  };
}

const insertions = [
  ...[
    ' ',
    '  ',
    '\n',
    '\n\n',
    ':',
    ': ',
    '-',
    '- ',
    '#',
    ' #',
    ' # c',
    '"',
    "'",
    '|',
    '|-',
    '|+\n',
    '>',
    '{',
    '}',
    '[',
    ']',
  ],
  ...[
    ',',
    '&',
    '*',
    '!',
    '?',
    '\t',
    '\\',
    '%',
    '---\n',
    '...',
    'a',
    '0',
    '\n# c\n',
    '\n   # c\n',
    '\n  \n',
    '\r',
    '~',
    '<<:',
  ],
];

/** A text with a few places changed: most are no YAML any more, or mean something else. */
function damaged(text: string, random: Random): string {
  let changed = text;
  for (let i = random.int(3); i >= 0; i--) {
    const at = random.int(changed.length + 1);
    const insertion = random.int(3) === 0 ? '' : (insertions[random.int(insertions.length)] as string);
    changed = changed.slice(0, at) + insertion + changed.slice(at + random.int(3));
  }
  return changed;
}

describe('the skimmer of heads', () => {
  it.each([
    ['a usual object', 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    b/c: "d" # e\nspec: {}\n'],
    [
      'lists at both indents',
      'kind: A\nx:\n- y\n- k: 1\n  z: 2\nb:\n  - - 1\n    - 2\n  -\n    k: v\nmetadata:\n- x\n',
    ],
    ['literal blocks', 'x: |\n  kind: B\n   y\n\n  # no comment\n\nmetadata:\n  name: |-\n    z\n\n\nkind: 1'],
    ['what stands at the end', 'kind: A\nmetadata:\n  name:\n'],
    ['keys given twice', 'kind: A\nkind: B\n'],
    ['no head', 'a: 1\n'],
    [
      'what else metadata holds',
      'kind: A\nmetadata:\n  labels:\n    name: x\n  finalizers:\n  - name: y\n    name: z\n  name: w\nspec:\n  name: v\n',
    ],
    ['a literal block that is left out', 'metadata:\n  notes: |\n    name: x\n  name: y\n'],
  ])('takes %s', (_, text) => {
    expect(headIn(skimmed(text))).toBe(headIn(readQuickly(text)));
    expect(skimmer.head(text)).not.toBe(unsure);
  });

  it.each([
    ['lists', '- kind: A\n'],
    ['what is indented as a whole', '  kind: A\n'],
    ['keys in quotes', '"kind": A\n'],
    ['mistakes below the head', 'kind: A\nspec:\n  a: b: c\n'],
    ['bad indents below the head', 'kind: A\nspec:\n    b: 1\n  c: 2\n'],
    ['values that go on', 'kind: A\nspec: x\n  y\n'],
    ['nothing', '# only this\n'],
  ])('leaves %s', (_, text) => {
    expect(skimmer.head(text)).toBe(unsure);
  });
});

describe('the quick reader of YAML', () => {
  it('gives what the whole reader gives, for random values in random styles', () => {
    const random = seededRandom(20261126);
    const counts = { read: 0, left: 0 };
    for (let i = 0; i < 3000; i++) counts[read(randomDocument(random))]++;
    expect(counts.read).toBeGreaterThan(500);
  });

  it('reads nothing else than the whole reader when texts are damaged', () => {
    const random = seededRandom(7);
    for (let i = 0; i < 10_000; i++) read(damaged(randomDocument(random), random));
  });

  it.each([
    ['a map', 'a: 1\nb: two words\nc:\n  d: yes\n'],
    ['lists at both indents', 'a:\n- x\n- k: 1\n  z: 2\nb:\n  - - 1\n    - 2\n  -\n    k: v\n'],
    ['comments', '# top\na: 1 # one\n\n  # inside\nb: # nothing yet\n  c: "#" # x\n'],
    ['literal blocks', 'a: |\n  x\n   y\n\n  # no comment\n\nb: |-\n  z\n\n\nc: 1'],
    ['a literal block that ends the text', 'a: |\n  x'],
    ['short flow collections', 'a: []\nb: {}\nc: [a, "b", 1] # x\nd: {cpu: 500m, "x": [y]}\n'],
    ['quotes', `a: "x\\ty\\"z"\nb: 'it''s'\n"k": v\n'l': w\n`],
    ['what stands at the end', 'a:\nb:\n  - x\n  -'],
    [
      'words that go on',
      'a: some words\n  and more (\n    of "them"\n  - \nb: true\n  or so\nc:\n- one\n  two\n-  three\n'.replace(
        '  - \n',
        '',
      ),
    ],
    [
      'quotes that end below',
      `a: 'it''s: long\n  # and\n     more'' of it' # x\nb:\n- "one \\"\n  two\\n"\n- k: "x\n    y"\n  l: 1\n`,
    ],
    ['nothing', '# only this\n\n'],
  ])('reads %s', (_, text) => {
    expect(read(text)).toBe('read');
  });

  it.each([
    ['anchors', 'a: &x 1\nb: *x'],
    ['merge keys', 'a:\n  <<: {b: 1}'],
    ['tags', 'a: !!str 1'],
    ['folded blocks', 'a: >\n  x\n  y'],
    ['words that go on after an empty line', 'a: x\n\n  y'],
    ['words that a comment ends', 'a: x\n  # no\n  y'],
    ['numbers that go on', 'a: 1\n  2'],
    ['keys in words that go on', 'a: x\n  y: z'],
    ['quotes that go on after an empty line', 'a: "x\n\n  y"'],
    ['quotes with escaped line breaks', 'a: "x\\\n  y"'],
    ['quotes that never end', 'a: "x\n  y\n'],
    ['markers of documents', '---\na: 1'],
    ['keys that are other than strings', 'yes: 1'],
    ['tabs', 'a:\tb'],
    ['mistakes', 'a: b: c'],
    ['bad indents', 'a:\n    b: 1\n  c: 2'],
    ['numbers that JSON has not', 'a: .inf'],
  ])('leaves %s', (_, text) => {
    expect(read(text)).toBe('left');
  });
});
