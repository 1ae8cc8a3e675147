import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { unpackChart } from '../chart/archive.ts';
import { loadFiles } from '../chart/load-files.ts';
import { readValues } from '../values/read-values.ts';
import { offlineCapabilities } from './capabilities.ts';
import { prepareRelease } from './prepare.ts';
import { RenderError } from './render-error.ts';

async function failure(templates: Record<string, string>, values = ''): Promise<string> {
  const files = { 'Chart.yaml': 'apiVersion: v2\nname: c\nversion: 1.0.0', ...templates };
  const chart = await loadFiles(
    Object.entries(files).map(([name, text]) => ({ name, data: Buffer.from(text) })),
    unpackChart,
  );
  const release = { name: 'rel', namespace: 'x', revision: 1, isUpgrade: false };
  const machine = { clock: createSimulatedClock(), random: seededRandom(1), capabilities: offlineCapabilities() };
  return prepareRelease({ chart, values: readValues(values), release, ...machine }).then(
    () => 'no failure',
    (error: unknown) => {
      if (!(error instanceof RenderError)) throw error;
      return [error.message, error.excerpt].filter(Boolean).join('\n');
    },
  );
}

it('.Chart is a map, in which everything is that Chart.yaml may name', async () => {
  const facts = 'list .Chart.Keywords .Chart.Sources .Chart.Maintainers .Chart.Annotations .Chart.Dependencies';
  const text = `{{ printf "%s %v %v %v" (${facts} | toJson) .Chart.Keywords (typeOf .Chart) (hasKey .Chart "no") | fail }}`;
  const expected = ': [[],[],[],null,[]] [] map[string]interface {} false';
  expect(await failure({ 'templates/a.yaml': text })).toContain(expected);
});

it.each([
  [
    'a value that is not there',
    { 'templates/a.yaml': 'x: 1\na: {{ .Values.image.tag }}\n' },
    `c/templates/a.yaml:2:13
  executing "c/templates/a.yaml" at <.Values.image.tag>:
    nil pointer evaluating interface {}.tag
2 | a: {{ .Values.image.tag }}
                 ^`,
  ],
  [
    'a mistake in what is included, there',
    {
      'templates/a.yaml': 'a: {{ include "h" . }}',
      'templates/_h.tpl': '{{ define "h" }}\n{{ .Values.l | upper }}{{ end }}',
    },
    `c/templates/a.yaml:1:6
  executing "c/templates/a.yaml" at <include "h" .>:
    error calling include:
c/templates/_h.tpl:2:15
  executing "h" at <upper>:
    wrong type for value; expected string; got []interface {}
2 | {{ .Values.l | upper }}{{ end }}
                   ^`,
  ],
  [
    'a template that is not there',
    { 'templates/a.yaml': 'a: {{ include "h" . }}' },
    `c/templates/a.yaml:1:6
  executing "c/templates/a.yaml" at <include "h" .>:
    error calling include:
template: no template "h" associated with template "gotpl"
1 | a: {{ include "h" . }}
          ^`,
  ],
  [
    'a function that fails, in one line',
    { 'templates/a.yaml': 'a: {{ index .Values.l "x" }}' },
    `template: c/templates/a.yaml:1:6: executing "c/templates/a.yaml" at <index .Values.l "x">: error calling index: cannot index slice/array with type string
1 | a: {{ index .Values.l "x" }}
          ^`,
  ],
  [
    'a template that is none',
    { 'templates/a.yaml': 'a: {{ .Values.l | quote }' },
    `parse error at (c/templates/a.yaml:1:24): unexpected "}" in operand
1 | a: {{ .Values.l | quote }
                            ^`,
  ],
  [
    'what the author asks for',
    { 'templates/a.yaml': 'a: {{ required "name it!" .Values.name }}' },
    `execution error at (c/templates/a.yaml:1:6): name it!
1 | a: {{ required "name it!" .Values.name }}
          ^`,
  ],
  [
    'what is rendered and no YAML',
    { 'templates/a.yaml': 'a: b\nc: d: {{ .Values.secret }}' },
    'YAML parse error on c/templates/a.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context',
  ],
])('an error tells name, line, column and what was being evaluated: %s', async (_, templates, expected) => {
  expect(await failure(templates, 'l: [hunter2]\nsecret: hunter2')).toBe(expected);
});

it('an error does not tell what values hold', async () => {
  for (const call of [
    'tpl .Values.t .',
    '.Values.t.x',
    'atoi .Values.t',
    'b64dec .Values.t',
    'mustFromJson .Values.t',
  ]) {
    const told = await failure({ 'templates/a.yaml': `a: {{ ${call} }}` }, 't: "hunter2 {{ .x.y }}"');
    expect(told, call).not.toContain('hunter2');
  }
});

it('the limits of a rendering are those of all its templates together', async () => {
  const loop = '{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}';
  const templates = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`templates/${i}.yaml`, loop]));
  expect(await failure(templates)).toContain('more than 5000000 steps');
});
