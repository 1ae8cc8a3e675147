import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { structuralProblem } from './yaml-problem.ts';
import { readYaml } from './yaml-read.ts';

const recorded = new URL('../recorded/yaml-mistakes.json', import.meta.url);
const mistakes = JSON.parse(readFileSync(recorded, 'utf8')) as [text: string, problem: string][];
const prefix = 'error converting YAML to JSON: yaml: ';

describe('mistakes in YAML', () => {
  it.each(mistakes)('%j is told as go-yaml tells it', (text, problem) => {
    expect(() => readYaml(text)).toThrow(new Error(prefix + problem));
  });

  it('are not seen where there are none', () => {
    const texts = [
      'a: b\n',
      '- a\n-\n  - b: c\n    d: |2\n        e\n',
      '"a": {b, c: [d: e, "f":g]}\n',
      'a:\n- b\n- c: >-\n   d\n',
    ];
    expect(texts.map(structuralProblem)).toEqual(texts.map(() => undefined));
  });

  it('may be actions that lost their quotes; what such a key holds is not told', () => {
    const error = new Error(`${prefix}invalid map key: map[interface {}]interface {}{"x":interface {}(nil)}`);
    expect(() => readYaml('a: {{ x }}\n')).toThrow(error);
    expect(() => readYaml('{{ x }}: b\n')).toThrow(error);
    expect(() => readYaml('{password: hunter2}: b\n')).toThrow(/interface {}{\.\.\.}$/);
    expect(() => readYaml('[a, b]: c\n')).toThrow(/invalid map key: \[\]interface {}{\.\.\.}$/);
  });

  it('are found in bounded time', () => {
    const parts = ['[', '{a: ', '- ', '? ', 'a: "', "'", '&a ', 'a:\n '];
    expect(parts.map((part) => typeof structuralProblem(part.repeat(20_000)))).toContain('string');
  });
});
