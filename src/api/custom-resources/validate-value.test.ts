import { describe, expect, it } from 'vitest';
import type { JSONSchemaProps } from '../types/apiextensions-v1.ts';
import { validateValue } from './validate-value.ts';

const items: JSONSchemaProps = { type: 'string', enum: ['new'] };

describe('ratcheting of lists', () => {
  const problems = (props: JSONSchemaProps, value: unknown[], old: unknown[]): (string | undefined)[] =>
    validateValue(value, { type: 'array', ...props }, 'list', old).map(({ field }) => field);

  it('leaves what an update found in items that have keys', () => {
    const keyed: JSONSchemaProps = { type: 'object', properties: { key: { type: 'string' }, value: items } };
    const props: JSONSchemaProps = {
      items: keyed,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['key'],
    };
    const old = [{ key: 'a', value: 'old' }];
    expect(problems(props, [{ key: 'b', value: 'new' }, ...old], old)).toEqual([]);
    expect(problems(props, [{ key: 'b', value: 'old' }, ...old], old)).toEqual(['list[0].value']);
  });

  it.each(['set', 'atomic'])('judges every item of a list of type %s as soon as one is another', (type) => {
    const props: JSONSchemaProps = { items, 'x-kubernetes-list-type': type };
    expect(problems(props, ['old', 'older'], ['old', 'older'])).toEqual([]);
    expect(problems(props, ['old', 'older', 'new'], ['old', 'older'])).toEqual(['list[0]', 'list[1]']);
    expect(problems(props, ['old', 'new'], ['old', 'older'])).toEqual(['list[0]']);
  });
});
