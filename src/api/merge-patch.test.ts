import { describe, expect, it } from 'vitest';
import { seededRandom, type Random } from '../base/random.ts';
import { applyMergePatch } from './merge-patch.ts';
import { deepFreeze } from './object.ts';
import { isJsonObject } from './plain-json.ts';

describe('applyMergePatch', () => {
  // The examples of RFC 7386, appendix A, whose patch is an object.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('merges %j with %j', (document, patch, expected) => {
    expect(applyMergePatch<unknown>(deepFreeze(document), deepFreeze(patch))).toEqual(expected);
  });

  it.each([['x'], [[1]], [null], [5]])('refuses %j as a patch', (patch) => {
    expect(() => applyMergePatch({}, patch)).toThrow(/^error decoding patch: json: cannot unmarshal/);
  });

  it('takes __proto__ for a key like any other', () => {
    const patch = JSON.parse('{"data":{"__proto__":{"polluted":true}}}') as unknown;
    const merged = applyMergePatch<Record<string, unknown>>({ data: {} }, patch);
    expect(JSON.stringify(merged)).toBe('{"data":{"__proto__":{"polluted":true}}}');
    expect((merged.data as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('turns any document into any other by the difference of the two, and shares nothing', () => {
    const random = seededRandom(1);
    for (let i = 0; i < 500; i++) {
      const document = deepFreeze(randomObject(random, 3));
      const target = deepFreeze(randomObject(random, 3));
      const merged = applyMergePatch<unknown>(document, deepFreeze(difference(document, target)));
      expect(merged).toEqual(target);
      expect(isFrozenAnywhere(merged)).toBe(false);
    }
  });
});

type Json = Record<string, unknown>;

function randomObject(random: Random, depth: number): Json {
  const object: Json = {};
  for (const key of ['a', 'b', 'c', 'd']) {
    const choice = random.int(6);
    if (choice === 0) object[key] = random.int(3);
    else if (choice === 1) object[key] = [random.int(3), { x: random.int(2) }];
    else if (choice < 4 && depth > 0) object[key] = randomObject(random, depth - 1);
  }
  return object;
}

function difference(from: Json, to: Json): Json {
  const patch: Json = {};
  for (const key of Object.keys(from)) if (!(key in to)) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    const before = from[key];
    patch[key] = isJsonObject(before) && isJsonObject(value) ? difference(before, value) : value;
  }
  return patch;
}

function isFrozenAnywhere(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.isFrozen(value) || Object.values(value).some(isFrozenAnywhere);
}
