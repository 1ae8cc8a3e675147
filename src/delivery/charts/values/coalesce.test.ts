import { describe, expect, it } from 'vitest';
import type { Chart, Values } from '../chart/chart.ts';
import { readValues } from './read-values.ts';
import { coalesceValues } from './coalesce.ts';

function chart(name: string, values: string, dependencies: Chart[] = []): Chart {
  return {
    metadata: { apiVersion: 'v2', name, version: '1.0.0' },
    ...{ values: readValues(values), templates: [], files: [], raw: [], dependencies },
  };
}

function coalesce(of: Chart, values: string): { values: Values; warnings: string[] } {
  const warnings: string[] = [];
  const result = coalesceValues(of, readValues(values), { warn: (message) => warnings.push(message) });
  return { values: JSON.parse(JSON.stringify(result)) as Values, warnings };
}

describe('values of one chart', () => {
  it.each([
    ['the user wins', 'a: 1\nb: 2', 'a: 3', { a: 3, b: 2 }],
    ['maps are merged', 'a: {b: 1, c: {d: 2}}', 'a: {c: {e: 3}}', { a: { b: 1, c: { d: 2, e: 3 } } }],
    ['lists are replaced', 'a: [1, 2]', 'a: [3]', { a: [3] }],
    ['null takes a default away', 'a: 1\nb: {c: 1, d: 2}', 'a: null\nb: {c: null}', { b: { d: 2 } }],
    ['null takes a whole map away', 'a: {b: 1}', 'a: null', {}],
    ['null of a key that has no default stays', 'a: 1', 'b: null\nc: {d: null}', { a: 1, b: null, c: { d: null } }],
    ['empty values are values', 'a: x\nb: [1]\nc: {d: 1}', 'a: ""\nb: []\nc: {}', { a: '', b: [], c: { d: 1 } }],
    ['false is a value', 'a: true', 'a: false', { a: false }],
    ['a scalar on a map wins', 'a: {b: 1}', 'a: 2', { a: 2 }],
    ['a map on a scalar wins', 'a: 2', 'a: {b: 1}', { a: { b: 1 } }],
    ['the defaults of a chart may be null', 'a: null', '', { a: null }],
  ])('%s', (_, defaults, given, expected) => {
    expect(coalesce(chart('web', defaults), given).values).toEqual(expected);
  });

  it('null in the defaults of a subchart stays, below what others say as well', () => {
    const app = chart('web', '{}', [chart('db', 'a: null\nm: {x: null, v: 1}\nglobal: {g: null}')]);
    const own = { a: null, m: { x: null, v: 1 }, global: { g: null } };
    expect(coalesce(app, '').values).toEqual({ db: own });
    expect(coalesce(app, 'db: {m: {z: 2}}').values).toEqual({ db: { ...own, m: { x: null, v: 1, z: 2 } } });
  });

  it('globals that are no map go no further', () => {
    const app = chart('web', 'global: null', [chart('db', 'a: 1')]);
    expect(coalesce(app, '').values).toEqual({ global: null, db: { a: 1 } });
  });

  it('what a subchart adds two levels down in globals is seen by all', () => {
    const app = chart('web', 'global: {a: {b: {x: 1}, s: 1}}', [chart('db', 'global: {a: {b: {z: 2}, t: 2}}')]);
    const deep = { x: 1, z: 2 };
    expect(coalesce(app, '').values).toEqual({
      global: { a: { b: deep, s: 1 } },
      db: { global: { a: { b: deep, s: 1, t: 2 } } },
    });
  });

  it('changes neither the chart nor what is given', () => {
    const web = chart('web', 'a: {b: 1}');
    const given = readValues('a: {c: 2}');
    const result = coalesceValues(web, given);
    (result['a'] as Values)['x'] = 1;
    expect([web.values, given]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }]);
  });

  it('warns where a map meets something else', () => {
    expect(coalesce(chart('web', 'a: {b: {c: 1}}'), 'a: {b: 2}').warnings).toEqual([
      expect.stringContaining('web.a.b'),
    ]);
    expect(coalesce(chart('web', 'a: 1'), 'a: {b: 2}').warnings).toEqual([
      'warning: skipped value for web.a: Not a table.',
    ]);
  });
});

describe('values of subcharts', () => {
  const db = chart('db', 'port: 5432\nname: db\nopts: {a: 1, b: 2}\nglobal: {own: x, both: sub}');

  it('come from the parent under the name of the subchart', () => {
    const web = chart('web', 'db: {name: shop, opts: {b: 3}}', [db]);
    expect(coalesce(web, 'db: {port: 1}').values).toEqual({
      db: { name: 'shop', port: 1, opts: { a: 1, b: 3 }, global: { own: 'x', both: 'sub' } },
    });
  });

  it('can be taken away by null, by the parent and by the user', () => {
    const web = chart('web', 'db: {name: null}', [db]);
    const { db: values } = coalesce(web, 'db: {opts: null, port: null}').values as { db: Values };
    expect(values).toEqual({ global: { own: 'x', both: 'sub' } });
  });

  it('have the globals of all above them, which win', () => {
    const web = chart('web', 'global: {both: parent, map: {a: 1}}\ndb: {global: {map: {b: 2}}}', [
      { ...db, dependencies: [chart('disk', 'size: 1')] },
    ]);
    const { values } = coalesce(web, 'global: {user: u, map: {c: 3}}');
    const globals = { both: 'parent', own: 'x', user: 'u', map: { a: 1, b: 2, c: 3 } };
    expect(values).toMatchObject({ db: { global: globals, disk: { size: 1, global: globals } } });
    expect(values['global']).toEqual({ both: 'parent', user: 'u', map: { a: 1, c: 3 } });
  });

  it('lose what null takes away at any depth, in globals too, and keep it beside', () => {
    const disk = chart(
      'disk',
      'size: 1\nopts: {a: 1, b: 2}\nmap: {c: 3}\nglobal: {net: {x: 1, w: 2}, depth: {two: 2}}',
    );
    const store = chart('db', 'size: 0\nglobal: {depth: {one: 1}}\ndisk: {size: 2, opts: {a: 5}}', [disk]);
    const web = chart('web', 'db: {size: 9, disk: {size: 9, opts: {a: 9}}}\nglobal: {depth: {zero: 0}}', [
      store,
      chart('cache', 'global: {depth: {one: cache}}'),
    ]);
    const { values } = coalesce(
      web,
      'global: {name: top}\ndb: {size: null, global: {name: lost, net: {w: null}}, ' +
        'disk: {size: null, opts: {a: null}, map: null}}',
    );
    const zero = { depth: { zero: 0 }, name: 'top' };
    expect(values).toEqual({
      global: zero,
      cache: { global: { ...zero, depth: { zero: 0, one: 'cache' } } },
      db: {
        global: { ...zero, depth: { zero: 0, one: 1 }, net: { w: null } },
        disk: { opts: { b: 2 }, global: { ...zero, depth: { zero: 0, one: 1, two: 2 }, net: { x: 1 } } },
      },
    });
  });

  it('do not leak to their siblings or to the parent', () => {
    const web = chart('web', 'port: 80', [db, chart('cache', 'port: 6379')]);
    expect(coalesce(web, '').values).toMatchObject({ port: 80, db: { port: 5432 }, cache: { port: 6379 } });
  });

  it('must be maps', () => {
    expect(() => coalesce(chart('web', '', [db]), 'db: 1')).toThrow('type mismatch on db');
  });

  it('cannot reach the prototype of anything', () => {
    const values = coalesce(chart('web', '__proto__: {polluted: 1}', [db]), 'constructor: {prototype: {polluted: 1}}');
    expect(values).toBeDefined();
    expect(({} as Values)['polluted']).toBeUndefined();
  });
});
