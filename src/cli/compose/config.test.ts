import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { config, type ConfigFlags } from './config.ts';

const file = `name: shop
services:
  web: { image: "web:\${TAG:-1}", ports: ["\${PORT:-8080}:80"], depends_on: [db], networks: [front] }
  db: { build: ., volumes: ["data:/data"], networks: [front, back] }
  tool: { image: tool, profiles: [debug, admin] }
volumes: { data: , unused: }
networks: { front: , back: }
`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
  writeFileSync(join(directory, 'compose.yaml'), file);
  writeFileSync(join(directory, '.env'), 'TAG=2\n');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

/** What the command writes. */
async function printed(more: Partial<ConfigFlags>, services: string[] = []): Promise<{ out: string; errors: string }> {
  const said = { out: '', errors: '' };
  const take = (key: keyof typeof said) => (text: unknown) => {
    said[key] += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take('out'));
  vi.spyOn(process.stderr, 'write').mockImplementation(take('errors'));
  await config(services, {
    ...{ interpolate: true, normalize: true, pathResolution: true, consistency: true, envResolution: true },
    ...{ projectDirectory: directory, file: [join(directory, 'compose.yaml')], ...more },
  });
  vi.restoreAllMocks();
  return said;
}

describe('compose config prints what docker compose prints', () => {
  it.each<[Partial<ConfigFlags>, string]>([
    [{ services: true }, 'db\nweb\n'],
    [{ services: true, profile: ['admin'] }, 'db\ntool\nweb\n'],
    [{ volumes: true }, 'data\n'],
    [{ networks: true }, 'back\nfront\n'],
    [{ profiles: true }, 'admin\ndebug\n'],
    [{ images: true }, 'shop-db\nweb:2\n'],
    [{ quiet: true }, ''],
  ])('%o', async (flags, out) => {
    expect(await printed(flags)).toEqual({ out, errors: '' });
  });

  it('as YAML and JSON, and without variables put in', async () => {
    const published =
      '    ports:\n      - mode: ingress\n        target: 80\n        published: "8080"\n        protocol: tcp\n';
    expect((await printed({})).out).toContain(published);
    expect((await printed({ format: 'json' })).out).toContain('"published": "8080"');
    expect((await printed({ interpolate: false })).out).toContain('- ${PORT:-8080}:80');
  });

  it('for some services alone, and tells where that is not so', async () => {
    const { out } = await printed({ images: true }, ['db']);
    expect(out).toBe('shop-db\n');
    const warning = (flag: string): string => `WARN service filtering is not applied when ${flag} is set\n`;
    expect((await printed({ interpolate: false }, ['db'])).errors).toBe(warning('--no-interpolate'));
    expect((await printed({ variables: true }, ['db'])).errors).toBe(warning('--variables'));
  });

  it('of variables: names, defaults and whether they must be there', async () => {
    const { out } = await printed({ variables: true, format: 'json' });
    expect(JSON.parse(out)).toMatchObject({
      PORT: { Name: 'PORT', DefaultValue: '8080', PresenceValue: '', Required: false },
    });
    expect((await printed({ variables: true, format: 'yaml' })).out).toContain(
      'PORT:\n    name: PORT\n    defaultvalue:',
    );
    expect((await printed({ variables: true })).out).toBe(
      'NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n' +
        'PORT                false               8080                \n' +
        'TAG                 false               1                   \n',
    );
  });

  it('of the environment in the order of names, and of one hash for each service', async () => {
    const names = (await printed({ environment: true })).out
      .split('\n')
      .filter((line) => /^(?:TAG|COMPOSE_PROJECT_NAME)=/.test(line));
    expect(names).toEqual(['COMPOSE_PROJECT_NAME=shop', 'TAG=2']);
    expect((await printed({ hash: '*' })).out).toMatch(/^db [0-9a-f]{64}\nweb [0-9a-f]{64}\n$/);
    await expect(printed({ hash: 'nobody' })).rejects.toThrow('no such service: nobody');
  });

  it('refuses two containers of one name only where both are selected', async () => {
    writeFileSync(
      join(directory, 'compose.yaml'),
      'services: {a: {image: i, container_name: same}, b: {image: i, container_name: same}}\n',
    );
    await expect(printed({})).rejects.toThrow('services.b.container_name: container name "same" is already in use');
    expect((await printed({}, ['b'])).out).toContain('container_name: same');
    expect((await printed({ consistency: false })).out).toContain('container_name: same');
  });
});
