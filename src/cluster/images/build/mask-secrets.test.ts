import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createSecretMask, secretsOf } from './mask-secrets.ts';

it('secrets of a build are those of --secret, and of build arguments whose names say so', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
  writeFileSync(join(directory, 'key'), 'first line\nsecond line\n');
  const request = {
    secrets: [
      `id=key,src=${join(directory, 'key')}`,
      'id=a,env=A',
      'id=B',
      'type=env,id=c,src=C',
      'id=gone,src=/no/file',
    ],
    buildArgs: { NPM_TOKEN: 'hunter2', DB_PASSWORD: 'x', VERSION: '1.2.3.4', KEYBOARD: 'qwerty', API_KEY: 'abc=def' },
  };
  const environment = { A: 'secret-of-a', B: 'secret-of-b', C: 'secret-of-c' };
  expect((await secretsOf(request, environment)).toSorted()).toEqual(
    [
      'first line\nsecond line',
      'first line',
      'second line',
      'hunter2',
      'abc=def',
      ...Object.values(environment),
    ].toSorted(),
  );
  rmSync(directory, { recursive: true });
});

it('secrets are masked in output however it is cut', () => {
  const text = 'a hunter2 b huntinghunter2\nhunterhunter2 hun';
  for (let size = 1; size <= text.length; size++) {
    const written: string[] = [];
    const mask = createSecretMask(['hunter2'], (piece) => written.push(piece));
    for (let at = 0; at < text.length; at += size) mask.write(text.slice(at, at + size));
    mask.end();
    expect(written.join('')).toBe('a *** b hunting***\nhunter*** hun');
  }
});
