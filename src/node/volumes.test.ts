import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod, Volume } from '../api/types/core-v1.ts';
import { systemVolumeFiles as files } from './volume-files.ts';
import { tokenKey, volumePayload, type PayloadFile, type PayloadSources } from './volume-payload.ts';

const facts = {
  nodeName: 'n',
  hostIps: [],
  podIps: [],
  allocatable: { cpu: 1000, memory: 1, ephemeralStorage: 1 },
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const sources: PayloadSources = {
  configMap: (name) =>
    name === 'conf'
      ? { metadata: { name }, data: { 'a.txt': 'A', b: 'B' }, binaryData: { raw: base64('R') } }
      : undefined,
  secret: (name) => (name === 'key' ? { metadata: { name }, data: { pass: base64('word') } } : undefined),
  tokens: new Map([[tokenKey({ path: 'token' }), 'jwt']]),
  facts,
};
const pod: Pod = { metadata: { name: 'p', labels: { app: 'x' } }, spec: { containers: [{ name: 'c' }] } };

function payload(volume: Omit<Volume, 'name'>, of: Pod = pod): string[] {
  const show = (file: PayloadFile): string =>
    `${file.path}=${Buffer.from(file.data).toString()} ${file.mode.toString(8)}${file.uid === undefined ? '' : ` ${file.uid}`}`;
  return volumePayload(of, { name: 'v', ...volume }, sources).map(show);
}

describe('the files of a volume', () => {
  it('are all keys of a config map or secret, or those chosen, with their modes', () => {
    expect(payload({ configMap: { name: 'conf' } })).toEqual(['a.txt=A 644', 'b=B 644', 'raw=R 644']);
    const items = [{ key: 'b', path: 'dir/b.txt', mode: 0o600 }];
    expect(payload({ configMap: { name: 'conf', items } })).toEqual(['dir/b.txt=B 600']);
    expect(payload({ secret: { secretName: 'key', defaultMode: 0o400 } })).toEqual(['pass=word 400']);
  });

  it('come together from the sources of a projected volume', () => {
    const projected = {
      sources: [
        { serviceAccountToken: { path: 'token' } },
        { configMap: { name: 'conf', items: [{ key: 'b', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      ],
    };
    expect(payload({ projected })).toEqual(['token=jwt 644', 'ca.crt=B 644', 'labels=app="x" 644']);
    const owned: Pod = { ...pod, spec: { containers: [{ name: 'c' }], securityContext: { runAsUser: 1000 } } };
    expect(payload({ projected }, owned)[0]).toBe('token=jwt 600 1000');
    const grouped = { ...pod, spec: { containers: [{ name: 'c' }], securityContext: { fsGroup: 5 } } };
    expect(payload({ projected }, grouped)[0]).toBe('token=jwt 600');
    // The user reads it as its owner, the group by what volumes get for it.
    const securityContext = { runAsUser: 1000, fsGroup: 5 };
    const ephemeralContainers = [{ name: 'debug', securityContext: { runAsUser: 0 } }];
    const both = { ...pod, spec: { containers: [{ name: 'c' }], ephemeralContainers, securityContext } };
    expect(payload({ projected }, both)[0]).toBe('token=jwt 600 1000');
  });

  it('belong to whom a Compose project says', () => {
    const projected = { sources: [{ configMap: { name: 'conf', items: [{ key: 'b', path: 'b' }] } }] };
    const settings = { fileOwners: { v: { b: { uid: 103, gid: 104 } }, other: { b: { uid: 1 } } } };
    const annotations = { 'timonel.dev/container-settings': JSON.stringify(settings) };
    const owned: Pod = { ...pod, metadata: { ...pod.metadata, annotations } };
    expect(volumePayload(owned, { name: 'v', projected }, sources)).toMatchObject([{ path: 'b', uid: 103, gid: 104 }]);
  });

  it('miss nothing silently', () => {
    expect(() => payload({ configMap: { name: 'no' } })).toThrow('configmap "no" not found');
    expect(() => payload({ secret: { secretName: 'no' } })).toThrow('secret "no" not found');
    expect(() => payload({ configMap: { name: 'conf', items: [{ key: 'x', path: 'x' }] } })).toThrow(
      'configmap references non-existent config key: x',
    );
    expect(payload({ configMap: { name: 'no', optional: true } })).toEqual([]);
  });

  it('stay inside', () => {
    expect(() => payload({ configMap: { name: 'conf', items: [{ key: 'b', path: '../b' }] } })).toThrow('invalid path');
  });
});

describe('volumes on disk', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'volumes-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const file = (path: string, text: string, mode = 0o644): PayloadFile => ({ path, data: Buffer.from(text), mode });

  it('are swapped all at once through one link', async () => {
    const volume = join(root, 'v');
    await files.replacePayload(volume, [file('a', '1'), file('sub/b', '2', 0o600)], undefined);
    expect(await readFile(join(volume, 'sub/b'), 'utf8')).toBe('2');
    expect(await readlink(join(volume, 'a'))).toBe('..data/a');
    expect((await stat(join(volume, 'sub/b'))).mode & 0o777).toBe(0o600);
    const before = await readlink(join(volume, '..data'));

    await files.replacePayload(volume, [file('a', '1'), file('sub/b', '2', 0o600)], undefined);
    expect(await readlink(join(volume, '..data'))).toBe(before);

    await files.replacePayload(volume, [file('a', '3'), file('c', '4')], undefined);
    expect(await readFile(join(volume, 'a'), 'utf8')).toBe('3');
    const names = await readdir(volume);
    expect(names.filter((name) => !name.startsWith('..'))).toEqual(['a', 'c']);
    expect(names).not.toContain(before);
  });

  it("let the pod's group read what the API gave, and write nothing", async () => {
    const volume = join(root, 'v');
    const gid = process.getgid?.() ?? 0;
    await files.replacePayload(volume, [file('a', '1', 0o400), file('sub/b', '2', 0o777)], gid);
    const mode = async (name: string): Promise<string> => ((await stat(join(volume, name))).mode & 0o7777).toString(8);
    expect(await Promise.all(['a', 'sub/b', 'sub'].map(mode))).toEqual(['440', '777', '2755']);
  });

  it('make what hostPath may make, and refuse what is not of its type', async () => {
    await files.prepareHostPath(join(root, 'new'), 'DirectoryOrCreate');
    await files.prepareHostPath(join(root, 'file'), 'FileOrCreate');
    expect((await lstat(join(root, 'file'))).isFile()).toBe(true);
    const refused = files.prepareHostPath(join(root, 'file'), 'Directory');
    await expect(refused).rejects.toThrow(`hostPath type check failed: ${root}/file is not a directory`);
    await expect(files.prepareHostPath(join(root, 'none'), 'Socket')).rejects.toThrow('is not a socket file');
  });

  it('never follow a subPath out of the volume', async () => {
    await mkdir(join(root, 'v'));
    await writeFile(join(root, 'secret'), 'x');
    await symlink('..', join(root, 'v', 'up'));
    await expect(files.resolveSubPath(join(root, 'v'), 'up/secret')).rejects.toThrow('not within volume path');
    await expect(files.resolveSubPath(join(root, 'v'), '../secret')).rejects.toThrow("contains '..'");
    expect(await files.resolveSubPath(join(root, 'v'), 'a/b')).toBe(join(root, 'v/a/b'));
  });

  it('reads a file of a volume, and none outside of it', async () => {
    const volume = join(root, 'w');
    await mkdir(volume);
    await writeFile(join(root, 'outside'), 'x');
    await writeFile(join(volume, 'own'), 'mine');
    await symlink('../outside', join(volume, 'out'));
    await symlink('own', join(volume, 'in'));
    expect(await files.readWithin(volume, 'in')).toBe('mine');
    expect(await files.readWithin(volume, 'no/such')).toBeUndefined();
    await expect(files.readWithin(volume, 'out')).rejects.toThrow('leads out of its volume');
    await expect(files.readWithin(root, 'w')).rejects.toThrow('is no file');
  });

  it('reads the end of a file, and nothing where there is none', async () => {
    await files.writeFile(join(root, 'log'), 'hello world');
    expect([await files.readTail(join(root, 'log'), 5), await files.readTail(join(root, 'no'), 5)]).toEqual([
      'world',
      '',
    ]);
  });
});
