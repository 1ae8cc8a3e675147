import { describe, expect, it } from 'vitest';
import type { Chart, Dependency } from '../chart/chart.ts';
import { coalesceValues } from './coalesce.ts';
import { processDependencies } from './dependencies.ts';
import { readValues } from './read-values.ts';

type Requirement = Omit<Dependency, 'repository'>;

function chart(
  name: string,
  more: { values?: string; has?: Chart[]; wants?: Requirement[]; version?: string } = {},
): Chart {
  const { values = '', has = [], wants, version = '1.0.0' } = more;
  const dependencies = wants?.map((each) => ({ repository: '', version: '*', ...each }));
  return {
    metadata: { apiVersion: 'v2', name, version, ...(dependencies && { dependencies }) },
    ...{ values: readValues(values), templates: [], files: [], raw: [], dependencies: has },
  };
}

/** `web(db cache(disk))` */
function tree({ metadata, dependencies }: Chart): string {
  return metadata.name + (dependencies.length > 0 ? `(${dependencies.map(tree).join(' ')})` : '');
}

const db = chart('db', { values: 'port: 5432\nenabled: true' });

it.each([
  ['that is not theirs', '>=2'],
  ['that is none', 'x.y.z'],
  ['that Chart.yaml leaves out', ''],
])('subcharts of a version %s keep their names, and their tags switch them', (_, version) => {
  const app = chart('web', { has: [db], wants: [{ name: 'db', version, alias: 'one', tags: ['data'] }] });
  expect(process(app).tree).toBe('web(db)');
  const named = chart('web', { has: [db], wants: [{ name: 'db', version, tags: ['data'] }] });
  expect(process(named, 'tags: {data: false}').tree).toBe('web');
});

function process(of: Chart, values = ''): { tree: string; warnings: string[]; chart: Chart } {
  const warnings: string[] = [];
  const processed = processDependencies(of, readValues(values), (message) => warnings.push(message));
  return { tree: tree(processed), warnings, chart: processed };
}

describe('conditions and tags', () => {
  const web = (requirement: Partial<Requirement>, values = ''): Chart =>
    chart('web', { has: [db], wants: [{ name: 'db', ...requirement }], values });

  it.each([
    ['without either it is there', {}, '', 'web(db)'],
    ['a condition that has no value leaves it there', { condition: 'none.enabled' }, '', 'web(db)'],
    ['false turns it off', { condition: 'db.enabled' }, 'db: {enabled: false}', 'web'],
    [
      'the first one with a value decides',
      { condition: 'a.b, db.enabled' },
      'a: {b: true}\ndb: {enabled: false}',
      'web(db)',
    ],
    ['the chart’s own default counts', { condition: 'db.enabled' }, '', 'web(db)'],
    ['a tag turns it off', { tags: ['x'] }, 'tags: {x: false}', 'web'],
    ['one of its tags is enough', { tags: ['x', 'w'] }, 'tags: {x: false, w: true}', 'web(db)'],
    ['tags without a value say nothing', { tags: ['x', 'w'] }, 'tags: {z: false}', 'web(db)'],
    [
      'a condition wins over tags',
      { tags: ['x'], condition: 'db.enabled' },
      'tags: {x: false}\ndb: {enabled: true}',
      'web(db)',
    ],
    ['globals serve as well', { condition: 'global.db' }, 'global: {db: false}', 'web'],
  ])('%s', (_, requirement, values, expected) => {
    expect(process(web(requirement), values).tree).toBe(expected);
  });

  it('must be booleans, and say so', () => {
    const { tree: found, warnings } = process(
      web({ condition: 'db.enabled', tags: ['x'] }),
      'db: {enabled: "no"}\ntags: {x: 1}',
    );
    expect([found, warnings]).toEqual([
      'web(db)',
      [
        "Warning: Tag 'x' for chart db returned non-bool value",
        "Warning: Condition path 'db.enabled' for chart db returned non-bool value",
      ],
    ]);
  });

  it('are looked up from the top for charts further down', () => {
    const inner = chart('inner', { has: [db], wants: [{ name: 'db', condition: 'db.enabled' }] });
    const outer = chart('web', { has: [inner], wants: [{ name: 'inner' }] });
    expect(process(outer, 'inner: {db: {enabled: false}}').tree).toBe('web(inner)');
    expect(process(outer, 'db: {enabled: false}').tree).toBe('web(inner(db))');
  });

  it('do not touch charts that are in charts/ without being asked for', () => {
    expect(
      process(
        chart('web', { has: [db, chart('extra')], wants: [{ name: 'db', condition: 'db.enabled' }] }),
        'db: {enabled: false}',
      ).tree,
    ).toBe('web(extra)');
  });
});

describe('aliases', () => {
  it('give one chart several names, each with its values and its switch', () => {
    const wants = ['one', 'two', 'three'].map((alias) => ({ name: 'db', alias, condition: `${alias}.enabled` }));
    const web = chart('web', { has: [db], wants, values: 'two: {port: 2}' });
    const { tree: found, chart: processed } = process(web, 'three: {enabled: false}');
    expect(found).toBe('web(one two)');
    expect(coalesceValues(processed, {})).toMatchObject({ one: { port: 5432 }, two: { port: 2 } });
    expect(processed.metadata.dependencies?.map(({ name }) => name)).toEqual(['one', 'two']);
    expect(web.dependencies[0]?.metadata.name).toBe('db');
  });

  it('take the version that is asked for', () => {
    const versions = [chart('db', { version: '1.2.0' }), chart('db', { version: '2.0.0' })];
    const web = chart('web', { has: versions, wants: [{ name: 'db', version: '^2.0.0', alias: 'new' }] });
    expect(process(web).chart.dependencies.map(({ metadata }) => [metadata.name, metadata.version])).toContainEqual([
      'new',
      '2.0.0',
    ]);
  });
});

describe('import-values', () => {
  const exporting = chart('db', { values: 'exports: {net: {host: h, port: 1}}\ndeep: {inner: {x: 1, w: 2}}\n' });
  const web = (imports: unknown[], values = ''): Chart =>
    chart('web', { has: [exporting], wants: [{ name: 'db', 'import-values': imports }], values });

  it.each([
    ['exports come to the top', ['net'], '', { host: 'h', port: 1 }],
    ['the parent’s own values win', ['net'], 'port: 2', { host: 'h', port: 2 }],
    ['a child may go anywhere', [{ child: 'deep.inner', parent: 'a.b' }], '', { a: { b: { x: 1, w: 2 } } }],
    ['and is merged there', [{ child: 'deep.inner', parent: 'a' }], 'a: {x: 9, z: 3}', { a: { x: 9, w: 2, z: 3 } }],
    ['a dot is the top', [{ child: 'deep.inner', parent: '.' }], '', { x: 1, w: 2 }],
  ])('%s', (_, imports, values, expected) => {
    expect(process(web(imports, values)).chart.values).toMatchObject(expected);
  });

  it('see what the parent sets for the subchart', () => {
    expect(process(web(['net'], 'db: {exports: {net: {host: mine}}}')).chart.values).toMatchObject({ host: 'mine' });
  });

  it('warn where there is nothing to import', () => {
    expect(process(web(['nothing'])).warnings).toEqual([
      'Warning: ImportValues missing table from chart db: "exports.nothing" is not a table',
    ]);
  });

  it.each([
    ['the umbrella’s value, which imports nothing', '', false, 'app: {port: 3}', 3],
    ['the app’s own before what it imports', 'port: 2', true, '', 2],
    ['what it imports, where it has none', '', true, '', 1],
    ['the app’s own, which imports nothing', 'port: 2', false, '', 2],
    ['the umbrella’s before both', 'port: 2', true, 'app: {port: 3}', 3],
  ])('take, in this order, %s', (_, own, imports, values, port) => {
    const wants = [{ name: 'db', ...(imports && { 'import-values': ['net'] }) }];
    const app = chart('app', { has: [exporting], wants, values: own });
    const umbrella = chart('web', { has: [app], wants: [{ name: 'app' }], values });
    const { chart: processed } = process(umbrella);
    expect(coalesceValues(processed, {})).toMatchObject({ app: { port } });
  });

  it('come through several levels', () => {
    const middle = chart('middle', {
      has: [exporting],
      wants: [{ name: 'db', 'import-values': [{ child: 'exports.net', parent: 'exports.up' }] }],
    });
    const top = chart('web', { has: [middle], wants: [{ name: 'middle', 'import-values': ['up'] }] });
    expect(process(top).chart.values).toMatchObject({ host: 'h', port: 1 });
  });
});
