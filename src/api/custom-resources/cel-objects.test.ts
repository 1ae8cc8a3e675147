import { describe, expect, it } from 'vitest';
import {
  admissionExpressionProblem,
  evaluateAdmission,
  evaluateConfiguration,
  evaluatePatch,
} from './admission-expressions.ts';
import { withoutMessages } from './cel-objects.ts';

describe('expressions of mutations', () => {
  it('make objects, with fields that may be left out and names that are no identifiers', async () => {
    const text = `Object{
      metadata: Object.metadata{labels: {"a/b": object.spec.name, "x": "Object{y: 1}"}}, // Object{z: 1}
      spec: Object.spec{
        replicas: object.spec.replicas + 1,
        ?paused: has(object.spec.paused) ? optional.of(true) : optional.none(),
        __namespace__: "n",
        \`with-dash\`: [1.5],
      }
    }`;
    expect(admissionExpressionProblem(text, 'Object')).toBeUndefined();
    expect(await evaluateConfiguration(text, { object: { spec: { name: 'n', replicas: 2 } } })).toEqual({
      metadata: { labels: { 'a/b': 'n', x: 'Object{y: 1}' } },
      spec: { replicas: 3, namespace: 'n', 'with-dash': [1.5] },
    });
    const paused = await evaluateConfiguration(text, { object: { spec: { name: 'n', replicas: 2, paused: false } } });
    expect(paused.spec).toMatchObject({ paused: true });
  });

  it('keep items of lists in their place', async () => {
    const text = `Object{spec: Object.spec{containers: object.names.map(n, Object.spec.containers{name: n, image: "i"})}}`;
    expect(await evaluateConfiguration(text, { object: { names: ['a', 'b'] } })).toEqual({
      spec: { containers: ['a', 'b'].map((name) => ({ name, image: 'i' })) },
    });
  });

  it('refuse parts of an object in the wrong place', async () => {
    await expect(evaluateConfiguration('Object{spec: Object.status{a: 1}}', {})).rejects.toThrow(
      'type mismatch: unexpected type name "Object.status", expected "Object.spec"',
    );
  });

  it('make JSON patches', async () => {
    const text = `object.spec.replicas == 1 ? [
      JSONPatch{op: "test", path: "/spec/replicas", value: 1},
      JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("a/b~c"), value: "x"},
      JSONPatch{op: "add", path: "/spec/template", value: Object.spec.template{enabled: true}},
      JSONPatch{op: "move", from: "/a", path: "/b"}
    ] : []`;
    expect(admissionExpressionProblem(text, 'list<JSONPatch>')).toBeUndefined();
    expect(await evaluatePatch(text, { object: { spec: { replicas: 1 } } })).toEqual([
      { op: 'test', path: '/spec/replicas', value: 1 },
      { op: 'add', path: '/metadata/labels/a~1b~0c', value: 'x' },
      { op: 'add', path: '/spec/template', value: { enabled: true } },
      { op: 'move', from: '/a', path: '/b' },
    ]);
    expect(await evaluatePatch(text, { object: { spec: { replicas: 2 } } })).toEqual([]);
    await expect(evaluatePatch('[JSONPatch{opp: "add"}]', {})).rejects.toThrow("no such field 'opp'");
  });

  it('must come to what their mutation needs', () => {
    expect(admissionExpressionProblem('{"a": 1}', 'Object')).toBe('compilation failed: must evaluate to Object');
    expect(admissionExpressionProblem('Object{}', 'list<JSONPatch>')).toContain('must evaluate to list<JSONPatch>');
    expect(admissionExpressionProblem('Object{spec: }', 'Object')).toContain('compilation failed: ERROR');
  });

  it('are not what judging expressions can say', async () => {
    expect(admissionExpressionProblem('Object{} == null', 'bool')).toContain('compilation failed');
    await expect(evaluateAdmission('Object{}', {})).rejects.toThrow();
  });

  it('leave maps and texts alone', () => {
    expect(withoutMessages(`{"Object": 1, 'JSONPatch{': object.Object}`)).toBe(
      `{"Object": 1, 'JSONPatch{': object.Object}`,
    );
    expect(withoutMessages('Object{a: {b: c, d: e}, f: [g, h]}')).toBe(
      'makeObject("Object", {"a": {b: c, d: e}, "f": [g, h]})',
    );
  });
});
