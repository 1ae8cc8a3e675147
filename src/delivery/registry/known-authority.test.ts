import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { knownAuthority } from './known-authority.ts';

const root = mkdtempSync(join(tmpdir(), 'certs-'));
afterAll(() => rmSync(root, { recursive: true }));

it('of a registry is in the first directory that has certificates for it', () => {
  const [first, second] = [join(root, 'one'), join(root, 'two')];
  for (const directory of [first, second]) mkdirSync(join(directory, 'reg.example:5000'), { recursive: true });
  writeFileSync(join(first, 'reg.example:5000', 'client.key'), 'KEY');
  expect(knownAuthority('reg.example:5000', [first, second])).toBeUndefined();
  writeFileSync(join(second, 'reg.example:5000', 'b.crt'), 'B');
  writeFileSync(join(second, 'reg.example:5000', 'a.crt'), 'A');
  expect(knownAuthority('reg.example:5000', [first, second])).toBe('A\nB');
  expect(knownAuthority('reg.example', [first, second])).toBeUndefined();
});
