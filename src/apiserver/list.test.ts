import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call, Wire } from '../../test/support/request.ts';

const path = '/api/v1/namespaces/default/configmaps';

describe('listing objects', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const names = (answer: Answer): string[] => answer.json().items.map(({ metadata }) => metadata.name);
  const expectStatus = async (query: string, code: number, message: RegExp | string): Promise<Wire> => {
    const answer = await send(`GET ${path}?${query}`);
    expect(answer.status).toBe(code);
    expect(answer.json().message).toMatch(message);
    return answer.json();
  };
  beforeEach(async () => {
    api = await startTestApiServer();
    for (let i = 0; i < 6; i++) {
      const labels = { shard: String(i % 2) };
      await send(`POST ${path}`, { body: { metadata: { name: `m${i}`, labels } } });
    }
    await send('POST /api/v1/namespaces/other/configmaps', { body: { metadata: { name: 'm9' } } });
  });
  afterEach(() => api.close());

  it('lists a namespace, and all of them', async () => {
    const answer = await send(`GET ${path}`);
    expect(answer.json()).toMatchObject({
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '7' },
    });
    expect(names(answer)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
    expect(names(await send('GET /api/v1/configmaps'))).toHaveLength(7);
    expect(names(await send('GET /api/v1/namespaces/empty/configmaps'))).toEqual([]);
  });

  it('selects by labels and fields', async () => {
    expect(names(await send(`GET ${path}?labelSelector=shard%3D1`))).toEqual(['m1', 'm3', 'm5']);
    expect(names(await send(`GET ${path}?labelSelector=shard+notin+(1)`))).toEqual(['m0', 'm2', 'm4']);
    expect(names(await send(`GET ${path}?fieldSelector=metadata.name%3Dm3`))).toEqual(['m3']);
    expect(
      names(await send(`GET ${path}?fieldSelector=metadata.name!%3Dm3,metadata.namespace%3Ddefault`)),
    ).toHaveLength(5);
    await expectStatus('fieldSelector=data%3Dx', 400, '"data" is not a known field selector');
    await expectStatus('labelSelector=a%3D%3D%3Db', 400, /unable to parse|found/);
    const pods = await send('GET /api/v1/pods?fieldSelector=foo%3Dbar');
    expect(pods.json()).toMatchObject({ code: 400, message: 'field label not supported: foo' });
  });

  it('pages through one state, whatever is written meanwhile', async () => {
    const first = await send(`GET ${path}?limit=4`);
    expect(names(first)).toEqual(['m0', 'm1', 'm2', 'm3']);
    expect(first.json().metadata).toMatchObject({ resourceVersion: '7', remainingItemCount: 2 });
    await send(`DELETE ${path}/m5`);
    await send(`POST ${path}`, { body: { metadata: { name: 'm41' } } });
    const token = encodeURIComponent(first.json().metadata.continue ?? '');
    const second = await send(`GET ${path}?limit=4&continue=${token}`);
    expect(names(second)).toEqual(['m4', 'm5']);
    expect(second.json().metadata).toEqual({ resourceVersion: '7' });
    await expectStatus(`continue=${token}&resourceVersion=3`, 400, 'specifying resource version is not allowed');
  });

  it('pages through a selection without counting what remains', async () => {
    const first = await send(`GET ${path}?limit=2&labelSelector=shard%3D0`);
    expect(names(first)).toEqual(['m0', 'm2']);
    expect(first.json().metadata.remainingItemCount).toBeUndefined();
    const token = encodeURIComponent(first.json().metadata.continue ?? '');
    const second = await send(`GET ${path}?limit=2&labelSelector=shard%3D0&continue=${token}`);
    expect(names(second)).toEqual(['m4']);
    expect(second.json().metadata.continue).toBeUndefined();
  });

  it('answers 410 with a fresh token when the first page’s state is gone', async () => {
    const token = (await send(`GET ${path}?limit=4`)).json().metadata.continue ?? '';
    await send(`DELETE ${path}/m5`);
    await api.store.compact(8);
    const status = await expectStatus(`limit=4&continue=${encodeURIComponent(token)}`, 410, 'too old to display');
    expect(status.reason).toBe('Expired');
    const fresh = encodeURIComponent(status.metadata.continue ?? '');
    expect(names(await send(`GET ${path}?limit=4&continue=${fresh}`))).toEqual(['m4']);
    await expectStatus('continue=nonsense', 400, 'continue key is not valid');
  });

  it('lists at, or not before, a resource version', async () => {
    expect(names(await send(`GET ${path}?resourceVersion=3&resourceVersionMatch=Exact`))).toEqual(['m0', 'm1', 'm2']);
    expect(names(await send(`GET ${path}?resourceVersion=3&resourceVersionMatch=NotOlderThan`))).toHaveLength(6);
    expect(names(await send(`GET ${path}?resourceVersion=3`))).toHaveLength(6);
    expect(names(await send(`GET ${path}?resourceVersion=3&limit=9`))).toHaveLength(3);
    expect(names(await send(`GET ${path}?resourceVersion=0`))).toHaveLength(6);
    const future = await expectStatus('resourceVersion=99', 504, 'Too large resource version: 99, current: 7');
    expect(future).toMatchObject({ reason: 'Timeout', details: { retryAfterSeconds: 1 } });
    await api.store.compact(5);
    await expectStatus('resourceVersion=3&resourceVersionMatch=Exact', 410, 'too old');
  });

  it.each([
    ['resourceVersionMatch=Exact', 'resourceVersionMatch is forbidden unless resourceVersion is provided'],
    [
      'resourceVersion=0&resourceVersionMatch=Exact',
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    ['resourceVersion=1&resourceVersionMatch=Some', 'Unsupported value: "Some"'],
    ['sendInitialEvents=true', 'sendInitialEvents is forbidden for list'],
    ['watch=1&resourceVersionMatch=NotOlderThan', 'forbidden for watch unless sendInitialEvents is provided'],
  ])('refuses %s', async (query, message) => {
    await expectStatus(query, 422, message);
  });

  it('gets an object not older than a resource version', async () => {
    expect((await send(`GET ${path}/m0?resourceVersion=5`)).status).toBe(200);
    expect((await send(`GET ${path}/m0?resourceVersion=50`)).status).toBe(504);
  });

  it('hands the same frozen objects to in-process clients', async () => {
    const resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
    const list = await api.client.list(resource, { namespace: 'default', limit: 1 });
    expect(Object.isFrozen(list.items[0])).toBe(true);
    expect(list.items[0]).toBe(await api.client.get(resource, { namespace: 'default', name: 'm0' }));
    expect(list.metadata.remainingItemCount).toBe(5);
  });
});
