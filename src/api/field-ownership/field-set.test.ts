import { describe, expect, it } from 'vitest';
import { difference, intersection, mayIntersect, pathsOf, recursiveDifference, union } from './field-set.ts';

const a = { 'f:spec': { 'f:x': {}, 'f:list': { 'k:{"name":"a"}': { '.': {}, 'f:name': {} } } } };
const b = { 'f:spec': { 'f:y': {}, 'f:list': { 'k:{"name":"a"}': { 'f:image': {} } } } };

describe('a set of fields', () => {
  it('is united with another', () => {
    expect(union(a, b)).toEqual({
      'f:spec': {
        'f:x': {},
        'f:y': {},
        'f:list': { 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:image': {} } },
      },
    });
    expect(union({ 'f:a': {} }, { 'f:a': { 'f:b': {} } })).toEqual({ 'f:a': { '.': {}, 'f:b': {} } });
    expect(union(undefined, a)).toBe(a);
  });

  it('loses what another has', () => {
    expect(difference(a, { 'f:spec': { 'f:x': {} } })).toEqual({ 'f:spec': { 'f:list': a['f:spec']['f:list'] } });
    expect(difference(a, a)).toBeUndefined();
    const itemOnly = { 'f:spec': { 'f:list': { 'k:{"name":"a"}': {} } } };
    expect(difference(a, itemOnly)).toEqual({
      'f:spec': { 'f:x': {}, 'f:list': { 'k:{"name":"a"}': { 'f:name': {} } } },
    });
    expect(recursiveDifference(a, itemOnly)).toEqual({ 'f:spec': { 'f:x': {} } });
  });

  it('has members in common with another, or not', () => {
    expect(intersection(a, b)).toBeUndefined();
    expect(intersection(a, union(a, b))).toEqual(a);
    expect(mayIntersect(JSON.stringify(a), { 'f:other': {} })).toBe(false);
    expect(mayIntersect(JSON.stringify(a), { 'f:spec': { 'f:x': {} } })).toBe(true);
    expect(mayIntersect(JSON.stringify(a), { 'f:spec': { 'f:list': { 'k:{"name":"b"}': {} } } })).toBe(false);
  });

  it('is shown as paths', () => {
    const set = {
      'f:z': { 'v:"x"': {} },
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {} } } },
      'f:a': {},
    };
    expect(pathsOf(set)).toEqual([
      '.a',
      '.spec.ports[port=80,protocol="TCP"]',
      '.spec.ports[port=80,protocol="TCP"].name',
      '.z[="x"]',
    ]);
  });
});
