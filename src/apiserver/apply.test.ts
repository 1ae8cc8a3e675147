import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ManagedFieldsEntry } from '../api/types/meta-v1.ts';
import { createMemoryStore } from '../store/memory.ts';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { request, type Answer, type Call } from '../../test/support/request.ts';

let api: TestApiServer;
beforeEach(async () => {
  api = await startTestApiServer();
});
afterEach(() => api.close());

const send = (line: string, body?: object, headers: Call['headers'] = {}): Promise<Answer> =>
  request(api.server.handler, line, { ...(body && { body }), headers });
const deployments = '/apis/apps/v1/namespaces/a/deployments';
const configMaps = '/api/v1/namespaces/a/configmaps';
const applyHeaders = { 'content-type': 'application/apply-patch+yaml' };
const mergeHeaders = { 'content-type': 'application/merge-patch+json' };

const applyTo = (path: string, body: object, query = 'fieldManager=one'): Promise<Answer> =>
  send(`PATCH ${path}?${query}`, body, applyHeaders);

interface Containers {
  containers: { name: string; image?: string; env?: object[] }[];
}
const container = { name: 'web', image: 'web:1' };
const deployment = (spec: object = {}, pod: Containers = { containers: [container] }): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { app: 'd' } },
    template: { metadata: { labels: { app: 'd' } }, spec: pod },
    ...spec,
  },
});
const configMap = (data: object): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c' },
  data,
});

function managedOf(answer: Answer): ManagedFieldsEntry[] {
  return (answer.json().metadata as { managedFields?: ManagedFieldsEntry[] }).managedFields ?? [];
}
const owners = (answer: Answer): [string?, string?, unknown?][] =>
  managedOf(answer).map(({ manager, operation, fieldsV1 }) => [manager, operation, fieldsV1]);

describe('managed fields', () => {
  it('refuses fields that the schema does not know, whatever the request says of validation', async () => {
    const pod = { containers: [{ ...container, ports: [{ containerPort: 80, nothing: 1 }] }] };
    const unknown = await applyTo(`${deployments}/d`, deployment({}, pod));
    expect(unknown.status).toBe(500);
    expect(unknown.json().message).toBe(
      'failed to create typed patch object (a/d; apps/v1, Kind=Deployment): .spec.template.spec' +
        '.containers[name="web"].ports[containerPort=80,protocol="TCP"].nothing: field not declared in schema',
    );
    const both = await applyTo(
      `${deployments}/d`,
      deployment({ one: 1, two: 2 }),
      'fieldManager=m&fieldValidation=Ignore',
    );
    expect(both.json().message).toContain('errors:\n  .spec.one: field not declared in schema\n  .spec.two: field');
    expect((await send(`GET ${deployments}/d`)).status).toBe(404);
  });

  it('say that whoever creates an object owns all of it', async () => {
    const headers = { 'user-agent': 'kubectl/v1.36.0 (linux/amd64)' };
    const created = await send(`POST ${deployments}`, deployment(), headers);
    expect(managedOf(created)).toEqual([
      {
        manager: 'kubectl',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': expect.objectContaining({
            'f:selector': {},
            'f:replicas': {},
            'f:strategy': { 'f:type': {}, 'f:rollingUpdate': { 'f:maxSurge': {}, 'f:maxUnavailable': {} } },
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
              'f:spec': expect.objectContaining({
                'f:containers': {
                  '.': {},
                  'k:{"name":"web"}': expect.objectContaining({ '.': {}, 'f:name': {}, 'f:image': {} }),
                },
              }),
            },
          }),
        },
      },
    ]);
  });

  it('go to whoever changes a field', async () => {
    await send(`POST ${configMaps}?fieldManager=one`, configMap({ a: '1', b: '2' }));
    const patched = await send(
      `PATCH ${configMaps}/c?fieldManager=two`,
      { data: { b: '3', c: '4', a: null } },
      mergeHeaders,
    );
    expect(owners(patched)).toEqual([
      ['one', 'Update', { 'f:data': {} }],
      ['two', 'Update', { 'f:data': { 'f:b': {}, 'f:c': {} } }],
    ]);
    const [before] = managedOf(patched);
    const unchanged = await send(`PATCH ${configMaps}/c?fieldManager=three`, { data: { b: '3' } }, mergeHeaders);
    expect(unchanged.json().metadata.resourceVersion).toBe(patched.json().metadata.resourceVersion);
    expect(managedOf(unchanged)[0]).toEqual(before);
  });

  it('are kept apart for subresources', async () => {
    const created = await send(`POST ${deployments}?fieldManager=one`, deployment());
    const { resourceVersion } = created.json().metadata;
    const body = { ...deployment(), metadata: { name: 'd', resourceVersion }, status: { replicas: 2 } };
    const answer = await send(`PUT ${deployments}/d/status?fieldManager=two`, body);
    expect(managedOf(answer)[1]).toMatchObject({
      manager: 'two',
      subresource: 'status',
      fieldsV1: { 'f:status': { 'f:replicas': {} } },
    });
    const scaled = await send(
      `PATCH ${deployments}/d/scale?fieldManager=three`,
      { spec: { replicas: 3 } },
      mergeHeaders,
    );
    expect(scaled.status).toBe(200);
    const found = managedOf(await send(`GET ${deployments}/d`));
    expect(found.map(({ manager, subresource }) => [manager, subresource])).toEqual([
      ['one', undefined],
      ['three', 'scale'],
      ['two', 'status'],
    ]);
    expect(found[1]?.fieldsV1).toEqual({ 'f:spec': { 'f:replicas': {} } });
  });

  it('can be taken away, and replaced, by who sends them', async () => {
    await send(`POST ${configMaps}?fieldManager=one`, configMap({ a: '1' }));
    const entry = {
      manager: 'x',
      operation: 'Apply',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': {} },
    };
    const replaced = await send(
      `PATCH ${configMaps}/c`,
      [{ op: 'replace', path: '/metadata/managedFields', value: [{ ...entry, time: '2026-01-01T00:00:00Z' }] }],
      { 'content-type': 'application/json-patch+json' },
    );
    expect(owners(replaced)).toEqual([['x', 'Apply', { 'f:data': {} }]]);
    const emptied = await send(`PATCH ${configMaps}/c`, { metadata: { managedFields: [{}] } }, mergeHeaders);
    expect(managedOf(emptied)).toEqual([]);
  });

  it('are seen in lists, watches of other forms, and after a restart', async () => {
    const store = createMemoryStore();
    const first = await startTestApiServer({ store });
    await request(first.server.handler, `POST ${configMaps}?fieldManager=one`, { body: configMap({ a: '1' }) });
    await first.server.close();
    const second = await startTestApiServer({ store });
    const get = (headers: Record<string, string>): Promise<Answer> =>
      request(second.server.handler, `GET ${configMaps}`, { headers });
    const plain = (await get({})).json();
    const pretty = (await get({ 'user-agent': 'curl/8' })).json();
    expect(plain).toEqual(pretty);
    expect(plain.items[0]?.metadata.managedFields).toHaveLength(1);
    const table = (await get({ accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).json();
    expect((table.rows as { object: { metadata: object } }[])[0]?.object.metadata).toHaveProperty('managedFields');
    const put = { ...configMap({ a: '1' }), metadata: plain.items[0]?.metadata };
    const same = await request(second.server.handler, `PUT ${configMaps}/c`, { body: put });
    expect(same.json().metadata.resourceVersion).toBe(plain.items[0]?.metadata.resourceVersion);
    await second.close();
  });
});

describe('server-side apply', () => {
  it('creates an object, and owns what it said', async () => {
    const created = await applyTo(`${deployments}/d`, deployment());
    expect(created.status).toBe(201);
    expect(created.json().spec).toMatchObject({ replicas: 1 });
    expect(owners(created)).toEqual([
      [
        'one',
        'Apply',
        {
          'f:spec': {
            'f:selector': {},
            'f:template': {
              'f:metadata': { 'f:labels': { 'f:app': {} } },
              'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
            },
          },
        },
      ],
    ]);
    const again = await applyTo(`${deployments}/d`, deployment());
    expect(again.status).toBe(200);
    expect(again.json()).toEqual(created.json());
  });

  it('removes what it does not say any more, unless others own it', async () => {
    await applyTo(`${configMaps}/c`, configMap({ a: '1', b: '2', c: '3' }));
    await applyTo(`${configMaps}/c`, configMap({ b: '2' }), 'fieldManager=two');
    const less = await applyTo(`${configMaps}/c`, configMap({ a: '1' }));
    expect(less.json().data).toEqual({ a: '1', b: '2' });
    const none = await applyTo(`${configMaps}/c`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } });
    expect(none.json().data).toEqual({ b: '2' });
    expect(owners(none).map(([manager]) => manager)).toEqual(['two']);
  });

  it('merges lists by their keys', async () => {
    await applyTo(`${deployments}/d`, deployment());
    const sidecar = { name: 'proxy', image: 'proxy:1' };
    const env = [{ name: 'A', value: '1' }];
    const added = await applyTo(
      `${deployments}/d`,
      deployment({}, { containers: [sidecar, { name: 'web', env }] }),
      'fieldManager=two',
    );
    const containers = (answer: Answer): unknown =>
      (answer.json().spec.template as { spec: Containers }).spec.containers;
    expect(containers(added)).toMatchObject([sidecar, { ...container, env }]);
    const removed = await applyTo(
      `${deployments}/d`,
      deployment({}, { containers: [{ name: 'web' }] }),
      'fieldManager=two',
    );
    expect(containers(removed)).toMatchObject([container]);
    expect(JSON.stringify(containers(removed))).not.toContain('env');
  });

  it('is refused where it would change what others own, until it is forced', async () => {
    await send(`POST ${deployments}?fieldManager=kubectl-create`, deployment({ replicas: 2, minReadySeconds: 1 }));
    const refused = await applyTo(`${deployments}/d`, deployment({ replicas: 3 }));
    expect(refused.status).toBe(409);
    expect(refused.json()).toMatchObject({
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas',
      details: {
        causes: [
          {
            reason: 'FieldManagerConflict',
            message: 'conflict with "kubectl-create" using apps/v1',
            field: '.spec.replicas',
          },
        ],
      },
    });
    const image = { containers: [{ name: 'web', image: 'web:2' }] };
    const twice = await applyTo(`${deployments}/d`, deployment({ replicas: 3 }, image));
    expect(twice.json().message).toBe(
      'Apply failed with 2 conflicts: conflicts with "kubectl-create" using apps/v1:\n' +
        '- .spec.replicas\n- .spec.template.spec.containers[name="web"].image',
    );
    const forced = await applyTo(`${deployments}/d`, deployment({ replicas: 3 }, image), 'fieldManager=one&force=true');
    expect(forced.json().spec).toMatchObject({ replicas: 3, minReadySeconds: 1 });
    const created = managedOf(forced).find(({ manager }) => manager === 'kubectl-create');
    expect(created?.fieldsV1).not.toHaveProperty(['f:spec', 'f:replicas']);
    expect(created?.fieldsV1).toHaveProperty(['f:spec', 'f:minReadySeconds']);
  });

  it('shares a field whose value others have applied too', async () => {
    await applyTo(`${configMaps}/c`, configMap({ a: '1' }));
    const shared = await applyTo(`${configMaps}/c`, configMap({ a: '1' }), 'fieldManager=two');
    expect(owners(shared)).toEqual([
      ['one', 'Apply', { 'f:data': { 'f:a': {} } }],
      ['two', 'Apply', { 'f:data': { 'f:a': {} } }],
    ]);
    const refused = await applyTo(`${configMaps}/c`, configMap({ a: '2' }), 'fieldManager=two');
    expect(refused.json().message).toBe('Apply failed with 1 conflict: conflict with "one": .data.a');
  });

  it('needs a manager, a whole type and no managed fields', async () => {
    const message = async (line: string, body: object): Promise<string> =>
      (await send(`PATCH ${line}`, body, applyHeaders)).json().message;
    expect(await message(`${configMaps}/c`, configMap({}))).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
    expect(await message(`${configMaps}/c?fieldManager=m`, { metadata: { name: 'c' } })).toContain(
      "Object 'apiVersion' is missing in",
    );
    expect(
      await message(`${configMaps}/c?fieldManager=m`, { ...configMap({}), metadata: { name: 'c', managedFields: [] } }),
    ).toBe('metadata.managedFields must be nil');
    const forced = await send(`PATCH ${configMaps}/c?force=true`, {}, mergeHeaders);
    expect(forced.json().message).toContain('force: Forbidden: may not be specified for non-apply patch');
  });

  it('changes nothing in a dry run', async () => {
    const dry = await applyTo(`${configMaps}/c`, configMap({ a: '1' }), 'fieldManager=one&dryRun=All');
    expect(dry.status).toBe(201);
    expect(managedOf(dry)).toHaveLength(1);
    expect((await send(`GET ${configMaps}/c`)).status).toBe(404);
  });

  it('takes over what kubectl applied on its side', async () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(configMap({ a: '1' })) };
    const body = { ...configMap({ a: '1', b: '2' }), metadata: { name: 'c', annotations } };
    await send(`POST ${configMaps}?fieldManager=kubectl-client-side-apply`, body);
    const refused = await applyTo(`${configMaps}/c`, configMap({ b: '3' }), 'fieldManager=kubectl');
    expect(refused.status).toBe(409);
    const applied = await applyTo(`${configMaps}/c`, configMap({ a: '9' }), 'fieldManager=kubectl');
    expect(applied.json().data).toEqual({ a: '9', b: '2' });
  });
});
