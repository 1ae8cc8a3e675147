import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call } from '../../test/support/request.ts';
import { isApiError } from '../api/status.ts';
import { configMaps, pods } from '../client/resources.ts';

const path = '/api/v1/namespaces/default/configmaps';

describe('creating objects', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  beforeEach(async () => {
    api = await startTestApiServer();
  });
  afterEach(() => api.close());

  it('fills in uid, creation time, generation and resource version', async () => {
    const pod = await api.client.create(pods, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    });
    expect(pod.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(pod.metadata).toMatchObject({ generation: 1, resourceVersion: '1', namespace: 'default' });
    expect(pod.apiVersion).toBe('v1');
    expect(await api.client.get(pods, { name: 'web', namespace: 'default' })).toBe(pod);
    expect((await api.client.list(pods)).items).toEqual([pod]);
  });

  it('answers 201 with the stored object', async () => {
    const answer = await send(`POST ${path}`, { body: { metadata: { name: 'a' }, data: { k: 'v' } } });
    expect(answer.status).toBe(201);
    expect(answer.json()).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'a', namespace: 'default', resourceVersion: '1' },
      data: { k: 'v' },
    });
    expect((await send(`GET ${path}/a`)).bytes).toEqual(answer.bytes);
  });

  it('leaves the caller’s object as it was', async () => {
    const object = Object.freeze({ metadata: Object.freeze({ name: 'a', namespace: 'default' }) });
    await api.client.create(configMaps, object);
    expect(object).toEqual({ metadata: { name: 'a', namespace: 'default' } });
  });

  it('generates names, and another when one is taken', async () => {
    const names = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { metadata } = (await send(`POST ${path}`, { body: { metadata: { generateName: 'a-' } } })).json();
      expect(metadata.name).toMatch(/^a-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      names.add(metadata.name);
    }
    expect(names.size).toBe(50);
  });

  it('refuses a name that is taken', async () => {
    await send(`POST ${path}`, { body: { metadata: { name: 'a' } } });
    const answer = await send(`POST ${path}`, { body: { metadata: { name: 'a' } } });
    expect(answer.json()).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'configmaps "a" already exists',
      reason: 'AlreadyExists',
      details: { name: 'a', group: '', kind: 'configmaps' },
      code: 409,
    });
  });

  it.each([
    [{ metadata: { name: 'a', namespace: 'other' } }, 400, /the namespace of the provided object does not match/],
    [{ metadata: { name: 'a' }, apiVersion: 'v2' }, 400, /the API version in the data \(v2\) does not match/],
    [
      { metadata: { name: 'a' }, kind: 'Pod', apiVersion: 'v1' },
      400,
      /Pod in version "v1" cannot be handled as a ConfigMap/,
    ],
    [{ metadata: { name: 'A_b' } }, 422, /metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain/],
    [{ metadata: {} }, 422, /name or generateName is required/],
    [{ metadata: { name: 'a', resourceVersion: '5' } }, 500, /resourceVersion should not be set/],
    [{ metadata: { name: 'a' }, data: [] }, 400, /cannot unmarshal array into Go struct field ConfigMap.data/],
    [
      '{"metadata":',
      400,
      /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get .* JSON input \(\{"metadata":\)$/,
    ],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata:',
      400,
      / \(61706956657273696f6e3a2076310a6b696e643a20436f6e6669674d6170 \.\.\.\)$/,
    ],
    ['[]', 400, /object provided is unrecognized/],
  ])('refuses %j with %i', async (body, status, message) => {
    const answer = await send(`POST ${path}`, { body });
    expect(answer.status).toBe(status);
    expect(answer.json().message).toMatch(message);
  });

  it('warns about, refuses or ignores unknown fields as it is told', async () => {
    const body = { metadata: { name: 'a' }, foo: 1 };
    const strict = await send(`POST ${path}?fieldValidation=Strict`, { body });
    expect(strict.status).toBe(400);
    expect(strict.json().message).toContain('strict decoding error: unknown field "foo"');
    const ignore = await send(`POST ${path}?fieldValidation=Ignore&dryRun=All`, { body });
    expect([ignore.status, ignore.headers.warning]).toEqual([201, undefined]);
    const warn = await send(`POST ${path}`, { body });
    expect([warn.status, warn.headers.warning]).toEqual([201, [String.raw`299 - "unknown field \"foo\""`]]);
    expect(warn.json().foo).toBeUndefined();
  });

  it('tells of unknown and duplicate fields in the order of the text', async () => {
    const text =
      '{"metadata":{"name":"d"},"spec":{"unknownField":"a","unknownField":"b","replicas":1,"replicas":2,"later":{"x":1},' +
      '"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"containers":[{"name":"c","name":"c"}]}}}}';
    const strict = await send('POST /apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict', {
      body: text,
    });
    expect(strict.json().message).toContain(
      'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas", ' +
        'unknown field "spec.later", duplicate field "spec.template.spec.containers[0].name"',
    );
  });

  it('stores nothing in a dry run, and refuses what it would refuse', async () => {
    const dry = await send(`POST ${path}?dryRun=All`, { body: { metadata: { name: 'a' } } });
    expect(dry.status).toBe(201);
    expect(dry.json().metadata.resourceVersion).toBeUndefined();
    expect((await send(`GET ${path}/a`)).status).toBe(404);
    await send(`POST ${path}`, { body: { metadata: { name: 'a' } } });
    expect((await send(`POST ${path}?dryRun=All`, { body: { metadata: { name: 'a' } } })).status).toBe(409);
    expect((await send(`POST ${path}?dryRun=Some`, { body: { metadata: { name: 'b' } } })).status).toBe(422);
  });

  it('reads YAML', async () => {
    const headers = { 'content-type': 'application/yaml' };
    const answer = await send(`POST ${path}`, { headers, body: 'metadata:\n  name: a\ndata: {k: v}\n' });
    expect(answer.json()).toMatchObject({ metadata: { name: 'a' }, data: { k: 'v' } });
  });

  it('refuses media types that it does not know', async () => {
    const answer = await send(`POST ${path}`, { headers: { 'content-type': 'text/xml' }, body: '<a/>' });
    expect(answer.json()).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
  });

  it('rejects in process with the same error', async () => {
    const error: unknown = await api.client.get(pods, { name: 'x', namespace: 'default' }).catch((e: unknown) => e);
    expect(isApiError(error, 'NotFound')).toBe(true);
    expect((error as Error).message).toBe('pods "x" not found');
  });
});
