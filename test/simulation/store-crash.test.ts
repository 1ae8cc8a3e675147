import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Random, seededRandom, systemRandom } from '../../src/base/random.ts';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import type { Entry, Store } from '../../src/store/store.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** Beside the packages, so that the bundle finds lmdb. */
const workRoot = join(here, '../../node_modules/.cache');
const kills = 300;
/** A life and its bookkeeping are looked at from outside this often; the next life's opening checks the others. */
const inspectEvery = 10;
let directory: string;
let program: string;

beforeAll(async () => {
  await mkdir(workRoot, { recursive: true });
  directory = await mkdtemp(join(workRoot, 'store-crash-'));
  program = join(directory, 'child.mjs');
  await build({
    entryPoints: [join(here, 'store-crash-child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['lmdb'],
    logLevel: 'silent',
  });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const seed = systemRandom.int(2 ** 31);

it(`loses nothing that it acknowledged, and shows no half, when killed ${kills} times (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const path = join(directory, 'data');
  let acknowledged: Acknowledged[] = [];
  let newest = 0;
  let count = 0;
  let next = start(path, 0);
  for (let life = 0; life < kills; life++) {
    const child = next;
    if (life + 1 < kills) next = start(path, life + 1);
    const { opened, lines } = await liveAndDie(child, random);
    if (opened !== undefined) expect(opened, 'the revision it opened with').toBeGreaterThanOrEqual(newest);
    for (const line of lines) acknowledged.push(parse(life, line));
    newest = Math.max(newest, opened ?? 0, ...acknowledged.map(({ revision }) => revision));
    count += lines.length;
    if (life % inspectEvery !== inspectEvery - 1) continue;
    newest = await inspect(path, acknowledged, newest);
    acknowledged = [];
  }
  expect(count).toBeGreaterThan(kills);
}, 120_000);

interface Acknowledged {
  /** A key that must be there. */
  marker: string;
  revision: number;
}

function parse(life: number, line: string): Acknowledged {
  const [revision, writer, number] = line.split(' ').map(Number) as [number, number, number];
  return { marker: `/all/${life}/${writer}/${number}`, revision };
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function start(path: string, life: number): Child {
  return spawn(process.execPath, [program, path, String(life)], { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Lets a child open the store, and kills it a random while later (sometimes before it has opened). */
async function liveAndDie(child: Child, random: Random): Promise<{ opened?: number; lines: string[] }> {
  const untilLines = random.int(10) === 0 ? 0 : 1 + random.int(40);
  const delayTurns = random.int(200);
  let output = '';
  let errors = '';
  let isDoomed = false;
  const doom = (): void => {
    if (isDoomed) return;
    isDoomed = true;
    void turns(delayTurns).then(() => child.kill('SIGKILL'));
  };
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > untilLines) doom();
  });
  child.stdin.write('!');
  if (untilLines === 0) doom();
  const signal = await new Promise((resolve) => child.once('close', (_code, by) => resolve(by)));
  expect({ errors, signal }).toEqual({ errors: '', signal: 'SIGKILL' });
  // The last piece has no line end: at best an empty one, at worst half a line.
  const [first, ...lines] = output.split('\n').slice(0, -1);
  return { opened: first === undefined ? undefined : Number(first.slice('open '.length)), lines };
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Checks everything, takes the checked markers away so that the next lives open quickly, and answers the revision. */
async function inspect(path: string, acknowledged: readonly Acknowledged[], newest: number): Promise<number> {
  const store = await openLmdbStore({ path });
  try {
    expect(store.revision).toBeGreaterThanOrEqual(newest);
    for (const { marker, revision } of acknowledged) {
      const found = await store.get(marker);
      if (found.kind !== 'found' || found.entry.revision !== revision) throw new Error(`${marker}@${revision} is lost`);
    }
    for (let revision = store.compactedRevision; revision <= store.revision; revision += 20) {
      const [left, right] = [await sideOf(store, 'left', revision), await sideOf(store, 'right', revision)];
      expect(left, `both sides at revision ${revision}`).toEqual(right);
    }
    const markers = await store.list({ prefix: '/all/' });
    if (markers.kind !== 'entries') throw new Error(markers.kind);
    const value = Buffer.from('{}');
    await store.commit(markers.entries.map(({ key }) => ({ kind: 'delete', key, encode: () => ({ value }) })));
    await store.compact(store.revision);
    return store.revision;
  } finally {
    await store.close();
  }
}

async function sideOf(store: Store, side: string, revision: number): Promise<unknown[]> {
  const result = await store.list({ prefix: `/pair/${side}/`, revision });
  if (result.kind !== 'entries') throw new Error(result.kind);
  return result.entries.map((entry: Entry) => [
    entry.key.split('/').at(-1),
    entry.revision,
    Buffer.from(entry.value).toString(),
  ]);
}
