import { expect, it } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { union, type FieldSet } from './field-set.ts';
import { unionText } from './union-text.ts';

it.each<[FieldSet, FieldSet, FieldSet]>([
  [{ 'f:a': {} }, { 'f:a': {} }, { 'f:a': {} }],
  [{ 'f:a': {} }, { 'f:b': { 'f:c': {} } }, { 'f:a': {}, 'f:b': { 'f:c': {} } }],
  [{ 'f:a': {} }, { 'f:a': { 'f:b': {} } }, { 'f:a': { '.': {}, 'f:b': {} } }],
  [{ 'f:a': { 'f:b': {} } }, { 'f:a': {} }, { 'f:a': { 'f:b': {}, '.': {} } }],
  [{ 'f:a': { '.': {}, 'f:b': {} } }, { 'f:a': { '.': {}, 'f:c': {} } }, { 'f:a': { '.': {}, 'f:b': {}, 'f:c': {} } }],
  [{ 'v:"\\"}{"': {} }, { 'k:{"a":"}"}': {} }, { 'v:"\\"}{"': {}, 'k:{"a":"}"}': {} }],
])('the union of %j and %j as text', (a, b, both) => {
  expect(JSON.parse(unionText(JSON.stringify(a), b))).toEqual(both);
});

it('answers the same text when there is nothing new', () => {
  const text = '{"f:a":{".":{},"f:b":{},"k:{\\"x\\":1}":{".":{},"f:c":{}}}}';
  expect(unionText(text, { 'f:a': { '.': {}, 'k:{"x":1}': { 'f:c': {} } } })).toBe(text);
});

it('is the union of the sets, whatever they are', () => {
  const random = seededRandom(7);
  const elements = ['f:a', 'f:b', 'k:{"n":"x"}', 'v:"}"'];
  const make = (depth: number): FieldSet => {
    const set: Record<string, FieldSet> = {};
    for (const element of elements) if (depth > 0 && random.float() < 0.4) set[element] = make(depth - 1);
    if (Object.keys(set).length > 0 && random.float() < 0.3) set['.'] = {};
    return set;
  };
  for (let i = 0; i < 300; i++) {
    const a = { 'f:root': make(3), 'f:x': {} };
    const b = { 'f:root': make(3) };
    expect(JSON.parse(unionText(JSON.stringify(a), b))).toEqual(union(a, b));
  }
});
