import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { chartFunctions } from '../functions/functions.ts';
import { parseTemplates } from './engine.ts';
import type { TemplateError } from './error.ts';
import { Usage } from './execution.ts';
import { goFunction } from './function.ts';
import { describe as describeValue, GoStruct } from './values.ts';

const functions = chartFunctions({ clock: createSimulatedClock(), random: seededRandom(1) });

function render(text: string, values: unknown = {}, missingKey: 'default' | 'zero' | 'error' = 'zero'): string {
  return parseTemplates([{ name: 't', text }], functions).execute('t', values, { missingKey });
}

function failure(body: () => unknown): TemplateError {
  try {
    body();
  } catch (error) {
    return error as TemplateError;
  }
  throw new Error('it did not fail');
}

it('tells the place of an error in the file that defines the template, columns in bytes', () => {
  const set = parseTemplates(
    [
      { name: 'c/templates/_helpers.tpl', text: '{{ define "c.name" }}\né {{ .a.b.c }}{{ end }}' },
      { name: 'c/templates/x.yaml', text: 'x: 1\ny: {{ include "c.name" . }}' },
    ],
    functions,
  );
  const error = failure(() => set.execute('c/templates/x.yaml', { a: {} }, { missingKey: 'zero' }));
  expect(error.message).toBe(
    'template: c/templates/x.yaml:2:6: executing "c/templates/x.yaml" at <include "c.name" .>: error calling include: ' +
      'template: c/templates/_helpers.tpl:2:8: executing "c.name" at <.a.b.c>: nil pointer evaluating interface {}.c',
  );
  expect(error.location).toEqual({ name: 'c/templates/x.yaml', line: 2, column: 6 });
  expect((error.cause as TemplateError).location).toEqual({ name: 'c/templates/_helpers.tpl', line: 2, column: 8 });
});

it('tells where an action is that other templates have elsewhere', () => {
  const texts = [
    '{{ .a.b.c }}',
    'é\n {{ .a.b.c }}',
    '{{ range $i, $x := list 1 }}{{ $x }}{{ end }}\n{{ .a.b.c }}',
    '{{ if .a }}{{ end }}{{ with list 1 }}\n{{ range . }}{{ $.a.b.c }}{{ end }}{{ end }}',
    '{{ define "d" }}{{ 1 }}{{ end }}\n{{ printf "%s%s" (include "d" .) .a.b.c }}',
    '{{ range list 1 }}{{ if $.n.b }}{{ end }}{{ with $.a.b.c }}{{ else }}{{ end }}{{ end }}',
  ];
  const sources = texts.map((text, i) => ({ name: `${i}`, text }));
  const together = parseTemplates(sources, functions);
  const told = sources.map(({ name }) => {
    const messageOf = (set: typeof together): string =>
      failure(() => set.execute(name, { a: {}, n: {} }, { missingKey: 'zero' })).message;
    const message = messageOf(together);
    expect(message).toBe(messageOf(parseTemplates([sources[Number(name)] as (typeof sources)[0]], functions)));
    return /^template: (\d:\d+:\d+)/.exec(message)?.[1];
  });
  expect(told).toEqual(['0:1:5', '1:2:6', '2:2:5', '3:2:17', '4:2:35', '5:1:50']);
});

it('takes no action for another that begins like it', () => {
  const texts = [
    '{{"}}"}}',
    '{{"}}x"}}{{`}}`}}',
    '{{ $x := "a" }}{{ $x }}{{ $y := "b" }}{{ $x }}{{ $y }}',
    '{{ $y := "c" }}{{ $x := "d" }}{{ $x }}{{ $y }}',
    '{{ range $x := list 1 }}{{ $x }}{{ else }}{{ end }}{{ if false }}{{ else if true }}e{{ end }}',
    '{{ if true -}} f {{- else if true }}g{{ end }}{{ if false }}{{ else if false }}{{ else }}h{{ end }}',
    '{{ with ($x := "i") }}{{ $x }}{{ end }}{{ with ($x := "j") }}{{ $x }}{{ end }}',
    '{{ $x := "k" }}{{ if true }}{{ $x = "l" }}{{ end }}{{ $x }}{{/* }} */}}',
  ];
  const sources = [...texts, ...texts].map((text, i) => ({ name: `${i}`, text }));
  const set = parseTemplates(sources, functions);
  const given = sources.map(({ name }) => set.execute(name, {}));
  const expected = ['}}', '}}x}}', 'aab', 'dc', '1e', 'fh', 'ij', 'l'];
  expect(given).toEqual([...expected, ...expected]);
});

it('gives the YAML of what a map holds by then', () => {
  const yaml = '{{ toYaml .m }};';
  const changes = ['set .m.a "b" 2', 'unset .m "c"', 'merge .m.a (dict "d" 3)', 'mergeOverwrite .m (dict "a" 4)'];
  const text = `${yaml}${changes.map((change) => `{{ $_ := ${change} }}${yaml}`).join('')}`;
  expect(render(text, { m: { a: { b: 1 }, c: 1 } })).toBe(
    'a:\n  b: 1\nc: 1;a:\n  b: 2\nc: 1;a:\n  b: 2;a:\n  b: 2\n  d: 3;a: 4;',
  );
});

it('tells name, line and column of a text that cannot be parsed', () => {
  const error = failure(() => parseTemplates([{ name: 'a.yaml', text: 'x\n  {{ nope }}' }], functions));
  expect(error.message).toBe('template: a.yaml:2: function "nope" not defined');
  expect(error).toMatchObject({ phase: 'parse', location: { name: 'a.yaml', line: 2, column: 5 } });
});

it('tells where an action began that goes over lines and does not end', () => {
  const error = failure(() => parseTemplates([{ name: 'a', text: '{{ print\n 1\n' }], functions));
  expect(error.message).toBe('template: a:3: unclosed action started at a:1');
});

it('takes the later of two definitions, unless it is empty', () => {
  const set = parseTemplates(
    [
      { name: 'a', text: '{{ define "x" }}1{{ end }}{{ define "y" }}1{{ end }}' },
      { name: 'b', text: '{{ define "x" }}2{{ end }}{{ define "y" }} {{/* nothing */}} {{ end }}' },
      { name: 'c', text: '{{ include "x" . }}{{ include "y" . }}' },
    ],
    functions,
  );
  expect(set.execute('c', {})).toBe('21');
});

it('executes no template that is not there', () => {
  expect(failure(() => parseTemplates([], functions).execute('x', {})).message).toBe(
    'template: no template "x" associated with template "gotpl"',
  );
});

it('finds templates that tpl defines, only within its text', () => {
  expect(render('{{ tpl "{{ define \\"in\\" }}<{{ . }}>{{ end }}{{ include \\"in\\" .a }}" . }}', { a: 1 })).toBe(
    '<1>',
  );
  expect(failure(() => render('{{ tpl "{{ define \\"in\\" }}x{{ end }}" . }}{{ include "in" . }}')).message).toContain(
    'no template "in"',
  );
  expect(render('{{ define "out" }}o{{ end }}{{ tpl "{{ include \\"out\\" . }}" . }}')).toBe('o');
});

it('gives tpl what is missing as nothing, and reads values again and again', () => {
  expect(render('{{ range .l }}{{ tpl $.t . }}{{ end }}', { t: '[{{ .x }}{{ .y }}]', l: [{ x: 1 }, { y: 2 }] })).toBe(
    '[1][2]',
  );
});

it('changes maps in place', () => {
  const values = { a: { b: 1 } };
  expect(render('{{ $_ := set .a "c" 2 }}{{ .a.c }}{{ $_ := unset .a "b" }}{{ .a.b }}', values)).toBe('2<no value>');
  expect(values).toEqual({ a: { c: 2n } });
});

const version = new GoStruct({
  type: '*chart.KubeVersion',
  fields: { Version: 'v1.30.0', Major: '1' },
  methods: { String: goFunction([], () => 'v1.30.0') },
  text: () => 'v1.30.0',
});
const apis = describeValue(['v1', 'apps/v1'], {
  type: 'chartutil.VersionSet',
  element: 'string',
  methods: { Has: goFunction(['string'], (name) => ['v1', 'apps/v1'].includes(name)) },
});
const context = { Capabilities: { KubeVersion: version, APIVersions: apis }, Release: { Revision: 1n } };

it.each([
  ['{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Major }}', 'v1.30.0 1'],
  ['{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.String }}', 'v1.30.0 v1.30.0'],
  ['{{ .Capabilities.APIVersions.Has "apps/v1" }} {{ "v2" | .Capabilities.APIVersions.Has }}', 'true false'],
  [
    '{{ if .Capabilities.APIVersions.Has "v1" }}y{{ end }}{{ range .Capabilities.APIVersions }}[{{ . }}]{{ end }}',
    'y[v1][apps/v1]',
  ],
  ['{{ .Release.Revision }} {{ typeOf .Release.Revision }} {{ eq .Release.Revision 1 }}', '1 int true'],
  ['{{ typeOf .Capabilities.KubeVersion }} {{ kindOf .Capabilities.KubeVersion }}', '*chart.KubeVersion ptr'],
])('goes through structs and methods: %s', (text, expected) => {
  expect(render(text, context)).toBe(expected);
});

it.each([
  ['{{ .Capabilities.KubeVersion.Nope }}', "can't evaluate field Nope in type interface {}"],
  ['{{ .Capabilities.APIVersions.Has }}', 'wrong number of args for Has: want 1 got 0'],
  ['{{ .Capabilities.APIVersions.Has 1 }}', 'expected string; found 1'],
  ['{{ .Capabilities.KubeVersion.Version "x" }}', 'Version has arguments but cannot be invoked as function'],
  ['{{ .Release.Revision.x }}', "can't evaluate field x in type interface {}"],
])('refuses what they do not have: %s', (text, expected) => {
  expect(failure(() => render(text, context)).message).toContain(expected);
});

it('gives the zero of a typed map for a missing key', () => {
  const labels = describeValue({ a: 'x' }, { type: 'map[string]string', element: 'string' });
  expect(render('[{{ .labels.a }}{{ .labels.b }}]', { labels })).toBe('[x]');
});

it('shares limits between executions that share their usage', () => {
  const set = parseTemplates([{ name: 't', text: '{{ range until 50 }}x{{ end }}' }], functions);
  const usage = new Usage();
  const options = { usage, limits: { steps: 150 } };
  expect(set.execute('t', {}, options)).toHaveLength(50);
  expect(set.execute('t', {}, options)).toHaveLength(50);
  expect(failure(() => set.execute('t', {}, options)).phase).toBe('limit');
});
