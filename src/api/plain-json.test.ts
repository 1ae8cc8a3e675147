import { expect, it } from 'vitest';
import { jsonEquals } from './plain-json.ts';

it('compares JSON values, whatever the order of their keys', () => {
  const value = { a: [1, { b: null }, 'x'], c: { d: true } };
  expect(jsonEquals(value, { c: { d: true }, a: [1, { b: null }, 'x'] })).toBe(true);
  const others: unknown[] = [
    { ...value, e: 1 },
    { a: value.a },
    { a: value.a, e: { d: true } },
    { ...value, c: { d: false } },
    { ...value, a: [1, { b: null }] },
    { ...value, a: [1, { b: {} }, 'x'] },
    { ...value, a: { 0: 1, 1: { b: null }, 2: 'x' } },
    [value],
    null,
    'x',
  ];
  for (const other of others) {
    expect(jsonEquals(value, other)).toBe(false);
    expect(jsonEquals(other, value)).toBe(false);
  }
});

it('takes no key of the prototype for one of the value', () => {
  const given = (text: string): unknown => JSON.parse(text);
  expect(jsonEquals(given('{"toString":1}'), given('{"valueOf":1}'))).toBe(false);
  expect(jsonEquals(given('{"__proto__":{}}'), given('{"a":{}}'))).toBe(false);
  expect(jsonEquals(given('{"__proto__":{"b":1}}'), given('{"__proto__":{"b":1}}'))).toBe(true);
});
