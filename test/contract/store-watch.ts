import { expect, it } from 'vitest';
import { seededRandom, systemRandom } from '../../src/base/random.ts';
import type { Operation, Store, Watch } from '../../src/store/store.ts';
import { commit, put, Recorder, remove } from './store-fixture.ts';

/** The part of the store's contract that is about watches; run by `storeContract`. */
export function storeWatchContract(store: () => Store): void {
  it('delivers what happens below the prefix, with what was there before', async () => {
    const sink = new Recorder();
    store().watch({ prefix: '/p/n/', afterRevision: 0 }, sink);
    await commit(store(), put('/p/n/a', 'one'));
    await commit(store(), put('/p/other/a', 'x'), put('/p/n/a', 'two'));
    await commit(store(), put('/p/nn', 'x'));
    await commit(store(), remove('/p/n/a'));
    await sink.until(() => sink.lines.length === 3);
    expect(sink.lines).toEqual(['put /p/n/a@1', 'put /p/n/a@2', 'delete /p/n/a@4']);
    expect(sink.calls.flat().map((event) => event.previous?.revision)).toEqual([undefined, 1, 2]);
    expect(sink.calls.flat()[2]?.entry.createRevision).toBe(1);
  });

  it('never calls back inside the call that starts it', async () => {
    await commit(store(), put('/p/a', 'one'));
    const sink = new Recorder();
    store().watch({ prefix: '/p/', afterRevision: 0 }, sink).requestProgress();
    expect([sink.calls.length, sink.progressed.length]).toEqual([0, 0]);
    await sink.until(() => sink.progressed.length === 1);
    expect(sink.lines).toEqual(['put /p/a@1']);
  });

  it('delivers history after the given revision, then goes on', async () => {
    for (let i = 0; i < 1700; i++) void store().commit([put(`/p/${i % 10}`, `${i}`)]);
    await commit(store(), put('/p/last', 'x'));
    const sink = new Recorder();
    store().watch({ prefix: '/p/', afterRevision: 100 }, sink);
    await commit(store(), put('/p/after', 'x'));
    await sink.until(() => sink.lines.length === 1602);
    expect(sink.calls.flat().map((event) => event.entry.revision)).toEqual(range(101, 1702));
  });

  it('hands over all events of one commit in one call', async () => {
    const late = new Recorder();
    const live = new Recorder();
    store().watch({ prefix: '/p/', afterRevision: 0 }, live);
    for (let i = 0; i < 20; i++) await commit(store(), put(`/p/a${i}`, 'x'), put('/p/b', 'y'), put('/p/c', 'z'));
    store().watch({ prefix: '/p/', afterRevision: 0 }, late);
    for (const sink of [live, late]) {
      await sink.until(() => sink.lines.length === 60);
      const callsOf = new Map<number, number>();
      sink.calls.forEach((events, call) => {
        for (const { entry } of events) expect(callsOf.get(entry.revision) ?? call).toBe(call);
        for (const { entry } of events) callsOf.set(entry.revision, call);
      });
    }
  });

  it('reports progress after every event up to the newest revision', async () => {
    const sink = new Recorder();
    const watch = store().watch({ prefix: '/p/', afterRevision: 0 }, sink);
    await commit(store(), put('/p/a', 'x'));
    await commit(store(), put('/other/a', 'x'));
    watch.requestProgress();
    await sink.until(() => sink.progressed.length === 1);
    expect(sink.progressed).toEqual([2]);
    expect(sink.lines).toEqual(['put /p/a@1']);
  });

  it('waits for the future that a watch asks for', async () => {
    const sink = new Recorder();
    store().watch({ prefix: '/p/', afterRevision: 2 }, sink);
    for (const name of ['a', 'b', 'c']) await commit(store(), put(`/p/${name}`, 'x'));
    await sink.until(() => sink.lines.length > 0);
    expect(sink.lines).toEqual(['put /p/c@3']);
  });

  it('ends a watch whose history is compacted, and serves one from the compacted revision', async () => {
    for (let i = 1; i <= 5; i++) await commit(store(), put('/p/a', `${i}`));
    await store().compact(4);
    const early = new Recorder();
    const enough = new Recorder();
    store().watch({ prefix: '/p/', afterRevision: 3 }, early);
    store().watch({ prefix: '/p/', afterRevision: 4 }, enough);
    await early.until(() => early.end !== undefined);
    expect(early.end).toEqual({ kind: 'compacted', compactedRevision: 4 });
    await enough.until(() => enough.lines.length === 1);
    expect(enough.lines).toEqual(['put /p/a@5']);
    expect(enough.calls[0]?.[0]?.previous?.revision).toBe(4);
  });

  it('does not end a watch that is up to date when history behind it is compacted', async () => {
    const sink = new Recorder();
    const watch = store().watch({ prefix: '/p/', afterRevision: 0 }, sink);
    await commit(store(), put('/other/a', 'x'));
    watch.requestProgress();
    await sink.until(() => sink.progressed.length === 1);
    await store().compact(1);
    await commit(store(), put('/p/a', 'x'));
    await sink.until(() => sink.lines.length === 1);
    expect(sink.end).toBeUndefined();
  });

  it('delivers nothing after close, even when closed from a callback', async () => {
    const sink = new Recorder();
    const other = new Recorder();
    const watch: Watch = store().watch(
      { prefix: '/p/', afterRevision: 0 },
      {
        events(events) {
          sink.events(events);
          watch.close();
        },
        progress: (revision) => sink.progress(revision),
        ended: (reason) => sink.ended(reason),
      },
    );
    store().watch({ prefix: '/p/', afterRevision: 0 }, other);
    watch.requestProgress();
    await sink.until(() => sink.progressed.length === 1);
    await commit(store(), put('/p/a', 'x'));
    await commit(store(), put('/p/b', 'x'));
    watch.requestProgress();
    await other.until(() => other.lines.length === 2);
    expect([sink.lines, sink.progressed, sink.end]).toEqual([['put /p/a@1'], [0], undefined]);
  });

  it('ends watches when the store closes', async () => {
    const sink = new Recorder();
    store().watch({ prefix: '/p/', afterRevision: 0 }, sink);
    await commit(store(), put('/p/a', 'x'));
    await store().close();
    await sink.until(() => sink.end !== undefined);
    expect([sink.lines, sink.end]).toEqual([['put /p/a@1'], { kind: 'closed' }]);
  });

  const seed = systemRandom.int(2 ** 31);
  it(`delivers every event once and in order to watches that start anywhere (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const prefixes = ['/', '/a/', '/a/x/', '/b/'];
    const watches: { prefix: string; after: number; sink: Recorder }[] = [];
    const all: { revision: number; lines: { key: string; line: string }[] }[] = [];
    const live = new Set<string>();
    for (let round = 0; round < 300; round++) {
      const operations = randomOperations(random, live);
      const { length } = watches;
      if (length < 60 && random.int(4) === 0) {
        const prefix = prefixes[random.int(prefixes.length)] as string;
        const sink = new Recorder();
        const after = random.int(store().revision + 3);
        store().watch({ prefix, afterRevision: after }, sink);
        watches.push({ prefix, after, sink });
      }
      const committed = store().commit(operations);
      const record = { revision: round + 1, lines: [] as { key: string; line: string }[] };
      for (const { kind, key } of operations) record.lines.push({ key, line: `${kind} ${key}@${round + 1}` });
      all.push(record);
      if (random.int(3) === 0) expect(await committed).toMatchObject({ kind: 'committed', revision: round + 1 });
    }
    await commit(store(), ...prefixes.map((prefix) => put(`${prefix}end`, 'x')));
    for (const { prefix, after, sink } of watches) {
      await sink.until(() => sink.lines.at(-1)?.endsWith('@301') === true);
      const expected = all
        .filter(({ revision }) => revision > after)
        .flatMap(({ lines }) => lines.filter(({ key }) => key.startsWith(prefix)).map(({ line }) => line));
      expect(sink.lines.filter((line) => !line.endsWith('@301'))).toEqual(expected);
    }
  });
}

/** One to three operations on distinct keys that succeed, given the keys that live. */
function randomOperations(random: ReturnType<typeof seededRandom>, live: Set<string>): Operation[] {
  const keys = ['/a/x/1', '/a/x/2', '/a/y/1', '/b/1', '/b/2', '/c/z/1'];
  const chosen = keys.filter(() => random.int(3) === 0).slice(0, 3);
  if (chosen.length === 0) chosen.push('/a/x/1');
  return chosen.map((key) => {
    if (live.has(key) && random.int(3) === 0) {
      live.delete(key);
      return remove(key);
    }
    live.add(key);
    return put(key, 'x');
  });
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
