import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../api/types/core-v1.ts';
import { createAnonymousVolumes, type AnonymousVolumes } from './anonymous-volumes.ts';
import { systemVolumeFiles as files } from './volume-files.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'anonymous-'))));
afterEach(() => rm(root, { recursive: true }));

interface TestPod {
  pod: Pod;
  volumes: AnonymousVolumes;
  /** Where the volume `v` of the pod lies. */
  own: string;
}

/** A pod of a service whose file declares a volume at /data. */
async function podOf(uid: string, { owner = 'web', namespace = 'app', path = '/data' } = {}): Promise<TestPod> {
  const settings = { anonymousVolumes: { owner, volumes: { v: path, secret: '/secret' } } };
  const pod: Pod = {
    metadata: {
      name: uid,
      uid,
      namespace,
      annotations: { 'timonel.dev/container-settings': JSON.stringify(settings) },
    },
    spec: {
      containers: [],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'secret', secret: {} },
      ],
    },
  };
  const podDirectory = join(root, 'pods', uid);
  const own = join(podDirectory, 'volumes/empty/v');
  const volumes = createAnonymousVolumes({
    ...{ files, podDirectory, directory: join(root, 'shared') },
    emptyDir: (volume) => join(podDirectory, 'volumes/empty', volume),
  });
  await volumes.take(pod);
  await mkdir(own, { recursive: true });
  return { pod, volumes, own };
}

/** What becomes of the volumes of a pod that is deleted. */
async function remove({ pod, volumes }: TestPod, annotations: Record<string, string> = {}): Promise<void> {
  const metadata = { ...pod.metadata, deletionTimestamp: 'now' };
  const going = { ...pod, metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } } };
  await volumes.leave(going);
  await rm(join(root, 'pods', pod.metadata.uid ?? ''), { recursive: true });
  await volumes.forget(going);
}

const leaving = { 'timonel.dev/leaves-volumes': 'true' };

describe('volumes without a name', () => {
  it('are taken over, those of the file and those of the image, by the next container of the service', async () => {
    const first = await podOf('1');
    await writeFile(join(first.own, 'file'), 'kept');
    await writeFile(join(await first.volumes.ofImage('/var/lib/db'), 'table'), 'rows');
    await remove(first, leaving);
    const others = [await podOf('2', { owner: 'db' }), await podOf('3', { namespace: 'other' })];
    for (const { own } of others) expect(await readdir(own)).toEqual([]);

    const next = await podOf('4');
    expect(await readFile(join(next.own, 'file'), 'utf8')).toBe('kept');
    expect(await readFile(join(await next.volumes.ofImage('/var/lib/db'), 'table'), 'utf8')).toBe('rows');
    // An agent that begins anew finds them where they are.
    await next.volumes.take(next.pod);
    expect(await readFile(join(next.own, 'file'), 'utf8')).toBe('kept');
    expect(await readdir((await podOf('5')).own)).toEqual([]);
  });

  it('are known by where they are mounted: also when the file declares what the image did', async () => {
    const first = await podOf('1', { path: '/other' });
    await writeFile(join(await first.volumes.ofImage('/data'), 'file'), 'kept');
    await remove(first, leaving);
    expect(await readdir((await podOf('2')).own)).toEqual(['file']);
  });

  it('go with a pod that is removed for good, and with them what nobody took', async () => {
    const [first, second] = [await podOf('1'), await podOf('2')];
    await writeFile(join(first.own, 'file'), '1');
    await remove(first, leaving);
    expect(await readdir(join(root, 'shared'))).toHaveLength(1);
    await remove(second);
    expect(await readdir(join(root, 'shared'))).toEqual([]);
    expect(await readdir((await podOf('3')).own)).toEqual([]);
  });

  it('are left by a container that is done, until its pod is removed for good', async () => {
    const done = await podOf('1');
    await writeFile(join(done.own, 'file'), '1');
    await done.volumes.leave(done.pod);
    expect(existsSync(done.own)).toBe(false);
    await rm(join(root, 'pods/1'), { recursive: true });
    await mkdir(join(root, 'pods/1'));
    await remove(done);
    expect(await readdir((await podOf('2')).own)).toEqual([]);
  });

  it('of several containers go to one each', async () => {
    const old = await Promise.all(['1', '2', '3'].map((uid) => podOf(uid)));
    for (const { own, pod } of old) await writeFile(join(own, pod.metadata.uid ?? ''), '');
    for (const each of old) await remove(each, leaving);
    const taken = await Promise.all(['4', '5', '6', '7'].map((uid) => podOf(uid)));
    const found = await Promise.all(taken.map(({ own }) => readdir(own)));
    expect(found.flat().toSorted()).toEqual(['1', '2', '3']);
    expect(found.filter((names) => names.length > 1)).toEqual([]);
  });

  it('are nothing but the own disk of a pod that says so, whatever its annotation has', async () => {
    const strange = await podOf('1', { owner: '../../..', path: '../../../escape' });
    await writeFile(join(strange.own, 'file'), '');
    await remove(strange, leaving);
    expect((await readdir(root)).toSorted()).toEqual(['pods', 'shared']);
    expect(await readdir((await podOf('2', { owner: '../../..', path: '../../../escape' })).own)).toEqual(['file']);
    const broken: Pod = { metadata: { uid: 'b', annotations: { 'timonel.dev/container-settings': '{' } } };
    await expect(strange.volumes.take(broken)).resolves.toBeUndefined();
  });
});
