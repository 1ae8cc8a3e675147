import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnyObject } from '../../api/object.ts';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { request } from '../../../test/support/request.ts';
import type { Answer, Wire } from '../../../test/support/request.ts';
import { startSecuredServer } from '../../../test/support/secured-server.ts';
import { startWebhookServer } from '../../../test/support/webhook-server.ts';
import type { Review, WebhookServer } from '../../../test/support/webhook-server.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const endpoints = (version: string): string => `/apis/example.com/${version}/namespaces/default/endpoints`;
let api: TestApiServer;
let hook: WebhookServer;
let spoil: (converted: AnyObject) => AnyObject;

beforeEach(async () => {
  api = await startSecuredServer();
  spoil = (converted) => converted;
  hook = await startWebhookServer(convert);
  const clientConfig = { url: `${hook.url}/convert`, caBundle: hook.caBundle };
  const made = await send(`POST ${definitions}`, definition({ clientConfig, conversionReviewVersions: ['v1'] }));
  expect(made.status, made.bytes.toString()).toBe(201);
  await expect.poll(async () => (await send(`GET ${endpoints('v2')}`)).status).toBe(200);
});

afterEach(async () => {
  await api.close();
  await hook.close();
});

const send = (line: string, body?: object, headers?: Record<string, string>): Promise<Answer> =>
  request(api.server.handler, line, { ...(body && { body }), ...(headers && { headers }) });

function definition(webhook: object): object {
  const text = { type: 'string' };
  const version = (name: string, properties: object): object => ({
    name,
    served: true,
    storage: name === 'v1',
    schema: { openAPIV3Schema: { type: 'object', required: Object.keys(properties), properties } },
    additionalPrinterColumns: Object.keys(properties).map((key) => ({
      name: key,
      type: 'string',
      jsonPath: `.${key}`,
    })),
    selectableFields: Object.keys(properties).map((key) => ({ jsonPath: `.${key}` })),
  });
  return {
    metadata: { name: 'endpoints.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'endpoints', kind: 'Endpoint' },
      conversion: { strategy: 'Webhook', webhook },
      versions: [version('v1', { hostPort: text }), version('v2', { host: text, port: text })],
    },
  };
}

/** v1 has `hostPort`, v2 `host` and `port`. */
function convert(review: Review): object {
  const { uid, desiredAPIVersion, objects } = review.request as unknown as {
    uid: string;
    desiredAPIVersion: string;
    objects: AnyObject[];
  };
  const convertedObjects = objects.map((object) => {
    const { kind, metadata, hostPort, host, port } = object as AnyObject & Record<string, string>;
    const [left, right] = (hostPort ?? '').split(':');
    const fields = desiredAPIVersion.endsWith('/v2') ? { host: left, port: right } : { hostPort: `${host}:${port}` };
    return spoil({ apiVersion: desiredAPIVersion, kind, metadata, ...fields });
  });
  const { apiVersion, kind } = review;
  return { apiVersion, kind, response: { uid, convertedObjects, result: { status: 'Success' } } };
}

const v1 = (name: string, hostPort: string): object => ({
  ...{ apiVersion: 'example.com/v1', kind: 'Endpoint', metadata: { name }, hostPort },
});
const v2 = (name: string, host: string, port: string): object => ({
  ...{ apiVersion: 'example.com/v2', kind: 'Endpoint', metadata: { name }, host, port },
});

describe('conversion webhooks', () => {
  it('convert what is read and written in another version than the stored one', async () => {
    await send(`POST ${endpoints('v1')}`, v1('a', 'one:80'));
    expect((await send(`GET ${endpoints('v2')}/a`)).json()).toMatchObject({
      apiVersion: 'example.com/v2',
      host: 'one',
      port: '80',
    });
    const made = await send(`POST ${endpoints('v2')}`, v2('b', 'two', '81'));
    expect(made.json(), made.bytes.toString()).toMatchObject({ apiVersion: 'example.com/v2', host: 'two', port: '81' });
    expect((await send(`GET ${endpoints('v1')}/b`)).json()).toMatchObject({ hostPort: 'two:81' });
    const merge = { 'content-type': 'application/merge-patch+json' };
    const patched = (await send(`PATCH ${endpoints('v2')}/b`, { port: '82' }, merge)).json();
    expect(patched).toMatchObject({ host: 'two', port: '82', metadata: { generation: 2 } });
    expect((await send(`GET ${endpoints('v1')}/b`)).json()).toMatchObject({ hostPort: 'two:82' });
    const applied = await send(`PATCH ${endpoints('v2')}/c?fieldManager=me`, v2('c', 'three', '83'), {
      'content-type': 'application/apply-patch+yaml',
    });
    expect(applied.json(), applied.bytes.toString()).toMatchObject({ host: 'three', port: '83' });
  });

  it('convert lists of objects that were stored in several versions, in one call, and their tables', async () => {
    await send(`POST ${endpoints('v1')}`, v1('a', 'one:80'));
    const versions = [0, 1].map((i) => ({ op: 'replace', path: `/spec/versions/${i}/storage`, value: i === 1 }));
    const patch = { 'content-type': 'application/json-patch+json' };
    expect((await send(`PATCH ${definitions}/endpoints.example.com`, versions, patch)).status).toBe(200);
    await expect
      .poll(async () => (await send(`GET ${definitions}/endpoints.example.com`)).json().status)
      .toMatchObject({ storedVersions: ['v1', 'v2'] });
    await send(`POST ${endpoints('v2')}`, v2('b', 'two', '81'));
    await send(`POST ${endpoints('v2')}`, v2('c', 'three', '82'));
    const before = hook.posts.length;
    const fields = ({ host, port, hostPort }: Wire): unknown => hostPort ?? [host, port];
    expect((await send(`GET ${endpoints('v1')}`)).json().items.map(fields)).toEqual(['one:80', 'two:81', 'three:82']);
    expect(hook.posts.length - before).toBe(1);
    const second = (await send(`GET ${endpoints('v2')}`)).json().items.map(fields);
    expect(second).toEqual([
      ['one', '80'],
      ['two', '81'],
      ['three', '82'],
    ]);
    const table = await send(`GET ${endpoints('v2')}`, undefined, {
      accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
    });
    expect((table.json().rows as { cells: string[] }[]).map(({ cells }) => cells)[0]).toEqual(['a', 'one', '80']);
    // A write brings what is stored up to date.
    const merge = { 'content-type': 'application/merge-patch+json' };
    expect((await send(`PATCH ${endpoints('v1')}/a`, { hostPort: 'one:90' }, merge)).json()).toMatchObject({
      hostPort: 'one:90',
    });
    const stored = await api.store.get('/example.com/endpoints/default/a');
    expect(stored.kind === 'found' && JSON.parse(Buffer.from(stored.entry.value).toString())).toMatchObject({
      host: 'one',
      port: '90',
    });
  });

  it('convert what watches see, in order', async () => {
    await send(`POST ${endpoints('v1')}`, v1('a', 'one:80'));
    const resource = { group: 'example.com', version: 'v2', plural: 'endpoints', kind: 'Endpoint', namespaced: true };
    const seen: string[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      const options = { namespace: 'default', resourceVersion: '0', signal: abort.signal };
      for await (const event of api.client.watch(resource, options)) {
        const { type, object } = event as { type: string; object: AnyObject };
        seen.push(`${type} ${String(object.host)}:${String(object.port)}`);
        if (seen.length === 4) abort.abort();
      }
    })().catch(() => {});
    await send(`POST ${endpoints('v1')}`, v1('b', 'two:81'));
    await send(`PUT ${endpoints('v1')}/b`, {
      ...v1('b', 'two:82'),
      metadata: {
        name: 'b',
        resourceVersion: (await send(`GET ${endpoints('v1')}/b`)).json().metadata.resourceVersion,
      },
    });
    await send(`DELETE ${endpoints('v1')}/b`);
    await watching;
    expect(seen).toEqual(['ADDED one:80', 'ADDED two:81', 'MODIFIED two:82', 'DELETED two:82']);
  });

  it('come before field selectors, which are about the fields of the version that is asked for', async () => {
    const selector = '?fieldSelector=host%3Done%2Cport%3D80';
    const resource = { group: 'example.com', version: 'v2', plural: 'endpoints', kind: 'Endpoint', namespaced: true };
    const seen: string[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      const options = { namespace: 'default', fieldSelector: 'host=one', signal: abort.signal };
      for await (const event of api.client.watch(resource, { ...options, resourceVersion: '0' })) {
        const { type, object } = event as { type: string; object: AnyObject };
        seen.push(`${type} ${object.metadata.name ?? ''} ${String(object.host)}:${String(object.port)}`);
        if (seen.length === 4) abort.abort();
      }
    })().catch(() => {});
    await send(`POST ${endpoints('v2')}`, v2('a', 'one', '80'));
    await send(`POST ${endpoints('v2')}`, v2('b', 'one', '81'));
    await send(`POST ${endpoints('v2')}`, v2('c', 'two', '80'));
    const names = async (version: string, query: string): Promise<unknown> =>
      (await send(`GET ${endpoints(version)}${query}`)).json().items.map(({ metadata }) => metadata.name);
    expect(await names('v2', '?fieldSelector=host%3Done')).toEqual(['a', 'b']);
    expect(await names('v2', '?fieldSelector=host%3Done&limit=1')).toEqual(['a']);
    expect(await names('v2', selector)).toEqual(['a']);
    expect(await names('v1', '?fieldSelector=hostPort%3Done%3A80')).toEqual(['a']);
    expect((await send(`DELETE ${endpoints('v2')}${selector}`)).status).toBe(200);
    expect(await names('v2', '')).toEqual(['b', 'c']);
    const patch = { 'content-type': 'application/merge-patch+json' };
    await send(`PATCH ${endpoints('v2')}/b`, { host: 'two' }, patch);
    expect(await names('v2', '?fieldSelector=host%3Done')).toEqual([]);
    await watching;
    expect(seen).toEqual(['ADDED a one:80', 'ADDED b one:81', 'DELETED a one:80', 'DELETED b one:81']);
  });

  it('are asked about no more than the one object that a list names', async () => {
    await send(`POST ${endpoints('v1')}`, v1('a', 'one:80'));
    await send(`POST ${endpoints('v1')}`, v1('b', 'two:81'));
    const list = (await send(`GET ${endpoints('v2')}?fieldSelector=metadata.name%3Db`)).json();
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['b']);
    const asked = hook.posts.map(({ body }) => (body.request as unknown as { objects: AnyObject[] }).objects);
    expect(asked.map((objects) => objects.map(({ metadata }) => metadata.name))).toEqual([['b']]);
  });

  it('judge what is written by the schema of the version it was written in', async () => {
    const wrong = await send(`POST ${endpoints('v2')}`, { ...v2('a', 'x', 'y'), port: 5 });
    expect(wrong.status).toBe(422);
    expect(wrong.json().message).toContain('port: Invalid value');
    expect(hook.posts).toEqual([]);
  });

  it('fail requests whose objects they change where they may not', async () => {
    await send(`POST ${endpoints('v1')}`, v1('a', 'one:80'));
    spoil = (converted) => ({ ...converted, metadata: { ...converted.metadata, uid: 'other' } });
    const answer = await send(`GET ${endpoints('v2')}/a`);
    expect(answer.status).toBe(500);
    expect(answer.json().message).toBe(
      'conversion webhook for example.com/v1, Kind=Endpoint failed: metadata.uid must not change',
    );
  });
});
