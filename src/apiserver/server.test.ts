import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call } from '../../test/support/request.ts';
import { decodeProtobuf } from '../api/protobuf.ts';
import { ApiError } from '../api/status.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import type { StoreEvent } from '../store/store.ts';
import type { AdmissionRequest } from './admission.ts';

describe('the API server', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  beforeEach(async () => {
    api = await startTestApiServer();
  });
  afterEach(() => api.close());

  it('refuses whom nobody allows, naming what was asked', async () => {
    const guarded = await startTestApiServer({
      authenticators: [() => ({ name: 'eve', groups: [] })],
      authorizers: [(attributes) => (attributes.verb === 'get' ? { kind: 'allow' } : { kind: 'noOpinion' })],
    });
    const list = await request(guarded.server.handler, 'GET /api/v1/namespaces/y/pods');
    expect(list.json()).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "y"',
    });
    expect((await request(guarded.server.handler, 'GET /api/v1/namespaces/y/pods/a')).status).toBe(404);
    expect((await request(guarded.server.handler, 'POST /anything')).json().message).toBe(
      'forbidden: User "eve" cannot post path "/anything"',
    );
    await guarded.close();
  });

  it('answers 401 for credentials that are bad', async () => {
    const guarded = await startTestApiServer({
      authenticators: [() => Promise.reject(ApiError.of('Unauthorized', 'Unauthorized'))],
    });
    expect((await request(guarded.server.handler, 'GET /api')).json()).toMatchObject({
      code: 401,
      message: 'Unauthorized',
    });
    await guarded.close();
  });

  it('turns a bug into a 500', async () => {
    const broken = await startTestApiServer({
      admission: [
        {
          name: 'broken',
          handles: () => true,
          mutate() {
            throw new TypeError('oops');
          },
        },
      ],
    });
    const answer = await request(broken.server.handler, 'POST /api/v1/namespaces', {
      body: { metadata: { name: 'x' } },
    });
    expect(answer.json()).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: 'Internal error occurred: oops',
    });
    await broken.close();
  });

  it('shows every write to admission, defaulted and with its old state', async () => {
    const seen: string[] = [];
    const plugin = {
      name: 'spy',
      handles: () => true,
      mutate(write: AdmissionRequest): void {
        seen.push(`mutate ${write.operation} ${write.name} ${write.subresource}`.trim());
        if (write.object) (write.object.metadata.labels ??= {}).seen = write.operation;
      },
      validate(write: AdmissionRequest): void {
        seen.push(`validate ${write.operation} ${write.name}`);
        if (write.operation === 'UPDATE') expect(Object.isFrozen(write.old)).toBe(true);
      },
    };
    const watched = await startTestApiServer({ admission: [plugin] });
    const call = (line: string, body?: object): Promise<Answer> =>
      request(watched.server.handler, line, body ? { body } : {});
    await call('POST /api/v1/namespaces', { metadata: { name: 'x' } });
    const updated = await call('PUT /api/v1/namespaces/x', { metadata: { name: 'x' } });
    expect(updated.json().metadata.labels).toEqual({ 'kubernetes.io/metadata.name': 'x', seen: 'UPDATE' });
    await call('DELETE /api/v1/namespaces/x');
    expect(seen).toEqual([
      'mutate CREATE x',
      'validate CREATE x',
      'mutate UPDATE x',
      'validate UPDATE x',
      'mutate DELETE x',
      'validate DELETE x',
    ]);
    await watched.close();
  });

  it('lists groups, versions and kinds', async () => {
    expect((await send('GET /api')).json()).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    const groups = (await send('GET /apis')).json<{ groups: { name: string; preferredVersion: object }[] }>().groups;
    expect(groups.find(({ name }) => name === 'apps')?.preferredVersion).toEqual({
      groupVersion: 'apps/v1',
      version: 'v1',
    });
    expect(groups.at(-1)?.name).toBe('extensions');
    expect((await send('GET /apis/apps')).json()).toMatchObject({ kind: 'APIGroup', name: 'apps' });
    interface Resources {
      resources: { name: string; shortNames?: string[]; verbs: string[] }[];
    }
    const { resources } = (await send('GET /api/v1')).json<Resources>();
    expect(resources.find(({ name }) => name === 'pods')).toMatchObject({
      shortNames: ['po'],
      kind: 'Pod',
      namespaced: true,
    });
    expect(resources.find(({ name }) => name === 'pods/binding')).toMatchObject({ kind: 'Binding', verbs: ['create'] });
    const old = (await send('GET /apis/extensions/v1beta1')).json<Resources>().resources;
    expect(old.find(({ name }) => name === 'deployments')?.shortNames).toBeUndefined();
    expect((await send('GET /apis/none')).status).toBe(404);
    expect((await send('GET /apis/apps/v9')).status).toBe(404);
  });

  it('lists everything in one document, which clients need not read twice', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const answer = await send('GET /apis', { headers: { accept } });
    expect(answer.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(answer.json()).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const etag = answer.headers.etag as string;
    expect((await send('GET /apis', { headers: { accept, 'if-none-match': etag } })).status).toBe(304);
    const core = await send('GET /api', { headers: { accept } });
    expect(core.json()).toMatchObject({ items: [{ metadata: { name: '' } }] });
    // The beta is gone since 1.33: who asks for nothing else gets nothing.
    const older = accept.replace('v=v2;', 'v=v2beta1;');
    expect((await send('GET /apis', { headers: { accept: older } })).json()).toMatchObject({ kind: 'APIGroupList' });
    const [only = ''] = older.split(',');
    expect((await send('GET /apis', { headers: { accept: only } })).status).toBe(406);
    expect((await send('GET /apis/apps/v1', { headers: { accept } })).json()).toMatchObject({
      kind: 'APIResourceList',
    });
  });

  it('lists everything in protobuf too', async () => {
    const accept = 'application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const answer = await send('GET /apis', { headers: { accept } });
    expect(answer.headers['content-type']).toBe(accept);
    const typeOf = (): string => 'io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList';
    const { kind, apiVersion, value } = decodeProtobuf(answer.bytes, typeOf);
    expect({ kind, apiVersion }).toEqual({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const { items } = value as { items: { metadata: { name: string }; versions: object[] }[] };
    expect(items.find(({ metadata }) => metadata.name === 'apps')?.versions[0]).toMatchObject({
      version: 'v1',
      freshness: 'Current',
      resources: expect.arrayContaining([
        expect.objectContaining({
          resource: 'deployments',
          responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        }),
      ]) as unknown,
    });
  });

  it('describes itself in OpenAPI', async () => {
    expect((await send('GET /openapi/v2')).json()).toMatchObject({ swagger: '2.0' });
    const index = (await send('GET /openapi/v3')).json<{ paths: Record<string, { serverRelativeURL: string }> }>();
    const url = index.paths['apis/apps/v1']?.serverRelativeURL ?? '';
    const answer = await send(`GET ${url}`);
    expect(answer.json()).toMatchObject({ openapi: '3.0.0' });
    expect(answer.headers['cache-control']).toContain('immutable');
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const description = await send('GET /openapi/v2', { headers: { accept } });
    expect(description.headers['content-type']).toBe(accept.replace('@', '.'));
    expect((await send('GET /openapi/v3/apis/none/v1')).status).toBe(404);
  });

  it('tells its version, its health and its figures', async () => {
    expect((await send('GET /version')).json()).toMatchObject({ major: '1', minor: '36', gitVersion: 'v1.36.0' });
    expect((await send('GET /healthz')).bytes.toString()).toBe('ok');
    expect((await send('GET /readyz?verbose')).bytes.toString()).toBe(
      '[+]ping ok\n[+]etcd ok\n[+]poststarthook/crd-informer-synced ok\nreadyz check passed\n',
    );
    expect((await send('GET /livez/poststarthook/crd-informer-synced')).bytes.toString()).toBe('ok');
    expect((await send('GET /livez/none')).status).toBe(404);
    expect((await send('GET /livez/ping')).bytes.toString()).toBe('ok');
    await send('GET /api/v1/pods');
    const metrics = (await send('GET /metrics')).bytes.toString();
    expect(metrics).toContain('apiserver_request_total{code="200",group="",resource="pods",scope="cluster"');
    expect(metrics).toMatch(/apiserver_storage_revision \d+/);
    expect((await send('GET /')).json<{ paths: string[] }>().paths).toContain('/apis/apps/v1');
  });

  it('is unhealthy when a check fails, and tells everybody which one, but not why', async () => {
    const sick = await startTestApiServer({
      healthChecks: [
        { name: 'disk', check: () => 'full' },
        { name: 'sync', check: () => Promise.resolve('behind'), readyOnly: true },
      ],
    });
    const ask = async (path: string): Promise<[number, string]> => {
      const { status, bytes } = await request(sick.server.handler, `GET ${path}`);
      return [status, bytes.toString()];
    };
    const fine = (...names: string[]): string => names.map((name) => `[+]${name} ok\n`).join('');
    const definitions = fine('poststarthook/crd-informer-synced');
    const disk = '[-]disk failed: reason withheld\n';
    const sync = '[-]sync failed: reason withheld\n';
    expect(await ask('/livez')).toEqual([500, `${fine('ping', 'etcd')}${disk}${definitions}livez check failed\n`]);
    expect(await ask('/readyz')).toEqual([
      500,
      `${fine('ping', 'etcd')}${disk}${sync}${definitions}readyz check failed\n`,
    ]);
    expect(await ask('/livez?exclude=disk')).toEqual([200, 'ok']);
    const warning = 'warn: some health checks cannot be excluded: no matches for "net","sync"\n';
    expect(await ask('/healthz?verbose&exclude=disk&exclude=sync&exclude=net')).toEqual([
      200,
      `${fine('ping', 'etcd')}[+]disk excluded: ok\n${definitions}${warning}healthz check passed\n`,
    ]);
    expect(await ask('/readyz/sync')).toEqual([500, 'internal server error: behind\n']);
    expect((await ask('/livez/sync'))[0]).toBe(404);
    await sick.close();
  });

  it('is unhealthy when its store is', async () => {
    vi.spyOn(api.store, 'get').mockRejectedValue(new Error('the disk is gone'));
    expect((await send('GET /readyz')).status).toBe(500);
    expect((await send('GET /readyz/etcd')).bytes.toString()).toBe('internal server error: the disk is gone\n');
    vi.restoreAllMocks();
  });

  it('refuses a timeout that is none', async () => {
    expect((await send('GET /version?timeout=0s')).status).toBe(200);
    expect((await send('GET /version?timeout=3m')).status).toBe(200);
    const { status, message } = (await send('GET /api/v1/pods?timeout=invalid')).json<{
      status: string;
      message: string;
    }>();
    expect({ status, message }).toEqual({
      status: 'Failure',
      message: 'invalid timeout specified in the request URL - time: invalid duration "invalid"',
    });
    expect((await send('GET /version?timeout=invalid')).status).toBe(400);
  });

  it('answers 404 for paths that are nowhere', async () => {
    expect((await send('GET /nowhere')).json()).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the server could not find the requested resource',
      reason: 'NotFound',
      details: {},
      code: 404,
    });
  });

  it('drops history after some minutes', async () => {
    const clock = createSimulatedClock();
    const timed = await startTestApiServer({ clock });
    await request(timed.server.handler, 'POST /api/v1/namespaces', { body: { metadata: { name: 'x' } } });
    await clock.advance(5 * 60_000);
    expect(timed.store.compactedRevision).toBe(0);
    await clock.advance(5 * 60_000);
    expect(timed.store.compactedRevision).toBe(1);
    await timed.close();
  });

  it('writes the services of the cluster’s own parts, once', async () => {
    const advertise = { address: '10.1.0.1', port: 6443 };
    const dns = [{ serviceAddress: '10.96.0.10', endpoint: { address: '10.1.0.1', port: 53 } }];
    const first = await startTestApiServer({ advertise, dns });
    expect(first.store.revision).toBe(1);
    const get = (path: string): Promise<Answer> => request(first.server.handler, `GET ${path}`);
    expect((await get('/api/v1/namespaces/default/services/kubernetes')).json().spec).toMatchObject({
      clusterIP: '10.96.0.1',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
    });
    expect((await get('/api/v1/namespaces/default/endpoints/kubernetes')).json().subsets).toEqual([
      { addresses: [{ ip: '10.1.0.1' }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] },
    ]);
    const slices = await get('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns');
    expect(slices.json()).toMatchObject({ addressType: 'IPv4', endpoints: [{ addresses: ['10.1.0.1'] }] });
    const again = await startTestApiServer({ store: first.store, advertise, dns });
    expect(again.store.revision).toBe(1);
    const moved = { address: '10.1.0.2', port: 6443 };
    const third = await startTestApiServer({ store: first.store, advertise: moved, dns });
    expect(third.store.revision).toBe(2);
    const { uid } = (await get('/api/v1/namespaces/default/services/kubernetes')).json().metadata;
    expect(uid).toBeDefined();
    await third.close();
  });

  it('gives DNS an address of each family, when it has two', async () => {
    const advertise = { address: '10.1.0.1', port: 6443 };
    const dns = [
      { serviceAddress: '10.96.0.10', endpoint: { address: '10.1.0.1', port: 53 } },
      { serviceAddress: 'fd00::a', endpoint: { address: 'fd01::1', port: 53 } },
    ];
    const api = await startTestApiServer({ advertise, dns });
    const get = (path: string): Promise<Answer> => request(api.server.handler, `GET ${path}`);
    expect((await get('/api/v1/namespaces/kube-system/services/kube-dns')).json().spec).toMatchObject({
      clusterIPs: ['10.96.0.10', 'fd00::a'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
    const slices = await get('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices');
    expect(slices.json().items).toMatchObject([
      { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.0.1'] }] },
      { addressType: 'IPv6', endpoints: [{ addresses: ['fd01::1'] }] },
    ]);
    await api.close();
  });

  it('writes them again when somebody deletes them, at the same address', async () => {
    const advertise = { address: '10.1.0.1', port: 6443 };
    const dns = [{ serviceAddress: '10.96.0.10', endpoint: { address: '10.1.0.1', port: 53 } }];
    const api = await startTestApiServer({ advertise, dns });
    const path = '/api/v1/namespaces/kube-system/services';
    const restored = new Promise<void>((resolve) => {
      const events = (list: readonly StoreEvent[]): void => {
        if (list.some(({ kind }) => kind === 'put')) resolve();
      };
      const sink = { events, progress: () => {}, ended: () => {} };
      api.store.watch({ prefix: '/core/services/kube-system/', afterRevision: api.store.revision }, sink);
    });
    await request(api.server.handler, `DELETE ${path}/kube-dns`);
    await restored;
    const service = await request(api.server.handler, `GET ${path}/kube-dns`);
    expect(service.json().spec.clusterIP).toBe('10.96.0.10');
    const body = { metadata: { name: 'thief' }, spec: { clusterIP: '10.96.0.10', ports: [{ port: 53 }] } };
    expect((await request(api.server.handler, `POST ${path}`, { body })).status).toBe(422);
    await api.close();
  });
});
