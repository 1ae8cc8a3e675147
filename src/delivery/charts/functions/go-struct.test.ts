import { describe, expect, it } from 'vitest';
import { decodeStruct, type Shape } from './go-struct.ts';
import { readYaml } from './yaml-read.ts';

/** What sigs.k8s.io/yaml 1.3 gives for these, recorded with Go. */

const maintainer: Shape = { struct: 'main.Maint', fields: { name: 'string' } };
const dependency: Shape = {
  struct: 'main.Dep',
  fields: { name: 'string', version: 'string', tags: { list: 'string' } },
};
const head = {
  struct: 'struct { Name string; Annotations map[string]string }',
  fields: { name: 'string', annotations: { map: 'string' } },
} as const;
const meta = {
  struct: 'main.Meta',
  fields: {
    name: 'string',
    version: 'string',
    appVersion: 'string',
    annotations: { map: 'string' },
    keywords: { list: 'string' },
    maintainers: { list: maintainer },
    dependencies: { list: dependency },
    deprecated: 'bool',
    metadata: head,
  },
} as const;
const decode = (text: string): unknown => decodeStruct(readYaml(text), meta);

describe('a document in a Go struct', () => {
  it.each([
    ['version: 1\nappVersion: 1.10\nname: true', { name: 'true', version: '1', appVersion: '1.1' }],
    ['annotations: {a: 1}\nkeywords: [1, true, a]', { annotations: { a: '1' }, keywords: ['1', 'true', 'a'] }],
    [
      'annotations: {a: 1, b: true, c: 1.5, d: null, e: 1e21, f: 12345678901, g: 1.0}',
      { annotations: { a: '1', b: 'true', c: '1.5', d: '', e: '1e+21', f: '12345678901', g: '1' } },
    ],
    ['maintainers: [{name: 1}]', { maintainers: [{ name: '1' }] }],
    [
      'dependencies: [{name: a, version: 1.0, tags: [1]}]',
      { dependencies: [{ name: 'a', version: '1', tags: ['1'] }] },
    ],
    ['dependencies: [null]\nmaintainers: [null]', { dependencies: [null], maintainers: [null] }],
    ['NAME: x\nAppversion: 2', { name: 'x', appVersion: '2' }],
    ['name: null\nfoo: 1', {}],
    ['', {}],
  ])('%s', (text, expected) => {
    expect(decode(text)).toEqual(expected);
  });

  it.each([
    ['name: [1]', 'array into Go struct field Meta.name of type string'],
    ['name: {}', 'object into Go struct field Meta.name of type string'],
    ['deprecated: "true"', 'string into Go struct field Meta.deprecated of type bool'],
    ['deprecated: 1', 'number into Go struct field Meta.deprecated of type bool'],
    ['keywords: x', 'string into Go struct field Meta.keywords of type []string'],
    ['keywords: [{a: 1}]', 'object into Go struct field Meta.keywords of type string'],
    ['annotations: [1]', 'array into Go struct field Meta.annotations of type map[string]string'],
    ['annotations: {a: [1]}', 'array into Go struct field Meta.annotations of type string'],
    ['dependencies: {}', 'object into Go struct field Meta.dependencies of type []*main.Dep'],
    ['dependencies: [x]', 'string into Go struct field Meta.dependencies of type main.Dep'],
    ['dependencies: [{tags: x}]', 'string into Go struct field Dep.dependencies.tags of type []string'],
    ['dependencies: [{version: []}]', 'array into Go struct field Dep.dependencies.version of type string'],
    ['maintainers: [x]', 'string into Go struct field Meta.maintainers of type main.Maint'],
    ['metadata: {annotations: {a: {b: c}}}', 'object into Go struct field .metadata.annotations of type string'],
    ['metadata: x', `string into Go struct field Meta.metadata of type ${head.struct}`],
    ['x', 'string into Go value of type main.Meta'],
    ['- 1', 'array into Go value of type main.Meta'],
    ['1', 'number into Go value of type main.Meta'],
  ])('refuses %s', (text, expected) => {
    const prefix = 'error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ';
    expect(() => decode(text)).toThrow(new Error(prefix + expected));
  });
});
