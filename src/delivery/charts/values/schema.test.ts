import { describe, expect, it } from 'vitest';
import type { Chart } from '../chart/chart.ts';
import { readValues } from './read-values.ts';
import { validateValues } from './schema.ts';

function chart(name: string, schema?: object | string, dependencies: Chart[] = []): Chart {
  const text = typeof schema === 'string' ? schema : JSON.stringify(schema);
  return {
    metadata: { apiVersion: 'v2', name, version: '1.0.0' },
    ...{ values: {}, templates: [], files: [], raw: [], dependencies },
    ...(schema !== undefined && { schema: Buffer.from(text) }),
  };
}

/** What is wrong, line by line; nothing when all is well. */
async function violations(of: Chart, values: string): Promise<string[]> {
  return validateValues(of, readValues(values)).then(
    () => [],
    (error: Error) => error.message.replace(/\n$/, '').split('\n').slice(1),
  );
}

const draft7 = 'http://json-schema.org/draft-07/schema#';

describe('values.schema.json', () => {
  const properties = {
    image: { type: 'object', required: ['name', 'tag'], properties: { name: { type: 'string' } } },
    replicas: { type: 'integer', minimum: 1, maximum: 5 },
    kind: { enum: ['a', 'b'] },
    word: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
    code: { type: 'string', pattern: '^\\d*$' },
    ports: { type: 'array', items: { type: 'integer' }, uniqueItems: true, minItems: 1 },
  };

  it.each([
    'http://json-schema.org/draft-04/schema#',
    draft7,
    'https://json-schema.org/draft/2019-09/schema',
    undefined,
  ])('tells every violation, by draft %s', async ($schema) => {
    const schema = { ...($schema && { $schema }), type: 'object', additionalProperties: false, properties };
    const values = 'image: {name: 1}\nreplicas: 7\nkind: c\nword: Words!\ncode: "12"\nports: [x]\nother: 1\nmore: 2';
    expect((await violations(chart('web', schema), values)).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "  - at '/image': missing property 'tag'",
      "  - at '/image/name': got number, want string",
      "  - at '/word': 'Words!' does not match pattern '^[a-z]+$'",
      "  - at '/word': maxLength: got 6, want 5",
      "- at '': additional properties 'more', 'other' not allowed",
      "- at '/image': validation failed",
      "- at '/kind': value must be one of 'a', 'b'",
      "- at '/ports/0': got string, want integer",
      "- at '/replicas': maximum: got 7, want 5",
      "- at '/word': validation failed",
      'web:',
    ]);
    const good = 'image: {name: x, tag: 1}\nreplicas: 1\nkind: a\nword: word\ncode: ""\nports: [1, 2]';
    expect(await violations(chart('web', schema), good)).toEqual([]);
  });

  it.each([
    [
      'a wrong type, and nothing else',
      { type: 'string', enum: ['x'], maxProperties: 1 },
      '{a: 1, b: 2}',
      ['got object, want string'],
    ],
    [
      'a value that is not among others',
      { enum: ['x', null], maxLength: 1 },
      'abc',
      ["value must be one of 'x', <nil>"],
    ],
    ['objects to choose from', { enum: [{ x: 1 }] }, '1', ["'enum' failed"]],
    ['one object to be', { const: { x: 1 } }, '1', ["'const' failed"]],
    ['types in their order', { type: ['string', 'null'] }, '1', ['got number, want null or string']],
    ['what a reference says, not what stands beside it', { $ref: '#/definitions/d', maxLength: 1 }, 'abc', []],
    ['what a reference refuses', { $ref: '#/definitions/d' }, '1', ['got number, want string']],
  ])('tells %s', async (_, schema, value, expected) => {
    const whole = { $schema: draft7, definitions: { d: { type: 'string' } }, properties: { v: schema } };
    const found = await violations(chart('web', whole), `v: ${value}`);
    expect(found.slice(1)).toEqual(expected.map((text) => `- at '/v': ${text}`));
  });

  it.each([
    ['email', 'a@b', true],
    ['email', 'o.ps+1@[10.0.0.1]', true],
    ['email', '"a b"@example.com.', true],
    ['email', 'a..b@example.com', false],
    ['email', 'a@-x', false],
    ['email', 'nobody', false],
    ['uri', 'https://example.com/a b', true],
    ['uri', '/a', false],
    ['uri-reference', '/a?b', true],
    ['uri-reference', 'a\\b', false],
    ['uuid', '00000000-0000-4000-8000-00000000000A', true],
    ['uuid', 'urn:uuid:00000000-0000-4000-8000-000000000000', false],
    ['regex', '(?P<x>a)\\z', true],
    ['regex', '(?<=a)b', false],
    ['hostname', 'a_b', false],
    ['byte', 'no base64', true],
  ])('takes %s %j as Helm does: %s', async (format, text, isTaken) => {
    const schema = { $schema: draft7, properties: { x: { format } } };
    const found = await violations(chart('web', schema), JSON.stringify({ x: text }));
    expect(found).toEqual(
      isTaken ? [] : ['web:', `- at '/x': '${text.replaceAll('\\', '\\\\')}' is not valid ${format}`],
    );
  });

  it('may not take any time', async () => {
    const either = (i: number): object => ({ anyOf: Array(2).fill({ $ref: `#/definitions/d${i + 1}` }) });
    const definitions = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d${i}`, either(i)]));
    const schema = {
      $schema: draft7,
      definitions: { ...definitions, d40: { type: 'null' } },
      $ref: '#/definitions/d0',
    };
    expect(await violations(chart('web', schema), 'x: 1')).toEqual([
      'web:',
      '- the schema is not valid: it takes longer than 2 seconds',
    ]);
  }, 60_000);

  it('takes formats of numbers for annotations', async () => {
    const schema = { $schema: draft7, properties: { x: { type: 'integer', format: 'int32' } } };
    expect(await violations(chart('web', schema), 'x: 3000000000')).toEqual([]);
  });

  it('is checked for subcharts with their own values', async () => {
    const db = chart('db', { required: ['port'] });
    expect(await violations(chart('web', {}, [db]), 'db: {name: x}')).toEqual([
      'db:',
      "- at '': missing property 'port'",
    ]);
    expect(await violations(chart('web', {}, [db]), 'db: {port: 1}')).toEqual([]);
  });

  it('tells what alternatives have against a value', async () => {
    const schema = { properties: { a: { anyOf: [{ type: 'string' }, { type: 'object', required: ['b'] }] } } };
    expect(await violations(chart('web', schema), 'a: 1')).toEqual([
      'web:',
      "- at '/a': 'anyOf' failed",
      "  - at '/a': got number, want string",
      "  - at '/a': got number, want object",
    ]);
  });

  it.each<[object, string, string[]]>([
    [{ dependentRequired: { x: ['q', 'r'] } }, '{x: 1}', ["- at '/v': properties 'q', 'r' required, if 'x' exists"]],
    [{ multipleOf: 0.1 }, '1.05', ["- at '/v': multipleOf: got 1.05, want 0.1"]],
    [{ unevaluatedProperties: false }, '{k: 1}', ["- at '/v/k': false schema"]],
    [{ pattern: "^a'b$" }, '"x\'y"', [String.raw`- at '/v': 'x\'y' does not match pattern '^a\'b$'`]],
    [
      { propertyNames: { maxLength: 1, pattern: '^a' } },
      '{ab: 2, xx: 1}',
      [
        ...["- at '': invalid propertyName 'ab'", "  - at '': maxLength: got 2, want 1"],
        ...["- at '': invalid propertyName 'xx'", "  - at '': maxLength: got 2, want 1"],
        "  - at '': 'xx' does not match pattern '^a'",
      ],
    ],
    [
      { contains: { type: 'string' } },
      '[1, 2]',
      [
        ...["- at '/v': no items match contains schema", "  - at '/v/0': got number, want string"],
        "  - at '/v/1': got number, want string",
      ],
    ],
  ])('%j is told in the words of the library that Helm uses', async (schema, value, expected) => {
    expect(await violations(chart('web', { properties: { v: schema } }), `v: ${value}`)).toEqual(['web:', ...expected]);
  });

  it.each<[string, object, string, string[]]>([
    [
      'allOf',
      { allOf: [{ type: 'string' }, { maxLength: 1 }] },
      'abc',
      ["'allOf' failed", '  maxLength: got 3, want 1'],
    ],
    [
      'what alternatives hold',
      { anyOf: [{ allOf: [{ type: 'string' }] }, { oneOf: [{ type: 'null' }, { type: 'boolean' }] }] },
      '1',
      [
        ...["'anyOf' failed", "  'allOf' failed", '    got number, want string'],
        ...["  'oneOf' failed, none matched", '    got number, want null', '    got number, want boolean'],
      ],
    ],
    [
      'several things against an alternative',
      { anyOf: [{ $ref: '#/$defs/text' }, { required: ['p'], minProperties: 3 }] },
      '{x: 1}',
      [
        ...["'anyOf' failed", '  got object, want string', '  validation failed'],
        ...['    minProperties: got 1, want 3', "    missing property 'p'"],
      ],
    ],
    [
      'a reference',
      { $ref: '#node' },
      '{x: 1}',
      ['validation failed', '  minProperties: got 1, want 2', "  missing property 'k'"],
    ],
    [
      'a branch',
      JSON.parse('{"if": {"required": ["x"]}, "then": {"required": ["p"]}}') as object,
      '{x: 1}',
      ["missing property 'p'"],
    ],
    [
      'too few items',
      { contains: { type: 'null' }, minContains: 2 },
      '[null]',
      ['min 2 items required to match contains schema, but matched 1 items at 0'],
    ],
    [
      'too many items',
      { contains: { type: 'null' }, maxContains: 1 },
      '[null, null]',
      ['max 1 items required to match contains schema, but matched 2 items at 0 1'],
    ],
    [
      'no item',
      { contains: { type: 'null' }, minContains: 2 },
      '[]',
      ['min 2 items required to match contains schema, but none matched'],
    ],
    ['nothing to choose from', { enum: [] }, '1', ['value must be one of ']],
  ])('tells of %s as it is nested, in the form of the library that Helm uses', async (_, schema, value, expected) => {
    const $defs = { text: { type: 'string' }, node: { $anchor: 'node', required: ['k'], minProperties: 2 } };
    const found = await violations(chart('web', { $defs, properties: { v: schema } }), `v: ${value}`);
    expect(found.map((line) => line.replace("- at '/v': ", ''))).toEqual(['web:', ...expected]);
  });

  it('tells several values that are wrong as one group below what holds them', async () => {
    const inner = { properties: { a: { type: 'string' }, b: { type: 'string' } } };
    const schema = { required: ['z'], properties: { v: inner } };
    expect(await violations(chart('web', schema), 'v: {a: 1, b: 2}')).toEqual([
      ...['web:', "- at '': missing property 'z'", "- at '/v': validation failed"],
      ...["  - at '/v/a': got number, want string", "  - at '/v/b': got number, want string"],
    ]);
  });

  it('tells each by itself where a reference is found by the library alone', async () => {
    const schema = {
      $id: 'https://example.com/top/',
      $defs: { d: { $id: 'inner', type: 'string' } },
      properties: { v: { $ref: 'https://example.com/top/inner' } },
    };
    expect(await violations(chart('web', schema), 'v: 1')).toEqual(['web:', "- at '/v': got number, want string"]);
  });

  it('tells of items that are too many', async () => {
    const schema = { $schema: draft7, properties: { v: { items: [{}], additionalItems: false } } };
    expect(await violations(chart('web', schema), 'v: [1, 2]')).toEqual([
      'web:',
      "- at '/v': last 1 additionalItem(s) not allowed",
    ]);
  });

  it('never shows what may be a secret', async () => {
    const schema = { properties: { auth: { properties: { dbPassword: { pattern: '^x' } } } } };
    const found = (await violations(chart('web', schema), 'auth: {dbPassword: hunter2}')).join();
    expect(found).toContain("at '/auth/dbPassword': '(hidden)' does not match");
    expect(found).not.toContain('hunter2');
  });

  it.each([
    ['no JSON', '{', 'the schema is not valid'],
    ['a type that does not exist', { properties: { a: { type: 'text' } } }, 'the schema is not valid'],
    ['a reference to another server', { $ref: 'http://example.com/schema.json' }, 'the schema is not valid'],
    ['a reference to a file', { $ref: 'file:///etc/passwd' }, 'the schema is not valid'],
  ])('may be wrong itself: %s', async (_, schema, message) => {
    expect((await violations(chart('web', schema), 'a: 1')).join('\n')).toContain(message);
  });

  it.each([
    ['at once', { $ref: '#' }],
    [
      'by way of others',
      { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } } },
    ],
  ])('may refer to itself, but not without end: %s', async (_, schema) => {
    expect(await violations(chart('web', schema), 'a: 1')).toEqual([
      'web:',
      '- the schema is not valid: it refers to itself without end',
    ]);
    const tree = { properties: { left: { $ref: '#' }, size: { type: 'integer' } } };
    expect(await violations(chart('web', tree), 'left: {left: {size: x}}')).toEqual([
      'web:',
      "- at '/left/left/size': got string, want integer",
    ]);
  });

  it('takes no longer for a pattern that is made to take long', async () => {
    const schema = { properties: { a: { pattern: '^(a+)+$' } } };
    expect(await violations(chart('web', schema), `a: ${'a'.repeat(50_000)}!`)).toHaveLength(2);
  });
});
