import { describe, expect, it } from 'vitest';
import { parseManifests, splitDocuments } from './manifests.ts';

const read = (text: string): string[] =>
  parseManifests(text, 'web.yaml').map(({ object, line }) => `${object.kind} ${object.metadata.name} at ${line}`);

describe('a manifest', () => {
  it('is many documents, with the lines they begin at', () => {
    const text = `# a comment

apiVersion: v1
kind: Pod
metadata: {name: a}
---
# nothing
--- # says nothing either
---
# about b
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}
...
---

kind: Pod
apiVersion: v1
metadata:
  name: c
  annotations: {text: "--- not a document"}
`;
    expect(read(text)).toEqual(['Pod a at 3', 'Pod b at 11', 'Pod c at 15']);
  });

  it('may be lists, of kinds of their own or of one', () => {
    const list = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}}
- {apiVersion: v1, kind: ConfigMapList, items: [{metadata: {name: b}}]}
`;
    expect(read(list)).toEqual(['Pod a at 2', 'ConfigMap b at 2']);
  });

  it('says where it is wrong', () => {
    const good = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n';
    expect(() => read(`${good}\napiVersion: v1\n  kind: Pod\n`)).toThrow(/^web\.yaml:6: /);
    expect(() => read(`${good}a: [`)).toThrow(/^web\.yaml:5: /);
    expect(() => read('kind: Pod')).toThrow('web.yaml:1: apiVersion of this Pod is not set');
    expect(() => read('a: 1')).toThrow('web.yaml:1: kind is not set');
    expect(() => read('- 1')).toThrow('web.yaml:1: is not an object');
    expect(() => read('{apiVersion: v1, kind: Pod, metadata: x}')).toThrow('metadata of this Pod is not an object');
  });

  it('does not blow up', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf'].map((pair) => pair.split(''))) {
      bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(', ')}]`);
    }
    expect(() => read(bomb.join('\n'))).toThrow(/web\.yaml:1: .*alias/);
    expect(() => read('['.repeat(100_000))).toThrow(/web\.yaml:1: /);
  });
});

describe('documents', () => {
  it('are nothing when they hold comments only', () => {
    expect(splitDocuments('# a\n---\n\n---\n# b\n')).toEqual([]);
  });
});
