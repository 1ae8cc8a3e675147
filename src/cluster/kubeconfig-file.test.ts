import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../base/system-clock.ts';
import { dropFromKubeconfig, writeKubeconfig } from './kubeconfig-file.ts';

const entry = {
  name: 'timonel-dev',
  server: 'https://x',
  certificateAuthority: 'a',
  clientCertificate: 'b',
  clientKey: 'c',
};
const empty = 'apiVersion: v1\nkind: Config\n';
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (...paths: string[]): Promise<string> =>
  writeKubeconfig({ entry, environment: { KUBECONFIG: paths.join(':') }, clock: systemClock });

describe('writeKubeconfig', () => {
  it('writes the first file of $KUBECONFIG that exists, else the last one, with mode 0600', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(directory, name)) as [string, string, string];
    expect(await write(a, join(directory, 'deep/d'))).toBe(join(directory, 'deep/d'));
    expect(statSync(join(directory, 'deep/d')).mode & 0o777).toBe(0o600);
    writeFileSync(b, empty);
    expect(await write(a, b, c)).toBe(b);
  });

  it('writes the file that has the entry already', async () => {
    const [a, b] = ['a', 'b'].map((name) => join(directory, name)) as [string, string];
    await write(b);
    writeFileSync(a, empty);
    expect(await write(a, b)).toBe(b);
    const dropped = await dropFromKubeconfig({
      name: entry.name,
      environment: { KUBECONFIG: `${a}:${b}` },
      clock: systemClock,
    });
    expect(dropped).toEqual([b]);
    expect(readFileSync(b, 'utf8')).not.toContain('timonel-dev');
  });

  it('follows a symlink and leaves it one', async () => {
    mkdirSync(join(directory, 'real'));
    writeFileSync(join(directory, 'real/config'), empty);
    symlinkSync(join(directory, 'real/config'), join(directory, 'link'));
    await write(join(directory, 'link'));
    expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(directory, 'real/config'), 'utf8')).toContain('timonel-dev');
  });

  it('says who holds the lock, and where a file cannot be written', async () => {
    const path = join(directory, 'config');
    writeFileSync(`${path}.lock`, '');
    const clock = { ...systemClock, sleep: () => Promise.resolve(), monotonic: ticking() };
    await expect(writeKubeconfig({ entry, environment: { KUBECONFIG: path }, clock })).rejects.toThrow(
      `remove ${path}.lock`,
    );
    writeFileSync(join(directory, 'file'), '');
    await expect(write(join(directory, 'file/config'))).rejects.toThrow('not a directory');
  });

  it('never overwrites a file that it cannot read', async () => {
    const path = join(directory, 'config');
    writeFileSync(path, 'a: [');
    await expect(write(path)).rejects.toThrow('repair or move it');
    expect(readFileSync(path, 'utf8')).toBe('a: [');
  });
});

function ticking(): () => number {
  let now = 0;
  return () => (now += 1000);
}
