import { describe, expect, it } from 'vitest';
import { createColumns } from './columns.ts';
import { parseCustomColumns, parseCustomColumnsFile } from './custom-columns.ts';
import { compileJsonPathTemplate, compileRelaxedPath } from './json-path-template.ts';
import { sortByPath } from './sort-by.ts';
import { headerOf, rowOf } from './table-rows.ts';

const pod = {
  metadata: { name: 'web', namespace: 'shop', labels: { tier: 'front', app: 'web' } },
  spec: { containers: [{ name: 'a', ports: [{ port: 80 }] }, { name: 'b' }] },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

describe('columns', () => {
  it('are three apart, six wide at least, and stay as wide as they were', () => {
    const columns = createColumns();
    expect(
      columns.lines([
        ['A', 'NAME', 'X'],
        ['1', 'longest', 'y'],
      ]),
    ).toEqual(['A     NAME      X', '1     longest   y']);
    expect(columns.lines([['2', 'b', 'z']])).toEqual(['2     b         z']);
  });
});

describe("a table's rows", () => {
  const definitions = [{ name: 'Name', format: 'name' }, { name: 'Ready' }, { name: 'IP', priority: 1 }];
  const row = { cells: ['web', 1, 'x\ny'], object: pod };

  it('have the columns of their priority', () => {
    const options = { wide: false, withNamespace: false };
    expect([headerOf(definitions, options), rowOf(row, definitions, options)]).toEqual([
      ['NAME', 'READY'],
      ['web', '1'],
    ]);
  });

  it('have namespaces, prefixes, labels and the first line of a text', () => {
    const options = {
      wide: true,
      withNamespace: true,
      prefix: 'pod/',
      showLabels: true,
      labelColumns: ['x/app', 'app'],
    };
    expect([headerOf(definitions, options), rowOf(row, definitions, options)]).toEqual([
      ['NAMESPACE', 'NAME', 'READY', 'IP', 'APP', 'APP', 'LABELS'],
      ['shop', 'pod/web', '1', 'x...', '', 'web', 'app=web,tier=front'],
    ]);
  });
});

describe('JSONPath templates', () => {
  const list = { items: [pod, { metadata: { name: 'db' } }] };
  it.each([
    ['{.items[*].metadata.name}', 'web db'],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.missing}{"\\n"}{end}', 'web\t\ndb\t\n'],
    ['name: {.items[0].metadata.name}!', 'name: web!'],
    ['{.items[0].spec.containers[0].ports}', '[{"port":80}]'],
    ["{.items[0].metadata.labels['tier']}", 'front'],
    ['{.items[0].status.conditions[?(@.type=="Ready")].status}', 'True'],
    ['{range .items[*]}{$.items[1].metadata.name} {end}', 'db db '],
    ['{.items[0].metadata.name}{" }"}', 'web }'],
    ['{@.items[1].metadata.name}', 'db'],
    ['{range .items[0].spec.containers}{.name},{end}', 'a,b,'],
    ['plain', 'plain'],
  ])('%s', (template, text) => {
    expect(compileJsonPathTemplate(template)(list)).toBe(text);
  });

  it.each(['{.a', '{end}', '{range .items[*]}{.a}'])('%s is none', (template) => {
    expect(() => compileJsonPathTemplate(template)).toThrow();
  });

  it('fail at what a list does not have only where that is asked for', () => {
    const path = '{.spec.containers[7].name}';
    expect(compileJsonPathTemplate(path)(pod)).toBe('');
    expect(() => compileJsonPathTemplate(path, { isStrict: true })(pod)).toThrow(
      'array index out of bounds: index 7, length 2',
    );
  });

  it('write objects with sorted fields', () => {
    expect(compileJsonPathTemplate('{.metadata.labels}')(pod)).toBe('{"app":"web","tier":"front"}');
  });

  it('of one path need neither braces nor a dot', () => {
    for (const path of ['{.metadata.name}', '.metadata.name', 'metadata.name', '{metadata.name}']) {
      expect(compileRelaxedPath(path)(pod)).toEqual(['web']);
    }
  });
});

describe('custom columns', () => {
  it('join what they find, and say where there is nothing', () => {
    const { header, row } = parseCustomColumns('NAME:.metadata.name,C:.spec.containers[*].name,NONE:.x,N:.status.none');
    expect([header, row(pod)]).toEqual([
      ['NAME', 'C', 'NONE', 'N'],
      ['web', 'a,b', '<none>', '<none>'],
    ]);
    expect(parseCustomColumnsFile('A  B\nmetadata.name .spec.containers[1].name\n').row(pod)).toEqual(['web', 'b']);
  });

  it('need a header and a path', () => {
    expect(() => parseCustomColumns('NAME')).toThrow('expected <header>:<json-path-expr>');
    expect(() => parseCustomColumns('')).toThrow('no custom columns given');
  });
});

describe('sorting', () => {
  it('is by size for numbers and quantities, by letters for texts', () => {
    const sorted = (values: unknown[]): unknown[] =>
      sortByPath(
        values.map((v) => ({ v })),
        '.v',
        (item) => item,
      ).map(({ v }) => v);
    expect(sorted([10, 9, undefined])).toEqual([undefined, 9, 10]);
    expect(sorted(['1Gi', '900Mi', '2Ki'])).toEqual(['2Ki', '900Mi', '1Gi']);
    expect(sorted(['b', 'a'])).toEqual(['a', 'b']);
  });
});
