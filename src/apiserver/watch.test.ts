import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request, respond } from '../../test/support/request.ts';
import type { Answer, Call, Wire } from '../../test/support/request.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { configMaps } from '../client/resources.ts';

const path = '/api/v1/namespaces/default/configmaps';

interface Seen {
  type: string;
  object: Wire;
}

/** A watch over the wire's bytes, whose events can be waited for. */
class WireWatch {
  readonly seen: Seen[] = [];
  isEnded = false;
  #wake: () => void = () => {};

  static async open(api: TestApiServer, query: string, headers: Record<string, string> = {}): Promise<WireWatch> {
    const { body, status } = await respond(api.server.handler, `GET ${path}?watch=1&${query}`, { headers });
    expect(status).toBe(200);
    const watch = new WireWatch();
    if (body.kind !== 'watch') throw new Error(`answered by a ${body.kind}`);
    body.start({
      event(_type, bytes) {
        const text = Buffer.from(bytes()).toString('utf8');
        expect(text.endsWith('\n')).toBe(true);
        watch.seen.push(JSON.parse(text) as Seen);
        watch.#wake();
      },
      end() {
        watch.isEnded = true;
        watch.#wake();
      },
      backlogBytes: () => 0,
      drained: () => Promise.resolve(),
    });
    return watch;
  }

  /** The first `count` events, as `TYPE name`. */
  async events(count: number): Promise<string[]> {
    while (this.seen.length < count && !this.isEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.seen.map(({ type, object }) => `${type} ${object.metadata.name ?? object.message}`);
  }

  async end(): Promise<void> {
    while (!this.isEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

describe('watching objects', () => {
  let api: TestApiServer;
  const clock = createSimulatedClock();
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const create = (name: string, labels = {}): Promise<Answer> =>
    send(`POST ${path}`, { body: { metadata: { name, labels } } });
  const label = (name: string, labels: object): Promise<Answer> =>
    send(`PATCH ${path}/${name}`, {
      body: { metadata: { labels } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  beforeEach(async () => {
    api = await startTestApiServer({ clock });
    await create('a');
  });
  afterEach(() => api.close());

  it('begins with what is there, then tells every change in order', async () => {
    const watch = await WireWatch.open(api, '');
    await create('b');
    await label('a', { x: 'y' });
    await send(`DELETE ${path}/b`);
    await send('POST /api/v1/namespaces/other/configmaps', { body: { metadata: { name: 'c' } } });
    expect(await watch.events(4)).toEqual(['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED b']);
    expect(watch.seen.map(({ object }) => object.metadata.resourceVersion)).toEqual(['1', '2', '3', '4']);
  });

  it('knows the paths of old', async () => {
    await create('b');
    const seen: string[] = [];
    const { body } = await respond(api.server.handler, `GET /api/v1/watch/namespaces/default/configmaps/b`);
    if (body.kind !== 'watch') throw new Error(`answered by a ${body.kind}`);
    await new Promise<void>((resolve) => {
      body.start({
        event(type, _bytes, object) {
          seen.push(`${type} ${(object() as Wire).metadata.name}`);
          resolve();
        },
        end() {},
        backlogBytes: () => 0,
        drained: () => Promise.resolve(),
      });
    });
    expect(seen).toEqual(['ADDED b']);
  });

  it('begins after a resource version, even one that is long past', async () => {
    await create('b');
    await create('c');
    const watch = await WireWatch.open(api, 'resourceVersion=2');
    expect(await watch.events(1)).toEqual(['ADDED c']);
  });

  it('answers an ERROR event when history is gone', async () => {
    await create('b');
    await create('c');
    await api.store.compact(2);
    const watch = await WireWatch.open(api, 'resourceVersion=1');
    await watch.end();
    expect(watch.seen).toMatchObject([
      { type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old resource version: 1 (3)' } },
    ]);
  });

  it('shows objects coming into and leaving a selection', async () => {
    const watch = await WireWatch.open(api, `resourceVersion=1&labelSelector=x%3Dy`);
    await label('a', { x: 'y' });
    await label('a', { z: '1' });
    await label('a', { x: 'n' });
    await label('a', { z: '2' });
    await label('a', { x: 'y' });
    await send(`DELETE ${path}/a`);
    expect(await watch.events(5)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a']);
    expect(watch.seen[2]?.object.metadata).toMatchObject({ resourceVersion: '4', labels: { x: 'y', z: '1' } });
  });

  it('sends bookmarks every minute to those who ask, and one before it times out', async () => {
    const watch = await WireWatch.open(api, 'resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=90');
    await send('POST /api/v1/namespaces/other/configmaps', { body: { metadata: { name: 'c' } } });
    await clock.advance(61_000);
    expect(await watch.events(1)).toEqual(['BOOKMARK undefined']);
    expect(watch.seen[0]?.object).toEqual({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { resourceVersion: '2' },
    });
    await create('b');
    await clock.advance(30_000);
    await watch.end();
    expect(watch.seen.map(({ type }) => type)).toEqual(['BOOKMARK', 'ADDED', 'BOOKMARK']);
  });

  it('streams a list and says where it ends', async () => {
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await WireWatch.open(api, query);
    await watch.events(2);
    expect(watch.seen[1]).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: '1', annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
  });

  it('streams no tables in place of a list', async () => {
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const status = async (accept: string): Promise<number> =>
      (await request(api.server.handler, `GET ${path}?${query}&timeoutSeconds=1`, { headers: { accept } })).status;
    expect(await status(table)).toBe(406);
    const watch = await WireWatch.open(api, query, { accept: `${table},application/json` });
    expect(await watch.events(2)).toEqual(['ADDED a', 'BOOKMARK undefined']);
  });

  it('ends after the time that was asked for', async () => {
    const watch = await WireWatch.open(api, 'resourceVersion=1&timeoutSeconds=5');
    await clock.advance(5_000);
    await watch.end();
    expect(watch.seen).toEqual([]);
  });

  it('sends tables and metadata to those who want them', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const table = await WireWatch.open(api, '', { accept });
    await create('b');
    await table.events(2);
    expect(table.seen[0]?.object).toMatchObject({ kind: 'Table', rows: [{ cells: ['a', 0, '0s'] }] });
    expect(table.seen[0]?.object.columnDefinitions).toHaveLength(3);
    expect(table.seen[1]?.object.columnDefinitions).toEqual([]);
    const partial = await WireWatch.open(api, '', { accept: accept.replace('Table', 'PartialObjectMetadata') });
    await partial.events(1);
    expect(partial.seen[0]?.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
  });

  it('hands frozen objects to in-process clients until they go', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    await create('b');
    for await (const { type, object } of api.client.watch(configMaps, { signal: controller.signal })) {
      if (type === 'ERROR') break;
      expect(Object.isFrozen(object)).toBe(true);
      seen.push(`${type} ${object.metadata.name}`);
      if (seen.length === 2) await create('c');
      if (seen.length === 3) controller.abort();
    }
    expect(seen).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
  });
});
