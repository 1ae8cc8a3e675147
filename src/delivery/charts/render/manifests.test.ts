import { describe, expect, it } from 'vitest';
import { joinManifests, postRender, sortManifests, splitManifests } from './manifests.ts';

const object = (kind: string, name: string, annotations = ''): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${annotations}`;
const hook = (events: string, more = ''): string => `  annotations:\n    helm.sh/hook: ${events}\n${more}`;

function sort(templates: Record<string, string>): { manifests: string[]; hooks: string[] } {
  const { manifests, hooks } = sortManifests(new Map(Object.entries(templates)));
  return {
    manifests: manifests.map(({ path, kind }) => `${kind} of ${path}`),
    hooks: hooks.map(({ name, events, weight }) => `${name} ${events.join()} ${weight}`),
  };
}

describe('what templates give', () => {
  it.each([
    ['---\na: 1\n---\nb: 2\n', ['a: 1', 'b: 2']],
    ['a: 1\n--- # comment\nb: 2', ['a: 1', '# comment\nb: 2']],
    ['a: |\n  x\n  ---\n  y\n', ['a: |\n  x\n  ---\n  y']],
    ['a: ---\n', ['a: ---']],
    ['---\n---\n\n---\n', ['---']],
    ['\n\n', []],
    ['---foo: 1', ['foo: 1']],
  ])('is split into documents as Helm splits it: %j', (text, expected) => {
    expect(splitManifests(text)).toEqual(expected);
  });

  it('is sorted by kind, then by template', () => {
    expect(
      sort({
        'c/templates/b.yaml': `${object('Deployment', 'b')}---\n${object('Namespace', 'n')}`,
        'c/templates/a.yaml': `${object('Deployment', 'a')}---\n${object('Zebra', 'z')}---\n${object('Service', 's')}`,
        'c/templates/_helpers.tpl': 'not: looked: at',
        'c/templates/NOTES.txt': 'not: looked: at',
      }).manifests,
    ).toEqual([
      'Namespace of c/templates/b.yaml',
      'Service of c/templates/a.yaml',
      'Deployment of c/templates/a.yaml',
      'Deployment of c/templates/b.yaml',
      'Zebra of c/templates/a.yaml',
    ]);
  });

  it('tells of hooks that it leaves out', () => {
    const text = object('Pod', 'unknown', hook('"whenever,test"'));
    const { skipped, manifests, hooks } = sortManifests(new Map([['c/c.yaml', text]]));
    expect({ skipped, manifests, hooks }).toEqual({
      skipped: [{ path: 'c/c.yaml', events: 'whenever,test' }],
      ...{ manifests: [], hooks: [] },
    });
  });

  it('holds hooks by their annotations', () => {
    const weighted = hook('pre-install, post-upgrade', '    helm.sh/hook-weight: "-5"\n');
    expect(
      sort({
        'c/a.yaml': object('Job', 'weighted', weighted),
        'c/b.yaml': object('Pod', 'old', hook('test-success')),
        'c/c.yaml': object('Pod', 'unknown', hook('whenever')),
        'c/d.yaml': object('Pod', 'bad-weight', hook('test', '    helm.sh/hook-weight: "heavy"\n')),
      }),
    ).toEqual({
      manifests: [],
      hooks: ['old test 0', 'bad-weight test 0', 'weighted pre-install,post-upgrade -5'],
    });
  });

  it('must be YAML maps with annotations that are strings', () => {
    expect(() => sort({ 'c/a.yaml': 'a: b: c' })).toThrow(
      'YAML parse error on c/a.yaml: error converting YAML to JSON',
    );
    expect(() => sort({ 'c/a.yaml': '- a' })).toThrow('YAML parse error on c/a.yaml');
    expect(() => sort({ 'c/a.yaml': 'metadata: {annotations: {a: [1]}}' })).toThrow(
      'YAML parse error on c/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into ' +
        'Go struct field .metadata.annotations of type string',
    );
  });
});

describe('a post-renderer', () => {
  const sorted = sortManifests(
    new Map([
      ['c/a.yaml', object('ConfigMap', 'a')],
      ['c/b.yaml', object('Job', 'b', hook('pre-install'))],
    ]),
  );

  it('is given hooks as well, and what it makes of them counts', async () => {
    const { manifests, hooks } = await postRender(sorted, (text) =>
      Promise.resolve(text.replace('name: b', 'name: changed').replace('name: a', 'name: a\n  labels: {x: z}')),
    );
    expect(hooks.map(({ name, path, events }) => [name, path, events])).toEqual([
      ['changed', 'c/b.yaml', ['pre-install']],
    ]);
    expect(joinManifests(manifests)).toBe(`---\n# Source: c/a.yaml\n${object('ConfigMap', 'a')}  labels: {x: z}\n`);
  });

  it('may drop comments, add objects and take some away', async () => {
    const { manifests, hooks } = await postRender(sorted, () =>
      Promise.resolve(`${object('ConfigMap', 'a')}---\n${object('Service', 'new')}`),
    );
    expect([manifests.map(({ path, kind }) => `${kind} of ${path}`), hooks]).toEqual([
      ['ConfigMap of c/a.yaml', 'Service of post-renderer'],
      [],
    ]);
  });

  it('must give YAML', async () => {
    await expect(postRender(sorted, () => Promise.resolve('a: b: c'))).rejects.toThrow(
      'YAML parse error on post-renderer',
    );
  });
});
