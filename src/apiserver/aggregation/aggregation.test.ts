import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { request, type Answer, type Call } from '../../../test/support/request.ts';
import { endpointSlices } from '../admission/lookup.ts';
import { putObject, storeKey } from '../admission/store-lookup.ts';
import type { APIService } from '../../api/types/apiregistration-v1.ts';
import { systemClock } from '../../base/system-clock.ts';
import { createAuthority, issueCertificate } from '../../cluster/certificates.ts';

const now = systemClock.now();
const frontProxyAuthority = createAuthority('front-proxy-ca', now);
const frontProxy = {
  ...issueCertificate(frontProxyAuthority, { commonName: 'front-proxy-client', usages: ['client'] }, now),
  authority: frontProxyAuthority.certificate,
};
const extensionAuthority = createAuthority('extension-ca', now);
const serving = issueCertificate(
  extensionAuthority,
  { commonName: 'fruit', usages: ['server'], hosts: ['fruit.shop.svc'] },
  now,
);
const path = '/apis/apiregistration.k8s.io/v1/apiservices';
const fruits = [
  {
    name: 'apples',
    singularName: 'apple',
    namespaced: true,
    kind: 'Apple',
    verbs: ['get', 'list'],
    shortNames: ['ap'],
  },
  { name: 'apples/status', singularName: '', namespaced: true, kind: 'Apple', verbs: ['get'] },
];

const place = 'apis/fruit.example/v1';
const appleKind = { group: 'fruit.example', version: 'v1', kind: 'Apple' };
/** How the extension server describes itself, by URL. */
const openApi: Readonly<Record<string, { etag: string; document: object }>> = {
  '/openapi/v3': {
    etag: '"index"',
    document: { paths: { [place]: { serverRelativeURL: `/openapi/v3/${place}?hash=1` }, 'apis/other/v1': {} } },
  },
  [`/openapi/v3/${place}?hash=1`]: { etag: '"v3"', document: { openapi: '3.0.0', info: { title: 'Fruit' } } },
  '/openapi/v2': {
    etag: '"v2"',
    document: {
      paths: {
        [`/${place}/apples`]: { get: { schema: { $ref: '#/definitions/fruit.Apple' } } },
        '/version/': { get: {} },
      },
      definitions: {
        'fruit.Apple': { type: 'object', description: 'Not a pear.', 'x-kubernetes-group-version-kind': [appleKind] },
      },
    },
  },
};

/** What the extension server was asked, and by whom. */
interface Asked {
  line: string;
  peer: string;
  headers: IncomingMessage['headersDistinct'];
  body: string;
}

describe('an extension server', () => {
  let api: TestApiServer;
  let extension: Server;
  let asked: Asked[];
  let isHealthy: boolean;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const named = async (name: string): Promise<APIService> => (await send(`GET ${path}/${name}`)).json<APIService>();
  const condition = async (name = 'v1.fruit.example'): Promise<string> => {
    const found = (await named(name)).status?.conditions?.find(({ type }) => type === 'Available');
    return found ? `${found.status} ${found.reason}: ${found.message}` : '';
  };
  const becomes = (wanted: string | RegExp) =>
    expect.poll(() => condition(), { timeout: 10_000, interval: 10 }).toMatch(wanted);

  beforeEach(async () => {
    asked = [];
    isHealthy = true;
    const { key, certificate: cert } = serving;
    const ca = frontProxy.authority;
    extension = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, (message, response) => {
      void answer(message, response);
    });
    extension.listen(0, '127.0.0.1');
    await once(extension, 'listening');
    const clientAuthority = createAuthority('kubernetes', now).certificate;
    api = await startTestApiServer({ aggregation: { frontProxy, clientAuthority } });
  });
  afterEach(async () => {
    await api.close();
    extension.closeAllConnections();
    extension.close();
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method, url, headersDistinct: headers } = message;
    const peer = String((message.socket as TLSSocket).getPeerCertificate().subject.CN);
    asked.push({ line: `${method} ${url}`, peer, headers, body: Buffer.concat(chunks).toString() });
    const described = url?.startsWith('/openapi/') ? openApi[url] : undefined;
    if (described) return answerOpenApi(described, { headers, response });
    const isDiscovery = url === '/apis/fruit.example/v1';
    const status = isHealthy || !isDiscovery ? 200 : 404;
    const list = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'fruit.example/v1', resources: fruits };
    response.writeHead(status, { 'content-type': 'application/json' });
    if (!url?.includes('watch=true')) {
      response.end(JSON.stringify(isDiscovery ? list : { kind: 'Apple', asked: url }));
      return;
    }
    const lines = ['ä', 'b'].map((name, i) => {
      const object = { kind: 'Apple', metadata: { name } };
      return `${JSON.stringify({ type: i === 0 ? 'ADDED' : 'DELETED', object })}\n`;
    });
    for (const byte of Buffer.from(lines.join(''))) response.write(Buffer.of(byte));
    response.end();
  }

  function answerOpenApi(
    { etag, document }: { etag: string; document: object },
    { headers, response }: { headers: IncomingMessage['headersDistinct']; response: ServerResponse },
  ): void {
    const isKnown = headers['if-none-match']?.includes(etag);
    response.writeHead(isKnown ? 304 : 200, { etag }).end(isKnown ? undefined : JSON.stringify(document));
  }

  async function createService(): Promise<void> {
    const metadata = { name: 'fruit', namespace: 'shop' };
    await send('POST /api/v1/namespaces/shop/services', {
      body: { metadata, spec: { ports: [{ port: 443, targetPort: 8443 }] } },
    });
  }

  /** Past the validation, which wants no loopback addresses. */
  async function createEndpoints(): Promise<void> {
    const labels = { 'kubernetes.io/service-name': 'fruit' };
    const slice = {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      metadata: { name: 'fruit-1', namespace: 'shop', labels },
      ports: [{ name: '', port: (extension.address() as AddressInfo).port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    };
    await api.store.commit([putObject(storeKey(endpointSlices, 'shop', 'fruit-1'), slice, 0)]);
  }

  async function register(more: Partial<NonNullable<APIService['spec']>> = {}): Promise<void> {
    const spec = {
      ...{ group: 'fruit.example', version: 'v1', groupPriorityMinimum: 2000, versionPriority: 10 },
      service: { namespace: 'shop', name: 'fruit' },
      caBundle: Buffer.from(extensionAuthority.certificate).toString('base64'),
      ...more,
    };
    const answered = await send(`POST ${path}`, { body: { metadata: { name: `v1.${spec.group}` }, spec } });
    expect(answered.status).toBe(201);
  }

  it('is available once its service leads to it, and says what it serves', async () => {
    await register();
    await becomes('False ServiceNotFound: service/fruit in "shop" is not present');
    expect((await send('GET /apis/fruit.example/v1')).status).toBe(503);
    await createService();
    await becomes('False EndpointsNotFound: cannot find endpointslices for service/fruit in "shop"');
    await createEndpoints();
    await becomes('True Passed: all checks passed');
    const groups = (await send('GET /apis')).json<{ groups: { name: string }[] }>();
    expect(groups.groups.map(({ name }) => name).slice(-2)).toEqual(['fruit.example', 'extensions']);
    expect((await send('GET /apis/fruit.example')).json()).toMatchObject({
      preferredVersion: { groupVersion: 'fruit.example/v1' },
    });
    expect((await send('GET /apis/fruit.example/v1')).json()).toMatchObject({ resources: fruits });
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const aggregated = (await send('GET /apis', { headers: { accept } })).json<{
      items: { metadata: { name: string }; versions: object[] }[];
    }>();
    expect(aggregated.items.find(({ metadata }) => metadata.name === 'fruit.example')?.versions).toEqual([
      {
        version: 'v1',
        freshness: 'Current',
        resources: [
          {
            resource: 'apples',
            responseKind: { group: 'fruit.example', version: 'v1', kind: 'Apple' },
            scope: 'Namespaced',
            singularResource: 'apple',
            verbs: ['get', 'list'],
            shortNames: ['ap'],
            subresources: [
              {
                subresource: 'status',
                responseKind: { group: 'fruit.example', version: 'v1', kind: 'Apple' },
                verbs: ['get'],
              },
            ],
          },
        ],
      },
    ]);
  });

  it('is asked by the front proxy, in the name of the user alone', async () => {
    await createService();
    await createEndpoints();
    await register();
    await becomes(/^True/);
    asked = [];
    const user = {
      name: 'ann',
      uid: '7',
      groups: ['eaters', 'system:authenticated'],
      extra: { 'example.org/a b%': ['x'] },
    };
    const headers = {
      'content-type': 'application/json',
      authorization: 'Bearer secret',
      'x-remote-user': 'root',
      'x-remote-extra-scopes': 'all',
    };
    const called = await send('POST /apis/fruit.example/v1/namespaces/shop/apples?dryRun=All', {
      ...{ context: { user }, headers },
      body: { kind: 'Apple' },
    });
    expect(called.status).toBe(200);
    expect(called.json()).toEqual({ kind: 'Apple', asked: '/apis/fruit.example/v1/namespaces/shop/apples?dryRun=All' });
    expect(asked).toHaveLength(1);
    const [{ line, peer, headers: seen, body }] = asked as [Asked];
    expect({ line, peer, body }).toEqual({
      line: 'POST /apis/fruit.example/v1/namespaces/shop/apples?dryRun=All',
      peer: 'front-proxy-client',
      body: '{"kind":"Apple"}',
    });
    expect(Object.fromEntries(Object.entries(seen).filter(([name]) => /^(x-remote|auth)/.test(name)))).toEqual({
      'x-remote-user': ['ann'],
      'x-remote-uid': ['7'],
      'x-remote-group': ['eaters', 'system:authenticated'],
      'x-remote-extra-example.org%2fa%20b%25': ['x'],
    });
  });

  it('serves components in the process as others', async () => {
    await register();
    const apples = { group: 'fruit.example', version: 'v1', plural: 'apples', kind: 'Apple', namespaced: true };
    await expect(api.client.list(apples)).rejects.toMatchObject({ code: 503 });
    await createService();
    await createEndpoints();
    await becomes(/^True/);
    expect(await api.client.get(apples, { name: 'a', namespace: 'shop' })).toEqual({
      kind: 'Apple',
      asked: '/apis/fruit.example/v1/namespaces/shop/apples/a',
    });
    const events = [];
    for await (const event of api.client.watch(apples, { namespace: 'shop' })) events.push(event);
    expect(events).toEqual([
      { type: 'ADDED', object: { kind: 'Apple', metadata: { name: 'ä' } } },
      { type: 'DELETED', object: { kind: 'Apple', metadata: { name: 'b' } } },
    ]);
  });

  it('is verified by the bundle of its APIService, unless that says not to', async () => {
    await createService();
    await createEndpoints();
    await register({ caBundle: Buffer.from(frontProxy.authority).toString('base64') });
    await becomes(/^True/);
    const refused = await send('GET /apis/fruit.example/v1/apples');
    expect(refused.status).toBe(503);
    expect(refused.bytes.toString()).toMatch(/^error trying to reach service: .*certificate/);
    await send(`PATCH ${path}/v1.fruit.example`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { caBundle: null, insecureSkipTLSVerify: true } },
    });
    await expect.poll(async () => (await send('GET /apis/fruit.example/v1/apples')).status).toBe(200);
  });

  it('describes what it serves beside ours', async () => {
    interface Described {
      paths: Record<string, { serverRelativeURL?: string } | undefined>;
      definitions: Record<string, { description?: string } | undefined>;
    }
    const described = async (url: string): Promise<Described> => (await send(`GET ${url}`)).json<Described>();
    const questions = (): number => asked.filter(({ line }) => line === 'GET /openapi/v2').length;
    expect((await described('/openapi/v3')).paths[place]).toBeUndefined();
    const before = Object.keys((await described('/openapi/v2')).paths);
    await createService();
    await createEndpoints();
    await register();
    await becomes(/^True/);
    const { paths } = await described('/openapi/v3');
    expect(paths['apis/other/v1']).toBeUndefined();
    expect(Object.keys(paths)).toEqual(Object.keys(paths).toSorted());
    const url = paths[place]?.serverRelativeURL ?? '';
    expect((await send(`GET ${url}`)).json()).toEqual({ openapi: '3.0.0', info: { title: 'Fruit' } });
    const all = await described('/openapi/v2');
    expect(Object.keys(all.paths)).toEqual([...before, `/${place}/apples`]);
    expect(all.definitions['fruit.Apple']?.description).toBe('Not a pear.');
    expect(all.definitions['io.k8s.api.core.v1.Pod']).toBeDefined();
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const protobuf = await send('GET /openapi/v2', { headers: { accept } });
    expect(Buffer.from(protobuf.bytes).includes('Not a pear.')).toBe(true);
    expect(questions()).toBe(1);
    await send(`DELETE ${path}/v1.fruit.example`);
    expect(Object.keys((await described('/openapi/v2')).paths)).toEqual(before);
    expect((await described('/openapi/v3')).paths[place]).toBeUndefined();
  });

  it('is asked again when its endpoints change, and its group goes with its APIService', async () => {
    isHealthy = false;
    await createService();
    await createEndpoints();
    await register();
    await becomes(
      /^False FailedDiscoveryCheck: failing or missing response from https:\/\/127\.0\.0\.1:\d+\/apis\/fruit\.example\/v1: bad status from https:.*: 404$/,
    );
    isHealthy = true;
    await send('DELETE /apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/fruit-1');
    await becomes(/^False EndpointsNotFound/);
    await createEndpoints();
    await becomes(/^True/);
    await send(`DELETE ${path}/v1.fruit.example`);
    expect((await send('GET /apis/fruit.example')).status).toBe(404);
    expect((await send('GET /apis/fruit.example/v1/apples')).status).toBe(404);
  });

  it('cannot take what is built in, whose APIServices are there from the start', async () => {
    await expect
      .poll(() => condition('v1.apps'), { timeout: 10_000 })
      .toBe('True Local: Local APIServices are always available');
    const apps = await named('v1.apps');
    expect(apps.spec).toEqual({ group: 'apps', version: 'v1', groupPriorityMinimum: 17800, versionPriority: 15 });
    expect(apps.metadata.labels).toEqual({ 'kube-aggregator.kubernetes.io/automanaged': 'onstart' });
    expect((await named('v1.')).spec).toEqual({ version: 'v1', groupPriorityMinimum: 18000, versionPriority: 1 });
    const service = { namespace: 'shop', name: 'fruit' };
    await send(`PATCH ${path}/v1.apps`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { service } },
    });
    expect((await send('GET /apis/apps/v1/deployments')).json()).toMatchObject({ kind: 'DeploymentList' });
  });

  it('has an APIService beside those of custom resources, which come and go with their definitions', async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const names = { plural: 'trees', singular: 'tree', kind: 'Tree', listKind: 'TreeList' };
    const schema = { openAPIV3Schema: { type: 'object' } };
    const definition = {
      metadata: { name: 'trees.wood.example' },
      spec: {
        ...{ group: 'wood.example', scope: 'Namespaced', names },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    };
    await send(`POST ${definitions}`, { body: definition });
    await expect.poll(() => condition('v1.wood.example')).toMatch(/^True Local/);
    const service = await named('v1.wood.example');
    expect(service.metadata.labels).toEqual({ 'kube-aggregator.kubernetes.io/automanaged': 'true' });
    expect(service.spec).toMatchObject({ groupPriorityMinimum: 1000, versionPriority: 100 });
    await send(`DELETE ${path}/v1.wood.example`);
    await expect.poll(() => condition('v1.wood.example')).toMatch(/^True Local/);
    await send(`DELETE ${path}/v1.batch`);
    await send(`DELETE ${definitions}/trees.wood.example`);
    await expect.poll(async () => (await send(`GET ${path}/v1.wood.example`)).status).toBe(404);
    expect((await send(`GET ${path}/v1.batch`)).status).toBe(404);
  });

  it('finds out whom to believe in a ConfigMap', async () => {
    const map = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
    await expect.poll(async () => (await send(`GET ${map}`)).status, { timeout: 10_000 }).toBe(200);
    expect((await send(`GET ${map}`)).json()).toMatchObject({
      data: {
        'requestheader-allowed-names': '["front-proxy-client"]',
        'requestheader-client-ca-file': frontProxy.authority,
        'requestheader-username-headers': '["X-Remote-User"]',
      },
    });
  });
});
