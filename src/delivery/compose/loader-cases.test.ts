import { describe, expect, it } from 'vitest';
import { load, messageOf, type TestFiles } from '../../../test/support/compose.ts';
import type { Mount, Service } from './model.ts';

// What compose-go's own tests of its loader say (loader/*_test.go, format/volume_test.go), in our form.

const web = (keys: string): string => `services:\n  web:\n    image: i\n${keys.replace(/^/gm, '    ')}\n`;

function service(files: TestFiles | string, name = 'web', environment: Record<string, string> = {}): Service {
  const found = load(files, { environment }).project.services[name];
  if (!found) throw new Error(`there is no service ${name}`);
  return found;
}

describe('ports in their short form', () => {
  const ports = (text: string): Service['ports'] => service(web(`ports: ['${text}']`)).ports;

  it.each<[string, object[]]>([
    ['80', [{ target: 80, protocol: 'tcp' }]],
    ['8080:80/udp', [{ target: 80, published: '8080', protocol: 'udp' }]],
    ['127.0.0.1:8080:80', [{ target: 80, published: '8080', host_ip: '127.0.0.1' }]],
    ['127.0.0.1::80', [{ target: 80, host_ip: '127.0.0.1' }]],
    ['[::1]:8080:80', [{ target: 80, published: '8080', host_ip: '::1' }]],
    [
      '8000-8001:80-81',
      [
        { target: 80, published: '8000' },
        { target: 81, published: '8001' },
      ],
    ],
  ])('%s', (text, expected) => {
    expect(ports(text)).toMatchObject(expected);
  });

  it.each([
    ['80:80:80:80', 'invalid IP address: 80:80'],
    ['localhost:80:80', 'invalid IP address: localhost'],
    ['8080:', 'no container port'],
    ['80/http', 'unknown protocol http'],
    ['70000', 'is no port'],
    ['1-3:1-2', 'differ in length'],
    ['::1:80:80', 'an address like ::1 stands in brackets'],
  ])('%s is an error', (text, words) => {
    expect(messageOf(() => ports(text))).toContain(words);
  });
});

describe('volumes in their short form', () => {
  const bind = (source: string, rest: object = {}): object => ({
    type: 'bind',
    source,
    target: '/target',
    bind: rest,
  });
  const volume = (text: string): Mount | undefined =>
    service(`${web(`volumes: ['${text}']`)}volumes: {name: }\n`).volumes?.[0];

  it.each<[string, object]>([
    ['/path/foo', { type: 'volume', target: '/path/foo' }],
    ['./foo:/target', bind('/app/foo')],
    ['~/thing:/target', bind('/home/me/thing')],
    ['../other:/target', bind('/other')],
    ['/foo:/target', bind('/foo')],
    ['/source:/target:slave', bind('/source', { propagation: 'slave' })],
    ['/source:/target:ro,z', { ...bind('/source', { selinux: 'z' }), read_only: true }],
    ['/source:/target:ro,Z', { ...bind('/source', { selinux: 'Z' }), read_only: true }],
    ['/source:/target:ro', { ...bind('/source'), read_only: true }],
    ['/source:/target:rw', bind('/source')],
    ['name:/target:nocopy', { type: 'volume', source: 'name', target: '/target', volume: { nocopy: true } }],
    ['name:/target:bogus', { type: 'volume', source: 'name', target: '/target' }],
    ['C:\\data:/target:ro', { ...bind('C:\\data'), read_only: true }],
    ['c:/data:/target', bind('c:/data')],
    ['\\\\.\\pipe\\x:/target', bind('\\\\.\\pipe\\x')],
  ])('%s', (text, expected) => {
    expect(volume(text)).toMatchObject(expected);
  });

  it.each([
    ['/foo:/foo:ro:foo', 'too many colons'],
    [':foo', 'empty section between colons'],
    ['/foo::ro', 'empty section between colons'],
    ['', 'invalid empty volume spec'],
  ])('%j is an error', (text, words) => {
    expect(messageOf(() => volume(text))).toContain(words);
  });
});

describe('services that extend others', () => {
  it('take what they do not say themselves, and their own commands whole', () => {
    const file = `services:
  foo: { image: busybox, extends: bar, command: '/bin/ash -c "rm -rf /tmp/x"', volumes: !reset [] }
  short: { extends: bar, image: busybox }
  bar: { image: alpine, command: echo, volumes: ['.:/src'] }
`;
    expect(service(file, 'foo')).toMatchObject({ image: 'busybox', command: ['/bin/ash', '-c', 'rm -rf /tmp/x'] });
    expect(service(file, 'foo').volumes ?? []).toEqual([]);
    expect(service(file, 'short')).toMatchObject({ image: 'busybox', command: ['echo'] });
  });

  it('have paths of the file that says them; a build that says no context has the project’s', () => {
    const files = {
      '/app/compose.yaml':
        'services:\n  a: {extends: {file: ./a/compose.yaml, service: a}}\n  b: {extends: {file: ./b/c.yaml, service: b}}\n',
      '/app/a/compose.yaml': 'services:\n  a: {build: .}\n',
      '/app/b/c.yaml': 'services:\n  b: {build: {target: fake}}\n',
    };
    expect(service(files, 'a').build?.context).toBe('/app/a');
    expect(service(files, 'b').build).toMatchObject({ context: '/app', target: 'fake' });
  });

  it('may extend one that says nothing', () => {
    const files = {
      '/app/compose.yaml': 'services:\n  a: {image: i, extends: {file: b.yaml, service: none}}\n',
      '/app/b.yaml': 'services:\n  none:\n',
    };
    expect(service(files, 'a').image).toBe('i');
  });

  it('are found by an included file whose project directory is another', () => {
    const files = {
      '/app/compose.yaml': 'include:\n  - project_directory: .\n    path: dir/included.yaml\n',
      '/app/dir/included.yaml': 'services:\n  included: {extends: {file: dir/extended.yaml, service: extended}}\n',
      '/app/dir/extended.yaml': 'services:\n  extended: {image: alpine}\n',
    };
    expect(service(files, 'included').image).toBe('alpine');
  });
});

describe('included files', () => {
  const module = 'services:\n  b: {image: alpine, environment: [VAR_NAME]}\n';

  it('alone know the variables of their env file', () => {
    const files = {
      '/app/compose.yaml':
        'include:\n  - {path: [./module/compose.yml], env_file: [./custom.env]}\nservices:\n  a: {image: i, environment: [VAR_NAME]}\n',
      '/app/custom.env': 'VAR_NAME=value\n',
      '/app/module/compose.yml': module,
    };
    expect(service(files, 'a').environment).toEqual({ VAR_NAME: null });
    expect(service(files, 'b').environment).toEqual({ VAR_NAME: 'value' });
  });

  it('know them in the env files of their services as well', () => {
    const files = {
      '/app/compose.yaml': 'include:\n  - {path: module/compose.yml, env_file: top.env}\n',
      '/app/top.env': 'VAR=1\n',
      '/app/module/compose.yml': 'services:\n  b: {image: alpine, env_file: s.env}\n',
      '/app/module/s.env': 'MYVAR=${VAR?}\nOTHER=${MYVAR}x\n',
    };
    expect(service(files, 'b').environment).toEqual({ MYVAR: '1', OTHER: '1x' });
    expect(messageOf(() => load({ ...files, '/app/top.env': '' }))).toBe(
      '/app/module/s.env:1: required variable VAR is missing a value',
    );
  });

  it('have the .env beside them; the project’s own variables come first', () => {
    const files = {
      '/app/compose.yaml': 'include: [./module/compose.yml]\n',
      '/app/module/.env': 'VAR_NAME=beside\n',
      '/app/module/compose.yml': module,
    };
    expect(service(files, 'b').environment).toEqual({ VAR_NAME: 'beside' });
    expect(service(files, 'b', { VAR_NAME: 'own' }).environment).toEqual({ VAR_NAME: 'own' });
  });

  it('are overridden by the file that includes them', () => {
    const files = {
      '/app/compose.yaml':
        'include: [./one.yaml]\nservices:\n  bar: {image: busybox, environment: !override [ZOT=QIX], ports: ["2:2"]}\n',
      '/app/one.yaml': 'services:\n  bar: {image: alpine, environment: [A=1], ports: ["1:1"], hostname: h}\n',
    };
    const { image, environment, hostname, ports = [] } = service(files, 'bar');
    expect({ image, environment, hostname }).toEqual({ image: 'busybox', environment: { ZOT: 'QIX' }, hostname: 'h' });
    expect(ports.map(({ target }) => target)).toEqual([1, 2]);
  });

  it('may name one thing twice, if they mean the same', () => {
    const twice = (other: string): TestFiles => ({
      '/app/compose.yaml': 'include: [./one.yaml, ./two.yaml]\n',
      '/app/one.yaml': 'services:\n  bar: {image: alpine}\n',
      '/app/two.yaml': `services:\n  bar: {image: ${other}}\n`,
    });
    expect(service(twice('alpine'), 'bar').image).toBe('alpine');
    expect(messageOf(() => load(twice('busybox')))).toBe(
      'compose.yaml:1: include[1]: imported compose file defines conflicting services.bar',
    );
  });

  it('keep dollars that are written twice', () => {
    const files = {
      '/app/compose.yaml': 'include: [./one.yaml]\n',
      '/app/one.yaml': 'include: [./two.yaml]\n',
      '/app/two.yaml': 'services:\n  bar: {image: i, command: [echo, "$$HOME"]}\n',
    };
    expect(service(files, 'bar').command).toEqual(['echo', '$HOME']);
  });
});

describe('what a file leaves implicit', () => {
  const { project } = load(`name: my
services:
  test:
    image: i
    ipc: service:foo
    uts: service:baz
    pid: service:qux
    network_mode: service:zot
    volumes_from: [quux, 'container:xxx']
    links: [corge]
    depends_on: { foo: { condition: service_healthy } }
  foo: { image: i }
  baz: { image: i }
  qux: { image: i }
  quux: { image: i }
  corge: { image: i, networks: [ext, named, net], volumes: ['ext:/a', 'named:/b', 'vol:/c'] }
  zot: { build: {} }
networks: { ext: { external: true }, named: { name: Custom }, net: {} }
volumes: { ext: { external: true }, named: { name: Custom }, vol: {} }
`);

  it('is who depends on whom, and whether it is restarted with it', () => {
    const started = { condition: 'service_started', required: true };
    expect(project.services['test']?.depends_on).toEqual({
      foo: { condition: 'service_healthy', required: true },
      ...Object.fromEntries(['baz', 'corge', 'qux', 'zot'].map((name) => [name, { ...started, restart: true }])),
      quux: started,
    });
  });

  it('is names, the default network, and the Dockerfile', () => {
    const names = (section: Record<string, { name: string }>): string[] =>
      Object.entries(section).map(([key, { name }]) => `${key}=${name}`);
    expect(names(project.networks)).toEqual(['default=my_default', 'ext=ext', 'named=Custom', 'net=my_net']);
    expect(names(project.volumes)).toEqual(['ext=ext', 'named=Custom', 'vol=my_vol']);
    expect(project.services['zot']).toMatchObject({
      build: { context: '/app', dockerfile: 'Dockerfile' },
      networks: { default: null },
    });
    expect(project.services['test']).not.toHaveProperty('networks');
  });
});

describe('values', () => {
  it.each<[string, string, unknown]>([
    ['environment', '{FOO: "1", BAR: 2, GA: 2.5, BU: "", ZO: , MEU: , YES: true}', undefined],
    ['environment', '[FOO=1, BAR=2, GA=2.5, BU=, ZO, MEU, YES=true]', undefined],
  ])('of %s are texts: %s', (key, text) => {
    expect(service(web(`${key}: ${text}`), 'web', { MEU: 'Shadoks' }).environment).toEqual({
      FOO: '1',
      BAR: '2',
      GA: '2.5',
      BU: '',
      MEU: 'Shadoks',
      ZO: null,
      YES: 'true',
    });
  });

  it.each([
    ['1', 'top-level object must be a mapping'],
    ['"hello"', 'top-level object must be a mapping'],
    ['["hello"]', 'top-level object must be a mapping'],
    ['services:\n  - foo: {image: i}\n', 'compose.yaml:1: services: must be a mapping'],
    ['services:\n  foo: busybox\n', 'compose.yaml:2: services.foo: must be a mapping'],
    ['networks:\n  default: bridge\n', 'compose.yaml:2: networks.default: must be a mapping'],
    ['volumes:\n  data: local\n', 'compose.yaml:2: volumes.data: must be a mapping'],
    ['services:\n  foo:\n    image: ["busybox", "latest"]\n', 'services.foo.image'],
    ['services:\n  foo:\n    image: i\n    environment: "FOO=1"\n', 'services.foo.environment'],
    ['services:\n  foo:\n    image: i\n    environment: {FOO: ["1"]}\n', 'services.foo.environment.FOO'],
    ['x-healthcheck: &h\n  egress:\n    <<: *h\n', "compose.yaml:3: anchor 'h' value contains itself"],
  ])('of a wrong kind are an error: %j', (text, words) => {
    expect(messageOf(() => load(text))).toContain(words);
  });

  it('are taken away and replaced in other sections as well', () => {
    const over = (text: string): ReturnType<typeof load> =>
      load(
        { '/app/compose.yaml': 'networks: {test: {name: test, external: true}}\n', '/app/b.yaml': text },
        { sources: [{ path: '/app/compose.yaml' }, { path: '/app/b.yaml' }] },
      );
    expect(over('networks: {test: !reset {}}\n').project.networks).not.toHaveProperty('test');
    expect(over('networks: {test: !override {}}\n').project.networks['test']?.external).toBeFalsy();
  });

  it('are shared by anchors', () => {
    const { services } = load('services:\n  a2: &a\n    image: alpine\n  a: *a\n').project;
    expect([services['a']?.image, services['a2']?.image]).toEqual(['alpine', 'alpine']);
  });
});

describe('services', () => {
  const devices = (keys: string): string =>
    web(`deploy: {resources: {reservations: {devices: [{driver: nvidia, ${keys}}]}}}`);
  const countOf = (keys: string): unknown => service(devices(keys)).deploy?.resources?.reservations?.devices?.[0];

  it.each<[string, object]>([
    ['capabilities: [gpu], count: 1', { count: 1 }],
    ['capabilities: [gpu], count: "1"', { count: 1 }],
    ['capabilities: [gpu], count: all', { count: -1 }],
    ['capabilities: [gpu]', { count: -1 }],
    ['capabilities: [gpu], device_ids: [x]', { device_ids: ['x'] }],
  ])('ask for devices: %s', (keys, expected) => {
    expect(countOf(keys)).toMatchObject(expected);
  });

  it.each([
    [
      'capabilities: [gpu], count: some_string',
      `invalid value "some_string", the only value allowed is 'all' or a number`,
    ],
    ['capabilities: [gpu], count: 2, device_ids: [x]', '"count" and "device_ids" attributes are exclusive'],
  ])('do not ask for devices so: %s', (keys, words) => {
    expect(messageOf(() => load(devices(keys)))).toContain(words);
  });

  it.each<[string, object]>([
    ['gpus: [{driver: nvidia}]', { gpus: [{ driver: 'nvidia', count: -1 }] }],
    ['gpus: all', { gpus: [{ count: -1 }] }],
    ['init: yes', { init: true }],
    ['init: false', { init: false }],
    ['sysctls: [a.b=1, c.d=, e.f]', { sysctls: { 'a.b': '1', 'c.d': '', 'e.f': '' } }],
    ['sysctls: {a.b: 1, c.d: "", e.f: }', { sysctls: { 'a.b': '1', 'c.d': '', 'e.f': '' } }],
    [
      'blkio_config: {device_read_bps: [{path: /dev/x, rate: 1024k}]}',
      { blkio_config: { device_read_bps: [{ rate: '1048576' }] } },
    ],
    ['build: {context: ., ssh: [key1=value1, default]}', { build: { ssh: ['key1=/app/value1', 'default'] } }],
    ['build: {context: ., ssh: {key1: value1}}', { build: { ssh: ['key1=/app/value1'] } }],
    ['x-foo: bar', { 'x-foo': 'bar' }],
    ['ports: []', {}],
  ])('may say: %s', (keys, expected) => {
    expect(service(web(keys))).toMatchObject(expected);
  });

  it('may have names, and volumes, that look like numbers or extensions', () => {
    const { project } = load(`services:
  x-foo: { image: i, volumes: ['0:/foo', 'x-volume:/x'], networks: [x-network], secrets: [x-secret] }
  extension: { image: i }
volumes: { '0': {}, x-volume: }
networks: { x-network: }
secrets: { x-secret: { external: true } }
`);
    expect(Object.keys(project.services)).toEqual(['extension', 'x-foo']);
    expect(project.services['x-foo']?.volumes).toMatchObject([{ source: '0' }, { source: 'x-volume' }]);
    expect([Object.keys(project.volumes), Object.keys(project.secrets)]).toEqual([['0', 'x-volume'], ['x-secret']]);
  });

  it('wait for others, and never for themselves', () => {
    const of = (...names: string[]): string =>
      `services:\n${names.map((name, i) => `  ${name}: {image: i, depends_on: [${names[(i + 1) % names.length]}]}\n`).join('')}`;
    expect(messageOf(() => load(of('a', 'b', 'c')))).toContain('dependency cycle detected: a -> b -> c -> a');
    expect(messageOf(() => load(of('a')))).toContain('dependency cycle detected: a -> a');
    const conditions = web('depends_on: {bar: {condition: service_healthy, required: false}}');
    expect(service(conditions).depends_on).toEqual({ bar: { condition: 'service_healthy', required: false } });
  });

  it.each([
    ['scale: 2\ndeploy: {replicas: 3}', "scale: can't set distinct values on 'scale' and 'deploy.replicas'"],
    [
      'cpus: 1\ndeploy: {resources: {limits: {cpus: "2"}}}',
      "cpus: can't set distinct values on 'cpus' and 'deploy.resources.limits.cpus'",
    ],
    [
      'mem_limit: 1g\ndeploy: {resources: {limits: {memory: 2g}}}',
      "mem_limit: can't set distinct values on 'mem_limit'",
    ],
    [
      'mem_reservation: 1g\ndeploy: {resources: {reservations: {memory: 2g}}}',
      "mem_reservation: can't set distinct values on 'mem_reservation' and 'deploy.resources.reservations.memory'",
    ],
    [
      'pids_limit: 1\ndeploy: {resources: {limits: {pids: 2}}}',
      "pids_limit: can't set distinct values on 'pids_limit'",
    ],
    [
      'platform: linux/riscv64\nbuild: {context: ., platforms: [linux/amd64]}',
      'build.platforms: service.build.platforms MUST include service.platform "linux/riscv64"',
    ],
    [
      'build: {context: ., additional_contexts: {base: "service:none"}}',
      'build.additional_contexts.base: service "web" declares unknown service "none" as additional contexts base',
    ],
    ['ports: [{target: 80, host_ip: x}]', 'ports[0]: invalid ip address: x'],
    ['develop: {watch: [{path: "", action: rebuild}]}', "develop.watch[0].path: value can't be blank"],
    ['develop: {watch: [{path: ., action: sync}]}', 'develop.watch[0]: target is required for non-rebuild actions'],
  ])('contradict themselves: %s', (keys, message) => {
    expect(messageOf(() => load(web(keys)))).toContain(`services.web.${message}`);
  });

  it('may say the same twice', () => {
    const limits = 'limits: {cpus: "0.50", memory: 1024m, pids: 5}';
    const keys = `cpus: 0.5\nmem_limit: 1g\npids_limit: 5\ndeploy: {resources: {${limits}}}`;
    expect(service(web(keys))).toMatchObject({ cpus: 0.5, mem_limit: '1073741824', pids_limit: 5 });
  });

  it('have labels from files, which must be there', () => {
    const file = { '/app/compose.yaml': web('label_file: a.label'), '/app/a.label': 'MY_LABEL=MY_VALUE\n' };
    expect(service(file).labels).toEqual({ MY_LABEL: 'MY_VALUE' });
    expect(messageOf(() => load(web('label_file: none')))).toContain('label file /app/none not found');
  });
});

describe('a project', () => {
  it('has the name that the last file gives, unless it is named from outside', () => {
    const named = (name: string): string =>
      `${name}services:\n  @@: {image: i, container_name: "\${COMPOSE_PROJECT_NAME}-@@"}\n`;
    const files = {
      '/app/compose.yaml': named('name: interpolated\n').replaceAll('@@', 'web'),
      '/app/b.yaml': named('name: overrided\n').replaceAll('@@', 'db'),
      '/app/c.yaml': named('').replaceAll('@@', 'proxy'),
    };
    const sources = Object.keys(files).map((path) => ({ path }));
    const names = (options: object): unknown =>
      Object.values(load(files, { sources, ...options }).project.services).map((each) => each.container_name);
    expect(names({})).toEqual(['overrided-db', 'overrided-proxy', 'overrided-web']);
    expect(names({ name: 'given' })).toEqual(['given-db', 'given-proxy', 'given-web']);
  });

  it('is on this machine', () => {
    const include = 'include: [oci://registry.example/app:1]\nservices: {a: {image: i}}\n';
    expect(messageOf(() => load(include))).toContain(
      'include[0]: open oci://registry.example/app:1: files of registries and repositories are not read',
    );
    expect(messageOf(() => load({}, { sources: [{ path: '/app/https:/example.org/app.git' }] }))).toContain(
      'open https://example.org/app.git: files of registries',
    );
    expect(messageOf(() => load({}))).toBe('open /app/compose.yaml: no such file or directory');
  });

  it('is told what was probably meant', () => {
    const wrong = `${web('depends_on: [databse]\nvolumes: [dta:/x]')}  database: {image: i}\nvolumes: {data: }\n`;
    expect(messageOf(() => load(wrong))).toContain('depends on undefined service "databse" (database?)');
    expect(messageOf(() => load(wrong.replace('databse', 'database')))).toContain('undefined volume dta (data?)');
    expect(messageOf(() => load('services:\n  web:\n  image: i\n'))).toBe(
      'compose.yaml:2: services.web: must be a mapping',
    );
  });

  it('has texts for keys', () => {
    expect(messageOf(() => load('services:\n  1: {image: i}\n'))).toBe(
      'compose.yaml:2: a key must be a text: put 1 in quotes',
    );
    expect(messageOf(() => load(web('environment: {true: x}')))).toContain('put true in quotes');
    expect(service(web('environment: {"1": x, yes: y}')).environment).toEqual({ '1': 'x', yes: 'y' });
  });

  it.each([
    ['volumes: {v: {external: true, driver: x}}', 'volumes.v.driver: conflicting parameters "external" and "driver"'],
    ['volumes: {v: {external: true, labels: [a]}}', 'volumes.v.labels: conflicting parameters "external" and "labels"'],
    ['secrets: {s: {file: a, environment: B}}', 'secrets.s: file and environment are mutually exclusive'],
    ['secrets: {s: {driver: x}}', 'secrets.s: secret "s" must declare either `file` or `environment`'],
  ])('does not say two things of one: %s', (text, words) => {
    expect(messageOf(() => load(`${web('tty: true')}${text}\n`))).toContain(words);
  });

  it('leaves paths as they are written, relative to its own directory', () => {
    const files = {
      '/app/compose.yaml':
        'include: [in/c.yaml]\nservices:\n  a: {extends: {file: sub/b.yaml, service: b}, volumes: ["./x:/x"]}\n',
      '/app/sub/b.yaml': 'services:\n  b: {build: ., env_file: e, volumes: ["../y:/y"]}\n',
      '/app/sub/e': 'A=1\n',
      '/app/in/c.yaml': 'services:\n  c: {build: {target: t}}\n',
    };
    const { a, c } = load(files, { resolvePaths: false }).project.services;
    expect([a?.build?.context, c?.build?.context]).toEqual(['sub', 'in']);
    expect(a).toMatchObject({ environment: { A: '1' }, volumes: [{ source: './y' }, { source: './x' }] });
  });

  it('is no number, and no empty file', () => {
    expect(messageOf(() => load('name: 123\nservices: {a: {image: i}}\n'))).toContain('name: must be a string');
    expect(messageOf(() => load(''))).toContain('empty compose file');
  });

  it('has volumes that are directories, found from the file', () => {
    const file = `${web('volumes: [data:/data]')}volumes: {data: {driver_opts: {type: none, o: bind, device: ./data}}}\n`;
    expect(load(file).project.volumes['data']?.driver_opts?.['device']).toBe('/app/data');
    const none = file.replace('./data', '""');
    expect(load(none).project.volumes['data']?.driver_opts?.['device']).toBe('/app');
  });
});
