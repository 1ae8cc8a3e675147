import { describe, expect, it } from 'vitest';
import { parseFieldSelector } from './field-selector.ts';
import { formatLabelSelector, labelMatcher, mapMatcher, parseLabelSelector } from './label-selector.ts';
import { ApiError } from './status.ts';

const web = { app: 'web', tier: 'front', size: '12' };

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'BadRequest') return error.message;
  }
  return '';
}

describe('parseLabelSelector', () => {
  it.each<[string, boolean]>([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier!=back', true],
    ['app=api', false],
    ['app!=web', false],
    ['missing!=x', true],
    ['app in (api, web)', true],
    ['app in (api)', false],
    ['app notin (api)', true],
    ['missing notin (a)', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['! app', false],
    ['size>11', true],
    ['size>12', false],
    ['size<13,size>3', true],
    ['app>1', false],
    ['missing=', false],
    ['app in (,web)', true],
    ['in in (in)', false],
  ])('%j', (text, expected) => {
    expect(parseLabelSelector(text).matches(web)).toBe(expected);
  });

  it('writes itself sorted by key', () => {
    expect(parseLabelSelector('tier!=x,app in (b,a),!gone,has,n>5').toString()).toBe(
      'app in (a,b),!gone,has,n>5,tier!=x',
    );
    expect(parseLabelSelector('').isEmpty).toBe(true);
    expect(parseLabelSelector('a').isEmpty).toBe(false);
  });

  it('matches objects without labels', () => {
    expect(parseLabelSelector('app=web').matches(undefined)).toBe(false);
    expect(parseLabelSelector('!app').matches(undefined)).toBe(true);
  });

  it.each([
    ['a,,b', "found ',', expected: identifier after ','"],
    ['a,', "found '', expected: identifier after ','"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['a=(', "unable to parse requirement: found '(', expected: identifier"],
    [
      'a in ()',
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ])('refuses %j', (text, message) => {
    expect(messageOf(() => parseLabelSelector(text))).toBe(message);
  });

  it('refuses bad keys and values', () => {
    expect(messageOf(() => parseLabelSelector('a/b/c=x'))).toMatch(
      /^unable to parse requirement: <nil>: Invalid value: "a\/b\/c": a valid label key must consist/,
    );
    expect(messageOf(() => parseLabelSelector('a=-x'))).toMatch(/values\[0\]\[a\]: Invalid value: "-x"/);
    expect(messageOf(() => parseLabelSelector('a>x'))).toMatch(/the value must be an integer/);
  });
});

describe('labelMatcher', () => {
  it('selects nothing without a selector and everything with an empty one', () => {
    expect(labelMatcher(undefined).matches(web)).toBe(false);
    expect(labelMatcher(undefined).isEmpty).toBe(false);
    expect(labelMatcher({}).matches(undefined)).toBe(true);
    expect(mapMatcher({}).matches(web)).toBe(true);
  });

  it('wants labels and expressions alike', () => {
    const matcher = labelMatcher({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['front', 'back'] },
        { key: 'x', operator: 'DoesNotExist' },
        { key: 'size', operator: 'Exists' },
        { key: 'y', operator: 'NotIn', values: ['1'] },
      ],
    });
    expect(matcher.matches(web)).toBe(true);
    expect(matcher.matches({ ...web, x: '' })).toBe(false);
    expect(matcher.matches({ ...web, y: '1' })).toBe(false);
    expect(matcher.toString()).toBe('app=web,size,tier in (back,front),!x,y notin (1)');
    expect(mapMatcher({ app: 'web', tier: 'back' }).matches(web)).toBe(false);
  });

  it('selects nothing with an operator it does not know', () => {
    expect(labelMatcher({ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }).matches({ a: '2' })).toBe(
      false,
    );
  });

  it('formats as kubectl shows it', () => {
    expect([undefined, {}, { matchLabels: { b: '1', a: '2' } }].map(formatLabelSelector)).toEqual([
      '<none>',
      '<none>',
      'a=2,b=1',
    ]);
  });
});

describe('parseFieldSelector', () => {
  it('reads terms', () => {
    expect(parseFieldSelector('metadata.name=a,status.phase!=Failed,spec.nodeName==,,x=a\\,b\\=c\\\\')).toEqual([
      { field: 'metadata.name', operator: '=', value: 'a' },
      { field: 'status.phase', operator: '!=', value: 'Failed' },
      { field: 'spec.nodeName', operator: '=', value: '' },
      { field: 'x', operator: '=', value: 'a,b=c\\' },
    ]);
    expect(parseFieldSelector('')).toEqual([]);
  });

  it('refuses in the words of upstream', () => {
    expect(messageOf(() => parseFieldSelector('a=b,c'))).toBe("invalid selector: 'a=b,c'; can't understand 'c'");
    expect(messageOf(() => parseFieldSelector('a=b\\x'))).toBe('invalid field selector: invalid escape sequence: \\x');
    expect(messageOf(() => parseFieldSelector('a=b=c'))).toBe(
      'invalid field selector: unescaped character in value: 61',
    );
  });
});
