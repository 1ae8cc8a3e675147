import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { chartFunctions } from '../functions/functions.ts';
import { parseTemplates } from './engine.ts';

const functions = chartFunctions({ clock: createSimulatedClock(), random: seededRandom(1) });

function result(text: string, values: unknown = {}): string {
  try {
    return parseTemplates([{ name: 't', text }], functions).execute('t', values, { missingKey: 'zero' });
  } catch (error) {
    return (error as Error).message;
  }
}

/** What Go says has changed since the results were recorded, or is told otherwise here on purpose. */
const table: readonly [why: string, text: string, values: unknown, expected: string][] = [
  ['a range goes over an int since Go 1.22', '{{ range 3 }}{{ . }}{{ end }}', {}, '012'],
  ['… with one variable', '{{ range $i := 2 }}{{ $i }}{{ end }}', {}, '01'],
  ['… with two variables', '{{ range $i, $j := 2 }}{{ $i }}{{ $j }} {{ end }}', {}, '00 11 '],
  ['… and an int64', '{{ range int64 2 }}{{ printf "%T" . }} {{ end }}', {}, 'int64 int64 '],
  ['… and nothing below one', '{{ range 0 }}x{{ else }}none{{ end }}', {}, 'none'],
  [
    'but not over a float',
    '{{ range .n }}{{ end }}',
    { n: 3 },
    'template: t:1:9: executing "t" at <.n>: range can\'t iterate over 3',
  ],
  ['else with, since Go 1.23', '{{ with .a }}a{{ else with .b }}{{ . }}{{ else }}c{{ end }}', { b: 'b' }, 'b'],
  ['… to its else', '{{ with .a }}a{{ else with .b }}{{ . }}{{ else }}c{{ end }}', {}, 'c'],
  ['… but not in an if', '{{ if .a }}{{ else with .b }}{{ end }}', {}, 'template: t:1: unexpected <with> in input'],
  [
    'range assigns to variables that are there',
    '{{ $x := 0 }}{{ range $x = .l }}{{ end }}{{ $x }}',
    { l: [1, 2] },
    '2',
  ],
  [
    '… to two of them',
    '{{ $i := 0 }}{{ $x := 0 }}{{ range $i, $x = .l }}{{ end }}{{ $i }}{{ $x }}',
    { l: ['a', 'b'] },
    '1b',
  ],
  [
    'types that do not compare are named, since Go 1.24',
    '{{ eq .a 1 }}',
    { a: 'x' },
    'template: t:1:3: executing "t" at <eq .a 1>: error calling eq: incompatible types for comparison: string and int',
  ],
  ['too many closing parentheses', '{{ 1) }}', {}, 'template: t:1: unexpected right paren'],
  ['imaginary numbers have no use', '{{ 1i }}', {}, 'template: t:1: complex numbers are not supported: "1i"'],
  ['… nor complex ones', '{{ 1+2i }}', {}, 'template: t:1: complex numbers are not supported: "1+2i"'],
  [
    'what a string holds is not told: it may be a secret',
    '{{ range .s }}{{ end }}',
    { s: 'hunter2' },
    'template: t:1:9: executing "t" at <.s>: range can\'t iterate over a string',
  ],
  [
    '… nor what lists hold',
    '{{ eq .s .s }}',
    { s: ['hunter2'] },
    'template: t:1:3: executing "t" at <eq .s .s>: error calling eq: non-comparable type []interface {}',
  ],
  [
    "a template that is missing is missed in all of Helm's",
    '{{ include "nope" . }}',
    {},
    'template: t:1:3: executing "t" at <include "nope" .>: error calling include: ' +
      'template: no template "nope" associated with template "gotpl"',
  ],
  ['a huge width is refused', '{{ printf "%10000000d" 1 }}', {}, '1'],
];

it.each(table)('%s: %s', (_why, text, values, expected) => {
  expect(result(text, values)).toBe(expected);
});
