import { describe, expect, it } from 'vitest';
import { plainValues } from '../release/codec.ts';
import { type SetKind, setLiteral, setValues } from './set-values.ts';
import { mergeUserValues, type ValuesOptions } from './values-options.ts';

function set(text: string, kind: SetKind = 'typed', into: Record<string, unknown> = {}): unknown {
  setValues(into, text, { kind, readFile: (path) => `<${path}>` });
  return plainValues(into);
}

describe('--set', () => {
  it.each([
    ['a=b', { a: 'b' }],
    ['a=b,c=d', { a: 'b', c: 'd' }],
    ['a=b,', { a: 'b' }],
    ['a=', { a: '' }],
    ['a=,b=c', { a: '', b: 'c' }],
    ['a=one\\,two', { a: 'one,two' }],
    ['a=one\\=two', { a: 'one=two' }],
    ['a=x=y', { a: 'x=y' }],
    ['a=one two', { a: 'one two' }],
    ['a.b.c=d', { a: { b: { c: 'd' } } }],
    ['a.b=1,a.c=2', { a: { b: 1, c: 2 } }],
    ['a\\.b/c=d', { 'a.b/c': 'd' }],
    ['n.kubernetes\\.io/role=x', { n: { 'kubernetes.io/role': 'x' } }],
    ['a={x,y}', { a: ['x', 'y'] }],
    ['a={1,true,null,x}', { a: [1, true, null, 'x'] }],
    ['a={x,y},b=c', { a: ['x', 'y'], b: 'c' }],
    ['a={x\\,y}', { a: ['x,y'] }],
    ['a={}', { a: [] }],
    ['a[0]=x', { a: ['x'] }],
    ['a[0]=x,a[1]=y', { a: ['x', 'y'] }],
    ['a[0]=x,a[3]=y', { a: ['x', null, null, 'y'] }],
    ['a[0].b=c,a[0].d=e', { a: [{ b: 'c', d: 'e' }] }],
    ['a.b[1].c=d', { a: { b: [null, { c: 'd' }] } }],
    ['a[0][0]=1', { a: [[1]] }],
    ['a[1][1]=1', { a: [null, [null, 1]] }],
    ['a[0].b[0].c=d', { a: [{ b: [{ c: 'd' }] }] }],
    ['a[0]', { a: [] }],
    ['a.b=', { a: { b: '' } }],
    ['a[0]=x,a[1]=y,', { a: ['x', 'y'] }],
    ['a={x,y},b={1021,902}', { a: ['x', 'y'], b: [1021, 902] }],
    ['a.b={x,y}', { a: { b: ['x', 'y'] } }],
    ['a.b[1].c=d,a.b[0].c=e', { a: { b: [{ c: 'e' }, { c: 'd' }] } }],
    ['a[0]=', { a: [''] }],
    ['a=1', { a: 1 }],
    ['a=-5', { a: -5 }],
    ['a=0', { a: 0 }],
    ['a=007', { a: '007' }],
    ['a=1.5', { a: '1.5' }],
    ['a=1e3', { a: '1e3' }],
    ['a=99999999999999999999', { a: '99999999999999999999' }],
    ['a=True,b=false', { a: true, b: false }],
    ['a=yes', { a: 'yes' }],
    ['a=null', { a: null }],
    ['a=[x]', { a: '[x]' }],
    ['__proto__.x=1', JSON.parse('{"__proto__": {"x": 1}}')],
    ['', {}],
  ])('reads %s', (text, expected) => {
    expect(set(text)).toEqual(expected);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it.each([
    ['a', 'key "a" has no value'],
    ['a,b=c', 'key "a" has no value (cannot end with ,)'],
    ['a.b', 'key "b" has no value'],
    ['a.=b', 'key map "a" has no value'],
    ['a.,b', 'key "" has no value (cannot end with ,)'],
    ['a.b,a.c', 'key "b" has no value'],
    ['a=b,,,,c=d', 'key "" has no value'],
    ['a,b=c\\', 'key "a" has no value'],
    [']={}].', 'key'],
    ['a[0].b=c,a[-30].d=e', 'negative -30 index not allowed'],
    ['a={x,y', "list must terminate with '}'"],
    ['a[-1]=x', 'negative -1 index not allowed'],
    ['a[x]=y', 'error parsing index: strconv.Atoi: parsing "x": invalid syntax'],
    ['a[0', 'error parsing index'],
    ['a[0]b=c', 'unexpected data at end of array index: "b"'],
    ['a[65537]=x', 'index of 65537 is greater than maximum supported index of 65536'],
    [`${'a.'.repeat(31)}b=c`, 'nested level of 30'],
  ])('refuses %s', (text, message) => {
    expect(() => set(text)).toThrow(message);
  });

  it('changes what is there, one by one', () => {
    const into = { image: { tag: '1', name: 'web' }, list: ['a', 'b'] };
    expect(set('image.tag=2,list[1]=c,image.name=null', 'typed', into)).toEqual({
      image: { tag: 2, name: null },
      list: ['a', 'c'],
    });
    expect(() => set('image[0]=x', 'typed', into)).toThrow('"image" is not a list');
    expect(() => set('list.x=y', 'typed', into)).toThrow('"list" is not a map');
  });

  it('goes on in lists of lists, where several are given', () => {
    const into: Record<string, unknown> = { a: [[[{ exited: 'old' }]]] };
    set('a[0][1][0].type=x', 'typed', into);
    expect(set('a[0][0][1].status=alive', 'typed', into)).toEqual({
      a: [[[{ exited: 'old' }, { status: 'alive' }], [{ type: 'x' }]]],
    });
    expect(set('a[0][0].b=c', 'typed', { a: [[{ d: 'e' }]] })).toEqual({ a: [[{ b: 'c', d: 'e' }]] });
  });

  it('keeps whole numbers exact', () => {
    const values = {};
    setValues(values, 'a=9007199254740993', { kind: 'typed' });
    expect(values).toMatchObject({ a: { type: 'int64', value: 9007199254740993n } });
  });
});

describe('the kin of --set', () => {
  it('takes all for strings', () => {
    expect(set('a=1,b=true,c={1,2},d=null', 'string')).toEqual({ a: '1', b: 'true', c: ['1', '2'], d: 'null' });
  });

  it('takes JSON', () => {
    expect(set('a={"x": [1, "y, z"]},b=true,c[0]="s",d=1.5', 'json')).toEqual({
      a: { x: [1, 'y, z'] },
      b: true,
      c: ['s'],
      d: 1.5,
    });
    expect(set('a=,b=[]', 'json')).toEqual({ a: null, b: [] });
    expect(set('a={"b": [1, 2, 3]},a.b[1]=null', 'json')).toEqual({ a: { b: [1, null, 3] } });
    expect(set('a.b={"c": 1}', 'json', { a: { b: { d: 2 }, e: 3 } })).toEqual({ a: { b: { c: 1 }, e: 3 } });
    expect(() => set('a={"b": 1}]', 'json')).toThrow();
    expect(() => set('a={"password": hunter2}', 'json')).toThrow('the value of "a" is not valid JSON');
    expect(() => set('a={"password": hunter2}', 'json')).not.toThrow('hunter2');
  });

  it('takes files', () => {
    expect(set('a.b=x.txt,c[0]=y.txt', 'file')).toEqual({ a: { b: '<x.txt>' }, c: ['<y.txt>'] });
  });

  it('takes everything behind the first = as it stands', () => {
    const values = {};
    setLiteral(values, 'a.b[0]=x,y={z}\\n\\,');
    setLiteral(values, 'c\\.d=1');
    expect(values).toEqual({ a: { b: ['x,y={z}\\n\\,'] }, 'c\\': { d: '1' } });
  });

  it('comes in the order files, JSON, --set, strings, files of values, literals', async () => {
    const options: ValuesOptions = {
      files: ['one', 'two'],
      setJson: ['{"b": {"c": 3}}', 'd=[1]'],
      set: ['b.e=4', 'f=5'],
      setString: ['f=6'],
      setFile: ['g=two'],
      setLiteral: ['h=,'],
    };
    const texts: Record<string, string> = { one: 'a: {x: 1, z: 2}\nb: 1', two: 'a: {z: null}\nf: 0' };
    const values = await mergeUserValues(options, (path) => Promise.resolve(texts[path] ?? ''));
    expect(plainValues(values)).toEqual({
      a: { x: 1, z: null },
      b: { c: 3, e: 4 },
      d: [1],
      f: '6',
      g: texts['two'],
      h: ',',
    });
  });

  it('says which of them was wrong, without the values', async () => {
    const none: ValuesOptions = { files: [], set: [], setString: [], setJson: [], setFile: [], setLiteral: [] };
    const read = (): Promise<string> => Promise.resolve('a: b: hunter2');
    const failure = (options: Partial<ValuesOptions>): Promise<string> =>
      mergeUserValues({ ...none, ...options }, read).then(
        () => 'no failure',
        (error: Error) => error.message,
      );
    expect(await failure({ set: ['a'] })).toBe('failed parsing --set data: key "a" has no value');
    expect(await failure({ setJson: ['{"a": hunter2'] })).toBe(
      'failed parsing --set-json data JSON: it is not valid JSON',
    );
    expect(await failure({ files: ['x.yaml'] })).toMatch(/^failed to parse x.yaml: .*mapping values are not allowed/);
    expect(await failure({ files: ['x.yaml'] })).not.toContain('hunter2');
  });
});
