import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { buildPauseImage } from './pause-image.ts';

describe('the sandbox image', () => {
  it('is the same for everyone: a container that holds it is found again by its digest', () => {
    expect(buildPauseImage('amd64')).toEqual(buildPauseImage('amd64'));
    expect(buildPauseImage('amd64').manifest.digest).not.toBe(buildPauseImage('arm64').manifest.digest);
  });

  it('is a layer that tar reads', () => {
    const listing = execFileSync('tar', ['-tv'], { input: buildPauseImage('amd64').layer.data }).toString();
    expect(listing).toMatch(/^-rwxr-xr-x 0\/0 .* pause\n$/);
  });

  it.runIf(process.arch === 'x64')('holds a program that sleeps until SIGTERM', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pause-'));
    const file = join(directory, 'pause');
    const layer = Buffer.from(buildPauseImage('amd64').layer.data);
    const size = Number.parseInt(layer.toString('latin1', 124, 135), 8);
    writeFileSync(file, layer.subarray(512, 512 + size), { mode: 0o755 });
    try {
      const child = spawn(file, { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await once(child, 'spawn');
      const sleeping = (): boolean => readFileSync(`/proc/${child.pid}/syscall`, 'latin1').startsWith('34 ');
      while (!sleeping()) await setImmediate();
      child.kill('SIGCHLD');
      while (!sleeping()) await setImmediate();
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
