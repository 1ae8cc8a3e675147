import { describe, expect, it } from 'vitest';
import { load, messageOf, type TestFiles } from '../../../test/support/compose.ts';

/** Two files, each the body of service `web`. */
function merged(first: string, second: string): Record<string, unknown> {
  const body = (text: string): string => `services:\n  web:\n    image: i\n${text.replace(/^/gm, '    ')}\n`;
  const files: TestFiles = { '/app/compose.yaml': body(first), '/app/b.yaml': body(second) };
  const sources = [{ path: '/app/compose.yaml' }, { path: '/app/b.yaml' }];
  return load(files, { sources }).project.services['web'] as Record<string, unknown>;
}

describe('merging files', () => {
  it('replaces scalars, commands, entrypoints and tests', () => {
    expect(
      merged(
        'command: [a, b]\nentrypoint: x\nhostname: h\nhealthcheck: {test: [CMD, a], retries: 2}',
        'command: c d\nentrypoint: [y, z]\nhostname: g\nhealthcheck: {test: b}',
      ),
    ).toMatchObject({
      command: ['c', 'd'],
      entrypoint: ['y', 'z'],
      hostname: 'g',
      healthcheck: { test: ['CMD-SHELL', 'b'], retries: 2 },
    });
  });

  it('merges environment, labels and the like by key, whatever their form', () => {
    expect(
      merged(
        'environment: [A=1, B=2]\nlabels: {a: x, b: y}\nbuild: {context: c, args: {A: 1}}\nsysctls: [net.a=1]',
        'environment: {B: 3, C: 4}\nlabels: [b=z]\nbuild: {args: [B=2], target: t}\nsysctls: {net.b: 2}',
      ),
    ).toMatchObject({
      environment: { A: '1', B: '3', C: '4' },
      labels: { a: 'x', b: 'z' },
      build: { context: '/app/c', args: { A: '1', B: '2' }, target: 't' },
      sysctls: { 'net.a': '1', 'net.b': '2' },
    });
  });

  it('lets lists grow, each item once', () => {
    const { project } = load(
      {
        '/app/compose.yaml':
          'services:\n  web:\n    image: i\n    ports: ["80:80"]\n    dns: 1.1.1.1\n    expose: [1]\n',
        '/app/b.yaml':
          'services:\n  web:\n    ports: ["80:80", 81]\n    dns: [1.1.1.1, 2.2.2.2]\n    expose: ["1", 2]\n',
      },
      { sources: [{ path: '/app/compose.yaml' }, { path: '/app/b.yaml' }] },
    );
    expect(project.services['web']).toMatchObject({ dns: ['1.1.1.1', '2.2.2.2'], expose: ['1', '2'] });
    expect(project.services['web']?.ports?.map(({ target }) => target)).toEqual([80, 81]);
  });

  it('merges hosts of both forms: names keep all their addresses, those of a build the last', () => {
    expect(
      merged(
        'extra_hosts: {a: 1.1.1.1, b: 2.2.2.2}\nbuild: {context: ., extra_hosts: [a=1.1.1.1, b=2.2.2.2]}',
        'extra_hosts: ["a=3.3.3.3", "b=2.2.2.2"]\nbuild: {extra_hosts: {b: 4.4.4.4}}',
      ),
    ).toMatchObject({
      extra_hosts: ['a=1.1.1.1', 'a=3.3.3.3', 'b=2.2.2.2'],
      build: { extra_hosts: ['a=1.1.1.1', 'b=4.4.4.4'] },
    });
  });

  it('takes an item that is there already only once, in whatever list', () => {
    const placement = (items: string): string => `deploy: {placement: {constraints: [${items}]}}`;
    expect(merged(placement('a==1, b==2'), placement('b==2, c==3'))).toMatchObject({
      deploy: { placement: { constraints: ['a==1', 'b==2', 'c==3'] } },
    });
  });

  it.each([
    ['tmpfs: /foo', 'tmpfs: [/bar, /foo]', { tmpfs: ['/foo', '/bar'] }],
    ['networks: [n]', 'networks: null', { networks: { n: null } }],
    ['networks: null', 'networks: [n]', { networks: { n: null } }],
    ['ulimits: {a: 100, b: {soft: 1, hard: 2}}', 'ulimits: {a: {soft: 5, hard: 5}, b: 5}', { ulimits: { b: 5 } }],
    ['environment: [M=release]', 'environment: [M=debug, M=release]', { environment: { M: 'release' } }],
    ['devices: ["/dev/a:/dev/x"]', 'devices: ["/dev/b:/dev/x:r"]', { devices: [{ source: '/dev/b' }] }],
    ['cap_add: [A]', 'cap_add: [A, B]', { cap_add: ['A', 'B'] }],
    ['env_file: [a.env]', 'env_file: [{path: a.env, required: false}]', {}],
  ])('%s, then %s', (first, second, expected) => {
    const files = {
      '/app/compose.yaml': `services:\n  web: {image: i, ${first}}\nnetworks: {n: }\n`,
      '/app/b.yaml': `services:\n  web: {${second}}\n`,
    };
    const sources = Object.keys(files).map((path) => ({ path }));
    expect(load(files, { sources }).project.services['web']).toMatchObject(expected);
  });

  it('takes keys away that came from lists and mappings of several files', () => {
    const files = {
      '/app/compose.yaml': 'services:\n  web: {image: i, environment: {FOO: BAR, KEEP: ME}, labels: {a: b}}\n',
      '/app/b.yaml': 'services:\n  web: {environment: [ANOTHER=BAR, PASS], labels: {c: d}}\n',
      '/app/c.yaml':
        'services:\n  web: {environment: {FOO: !reset , ANOTHER: !reset , PASS: !reset }, labels: {a: !reset }}\n',
    };
    const sources = Object.keys(files).map((path) => ({ path }));
    expect(load(files, { sources }).project.services['web']).toMatchObject({
      environment: { KEEP: 'ME' },
      labels: { c: 'd' },
    });
    const twice = 'services:\n  web:\n    image: i\n    command: a\n    command: !reset b\n';
    expect(messageOf(() => load(twice))).toBe('compose.yaml:5: the key command is there twice');
  });

  it('tells volumes, devices, secrets and configs apart by their target', () => {
    const result = merged(
      'volumes: ["./a:/data", "./b:/other"]\ndevices: ["/dev/a:/dev/x"]',
      'volumes: [{type: bind, source: ./c, target: /data}]\ndevices: ["/dev/b:/dev/x"]',
    );
    expect(result).toMatchObject({
      volumes: [
        { source: '/app/c', target: '/data' },
        { source: '/app/b', target: '/other' },
      ],
      devices: [{ source: '/dev/b', target: '/dev/x' }],
    });
  });

  it('merges depends_on and networks of both forms', () => {
    const files = {
      '/app/compose.yaml':
        'services:\n  a: {image: i}\n  b: {image: i}\n  web:\n    image: i\n    depends_on: [a]\n    networks: [n]\nnetworks: {n: , m: }\n',
      '/app/b.yaml':
        'services:\n  web:\n    depends_on: {b: {condition: service_healthy}}\n    networks: {n: {aliases: [x]}, m: }\n',
    };
    const { project } = load(files, { sources: Object.keys(files).map((path) => ({ path })) });
    expect(project.services['web']).toMatchObject({
      depends_on: { a: { condition: 'service_started' }, b: { condition: 'service_healthy' } },
      networks: { n: { aliases: ['x'] }, m: null },
    });
  });

  it('merges logging options only of one driver', () => {
    expect(merged('logging: {driver: a, options: {x: 1}}', 'logging: {options: {y: 2}}')['logging']).toEqual({
      driver: 'a',
      options: { x: '1', y: '2' },
    });
    expect(merged('logging: {driver: a, options: {x: 1}}', 'logging: {driver: b}')['logging']).toEqual({ driver: 'b' });
  });

  it('takes keys away with !reset and replaces with !override', () => {
    const result = merged(
      'ports: ["80:80"]\nenvironment: {A: 1, B: 2}\nhostname: h\nvolumes: ["./a:/a"]',
      'ports: !reset []\nenvironment: {A: !reset null}\nhostname: !reset null\nvolumes: !override ["./b:/b"]',
    );
    expect(result).toMatchObject({ environment: { B: '2' }, volumes: [{ source: '/app/b', target: '/b' }] });
    expect(result).not.toHaveProperty('ports');
    expect(result).not.toHaveProperty('hostname');
  });

  it('merges ulimits, and several documents of one file', () => {
    expect(merged('ulimits: {nofile: 5, core: 1}', 'ulimits: {nofile: {soft: 1, hard: 2}}')['ulimits']).toEqual({
      core: 1,
      nofile: { soft: 1, hard: 2 },
    });
    const text = 'services:\n  web: {image: a}\n---\nservices:\n  web: {image: b}\n';
    expect(load(text).project.services['web']?.image).toBe('b');
  });

  it('says which line of which file is wrong', () => {
    const sources = [{ path: '/app/compose.yaml' }, { path: '/app/b.yaml' }];
    const files = {
      '/app/compose.yaml': 'services:\n  web: {image: i}\n',
      '/app/b.yaml': 'services:\n  web:\n\n    imge: x\n',
    };
    expect(messageOf(() => load(files, { sources }))).toBe(
      "b.yaml:4: services.web.imge: additional properties 'imge' not allowed (image?)",
    );
  });
});
