import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CredentialHelper, dropLogin, findLogin, keepLogin, loginFiles, pullSecretData } from './docker-config.ts';

const encoded = (text: string): string => Buffer.from(text).toString('base64');

describe('logins that Docker and Podman keep', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'docker-config-'));
    file = join(directory, 'config.json');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });
  const write = (config: object): void => writeFileSync(file, JSON.stringify(config));

  it('are looked for where both programs keep them', () => {
    const environment = { DOCKER_CONFIG: '/d', REGISTRY_AUTH_FILE: '/r/auth.json', XDG_RUNTIME_DIR: '/run/user/1' };
    expect(loginFiles(environment, '/home/me')).toEqual([
      '/d/config.json',
      '/r/auth.json',
      '/run/user/1/containers/auth.json',
      '/home/me/.config/containers/auth.json',
    ]);
    expect(loginFiles({}, '/home/me')[0]).toBe('/home/me/.docker/config.json');
  });

  it("are found by host, however Docker's hub and old URLs are written", async () => {
    write({
      auths: {
        'https://index.docker.io/v1/': { auth: encoded('hub:h:ub') },
        'https://registry.example.com:5000/v2/': { username: 'u', password: 'p' },
        'cloud.example.com': { auth: '', identitytoken: 't' },
      },
    });
    expect(await findLogin('docker.io', [file])).toEqual({ username: 'hub', password: 'h:ub' });
    expect(await findLogin('registry.example.com:5000', [file])).toEqual({ username: 'u', password: 'p' });
    expect(await findLogin('cloud.example.com', [file])).toMatchObject({ identityToken: 't' });
    expect(await findLogin('registry.example.com', [join(directory, 'none'), file])).toBeUndefined();
  });

  it('are kept beside what else the file holds, for the owner alone, and dropped again', async () => {
    write({ auths: { a: { auth: encoded('x:y') } }, HttpHeaders: { 'User-Agent': 'me' } });
    await keepLogin('docker.io', { username: 'u', password: 'p' }, file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      auths: { a: { auth: encoded('x:y') }, 'https://index.docker.io/v1/': { auth: encoded('u:p') } },
      HttpHeaders: { 'User-Agent': 'me' },
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await dropLogin('docker.io', file)).toBe(true);
    expect(await dropLogin('docker.io', file)).toBe(false);
    expect(await findLogin('a', [file])).toEqual({ username: 'x', password: 'y' });
  });

  it('lie with a credential helper where the file names one', async () => {
    write({ credsStore: 'desktop', credHelpers: { 'cloud.example.com': 'cloud' } });
    const calls: string[] = [];
    const helper: CredentialHelper = (program, verb, input) => {
      calls.push(`${program} ${verb} ${input}`);
      if (program === 'desktop' && verb === 'get') return Promise.reject(new Error('credentials not found'));
      return Promise.resolve('{"Username":"<token>","Secret":"s"}');
    };
    expect(await findLogin('cloud.example.com', [file], { helper })).toMatchObject({ identityToken: 's' });
    expect(await findLogin('other', [file], { helper })).toBeUndefined();
    await keepLogin('other', { username: 'u', password: 'p' }, file, helper);
    expect(calls).toEqual([
      'cloud get cloud.example.com',
      'desktop get other',
      'desktop store {"ServerURL":"other","Username":"u","Secret":"p"}',
    ]);
    expect(readFileSync(file, 'utf8')).not.toContain('auths');
    expect(await dropLogin('other', file, { helper })).toBe(false);
    expect(await dropLogin('cloud.example.com', file, { helper })).toBe(true);
    expect(calls.at(-1)).toBe('cloud erase cloud.example.com');
  });

  it('say which credential helper is not there', async () => {
    write({ credsStore: 'nowhere' });
    await expect(keepLogin('other', { username: 'u', password: 'p' }, file)).rejects.toThrow(
      'docker-credential-nowhere, the credential helper that is configured, is not installed',
    );
  });

  it('are looked for elsewhere where a credential helper is missing or fails, which is told of', async () => {
    const other = join(directory, 'auth.json');
    writeFileSync(other, JSON.stringify({ auths: { a: { auth: encoded('x:y') } } }));
    const told: string[] = [];
    const find = (registry: string, helper?: CredentialHelper): Promise<unknown> =>
      findLogin(registry, [file, other], { ...(helper && { helper }), warn: (message) => told.push(message) });
    write({ credHelpers: { a: 'nowhere' }, auths: { b: { auth: encoded('b:b') } } });
    expect(await find('a')).toEqual({ username: 'x', password: 'y' });
    expect(await find('b')).toEqual({ username: 'b', password: 'b' });
    expect(await find('c')).toBeUndefined();
    expect(told.splice(0)).toEqual([
      'docker-credential-nowhere, the credential helper that is configured, is not installed ' +
        `(${file}); going on without its login to a`,
    ]);
    write({ credsStore: 'desktop' });
    expect(
      await find('a', () => Promise.reject(new Error('docker-credential-desktop get failed: it is locked'))),
    ).toEqual({
      ...{ username: 'x', password: 'y' },
    });
    expect(await find('c', () => Promise.resolve('{"Secret": hunter2'))).toBeUndefined();
    expect(
      await find('c', () => Promise.reject(new Error('x: credentials not found in native keychain'))),
    ).toBeUndefined();
    expect(told).toEqual([
      `docker-credential-desktop get failed: it is locked (${file}); going on without its login to a`,
      `docker-credential-desktop answered something that is not JSON (${file}); going on without its login to c`,
    ]);
  });

  it('are asked of helpers by their protocol', async () => {
    const script = `#!/bin/sh
read -r registry
case "$1 $registry" in
'get a') echo '{"ServerURL":"a","Username":"u","Secret":"p"}' ;;
'get b') echo 'credentials not found in native keychain'; exit 1 ;;
*) echo 'the keychain is locked'; exit 1 ;;
esac
`;
    writeFileSync(join(directory, 'docker-credential-here'), script, { mode: 0o755 });
    vi.stubEnv('PATH', `${directory}:${process.env['PATH']}`);
    write({ credsStore: 'here' });
    const warn = vi.fn();
    expect(await findLogin('a', [file], { warn })).toEqual({ username: 'u', password: 'p' });
    expect(await findLogin('b', [file], { warn })).toBeUndefined();
    expect(warn).not.toHaveBeenCalled();
    expect(await findLogin('c', [file], { warn })).toBeUndefined();
    expect(warn.mock.calls).toEqual([
      [`docker-credential-here get failed: the keychain is locked (${file}); going on without its login to c`],
    ]);
    await expect(keepLogin('c', { username: 'u', password: 'hunter2' }, file)).rejects.toThrow(
      /^docker-credential-here store failed: the keychain is locked$/,
    );
  });

  it('never show in what is said about a broken file', async () => {
    writeFileSync(file, '{"auths":{"a":{"auth":"c2VjcmV0"');
    await expect(findLogin('a', [file])).rejects.toThrow(
      /^\S+config\.json is not a JSON object: mend it or move it away$/,
    );
  });

  it('become the content of a pull secret', () => {
    expect(JSON.parse(pullSecretData('docker.io', { username: 'u', password: 'p' }))).toEqual({
      auths: { 'https://index.docker.io/v1/': { username: 'u', password: 'p', auth: encoded('u:p') } },
    });
  });
});
