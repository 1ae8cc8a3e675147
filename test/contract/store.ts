import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { commit, document, put, Recorder, remove, shown, type StoreUnderTest, textOf } from './store-fixture.ts';
import { storeWatchContract } from './store-watch.ts';

/** What every store must do. `open` makes an empty one. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} store`, () => {
    let under: StoreUnderTest;
    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.release());
    commits(() => under.store);
    reads(() => under.store);
    compaction(() => under.store);
    storeWatchContract(() => under.store);
    closing(() => under);
    keeping(() => under);
  });
}

function commits(store: () => Store): void {
  it('starts empty at revision 0', async () => {
    expect(store().revision).toBe(0);
    expect(await store().get('/core/pods/default/a')).toEqual({ kind: 'notFound', revision: 0 });
    expect(await store().list({ prefix: '/' })).toEqual({ kind: 'entries', entries: [], revision: 0, remaining: 0 });
  });

  it('gives every commit the next revision, and its documents that revision', async () => {
    expect(await commit(store(), put('/p/a', 'one'))).toBe(1);
    expect(await commit(store(), put('/p/b', 'two'))).toBe(2);
    expect(await commit(store(), put('/p/a', 'three'))).toBe(3);
    expect(await commit(store(), { kind: 'check', key: '/p/b', expectedRevision: 2 })).toBe(4);
    const found = await store().get('/p/a');
    expect(found).toMatchObject({ kind: 'found', entry: { revision: 3, createRevision: 1 } });
    expect(found.kind === 'found' && JSON.parse(Buffer.from(found.entry.value).toString())).toEqual({
      text: 'three',
      revision: 3,
    });
    expect(store().revision).toBe(4);
  });

  it('keeps the decoded form that came with the bytes', async () => {
    const decoded = { hello: 'world' };
    await store().commit([{ kind: 'put', key: '/p/a', encode: () => ({ value: Buffer.from('{}'), decoded }) }]);
    const found = await store().get('/p/a');
    expect(found.kind === 'found' && found.entry.decoded).toBe(decoded);
  });

  it('creates a key only where it is absent', async () => {
    await commit(store(), put('/p/a', 'one', 0));
    const second = await store().commit([put('/p/a', 'two', 0)]);
    expect(second).toMatchObject({ kind: 'conflict', key: '/p/a', current: { revision: 1 } });
    await commit(store(), remove('/p/a', 1));
    expect(await commit(store(), put('/p/a', 'three', 0))).toBe(3);
    expect(await store().get('/p/a')).toMatchObject({ entry: { createRevision: 3 } });
  });

  it('lets one of many writers win that expect the same revision', async () => {
    await commit(store(), put('/p/a', 'start'));
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store().commit([put('/p/a', `${i}`, 1)])));
    expect(results.filter((result) => result.kind === 'committed')).toHaveLength(1);
    for (const result of results) {
      if (result.kind === 'conflict') expect(result.current?.revision).toBe(2);
    }
    expect(store().revision).toBe(2);
  });

  it('answers a conflict only when what stands against it can be read', async () => {
    const first = store().commit([put('/p/a', 'one', 0)]);
    const second = await store().commit([put('/p/a', 'two', 0)]);
    expect(second.kind).toBe('conflict');
    expect(store().revision).toBe(1);
    expect(await shown(store(), '/p/')).toEqual(['a=one@1']);
    await first;
  });

  it('builds on commits that are still under way', async () => {
    const results = await Promise.all([
      store().commit([put('/p/a', 'one', 0)]),
      store().commit([put('/p/a', 'two', 1)]),
      store().commit([remove('/p/a', 2)]),
      store().commit([put('/p/a', 'four', 0)]),
    ]);
    expect(results.map((result) => result.kind)).toEqual(['committed', 'committed', 'committed', 'committed']);
    expect(await shown(store(), '/p/')).toEqual(['a=four@4']);
  });

  it('does not show a write before its commit is answered', async () => {
    let isAnswered = false;
    const written = store()
      .commit([put('/p/a', 'one')])
      .then(() => (isAnswered = true));
    while (!isAnswered) {
      const revision = store().revision;
      const found = await store().get('/p/a');
      if (found.kind === 'notFound' && !isAnswered) expect(revision).toBe(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await written;
    expect(await store().get('/p/a')).toMatchObject({ kind: 'found' });
  });

  it('applies all operations of a commit or none', async () => {
    await commit(store(), put('/p/a', 'one'));
    const refused = await store().commit([put('/p/b', 'new', 0), put('/p/a', 'two', 7), remove('/p/c')]);
    expect(refused).toMatchObject({ kind: 'conflict', key: '/p/a', current: { revision: 1 } });
    expect(await shown(store(), '/p/')).toEqual(['a=one@1']);
    const revision = await commit(
      store(),
      ...[put('/p/b', 'new', 0), remove('/p/a', 1)],
      ...[{ kind: 'check', key: '/p/c', expectedRevision: 0 } as const],
    );
    expect(revision).toBe(2);
    expect(await shown(store(), '/p/')).toEqual(['b=new@2']);
  });

  it('fails a commit whose check does not hold', async () => {
    await commit(store(), put('/p/a', 'one'));
    const absent = await store().commit([put('/p/b', 'x'), { kind: 'check', key: '/p/c', expectedRevision: 5 }]);
    expect(absent).toEqual({ kind: 'conflict', key: '/p/c', current: undefined });
    const changed = await store().commit([put('/p/b', 'x'), { kind: 'check', key: '/p/a', expectedRevision: 0 }]);
    expect(changed).toMatchObject({ kind: 'conflict', key: '/p/a', current: { revision: 1 } });
    expect(store().revision).toBe(1);
  });

  it('refuses to delete what is not there', async () => {
    expect(await store().commit([remove('/p/a')])).toEqual({ kind: 'conflict', key: '/p/a', current: undefined });
  });

  it('calls encode once, and not at all for a commit that fails', async () => {
    const revisions: number[] = [];
    const encode = (revision: number) => {
      revisions.push(revision);
      return document('x')(revision);
    };
    await store().commit([{ kind: 'put', key: '/p/a', encode }]);
    await store().commit([{ kind: 'put', key: '/p/a', encode, expectedRevision: 0 }]);
    expect(revisions).toEqual([1]);
  });

  it('rejects when encode throws, and takes no revision for it', async () => {
    const encode = () => {
      throw new Error('no such document');
    };
    await expect(store().commit([{ kind: 'put', key: '/p/a', encode }])).rejects.toThrow('no such document');
    expect(await commit(store(), put('/p/a', 'one'))).toBe(1);
  });
}

function reads(store: () => Store): void {
  it('lists a prefix in the byte order of the keys', async () => {
    const names = ['b', 'a', 'a-b', 'a/x', 'ä', '\u{10000}', '\uffee', 'B', 'a.b', '10', '9'];
    for (const name of names) await commit(store(), put(`/p/n/${name}`, 'x'));
    await commit(store(), put('/p/other/a', 'x'));
    const listed = (await shown(store(), '/p/n/')).map((line) => line.slice(0, line.indexOf('=')));
    expect(listed).toEqual(names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('lists as of a past revision, deletions and all', async () => {
    await commit(store(), put('/p/a', '1'));
    await commit(store(), put('/p/b', '2'));
    await commit(store(), put('/p/a', '3'));
    await commit(store(), remove('/p/b'));
    await commit(store(), put('/p/b', '5'));
    expect(await shown(store(), '/p/', 1)).toEqual(['a=1@1']);
    expect(await shown(store(), '/p/', 2)).toEqual(['a=1@1', 'b=2@2']);
    expect(await shown(store(), '/p/', 3)).toEqual(['a=3@3', 'b=2@2']);
    expect(await shown(store(), '/p/', 4)).toEqual(['a=3@3']);
    expect(await shown(store(), '/p/', 5)).toEqual(['a=3@3', 'b=5@5']);
    expect(await store().get('/p/b', { revision: 4 })).toEqual({ kind: 'notFound', revision: 4 });
    expect(await store().get('/p/a', { revision: 2 })).toMatchObject({ entry: { revision: 1 } });
  });

  it('pages through one state while others write', async () => {
    const expected = Array.from({ length: 1300 }, (_, i) => `/p/n/${String(i).padStart(5, '0')}`);
    await Promise.all(expected.map((key) => commit(store(), put(key, 'x'))));
    const revision = store().revision;
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await store().list({ prefix: '/p/n/', limit: 100, after, revision });
      if (page.kind !== 'entries') throw new Error(page.kind);
      seen.push(...page.entries.map((entry) => entry.key));
      expect(page.revision).toBe(revision);
      expect(page.remaining).toBe(expected.length - seen.length);
      if (page.remaining === 0) break;
      after = page.entries.at(-1)?.key;
      await commit(store(), put(`${after}-new`, 'x'), remove(expected[seen.length] as string));
    }
    expect(seen).toEqual(expected);
  });

  it('pages after a key that is gone, and outside the prefix', async () => {
    for (const name of ['a', 'b', 'c']) await commit(store(), put(`/p/n/${name}`, name));
    await commit(store(), remove('/p/n/b'));
    const keys = async (after: string) => {
      const page = await store().list({ prefix: '/p/n/', after });
      return page.kind === 'entries' ? page.entries.map((entry) => textOf(entry)) : page.kind;
    };
    expect(await keys('/p/n/b')).toEqual(['c']);
    expect(await keys('/p/a/z')).toEqual(['a', 'c']);
    expect(await keys('/p/z/z')).toEqual([]);
  });

  it('says when a revision lies in the future', async () => {
    await commit(store(), put('/p/a', 'one'));
    expect(await store().get('/p/a', { revision: 2 })).toEqual({ kind: 'futureRevision', revision: 1 });
    expect(await store().list({ prefix: '/p/', revision: 9 })).toEqual({ kind: 'futureRevision', revision: 1 });
  });
}

function compaction(store: () => Store): void {
  it('forgets what was before the compacted revision, and nothing else', async () => {
    for (const [name, text] of Object.entries({ a: '1', b: '2', c: '3' }))
      await commit(store(), put(`/p/${name}`, text));
    await commit(store(), put('/p/a', '4'));
    await commit(store(), remove('/p/b'));
    await commit(store(), put('/p/a', '6'));
    await store().compact(5);
    expect(store().compactedRevision).toBe(5);
    expect(await shown(store(), '/p/', 5)).toEqual(['a=4@4', 'c=3@3']);
    expect(await shown(store(), '/p/')).toEqual(['a=6@6', 'c=3@3']);
    const compacted = { kind: 'compacted', compactedRevision: 5 };
    expect(await store().get('/p/a', { revision: 4 })).toEqual(compacted);
    expect(await store().list({ prefix: '/p/', revision: 1 })).toEqual(compacted);
    expect(await store().get('/p/b')).toEqual({ kind: 'notFound', revision: 6 });
  });

  it('takes compactions twice, backwards and beside writes, and refuses the future', async () => {
    for (let i = 1; i <= 50; i++) await commit(store(), put(`/p/${i % 7}`, `${i}`));
    await Promise.all([
      store().compact(20),
      store().compact(30),
      ...Array.from({ length: 10 }, (_, i) => commit(store(), put(`/p/${i}`, 'beside'))),
      store().compact(10),
    ]);
    expect(store().compactedRevision).toBe(30);
    await expect(store().compact(1000)).rejects.toThrow(/1000/);
    expect(await shown(store(), '/p/', 30)).toHaveLength(7);
    await store().compact(store().revision);
    expect(await shown(store(), '/p/')).toHaveLength(10);
    expect(await commit(store(), put('/p/a', 'x'))).toBe(61);
  });
}

function closing(under: () => StoreUnderTest): void {
  it('finishes what is in flight when it is closed, and then takes nothing more', async () => {
    const { store } = under();
    const inFlight = store.commit([put('/p/a', 'one')]);
    await store.close();
    expect(await inFlight).toMatchObject({ kind: 'committed', revision: 1 });
    expect(await store.commit([put('/p/a', 'two')])).toMatchObject({ kind: 'failed' });
    await expect(store.get('/p/a')).rejects.toThrow(/closed/);
    await store.close();
  });
}

function keeping(under: () => StoreUnderTest): void {
  it('is the same after it was closed and opened again, where it keeps anything at all', async () => {
    const { store, reopen } = under();
    if (!reopen) return;
    for (let i = 1; i <= 30; i++) await commit(store, put(`/p/${i % 5}`, `${i}`), put(`/q/${i}`, 'x'));
    await commit(store, remove('/p/0'), put('/p/9', 'b'), put('/p/1', 'a'));
    await commit(store, { kind: 'check', key: '/p/0', expectedRevision: 0 });
    await store.compact(10);
    const before = [await shown(store, '/'), await shown(store, '/', 10), await shown(store, '/', 25)];
    const watched = await history(store, 10);
    const again = await reopen();
    expect([again.revision, again.compactedRevision]).toEqual([32, 10]);
    expect([await shown(again, '/'), await shown(again, '/', 10), await shown(again, '/', 25)]).toEqual(before);
    expect(await history(again, 10)).toEqual(watched);
    expect(await again.get('/p/1', { revision: 9 })).toEqual({ kind: 'compacted', compactedRevision: 10 });
    expect(await again.get('/p/1')).toMatchObject({ entry: { createRevision: 1, revision: 31 } });
    expect(await commit(again, put('/p/0', 'new', 0))).toBe(33);
    expect(await again.commit([put('/p/1', 'late', 26)])).toMatchObject({
      kind: 'conflict',
      current: { revision: 31 },
    });
  });
}

async function history(store: Store, afterRevision: number): Promise<unknown[]> {
  const sink = new Recorder();
  const watch = store.watch({ prefix: '/', afterRevision }, sink);
  watch.requestProgress();
  await sink.until(() => sink.progressed.length === 1);
  watch.close();
  return sink.calls.flat().map(({ kind, entry, previous }) => [kind, entry.key, entry.revision, previous?.revision]);
}
