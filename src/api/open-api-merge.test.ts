import { describe, expect, it } from 'vitest';
import { mergeOpenApiV2 } from './open-api-merge.ts';

const reference = (name: string): object => ({ $ref: `#/definitions/${name}` });
const kinds = (...groups: string[]): object => ({
  'x-kubernetes-group-version-kind': groups.map((group) => ({ group, version: 'v1', kind: 'Options' })),
});
const own = {
  swagger: '2.0',
  paths: { '/api/v1/pods': { get: reference('Pod') } },
  definitions: {
    Pod: { type: 'object', properties: { options: reference('Options') } },
    Options: { type: 'object', ...kinds('') },
    Time: { type: 'string' },
  },
};

describe('mergeOpenApiV2', () => {
  it('takes what is below the prefix, and what that refers to', () => {
    const description = {
      paths: {
        '/apis/fruit/v1/apples': { get: reference('Apple'), parameters: [{ $ref: '#/parameters/pretty' }] },
        '/apis/fruit/v1': { get: {} },
        '/apis/fruit/v10/apples': { get: reference('Pear') },
      },
      definitions: { Apple: { items: reference('Seed') }, Seed: { type: 'string' }, Pear: {} },
      parameters: { pretty: { name: 'pretty', in: 'query' }, unused: {} },
    };
    expect(mergeOpenApiV2(own, [{ prefix: '/apis/fruit/v1', description }])).toEqual({
      swagger: '2.0',
      paths: {
        '/api/v1/pods': own.paths['/api/v1/pods'],
        '/apis/fruit/v1/apples': description.paths['/apis/fruit/v1/apples'],
        '/apis/fruit/v1': { get: {} },
      },
      definitions: { ...own.definitions, Apple: description.definitions.Apple, Seed: description.definitions.Seed },
      parameters: { pretty: description.parameters.pretty },
    });
    expect(mergeOpenApiV2(own, [])).toEqual(own);
  });

  it('shares what is the same, with the kinds of both, and numbers what is not', () => {
    const description = {
      paths: { '/apis/fruit/v1/apples': { get: reference('Pod'), delete: reference('Options') } },
      definitions: {
        Pod: { type: 'object', properties: { grown: reference('Time') } },
        Options: { type: 'object', ...kinds('', 'fruit') },
        Time: { type: 'string', format: 'date-time' },
      },
    };
    const first = mergeOpenApiV2(own, [{ prefix: '/apis/fruit/v1', description }]);
    expect(first).toMatchObject({
      paths: { '/apis/fruit/v1/apples': { get: reference('Pod_v2'), delete: reference('Options') } },
      definitions: {
        ...own.definitions,
        Options: { type: 'object', ...kinds('', 'fruit') },
        Pod_v2: { properties: { grown: reference('Time_v2') } },
        Time_v2: { format: 'date-time' },
      },
    });
    const again = mergeOpenApiV2(own, [
      { prefix: '/apis/fruit/v1', description },
      { prefix: '/apis/fruit/v1', description: { ...description, definitions: { Pod: { type: 'number' } } } },
    ]);
    expect(Object.keys(again['definitions'] as object)).toEqual([
      ...Object.keys(first['definitions'] as object),
      'Pod_v3',
    ]);
  });
});
