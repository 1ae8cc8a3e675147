import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import { applyJsonPatch, type JsonPatchOperation } from './json-patch.ts';
import { deepFreeze } from './object.ts';
import { ApiError, type StatusReason } from './status.ts';

function reasonOf(action: () => unknown): StatusReason | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof ApiError ? error.reason : undefined;
  }
  return undefined;
}

const apply = (document: unknown, ...operations: unknown[]) => applyJsonPatch(deepFreeze(document), operations);

describe('applyJsonPatch', () => {
  // RFC 6902, appendix A.
  it.each<[string, unknown, unknown, unknown]>([
    ['adds a member', { foo: 'bar' }, { op: 'add', path: '/baz', value: 'qux' }, { foo: 'bar', baz: 'qux' }],
    ['adds an item', { foo: ['a', 'b'] }, { op: 'add', path: '/foo/1', value: 'x' }, { foo: ['a', 'x', 'b'] }],
    ['removes a member', { baz: 1, foo: 2 }, { op: 'remove', path: '/baz' }, { foo: 2 }],
    ['removes an item', { foo: [1, 2, 3] }, { op: 'remove', path: '/foo/1' }, { foo: [1, 3] }],
    ['replaces a value', { a: 1 }, { op: 'replace', path: '/a', value: { b: 2 } }, { a: { b: 2 } }],
    ['moves a value', { a: { b: 1 }, c: {} }, { op: 'move', from: '/a/b', path: '/c/d' }, { a: {}, c: { d: 1 } }],
    ['moves an item', { a: [1, 2, 3] }, { op: 'move', from: '/a/0', path: '/a/2' }, { a: [2, 3, 1] }],
    ['copies a value', { a: { b: 1 } }, { op: 'copy', from: '/a', path: '/c' }, { a: { b: 1 }, c: { b: 1 } }],
    ['tests a value', { a: { x: 1, y: 2 } }, { op: 'test', path: '/a', value: { y: 2, x: 1 } }, { a: { x: 1, y: 2 } }],
    ['takes a missing value for null', { a: { b: 1 } }, { op: 'replace', path: '/a' }, { a: null }],
    ['takes a missing member for null in a test', { a: 1 }, { op: 'test', path: '/b', value: null }, { a: 1 }],
    ['appends with -', { a: [1] }, { op: 'add', path: '/a/-', value: [2] }, { a: [1, [2]] }],
    ['appends with the length', { a: [1] }, { op: 'add', path: '/a/1', value: 2 }, { a: [1, 2] }],
    ['counts from the end', { a: [1, 2] }, { op: 'remove', path: '/a/-1' }, { a: [1] }],
    [
      'unescapes pointers',
      { 'a/b': { 'm~n': 1 } },
      { op: 'replace', path: '/a~1b/m~0n', value: 2 },
      { 'a/b': { 'm~n': 2 } },
    ],
    ['does not unescape twice', { '~1': 1 }, { op: 'test', path: '/~01', value: 1 }, { '~1': 1 }],
    ['replaces the whole document', { a: 1 }, { op: 'replace', path: '', value: { b: 1 } }, { b: 1 }],
    ['has an empty key', { '': 1 }, { op: 'replace', path: '/', value: 2 }, { '': 2 }],
  ])('%s', (_, document, operation, expected) => {
    expect(apply(document, operation)).toEqual(expected);
  });

  it('copies values, not references', () => {
    const patched = apply(
      { a: { n: 1 } },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'replace', path: '/b/n', value: 2 },
    );
    expect(patched).toEqual({ a: { n: 1 }, b: { n: 2 } });
  });

  it.each<[string, unknown]>([
    ['a failed test', { op: 'test', path: '/a', value: 2 }],
    ['a missing parent', { op: 'add', path: '/x/y', value: 1 }],
    ['a missing member', { op: 'remove', path: '/x' }],
    ['a missing target of replace', { op: 'replace', path: '/x', value: 1 }],
    ['an index out of range', { op: 'add', path: '/list/3', value: 1 }],
    ['an index with a leading zero', { op: 'remove', path: '/list/00' }],
    ['an index that is a word', { op: 'remove', path: '/list/x' }],
    ['a pointer without slash', { op: 'add', path: 'a', value: 1 }],
    ['a move into itself', { op: 'move', from: '/o', path: '/o/p' }],
    ['an unknown operation', { op: 'sing', path: '/a' }],
    ['a missing path', { op: 'remove' }],
    ['a missing from', { op: 'copy', path: '/q' }],
    ['an inherited member', { op: 'remove', path: '/toString' }],
  ])('answers 422 for %s', (_, operation) => {
    expect(reasonOf(() => apply({ a: 1, o: {}, list: [1] }, operation))).toBe('Invalid');
  });

  it('answers 400 for what is no patch', () => {
    expect(reasonOf(() => applyJsonPatch({}, { op: 'add' }))).toBe('BadRequest');
    expect(reasonOf(() => apply({}, 'x'))).toBe('BadRequest');
  });

  it('bounds the number of operations and what copies may add', () => {
    const test = { op: 'test', path: '/a', value: 1 };
    expect(reasonOf(() => applyJsonPatch({ a: 1 }, Array(10_001).fill(test)))).toBe('RequestEntityTooLarge');
    const bomb = Array.from({ length: 64 }, (_, i) => ({ op: 'copy', from: '', path: `/k${i}` }));
    expect(reasonOf(() => applyJsonPatch({ a: 'x'.repeat(100) }, bomb))).toBe('Invalid');
  });

  it('undoes random additions by removals in reverse order', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 200; round++) {
      const document = deepFreeze({ list: [0, 1, 2], map: { a: { b: [] } }, x: 1 });
      const added: JsonPatchOperation[] = [];
      for (let i = 0; i < 10; i++) {
        const paths = [`/list/${random.int(3 + 1)}`, `/map/k${i}`, `/map/a/b/0`, `/n${i}`];
        added.push({ op: 'add', path: paths[random.int(4)] as string, value: { i } });
      }
      const removed = added.toReversed().map(({ path }) => ({ op: 'remove', path }));
      expect(applyJsonPatch(document, [...added, ...removed])).toEqual(document);
    }
  });
});
