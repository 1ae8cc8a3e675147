import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createSystemCgroups } from './cgroups.ts';
import { PodFreezer } from './pod-freezer.ts';

const root = await mkdtemp(join(tmpdir(), 'timonel-cgroups-'));
await writeFile(join(root, 'cgroup.controllers'), 'cpu memory');
await mkdir(join(root, 'pod'));
const state = join(root, 'pod/cgroup.freeze');
await writeFile(state, '0');
afterAll(() => rm(root, { recursive: true }));

const freezer = (path: string, isAdopted = false): PodFreezer =>
  new PodFreezer(createSystemCgroups(root), { path, isAdopted });

describe('a pod that is paused', () => {
  it('stands still, and goes on', async () => {
    const pod = freezer('/pod');
    expect([pod.differs(false), pod.differs(true)]).toEqual([false, true]);
    await pod.set(true);
    expect([pod.isFrozen, pod.differs(true), await readFile(state, 'utf8')]).toEqual([true, false, '1']);
    await pod.set(false);
    expect([pod.isFrozen, await readFile(state, 'utf8')]).toEqual([false, '0']);
  });

  it('goes on when an earlier agent had paused it, and the pod no more asks for it', async () => {
    await writeFile(state, '1');
    const pod = freezer('/pod', true);
    expect(pod.differs(false)).toBe(true);
    await pod.set(false);
    expect(await readFile(state, 'utf8')).toBe('0');
  });

  it('may have no group yet, or no more', async () => {
    const pod = freezer('/gone');
    await pod.set(true);
    expect(pod.isFrozen).toBe(true);
  });
});
