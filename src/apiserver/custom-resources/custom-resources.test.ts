import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../store/memory.ts';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { request, type Answer, type Call } from '../../../test/support/request.ts';
import { cronTabDefinition } from '../../../test/support/custom-resources.ts';

let api: TestApiServer;
beforeEach(async () => {
  api = await startTestApiServer();
  await send('POST /api/v1/namespaces', { metadata: { name: 'a' } });
});
afterEach(() => api.close());

const send = (line: string, body?: object, headers: Call['headers'] = {}): Promise<Answer> =>
  request(api.server.handler, line, { ...(body && { body }), headers });
const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const path = '/apis/stable.example.com/v1/namespaces/a/crontabs';

/** Resolves when a definition has a condition of this status. */
async function condition(name: string, type: string, status = 'True', on = api): Promise<void> {
  const field = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
  const resource = { ...field, kind: 'CustomResourceDefinition', namespaced: false };
  const ended = new AbortController();
  const options = { fieldSelector: `metadata.name=${name}`, signal: ended.signal };
  for await (const event of on.client.watch(resource, options)) {
    const { status: found } = event.object as { status?: { conditions?: { type: string; status: string }[] } };
    if (found?.conditions?.some((each) => each.type === type && each.status === status)) break;
  }
  ended.abort();
}

async function define(changes: Parameters<typeof cronTabDefinition>[0] = {}): Promise<void> {
  const definition = cronTabDefinition(changes);
  const answer = await send(`POST ${definitionsPath}`, definition);
  expect(answer.json().message).toBeUndefined();
  await condition(definition.metadata.name, 'Established');
}

const cronTab = (spec: object, name = 'one', more: object = {}): object => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name },
  spec,
  ...more,
});

describe('custom resources', () => {
  it('are served as soon as their definition is established', async () => {
    expect((await send(`GET ${path}`)).status).toBe(404);
    await define();
    const definition = (await send(`GET ${definitionsPath}/crontabs.stable.example.com`)).json();
    expect(definition.status).toMatchObject({
      acceptedNames: {
        plural: 'crontabs',
        singular: 'crontab',
        kind: 'CronTab',
        listKind: 'CronTabList',
        shortNames: ['ct'],
      },
      storedVersions: ['v1'],
      conditions: [
        { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
        { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
      ],
    });
    const created = await send(
      `POST ${path}`,
      cronTab({ cronSpec: '* * * * *', unknown: 1 }, 'one', { status: { a: 1 } }),
    );
    expect(created.status).toBe(201);
    expect(created.headers.warning).toEqual([
      '299 - "unknown field \\"spec.unknown\\""',
      '299 - "unknown field \\"status.a\\""',
    ]);
    expect(created.json()).toMatchObject({ kind: 'CronTab', spec: { cronSpec: '* * * * *', replicas: 1 } });
    expect(created.json().spec).not.toHaveProperty('unknown');
    expect(created.json()).not.toHaveProperty('status');
    expect(created.json().metadata).toMatchObject({ namespace: 'a', generation: 1 });
    expect((await send(`GET ${path}`)).json()).toMatchObject({
      kind: 'CronTabList',
      items: [{ metadata: { name: 'one' } }],
    });
    expect((await send(`DELETE ${path}/one`)).status).toBe(200);
  });

  it('are checked by their schema, in upstream’s words', async () => {
    await define();
    const refused = await send(`POST ${path}`, cronTab({ cronSpec: 5, replicas: 11, mode: 'x', image: '' }));
    expect(refused.status).toBe(422);
    expect((refused.json().details.causes as object[]).map(Object.values)).toEqual([
      [
        'FieldValueTypeInvalid',
        'Invalid value: "integer": spec.cronSpec in body must be of type string: "integer"',
        'spec.cronSpec',
      ],
      [
        'FieldValueInvalid',
        'Invalid value: 11: spec.replicas in body should be less than or equal to 10',
        'spec.replicas',
      ],
      ['FieldValueNotSupported', 'Unsupported value: "x": supported values: "fast", "slow"', 'spec.mode'],
      ['FieldValueInvalid', 'Invalid value: "": spec.image in body should match \'^[a-z]+$\'', 'spec.image'],
      [
        'FieldValueInvalid',
        'Invalid value: "null": some validation rules were not checked because the object was invalid; ' +
          'correct the existing errors to complete validation',
        '<nil>',
      ],
    ]);
    const missing = await send(`POST ${path}`, cronTab({}));
    expect(missing.json().message).toContain('spec.cronSpec: Required value');
    const strict = await send(`POST ${path}?fieldValidation=Strict`, cronTab({ cronSpec: 'a', foo: 1 }));
    expect(strict.status).toBe(400);
    expect(strict.json().message).toBe(
      'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.foo"',
    );
  });

  it('are checked by rules, also about what may change', async () => {
    await define();
    const refused = await send(`POST ${path}`, cronTab({ cronSpec: 'a', replicas: 2, minReplicas: 3 }));
    expect(refused.json().message).toBe(
      'CronTab.stable.example.com "one" is invalid: spec: Invalid value: "object": minReplicas is over replicas',
    );
    await send(`POST ${path}`, cronTab({ cronSpec: 'a', image: 'x' }));
    const changed = await send(
      `PATCH ${path}/one`,
      { spec: { image: 'y' } },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(changed.json().message).toContain('spec.image: Invalid value: "string": image is immutable');
  });

  it('take JSON and merge patches, and no strategic merge patch', async () => {
    await define();
    await send(`POST ${path}`, cronTab({ cronSpec: 'a' }));
    const merged = await send(
      `PATCH ${path}/one`,
      { spec: { replicas: 3 } },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(merged.json()).toMatchObject({ spec: { replicas: 3 }, metadata: { generation: 2 } });
    const refused = await send(`PATCH ${path}/one`, {}, { 'content-type': 'application/strategic-merge-patch+json' });
    expect(refused.status).toBe(415);
  });

  it('have status and scale subresources', async () => {
    await define();
    await send(`POST ${path}`, cronTab({ cronSpec: 'a' }));
    const body = cronTab({ cronSpec: 'b' }, 'one', { status: { replicas: 2, labelSelector: 'a=b' } }) as {
      metadata: object;
    };
    const { resourceVersion } = (await send(`GET ${path}/one`)).json().metadata;
    const put = await send(`PUT ${path}/one/status`, { ...body, metadata: { name: 'one', resourceVersion } });
    expect(put.json()).toMatchObject({ spec: { cronSpec: 'a' }, status: { replicas: 2 }, metadata: { generation: 1 } });
    expect((await send(`GET ${path}/one/scale`)).json()).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 1 },
      status: { replicas: 2, selector: 'a=b' },
    });
    const scaled = await send(
      `PATCH ${path}/one/scale`,
      { spec: { replicas: 4 } },
      { 'content-type': 'application/merge-patch+json' },
    );
    expect(scaled.json().spec).toEqual({ replicas: 4 });
    expect((await send(`GET ${path}/one`)).json().spec.replicas).toBe(4);
  });

  it('print their columns, and are selected by their fields', async () => {
    await define();
    await send(`POST ${path}`, cronTab({ cronSpec: 'a', mode: 'fast' }));
    await send(`POST ${path}`, cronTab({ cronSpec: 'b' }, 'two'));
    const table = (
      await send(`GET ${path}`, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    ).json();
    expect((table.columnDefinitions as { name: string }[]).map(({ name }) => name)).toEqual([
      'Name',
      'Spec',
      'Replicas',
      'Age',
    ]);
    expect((table.rows as { cells: unknown[] }[]).map(({ cells }) => cells.slice(0, 3))).toEqual([
      ['one', 'a', 1],
      ['two', 'b', 1],
    ]);
    const selected = (await send(`GET ${path}?fieldSelector=spec.mode=fast`)).json();
    expect(selected.items.map(({ metadata }) => metadata.name)).toEqual(['one']);
    const accept = 'application/vnd.kubernetes.protobuf, application/json';
    expect((await send(`GET ${path}/one`, undefined, { accept })).headers['content-type']).toBe('application/json');
  });

  it('go before their definition does, once nobody holds them', async () => {
    await define();
    await send(`POST ${path}`, {
      ...cronTab({ cronSpec: 'a' }),
      metadata: { name: 'held', finalizers: ['example.com/hold'] },
    });
    await send(`POST ${path}`, cronTab({ cronSpec: 'a' }));
    const deleted = await send(`DELETE ${definitionsPath}/crontabs.stable.example.com`);
    expect(deleted.json().metadata).toMatchObject({ finalizers: ['customresourcecleanup.apiextensions.k8s.io'] });
    await condition('crontabs.stable.example.com', 'Terminating');
    expect((await send(`POST ${path}`, cronTab({ cronSpec: 'a' }, 'late'))).status).toBe(405);
    const gone = new Promise<void>((resolve) => {
      const watch = api.store.watch(
        { prefix: '/apiextensions.k8s.io/', afterRevision: api.store.revision },
        {
          events: (events) => {
            if (!events.some(({ kind }) => kind === 'delete')) return;
            watch.close();
            resolve();
          },
          progress() {},
          ended() {},
        },
      );
    });
    await send(
      `PATCH ${path}/held`,
      { metadata: { finalizers: null } },
      { 'content-type': 'application/merge-patch+json' },
    );
    await gone;
    expect((await send(`GET ${path}`)).status).toBe(404);
  });

  it('are there after a restart, also those of older versions', async () => {
    const store = createMemoryStore();
    const first = await startTestApiServer({ store });
    await request(first.server.handler, `POST ${definitionsPath}`, { body: cronTabDefinition() });
    await condition('crontabs.stable.example.com', 'Established', 'True', first);
    await request(first.server.handler, 'POST /apis/stable.example.com/v1/namespaces/a/crontabs', {
      body: cronTab({ cronSpec: 'a' }),
    });
    await first.server.close();
    const second = await startTestApiServer({ store });
    const url = '/apis/stable.example.com/v1beta1/namespaces/a/crontabs/one';
    const found = (await request(second.server.handler, `GET ${url}`)).json();
    expect(found).toMatchObject({ apiVersion: 'stable.example.com/v1beta1', spec: { cronSpec: 'a' } });
    expect(found.spec).not.toHaveProperty('replicas');
    await second.close();
  });

  it('whose names are taken wait until they are free', async () => {
    await define();
    const second = cronTabDefinition({ plural: 'cronjobs', kind: 'CronTab' });
    await send(`POST ${definitionsPath}`, second);
    await condition(second.metadata.name, 'NamesAccepted', 'False');
    const { status } = (await send(`GET ${definitionsPath}/${second.metadata.name}`)).json();
    expect((status as { conditions: object[] }).conditions).toMatchObject([
      { type: 'NamesAccepted', reason: 'ListKindConflict', message: '"CronTabList" is already in use' },
      { type: 'Established', status: 'False', reason: 'NotAccepted' },
    ]);
    await send(`DELETE ${definitionsPath}/crontabs.stable.example.com`);
    await condition(second.metadata.name, 'Established');
  });

  it('are in discovery and in OpenAPI', async () => {
    await define();
    expect((await send('GET /apis/stable.example.com')).json().versions).toEqual([
      { groupVersion: 'stable.example.com/v1', version: 'v1' },
      { groupVersion: 'stable.example.com/v1beta1', version: 'v1beta1' },
    ]);
    const resources = (await send('GET /apis/stable.example.com/v1')).json().resources as { name: string }[];
    expect(resources.map(({ name }) => name)).toEqual(['crontabs', 'crontabs/scale', 'crontabs/status']);
    const { components } = (await send('GET /openapi/v3/apis/stable.example.com/v1')).json<{
      components: { schemas: Record<string, object> };
    }>();
    expect(components.schemas['com.example.stable.v1.CronTab']).toMatchObject({
      properties: { spec: { properties: { cronSpec: { type: 'string' } } } },
      'x-kubernetes-group-version-kind': [{ group: 'stable.example.com', kind: 'CronTab', version: 'v1' }],
    });
    const { definitions } = (await send('GET /openapi/v2')).json<{ definitions: Record<string, object> }>();
    expect(definitions).toHaveProperty(['com.example.stable.v1beta1.CronTabList']);
    expect(definitions['com.example.stable.v1.CronTab']).toHaveProperty('properties');
  });

  it('have no properties in Swagger where unknown fields are kept: clients would refuse those', async () => {
    const schema = {
      type: 'object',
      properties: { spec: { type: 'object' } },
      'x-kubernetes-preserve-unknown-fields': true,
    };
    const definition = cronTabDefinition();
    definition.spec.versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }];
    await send(`POST ${definitionsPath}`, definition);
    await condition(definition.metadata.name, 'Established');
    const { definitions } = (await send('GET /openapi/v2')).json<{ definitions: Record<string, object> }>();
    expect(definitions['com.example.stable.v1.CronTab']).toEqual({
      type: 'object',
      'x-kubernetes-group-version-kind': [{ group: 'stable.example.com', kind: 'CronTab', version: 'v1' }],
    });
  });
});
