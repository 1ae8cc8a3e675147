import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MutatingWebhook } from '../../api/types/admissionregistration-v1.ts';
import type { TestApiServer } from '../../../test/support/api-server.ts';
import { cronTabDefinition } from '../../../test/support/custom-resources.ts';
import { request } from '../../../test/support/request.ts';
import type { Answer } from '../../../test/support/request.ts';
import { startSecuredServer } from '../../../test/support/secured-server.ts';
import { patchResponse, startWebhookServer, verdict } from '../../../test/support/webhook-server.ts';
import type { Review, WebhookServer } from '../../../test/support/webhook-server.ts';
import { endpointSlices } from '../admission/lookup.ts';
import { putObject, storeKey } from '../admission/store-lookup.ts';

let api: TestApiServer;
let hook: WebhookServer;
let respond: (review: Review, path: string) => object | undefined;

beforeEach(async () => {
  const attach = { group: '', plural: 'pods', subresource: 'attach' };
  const handle = (): Promise<never> => Promise.reject(new Error('attached'));
  api = await startSecuredServer({ endpoints: [{ ...attach, handle }] });
  respond = () => ({ allowed: true });
  hook = await startWebhookServer((review, path) => {
    const response = respond(review, path);
    return response && verdict(review, response);
  });
});

afterEach(async () => {
  await api.close();
  await hook.close();
});

const send = async (line: string, body?: object, headers?: Record<string, string>): Promise<Answer> => {
  const answer = await request(api.server.handler, line, { ...(body && { body }), ...(headers && { headers }) });
  // What follows the configurations hears of them a moment after they are stored.
  if (line.includes('configurations')) for (let i = 0; i < 20; i++) await new Promise((r) => setImmediate(r));
  return answer;
};
const configurations = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';

function webhook(changes: Partial<MutatingWebhook> = {}): MutatingWebhook {
  return {
    name: 'hook.example.com',
    clientConfig: { url: `${hook.url}/hook`, caBundle: hook.caBundle },
    rules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...changes,
  };
}

async function register(kind: 'mutating' | 'validating', ...webhooks: MutatingWebhook[]): Promise<void> {
  const answer = await send(`POST ${configurations}/${kind}webhookconfigurations`, {
    metadata: { name: kind },
    webhooks,
  });
  expect(answer.status, answer.bytes.toString()).toBe(201);
}

describe('validating webhooks', () => {
  it('see the request and deny it in their own words', async () => {
    respond = () => ({ allowed: false, status: { message: 'not like this', code: 403, reason: 'Forbidden' } });
    await register('validating', webhook());
    const answer = await send(`POST ${maps}?dryRun=All`, { metadata: { name: 'a' }, data: { k: 'v' } });
    expect(answer.status).toBe(403);
    expect(answer.json()).toMatchObject({
      message: 'admission webhook "hook.example.com" denied the request: not like this',
      reason: 'Forbidden',
    });
    expect(hook.posts[0]?.path).toBe('/hook');
    expect(hook.posts[0]?.body).toMatchObject({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
        name: 'a',
        namespace: 'default',
        operation: 'CREATE',
        dryRun: true,
        userInfo: { username: 'system:anonymous' },
        object: { metadata: { name: 'a', namespace: 'default' }, data: { k: 'v' } },
        oldObject: null,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      },
    });
  });

  it('deny without words, warn, and see updates and deletions with the old object', async () => {
    await register('validating', webhook());
    respond = () => ({ allowed: true, warnings: ['look out'] });
    const created = await send(`POST ${maps}`, { metadata: { name: 'a' }, data: { k: '1' } });
    expect(created.headers.warning).toEqual(['299 - "look out"']);
    respond = () => ({ allowed: false });
    const patch = { 'content-type': 'application/merge-patch+json' };
    const updated = await send(`PATCH ${maps}/a`, { data: { k: '2' } }, patch);
    expect(updated.status).toBe(400);
    expect(updated.json().message).toBe('admission webhook "hook.example.com" denied the request without explanation');
    expect((await send(`DELETE ${maps}/a`)).status).toBe(400);
    const [, update, remove] = hook.posts.map(({ body }) => body.request);
    expect(update).toMatchObject({
      operation: 'UPDATE',
      object: { data: { k: '2' } },
      oldObject: { data: { k: '1' } },
    });
    expect(remove).toMatchObject({ operation: 'DELETE', object: null, oldObject: { data: { k: '1' } } });
  });

  it('fail the request when they cannot be asked, or are passed over, as their policy says', async () => {
    await register('validating', webhook({ clientConfig: { url: `${hook.url}/hook` } }));
    const refused = await send(`POST ${maps}`, { metadata: { name: 'a' } });
    expect(refused.status).toBe(500);
    expect(refused.json().message).toMatch(
      /^Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/hook\?timeout=10s": .*certificate/,
    );
    await send(`DELETE ${configurations}/validatingwebhookconfigurations/validating`);
    await register('validating', webhook({ clientConfig: { url: `${hook.url}/hook` }, failurePolicy: 'Ignore' }));
    expect((await send(`POST ${maps}`, { metadata: { name: 'a' } })).status).toBe(201);
  });

  it('have the time that they say to answer', async () => {
    respond = () => undefined;
    await register('validating', webhook({ timeoutSeconds: 1 }));
    const answer = await send(`POST ${maps}`, { metadata: { name: 'a' } });
    expect(answer.json().message).toMatch(/\/hook\?timeout=1s": context deadline exceeded$/);
  });

  it('are reached through the endpoints of a service, under its name', async () => {
    await send('POST /api/v1/namespaces', { metadata: { name: 'hooks' } });
    const spec = { ports: [{ port: 8443, targetPort: hook.port }], selector: { app: 'hook' } };
    await send('POST /api/v1/namespaces/hooks/services', { metadata: { name: 'hook' }, spec });
    const service = { namespace: 'hooks', name: 'hook', port: 8443, path: '/svc' };
    await register('validating', webhook({ clientConfig: { service, caBundle: hook.caBundle } }));
    const none = await send(`POST ${maps}`, { metadata: { name: 'a' } });
    expect(none.json().message).toMatch(
      /Post "https:\/\/hook\.hooks\.svc:8443\/svc\?timeout=10s": no endpoints available/,
    );
    // Not through the API: it knows no endpoint on the loopback.
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'hook-1', namespace: 'hooks', labels: { 'kubernetes.io/service-name': 'hook' } },
      endpoints: [{ addresses: ['127.0.0.1'] }],
      ports: [{ name: '', port: hook.port }],
    };
    await api.store.commit([putObject(storeKey(endpointSlices, 'hooks', 'hook-1'), slice, 0)]);
    const answer = await send(`POST ${maps}`, { metadata: { name: 'a' } });
    expect(answer.status, answer.bytes.toString()).toBe(201);
    expect(hook.posts.map(({ path }) => path)).toEqual(['/svc']);
  });

  it('are asked only about what their rules, selectors and conditions match', async () => {
    respond = () => ({ allowed: false });
    await send('POST /api/v1/namespaces', { metadata: { name: 'free', labels: { hooked: 'no' } } });
    await register(
      'validating',
      webhook({
        namespaceSelector: { matchExpressions: [{ key: 'hooked', operator: 'NotIn', values: ['no'] }] },
        objectSelector: { matchLabels: { checked: 'yes' } },
        matchConditions: [{ name: 'not-skipped', expression: "object == null || object.metadata.name != 'skip-me'" }],
      }),
    );
    const map = (name: string, labels: object): object => ({ metadata: { name, labels } });
    expect((await send(`POST ${maps}`, map('a', { checked: 'yes' }))).status).toBe(400);
    expect((await send(`POST ${maps}`, map('a', { checked: 'no' }))).status).toBe(201);
    expect((await send(`POST ${maps}`, map('skip-me', { checked: 'yes' }))).status).toBe(201);
    expect((await send('POST /api/v1/namespaces/free/configmaps', map('a', { checked: 'yes' }))).status).toBe(201);
    expect((await send('POST /api/v1/namespaces/default/secrets', map('a', { checked: 'yes' }))).status).toBe(201);
    expect(hook.posts).toHaveLength(1);
  });

  it('see a connection by its options, and subresources by the objects that are sent to them', async () => {
    respond = () => ({ allowed: false, status: { message: 'not here' } });
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['pods/attach', '*/scale'] }];
    const spec = {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    await send('POST /apis/apps/v1/namespaces/default/deployments', { metadata: { name: 'd' }, spec });
    await register('validating', webhook({ rules }));
    const attached = await send('GET /api/v1/namespaces/default/pods/p/attach?stdin=true&container=c');
    expect(attached.json().message).toBe('admission webhook "hook.example.com" denied the request: not here');
    const scale = { metadata: { name: 'd' }, spec: { replicas: 3 } };
    expect((await send('PUT /apis/apps/v1/namespaces/default/deployments/d/scale', scale)).status).toBe(400);
    expect(hook.posts.map(({ body }) => body.request)).toMatchObject([
      {
        operation: 'CONNECT',
        subResource: 'attach',
        kind: { group: '', version: 'v1', kind: 'PodAttachOptions' },
        object: { kind: 'PodAttachOptions', stdin: true, container: 'c' },
      },
      {
        operation: 'UPDATE',
        subResource: 'scale',
        resource: { group: 'apps', version: 'v1', resource: 'deployments' },
        kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        object: { spec: { replicas: 3 } },
        oldObject: { spec: { replicas: 1 } },
      },
    ]);
  });

  it('are not asked about webhook configurations', async () => {
    respond = () => ({ allowed: false });
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }];
    await register('validating', webhook({ rules }));
    await register('mutating', webhook({ rules }));
    expect((await send(`DELETE ${configurations}/validatingwebhookconfigurations/validating`)).status).toBe(200);
    expect(hook.posts).toEqual([]);
  });

  it('need conditions that compile', async () => {
    const matchConditions = [{ name: 'bad', expression: '... [] bad expression' }];
    const answer = await send(`POST ${configurations}/validatingwebhookconfigurations`, {
      metadata: { name: 'bad' },
      webhooks: [webhook({ matchConditions })],
    });
    expect(answer.status).toBe(422);
    expect(answer.json().message).toContain('webhooks[0].matchConditions[0].expression: Invalid value');
    expect(answer.json().message).toContain('compilation failed');
  });
});

describe('mutating webhooks', () => {
  const add = (path: string, value: unknown): object => ({ op: 'add', path, value });

  it('work on what those before them made, and defaults follow', async () => {
    const init = { name: 'webhook-added', image: 'i' };
    respond = ({ request: { object } }, path) => {
      const { spec, metadata } = object as unknown as { spec: { initContainers?: unknown[] }; metadata: object };
      if (path === '/second') {
        return patchResponse(
          'labels' in metadata ? [] : [add('/metadata/labels', { saw: `${spec.initContainers?.length}` })],
        );
      }
      return patchResponse(spec.initContainers ? [] : [add('/spec/initContainers', [init])]);
    };
    const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    const { caBundle } = hook;
    await register(
      'mutating',
      webhook({ name: 'first.example.com', rules }),
      webhook({ name: 'second.example.com', rules, clientConfig: { url: `${hook.url}/second`, caBundle } }),
    );
    await send('POST /api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const made = (await send('POST /api/v1/namespaces/default/pods', pod)).json();
    expect(made.metadata.labels).toEqual({ saw: '1' });
    expect(made.spec.initContainers).toMatchObject([{ name: 'webhook-added', terminationMessagePolicy: 'File' }]);
  });

  it('are asked again about what others changed after them, when they want to be', async () => {
    respond = ({ request: { object } }, path) => {
      const { data = {} } = object as unknown as { data?: Record<string, string> };
      if (path === '/late') return patchResponse(data.late ? [] : [add('/data/late', 'yes')]);
      return patchResponse(data.late ? [add('/data/seen', 'yes')] : []);
    };
    const late = { url: `${hook.url}/late`, caBundle: hook.caBundle };
    await register(
      'mutating',
      webhook({ name: 'early.example.com', reinvocationPolicy: 'IfNeeded' }),
      webhook({ name: 'late.example.com', clientConfig: late }),
    );
    const made = await send(`POST ${maps}`, { metadata: { name: 'a' }, data: { k: 'v' } });
    expect(made.json().data).toEqual({ k: 'v', late: 'yes', seen: 'yes' });
    expect(hook.posts.map(({ path }) => path)).toEqual(['/hook', '/late', '/hook']);
  });

  it('see another version of a resource when their rules name only that one, and what they add is pruned', async () => {
    await send('POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', cronTabDefinition());
    const objects = '/apis/stable.example.com/v1/namespaces/default/crontabs';
    await expect.poll(async () => (await send(`GET ${objects}`)).status).toBe(200);
    respond = () => patchResponse([add('/spec/cronSpec', '@daily'), add('/spec/unknown', 1)]);
    const rules = [
      { operations: ['CREATE'], apiGroups: ['stable.example.com'], apiVersions: ['v1beta1'], resources: ['crontabs'] },
    ];
    await register('mutating', webhook({ rules }));
    const made = await send(`POST ${objects}`, {
      apiVersion: 'stable.example.com/v1',
      kind: 'CronTab',
      metadata: { name: 'a' },
      spec: { cronSpec: '@hourly' },
    });
    expect(made.json().spec).toEqual({ cronSpec: '@daily', replicas: 1 });
    expect(hook.posts[0]?.body.request).toMatchObject({
      kind: { version: 'v1beta1' },
      requestKind: { version: 'v1' },
      object: { apiVersion: 'stable.example.com/v1beta1' },
    });
  });

  it('may not rename what is written', async () => {
    respond = () => patchResponse([add('/metadata/name', 'other')]);
    await register('mutating', webhook());
    const answer = await send(`POST ${maps}`, { metadata: { name: 'a' } });
    expect(answer.json().message).toContain('may not give the object another name');
  });
});
