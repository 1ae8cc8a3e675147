import { describe, expect, it } from 'vitest';
import { load, memoryFiles, messageOf } from '../../../test/support/compose.ts';
import { selectServices } from './select.ts';
import { translate } from './translate/translate.ts';

describe('files of format 1', () => {
  it('have no section of volumes: what is mounted by a name is one, also where it is extended', () => {
    const { project } = load({
      '/app/compose.yaml': [
        'web:\n  extends: {file: base.yaml, service: db}',
        "db:\n  image: i\n  volumes: ['data:/x:ro', ./here:/y, /z]\n",
      ].join('\n'),
      '/app/base.yaml': "db:\n  image: i\n  volumes: ['base:/x']\n",
    });
    expect(project.volumes).toEqual({ base: { name: 'app_base' }, data: { name: 'app_data' } });
  });

  it('share the network of a service by `net: container:`, and that of another container as it is', () => {
    const { services } = load("a: {image: i, net: 'container:b'}\nb: {image: i, net: 'container:c'}\n").project;
    expect([services['a']?.network_mode, services['b']?.network_mode]).toEqual(['service:b', 'container:c']);
  });
});

describe('keys that have another name today', () => {
  it('cgroupns_mode is cgroup, and not both', () => {
    const file = (keys: string): string => `services:\n  a:\n    image: i\n    cgroupns_mode: host\n${keys}`;
    expect(load(file('')).project.services['a']?.['cgroup']).toBe('host');
    expect(messageOf(() => load(file('    cgroup: host\n')))).toBe(
      "compose.yaml:4: services.a.cgroupns_mode: can't use both 'cgroupns_mode' (deprecated) and 'cgroup'",
    );
  });

  it('volume_driver is refused by its own words, but for local', () => {
    const file = (driver: string): string => `services: {a: {image: i, volume_driver: ${driver}}}\n`;
    expect(load(file('local')).project.services['a']).toEqual({ image: 'i', networks: { default: null } });
    expect(messageOf(() => load(file('x')))).toContain('compose.yaml:1: services.a.volume_driver: drivers of volumes');
  });
});

describe('names of containers', () => {
  const { project, tree } = load(
    ['services:', '  a: {image: i, container_name: same}', '  b: {image: i, container_name: same}'].join('\n'),
  );
  const made = (...names: string[]): unknown =>
    translate(selectServices(project, names), tree, { files: memoryFiles({}), isLocal: true });

  it('may be the same for services that are not selected together', () => {
    expect(() => [made('a'), made('b')]).not.toThrow();
    expect(messageOf(() => made())).toBe(
      'compose.yaml:3: services.b.container_name: container name "same" is already in use by service a',
    );
  });
});

describe('services: without any', () => {
  const two = (first: string, second: string): (() => unknown) => {
    const sources = [{ path: '/app/a.yaml' }, { path: '/app/b.yaml' }];
    return () => load({ '/app/a.yaml': first, '/app/b.yaml': second }, { sources });
  };
  const good = 'services: {a: {image: i}}\n';

  it('is refused in every file', () => {
    expect(messageOf(two(good, '\nservices:\n'))).toBe('b.yaml:2: services: must be a mapping');
    expect(messageOf(two('services: null\n', good))).toBe('a.yaml:1: services: must be a mapping');
  });

  it('is none with !reset, and may be left out', () => {
    expect(two(`name: app\n${good}`, 'services: !reset null\n')).not.toThrow();
    expect(two(good, 'volumes: {}\n')).not.toThrow();
  });
});

describe('an empty dockerfile', () => {
  const file = 'services: {a: {build: {context: ., dockerfile: ""}}}\n';

  it.each([true, false])('has no default and is not there (normalised: %s)', (normalise) => {
    expect(load(file, { normalise }).project.services['a']?.build).toEqual({ context: '/app' });
  });
});
