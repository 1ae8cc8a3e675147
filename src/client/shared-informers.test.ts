import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import type { ConfigMap } from '../api/types/core-v1.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../base/simulated-clock.ts';
import type { Client, WatchEvent } from './client.ts';
import type { Informer } from './informer.ts';
import type { Informers } from './informers.ts';
import { configMaps } from './resources.ts';
import { createInformers } from './shared-informers.ts';

let api: TestApiServer;
let clock: SimulatedClock;
let client: Client;
let informers: Informers;

beforeEach(async () => {
  clock = createSimulatedClock();
  api = await startTestApiServer({ clock });
  client = api.client;
  informers = createInformers({ client, clock, random: seededRandom(1), log: silentLogger });
});
afterEach(async () => {
  informers.stop();
  await api.close();
});

const map = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { name, namespace: 'default' },
  data,
});

function record(informer: Informer<ConfigMap>): string[] {
  const lines: string[] = [];
  informer.subscribe({
    added: (object) => lines.push(`+${object.metadata.name}`),
    updated: (object, old) => lines.push(`~${object.metadata.name} ${old.data?.a}>${object.data?.a}`),
    deleted: (object) => lines.push(`-${object.metadata.name}`),
  });
  return lines;
}

describe('a shared informer', () => {
  it('has what was there, and follows what changes', async () => {
    await client.create(configMaps, map('one', { a: '1' }));
    const informer = informers.of(configMaps);
    const lines = record(informer);
    await informers.synced();
    expect([informer.hasSynced, lines]).toEqual([true, ['+one']]);
    const created = await client.create(configMaps, map('two'));
    await client.patch(configMaps, map('one').metadata as { name: string }, {
      kind: 'merge',
      document: { data: { a: '2' } },
    });
    await client.delete(configMaps, { name: 'two', namespace: 'default' });
    await clock.settle();
    expect(lines).toEqual(['+one', '+two', '~one 1>2', '-two']);
    expect(informer.get('default/one')?.data).toEqual({ a: '2' });
    expect(informer.get('default/two')).toBeUndefined();
    expect(Object.isFrozen(informer.get('default/one')?.data)).toBe(true);
    expect(informer.get('default/one')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(created.metadata.name).toBe('two');
  });

  it('is one for all who ask for the same', async () => {
    expect(informers.of(configMaps)).toBe(informers.of(configMaps));
    expect(informers.of(configMaps)).not.toBe(informers.of(configMaps, { fieldSelector: 'metadata.name=one' }));
    const one = informers.of(configMaps, { fieldSelector: 'metadata.name=one' });
    await client.create(configMaps, map('one'));
    await client.create(configMaps, map('two'));
    await informers.synced();
    await clock.settle();
    expect([...one.list()].map((object) => object.metadata.name)).toEqual(['one']);
  });

  it('keeps indexes current', async () => {
    const informer = informers.of(configMaps);
    await informers.synced();
    informer.addIndex('a', (object) => (object.data?.a ? [object.data.a] : []));
    const named = (value: string) => informer.byIndex('a', value).map((object) => object.metadata.name);
    await client.create(configMaps, map('one', { a: 'x' }));
    await client.create(configMaps, map('two', { a: 'x' }));
    await clock.settle();
    expect(named('x')).toEqual(['one', 'two']);
    await client.update(configMaps, map('one', { a: 'y' }));
    await client.delete(configMaps, { name: 'two', namespace: 'default' });
    await clock.settle();
    expect([named('x'), named('y')]).toEqual([[], ['one']]);
  });

  it('delivers to the other handlers when one of them throws, and to a late one what is there', async () => {
    const informer = informers.of(configMaps);
    informer.subscribe({
      added() {
        throw new Error('a bug');
      },
    });
    const lines = record(informer);
    await informers.synced();
    await client.create(configMaps, map('one'));
    await clock.settle();
    expect([lines, record(informer)]).toEqual([['+one'], ['+one']]);
  });

  it('finds out by a new list what was deleted and replaced while it could not watch', async () => {
    informers.stop();
    const line = cuttable(client);
    informers = createInformers({ client: line.client, clock, random: seededRandom(1), log: silentLogger });
    for (const name of ['gone', 'kept', 'replaced']) await client.create(configMaps, map(name, { a: '1' }));
    const informer = informers.of(configMaps);
    const lines = record(informer);
    await informers.synced();
    await clock.settle();
    line.cut();
    for (const name of ['gone', 'replaced']) await client.delete(configMaps, { name, namespace: 'default' });
    await client.create(configMaps, map('replaced', { a: '2' }));
    await api.store.compact(api.store.revision);
    line.mend();
    await clock.advance(60_000);
    expect(lines.slice(3).sort()).toEqual(['+replaced', '-gone', '-replaced']);
    await client.create(configMaps, map('new'));
    await clock.settle();
    expect(lines.at(-1)).toBe('+new');
  });
});

/** A client whose watches can be cut: they throw, and so do new ones until the line is mended. */
function cuttable(client: Client): { client: Client; cut(): void; mend(): void } {
  let isCut = false;
  let breakAll = new AbortController();
  const watch: Client['watch'] = async function* (resource, options) {
    if (isCut) throw new Error('the line is cut');
    const signal = AbortSignal.any([breakAll.signal, ...(options.signal ? [options.signal] : [])]);
    yield* client.watch(resource, { ...options, signal }) as AsyncIterable<WatchEvent<never>>;
    if (breakAll.signal.aborted) throw new Error('the line was cut');
  };
  const proxy = new Proxy(client, {
    get(target, property) {
      if (property === 'watch') return watch;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    client: proxy,
    cut() {
      isCut = true;
      breakAll.abort();
    },
    mend() {
      isCut = false;
      breakAll = new AbortController();
    },
  };
}
