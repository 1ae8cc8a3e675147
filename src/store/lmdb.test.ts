import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commit, put, shown } from '../../test/contract/store-fixture.ts';
import { openLmdbStore } from './lmdb.ts';
import { StoreCorruptError, StoreLockedError } from './store-errors.ts';

const repository = join(dirname(fileURLToPath(import.meta.url)), '../..');
let path: string;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'timonel-lmdb-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

describe('a store on LMDB', () => {
  it('lets one owner in at a time, and names it to the others', async () => {
    const store = await openLmdbStore({ path });
    const error = await openLmdbStore({ path }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreLockedError);
    expect(error).toMatchObject({ pid: process.pid, path });
    await commit(store, put('/a/b', 'still works'));
    await store.close();
    const again = await openLmdbStore({ path });
    expect(await shown(again, '/a/')).toEqual(['b=still works@1']);
    await again.close();
  });

  it('takes over from an owner that died', async () => {
    const child = await runStore(`
      const store = await openLmdbStore({ path });
      const value = Buffer.from('{"text":"left behind"}');
      await store.commit([{ kind: 'put', key: '/a/b', encode: () => ({ value }) }]);
      process.kill(process.pid, 'SIGKILL');`);
    expect(child.signal).toBe('SIGKILL');
    const store = await openLmdbStore({ path });
    expect(await shown(store, '/a/')).toEqual(['b=left behind@1']);
    await store.close();
  });

  it('fails commits while the disk is full, keeps everything else, and goes on when there is room again', async () => {
    // A limit on the file's size stands for a full disk: the write fails at the same place.
    const child = await runStore(
      `
      const store = await openLmdbStore({ path });
      const put = (key) => ({ kind: 'put', key, encode: () => ({ value: Buffer.alloc(200000, 0x20) }) });
      const results = [];
      for (let i = 0; i < 12; i++) results.push((await store.commit([put('/a/' + i), put('/b/' + i)])).kind);
      const together = await Promise.all([store.commit([put('/a/x')]), store.commit([put('/a/y')])]);
      const { entries } = await store.list({ prefix: '/a/' });
      console.log(JSON.stringify({ results, together, count: entries.length, revision: store.revision }));
      await store.close();`,
      'trap "" XFSZ; ulimit -f 4096; ',
    );
    const said = JSON.parse(child.stdout) as {
      results: string[];
      together: unknown[];
      count: number;
      revision: number;
    };
    const kept = said.results.filter((kind) => kind === 'committed').length;
    expect(said.results.at(-1)).toBe('failed');
    expect(said.together).toMatchObject([{ kind: 'failed' }, { kind: 'failed' }]);
    expect(kept).toBeGreaterThan(0);
    expect([said.count, said.revision]).toEqual([kept, kept]);
    const store = await openLmdbStore({ path });
    expect(store.revision).toBe(kept);
    expect(await commit(store, put('/a/now', 'there is room'))).toBe(kept + 1);
    await store.close();
  });

  it('says what is damaged and where, instead of serving it', async () => {
    const store = await openLmdbStore({ path });
    for (let i = 0; i < 50; i++) await commit(store, put(`/a/${i}`, `find me ${i} ${'x'.repeat(3000)}`));
    await store.close();
    const file = join(path, 'data.mdb');
    const sound = await readFile(file);
    const damaged: Record<string, () => Promise<void>> = {
      'a changed document': async () => {
        const handle = await open(file, 'r+');
        await handle.write(Buffer.from('F'), 0, 1, sound.indexOf('find me 30'));
        await handle.close();
      },
      'a missing end': () => truncate(file, 60_000),
      'another file': () => writeFile(file, 'this is not a database'.repeat(1000)),
      'almost nothing': () => truncate(file, 100),
      nothing: () => truncate(file, 0),
      'no file': () => rm(file),
    };
    for (const [name, damage] of Object.entries(damaged)) {
      await writeFile(file, sound);
      await damage();
      const error = await openLmdbStore({ path }).catch((reason: unknown) => reason);
      expect(error, name).toBeInstanceOf(StoreCorruptError);
      expect((error as Error).message).toContain(path);
    }
    await writeFile(file, sound);
    const again = await openLmdbStore({ path });
    expect(again.revision).toBe(50);
    await again.close();
  });

  it('says that a newer program wrote it', async () => {
    const { open: openLmdb } = await import('lmdb');
    const root = openLmdb({ path, encoding: 'binary', noSubdir: false, overlappingSync: false, maxDbs: 4 });
    root.openDB<number, string>({ name: 'meta', encoding: 'json' }).putSync('format', 99);
    await root.close();
    await expect(openLmdbStore({ path })).rejects.toThrow(/format 99/);
  });

  it('takes compacted history off the disk, also when it was stopped in the middle of that', async () => {
    const store = await openLmdbStore({ path });
    for (let i = 0; i < 200; i++) await commit(store, put(`/a/${i % 4}`, `${i}`));
    await store.close();
    const first = await openLmdbStore({ path });
    await first.compact(150);
    await first.close();
    expect(await recordCount()).toBe(4 + 50);
    await forgetDiscards();
    const second = await openLmdbStore({ path });
    expect(await shown(second, '/a/')).toHaveLength(4);
    await second.close();
    expect(await recordCount()).toBe(4);
  });
});

async function withLmdb<T>(work: (databases: { log: LmdbLog; meta: LmdbMeta }) => T): Promise<T> {
  const { open: openLmdb } = await import('lmdb');
  const root = openLmdb({ path, encoding: 'binary', noSubdir: false, overlappingSync: false, maxDbs: 4 });
  const log = root.openDB<Buffer, [number, string]>({ name: 'log', encoding: 'binary' });
  const meta = root.openDB<number, string>({ name: 'meta', encoding: 'json' });
  try {
    return work({ log, meta });
  } finally {
    await root.close();
  }
}

interface LmdbLog {
  getCount(): number;
}

interface LmdbMeta {
  putSync(key: string, value: number): void;
}

const recordCount = (): Promise<number> => withLmdb(({ log }) => log.getCount());

/** As if the process had died right after it noted the compaction. */
const forgetDiscards = (): Promise<void> => withLmdb(({ meta }) => meta.putSync('compacted', 200));

/** Runs `code` in a process of its own, with `openLmdbStore` and `path` at hand. */
async function runStore(code: string, shell = ''): Promise<{ stdout: string; signal: string | null }> {
  const cache = join(repository, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'store-child-'));
  const file = join(directory, 'child.mjs');
  try {
    await build({
      stdin: {
        contents: `import { openLmdbStore } from './src/store/lmdb.ts';\nconst path = process.argv[2];\n${code}`,
        resolveDir: repository,
      },
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['lmdb'],
    });
    const child = spawn('sh', ['-c', `${shell}exec "$0" "$@"`, process.execPath, file, path]);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const signal = await new Promise<string | null>((resolve) => child.once('close', (_code, by) => resolve(by)));
    expect(stderr).toBe('');
    return { stdout, signal };
  } finally {
    await rm(directory, { recursive: true });
  }
}
