import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CliError } from '../errors.ts';
import { describeFailure } from '../failure.ts';
import { login, logout } from './login.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'login-'));
  vi.stubEnv('DOCKER_CONFIG', directory);
  vi.stubEnv('REGISTRY_AUTH_FILE', '');
  vi.stubEnv('XDG_CONFIG_HOME', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const told = async (work: Promise<void>): Promise<{ text: string; exitCode: number }> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CliError);
  const { lines, exitCode } = describeFailure(error);
  return { text: lines.join('\n'), exitCode };
};

describe('mistakes with logins', () => {
  const given = { username: 'ana', password: 'hunter2' };

  it('never repeat a password', async () => {
    const inName = await told(login('https://ana:hunter3@reg.example/v2', given));
    const closed = await told(login('localhost:1', given));
    writeFileSync(join(directory, 'config.json'), '{"auths":{"reg.example":{"auth":"aHVudGVyMg=="');
    const broken = await told(logout('reg.example'));
    for (const { text } of [inName, closed, broken]) expect(text).not.toMatch(/hunter|aHVud/);
    expect(inName).toMatchObject({ exitCode: 2, text: expect.stringContaining('no user name and password in it') });
    expect(closed.text).toContain('login to localhost:1: localhost:1 cannot be reached');
    expect(broken).toMatchObject({ exitCode: 1, text: expect.stringMatching(/config\.json is not a JSON object/) });
  });

  it('are no bug when a credential helper is not there', async () => {
    writeFileSync(join(directory, 'config.json'), '{"credsStore":"nowhere"}');
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await logout('https://reg.example/');
    const lines = said.mock.calls.flat().join('');
    expect(lines).toMatch(/warning: docker-credential-nowhere, .* is not installed/);
    expect(lines).toContain('There was no login to reg.example.');
    said.mockRestore();
  });
});
