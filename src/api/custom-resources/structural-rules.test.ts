import { expect, it } from 'vitest';
import type { JSONSchemaProps } from '../types/apiextensions-v1.ts';
import { cronTabDefinition } from '../../../test/support/custom-resources.ts';
import { validateStructural } from './structural-rules.ts';

const problems = (schema: JSONSchemaProps): string[] =>
  validateStructural(schema, 's').map(({ field, message }) => `${field}: ${message}`);
const withField = (field: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', properties: { a: field } });

it('accepts a schema with something of everything', () => {
  for (const { schema } of cronTabDefinition().spec.versions) {
    expect(problems(schema?.openAPIV3Schema as JSONSchemaProps)).toEqual([]);
  }
});

it.each<[JSONSchemaProps, string]>([
  [{}, 's.type: Required value: must not be empty at the root'],
  [{ type: 'string' }, 's.type: Invalid value: "string": must be object at the root'],
  [withField({}), 's.properties[a].type: Required value: must not be empty for specified object fields'],
  [
    withField({ type: 'array', items: {} }),
    's.properties[a].items.type: Required value: must not be empty for specified array items',
  ],
  [
    withField({ type: 'array', items: { type: 'string' }, uniqueItems: true }),
    's.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
  ],
  [
    withField({ type: 'object', additionalProperties: false }),
    's.properties[a].additionalProperties: Forbidden: additionalProperties cannot be set to false',
  ],
  [
    withField({ type: 'object', properties: { b: { type: 'string' } }, additionalProperties: true }),
    's.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
  ],
  [
    withField({ type: 'string', anyOf: [{ type: 'string' }] }),
    's.properties[a].anyOf[0].type: Forbidden: must be empty to be structural',
  ],
  [
    withField({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' }),
    's.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
  ],
  [
    withField({ type: 'integer', default: 'x' }),
    's.properties[a].default: Invalid value: "string": s.properties[a].default in body must be of type integer: "string"',
  ],
  [
    withField({ type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } }),
    's.properties[a].default: Invalid value: {"c":1}: must not have unknown fields',
  ],
  [
    withField({ type: 'string', pattern: '(' }),
    's.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: (',
  ],
  [
    withField({ type: 'array', items: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] } }),
    's.properties[a].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": ' +
      'oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[a].items',
  ],
])('refuses %j', (schema, problem) => expect(problems(schema)).toEqual([problem]));
