import { describe, expect, it } from 'vitest';
import { load, messageOf, type TestFiles } from '../../../test/support/compose.ts';
import type { Service } from './model.ts';
import { renderProject } from './render.ts';

// Where files that were generated for it came out otherwise than `docker compose config` (2.40) has them.

const web = (keys: string): string => `services:\n  web:\n    image: i\n${keys.replace(/^/gm, '    ')}\n`;

function service(keys: string, environment: Record<string, string> = {}): Service {
  return load(web(keys), { environment }).project.services['web'] as Service;
}

describe('a command in one text', () => {
  it.each<[string, string[]]>([
    ['a && b', ['a']],
    ['a;b', ['a']],
    ['a b > c', ['a', 'b']],
    ['a 2>b', ['a']],
    ['a2>b', ['a2']],
    ['a \'b;c\' "d&e" f\\;g', ['a', 'b;c', 'd&e', 'f;g']],
    ['a "\\n" \'\' #', ['a', 'n', '', '#']],
    ['a `b c` $(d e)f', ['a', '`b c`', '$(d e)f']],
  ])('%s', (text, words) => {
    expect(service(`command: ${JSON.stringify(text)}`).command).toEqual(words);
  });

  it.each(['a (b)', 'a )', "a 'b", 'a "b', 'a `b', 'a\\'])('%s is an error', (text) => {
    expect(messageOf(() => service(`command: ${JSON.stringify(text)}`))).toContain('services.web.command: the command');
  });
});

describe('networks', () => {
  const networks = (keys: string): string[] => Object.keys(load(web(keys), { allResources: true }).project.networks);

  it('have the default one only where a service uses it, in the order of their names', () => {
    expect(networks('network_mode: none')).toEqual([]);
    expect(Object.keys(load(`${web('networks: [z, default]')}networks: {z: , a: }\n`).project.networks)).toEqual([
      'default',
      'z',
    ]);
  });
});

describe('values', () => {
  it('are lists of KEY=VALUE wherever mappings are', () => {
    expect(service('post_start: [{command: a, environment: [A=b]}]').post_start).toMatchObject([
      { environment: { A: 'b' } },
    ]);
    expect(service('gpus: [{driver: nvidia, options: [a=b=c]}]').gpus).toMatchObject([{ options: { a: 'b=c' } }]);
  });

  it('may be given several times to a provider', () => {
    const { provider } = service('provider: {type: x, options: {a: b, c: 1, d: [e, true]}}');
    expect(provider).toMatchObject({ options: { a: ['b'], c: ['1'], d: ['e', 'true'] } });
  });

  it('are texts where they are tagged so, and extensions are in the order of their keys', () => {
    const { project } = load(`${web('x-b: {d: !!str 5, c: [{f: 1, e: 2}]}')}`);
    const text = '    x-b:\n      c:\n        - e: 2\n          f: 1\n      d: "5"\n';
    expect(renderProject(project, 'yaml')).toContain(text);
  });

  it('of build arguments come from the environment, or are not passed', () => {
    expect(service('build: {context: ., args: [A, B, C=]}', { A: '1' }).build?.args).toEqual({ A: '1', C: '' });
  });

  it('that are empty say nothing', () => {
    const { deploy, ...rest } = service(
      "dns: ''\ngpus: []\nhealthcheck: {test: []}\ndeploy: {update_config: {parallelism: 1, delay: 0s}}",
    );
    expect(rest).toEqual({ image: 'i', healthcheck: {}, networks: { default: null } });
    expect(deploy).toEqual({ update_config: { parallelism: 1 } });
  });

  it('have targets without what says nothing, in the long form as well', () => {
    expect(service('volumes: [{type: volume, target: /a/./b/}, "/c/../d/"]').volumes).toMatchObject([
      { target: '/a/b' },
      { target: '/d' },
    ]);
  });

  it.each([
    ['environment: [1]', 'services.web.environment[0]: must be a string'],
    ['labels: [{a: b}]', 'services.web.labels[0]: must be a string'],
    ['cap_add: null', 'services.web.cap_add: must be a list'],
    ['dns: null', 'services.web.dns: must be'],
    ['external_links: [a, a]', 'services.web.external_links[1]: "a" is listed twice'],
    ['scale: -1', 'services.web.scale: must be greater than or equal to 0'],
    ['healthcheck: {test: a, retries: -1}', 'services.web.healthcheck.retries: must be greater than or equal to 0'],
    ['devices: [{source: /dev/a}]', 'services.web.devices[0]: the device is missing a mount target'],
    ['build: {context: ., ssh: [x]}', 'invalid ssh key "x"'],
  ])('are refused: %s', (keys, words) => {
    expect(messageOf(() => service(keys))).toContain(words);
  });
});

it('JSON has its sections in the order of their names, and what is empty of deploy in its place', () => {
  const { project } = load(web('deploy: {restart_policy: {condition: any}}'));
  const text = renderProject(project, 'json');
  expect(Object.keys(JSON.parse(text))).toEqual(['name', 'networks', 'services']);
  expect(renderProject(load(web('x-a: 1\nlabels: {x-b: 2}')).project, 'json')).not.toContain('x-a');
  expect(renderProject(load(web('x-a: 1\nlabels: {x-b: 2}')).project, 'json')).toContain('"x-b": "2"');
  expect(text).toContain('"deploy": {\n        "resources": {},\n        "restart_policy": {');
});

it('an included file builds in its own project directory', () => {
  const files: TestFiles = {
    '/app/compose.yaml': 'include: [{path: sub/a.yaml, project_directory: other}]\n',
    '/app/sub/a.yaml': 'services: {web: {build: {dockerfile_inline: FROM x}}}\n',
  };
  expect(load(files).project.services['web']?.build?.context).toBe('/app/other');
});

it('a file may name its project as a directory is named', () => {
  expect(load(`name: Shop No. 1\n${web('tty: true')}`).project.name).toBe('shopno1');
});

it('null over what an earlier file says leaves it, but a command and a variable', () => {
  const one = web('user: u\ncommand: [a]\nenvironment: {A: "1"}\nx-a: {b: [1], c: 1}');
  const two = 'services: {web: {user: null, command: null, environment: {A: null}, x-a: {b: [2], d: 2}}}\n';
  const sources = [{ path: '/app/compose.yaml' }, { path: '/app/b.yaml' }];
  const { project } = load({ '/app/compose.yaml': one, '/app/b.yaml': two }, { sources, environment: { A: 'own' } });
  expect(project.services['web']).toMatchObject({ user: 'u', environment: { A: 'own' } });
  expect(project.services['web']).toMatchObject({ 'x-a': { b: [1, 2], c: 1, d: 2 } });
  expect(project.services['web']).not.toHaveProperty('command');
});

it("an env file reads its own variables before those of earlier files, and the service's own before both", () => {
  const files: TestFiles = {
    '/app/compose.yaml': web('env_file: [e, f]\nenvironment: {S: own}\nlabel_file: l'),
    '/app/e': 'X=1\nS=e\n',
    '/app/f': 'A=$X\nX=2\nB=$X\nC=$S\n',
    '/app/l': 'a=1\n',
  };
  const found = load(files).project.services['web'];
  expect(found?.environment).toEqual({ A: '1', B: '2', C: 'own', S: 'own', X: '2' });
  expect(found).not.toHaveProperty('label_file');
  expect(found?.labels).toEqual({ a: '1' });
});

it('an env file may name variables of the environment, which wins over the file', () => {
  const files: TestFiles = {
    '/app/compose.yaml': web('env_file: e'),
    '/app/e': 'A=file\nB=$A\nC=$(date) costs $5\n',
  };
  const { environment } = load(files, { environment: { A: 'own' } }).project.services['web'] as Service;
  expect(environment).toEqual({ A: 'file', B: 'own', C: '$(date) costs $5' });
});

it('an env file passes variables on that there are; without them it says nothing', () => {
  const files: TestFiles = { '/app/compose.yaml': web('env_file: e'), '/app/e': 'A\nB\nC=1\n' };
  const { environment } = load(files, { environment: { A: 'own' } }).project.services['web'] as Service;
  expect(environment).toEqual({ A: 'own', C: '1' });
});

it('where env files are not read they stay, and variables have their values all the same', () => {
  const file = web('env_file: e\nenvironment: [A, B]\nbuild: {context: ., args: [A, B]}');
  const { project } = load(file, { environment: { A: 'own' }, resolveEnvironment: false });
  expect(project.services['web']).toMatchObject({
    environment: { A: 'own', B: null },
    env_file: [{ path: '/app/e' }],
    build: { args: { A: 'own' } },
  });
});

it('a host has several addresses with commas between them', () => {
  expect(service('extra_hosts: ["a=1.1.1.1,2.2.2.2"]').extra_hosts).toEqual(['a=1.1.1.1', 'a=2.2.2.2']);
});

it('models that say nothing are null', () => {
  const { project } = load(`${web('models: [m]')}models: {m: {model: ai/x}}\n`);
  expect(project.services['web']?.models).toEqual({ m: null });
});

it('an option of a mount that means nothing is told of', () => {
  expect(load(web('volumes: ["./a:/a:ro,noexec"]')).warnings).toEqual([
    'compose.yaml:4: services.web.volumes[0]: noexec is no option of a mount',
  ]);
  expect(load(web('volumes: ["./a:/a:ro,Z,cached,rslave", "/b"]')).warnings).toEqual([]);
});
