import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findInImage, readFromImage } from './image-tree.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-layers-'));
const [top, bottom] = [join(scratch, 'top'), join(scratch, 'bottom')];
const layers = [top, bottom];

beforeAll(() => {
  mkdirSync(join(bottom, 'var/lib/data'), { recursive: true });
  mkdirSync(join(bottom, 'etc'), { recursive: true });
  mkdirSync(join(top, 'var/lib'), { recursive: true });
  writeFileSync(join(bottom, 'etc/group'), 'below');
  writeFileSync(join(bottom, 'etc/only'), 'below');
  writeFileSync(join(bottom, 'gone'), 'below');
  mkdirSync(join(top, 'etc'));
  writeFileSync(join(top, 'etc/group'), 'above');
  symlinkSync('/var/lib', join(top, 'srv'));
  symlinkSync('../../../../../etc', join(top, 'var/up'));
  symlinkSync('loop', join(top, 'loop'));
  execFileSync('mknod', [join(top, 'gone'), 'c', '0', '0']);
});
afterAll(() => rmSync(scratch, { recursive: true }));

describe('a path in an image', () => {
  it('is of the topmost layer that has it', async () => {
    expect(await readFromImage(layers, '/etc/group')).toBe('above');
    expect(await readFromImage(layers, '/etc/only')).toBe('below');
    expect(await findInImage(layers, '/var/lib/data')).toEqual({
      layer: bottom,
      path: 'var/lib/data',
      isDirectory: true,
    });
  });

  it('goes along links, and never out of the image', async () => {
    expect(await findInImage(layers, '/srv/data')).toMatchObject({ path: 'var/lib/data' });
    expect(await readFromImage(layers, '/var/up/group')).toBe('above');
    expect(await findInImage(layers, '/../../var/lib/../lib/data')).toMatchObject({ path: 'var/lib/data' });
  });

  it('is nothing where a layer took it away, or where it goes round in a circle', async () => {
    expect(await findInImage(layers, '/gone')).toBeUndefined();
    expect(await findInImage(layers, '/loop')).toBeUndefined();
    expect(await findInImage(layers, '/etc/group/x')).toBeUndefined();
  });
});
