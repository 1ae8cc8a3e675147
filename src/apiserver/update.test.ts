import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployments as deploymentResource } from '../client/resources.ts';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call, Wire } from '../../test/support/request.ts';

const path = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

const deployment = {
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
  },
};

describe('updating objects', () => {
  let api: TestApiServer;
  let stored: Wire;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  beforeEach(async () => {
    api = await startTestApiServer();
    stored = (await send(`POST ${path}`, { body: { metadata: { name: 'a' }, data: { k: 'v' } } })).json();
  });
  afterEach(() => api.close());

  it('replaces the object and keeps what no update may change', async () => {
    const metadata = { name: 'a', uid: stored.metadata.uid, creationTimestamp: '2001-01-01T00:00:00Z' };
    const answer = await send(`PUT ${path}/a`, { body: { metadata, data: { k: 'w' } } });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ data: { k: 'w' }, metadata: { ...stored.metadata, resourceVersion: '2' } });
  });

  it('keeps one copy of what several versions of an object have alike', async () => {
    const name = { name: 'web', namespace: 'default' };
    await api.client.create(deploymentResource, { ...structuredClone(deployment), metadata: { ...name } });
    const before = await api.client.get(deploymentResource, name);
    const annotate = (value: string) =>
      api.client.patch(deploymentResource, name, {
        kind: 'merge',
        document: { metadata: { annotations: { a: value } } },
      });
    const after = await annotate('b');
    expect(after.metadata).toMatchObject({ annotations: { a: 'b' }, generation: 1 });
    expect(after.spec).toBe(before.spec);
    const scaled = await api.client.patch(deploymentResource, name, {
      kind: 'merge',
      document: { spec: { replicas: 3 } },
    });
    expect(scaled).toMatchObject({ spec: { replicas: 3 }, metadata: { generation: 2 } });
    expect(before.spec?.replicas).toBe(1);
  });

  it('refuses a stale resource version', async () => {
    await send(`PUT ${path}/a`, { body: { ...stored, data: { k: 'w' } } });
    const answer = await send(`PUT ${path}/a`, { body: { ...stored, data: { k: 'x' } } });
    expect(answer.json()).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; ' +
        'please apply your changes to the latest version and try again',
    });
  });

  it('takes the resource version 0 for none, as upstream, which reads it as a number', async () => {
    const metadata = { name: 'a', resourceVersion: '0' };
    const answer = await send(`PUT ${path}/a`, { body: { metadata, data: { k: 'w' } } });
    expect(answer.json()).toMatchObject({ data: { k: 'w' }, metadata: { resourceVersion: '2' } });
    const made = await send(`POST ${path}`, { body: { metadata: { name: 'b', resourceVersion: '0' } } });
    expect(made.json()).toMatchObject({ metadata: { name: 'b', resourceVersion: '3' } });
  });

  it('refuses another uid and another name', async () => {
    const other = await send(`PUT ${path}/a`, { body: { metadata: { name: 'a', uid: 'x' } } });
    expect(other.json()).toMatchObject({ code: 409, reason: 'Conflict' });
    const renamed = await send(`PUT ${path}/a`, { body: { metadata: { name: 'b' } } });
    expect(renamed.json().message).toBe('the name of the object (b) does not match the name on the URL (a)');
  });

  it('writes nothing when nothing changes', async () => {
    const answer = await send(`PUT ${path}/a`, { body: stored });
    expect(answer.json()).toEqual(stored);
    expect(api.store.revision).toBe(1);
  });

  it('answers 404 for what is not there, unless the kind may be created so', async () => {
    expect((await send(`PUT ${path}/b`, { body: { metadata: { name: 'b' } } })).status).toBe(404);
    const event = { metadata: { name: 'e' }, involvedObject: { kind: 'Pod', namespace: 'default', name: 'x' } };
    expect((await send('PUT /api/v1/namespaces/default/events/e', { body: event })).status).toBe(201);
  });

  it('counts generations for changes of the spec only', async () => {
    await send(`POST ${deployments}`, { body: deployment });
    const scaled = { ...deployment, spec: { ...deployment.spec, replicas: 3 } };
    expect((await send(`PUT ${deployments}/web`, { body: scaled })).json().metadata.generation).toBe(2);
    const labelled = { ...scaled, metadata: { name: 'web', labels: { a: 'b' } } };
    expect((await send(`PUT ${deployments}/web`, { body: labelled })).json().metadata.generation).toBe(2);
  });

  it('divides spec and status between the object and its status', async () => {
    await send(`POST ${deployments}`, { body: { ...deployment, status: { replicas: 9 } } });
    const changed = { ...deployment, spec: { ...deployment.spec, replicas: 5 }, status: { replicas: 2 } };
    const byStatus = (await send(`PUT ${deployments}/web/status`, { body: changed })).json();
    expect(byStatus).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2 }, metadata: { generation: 1 } });
    const bySpec = (await send(`PUT ${deployments}/web`, { body: { ...changed, status: { replicas: 7 } } })).json();
    expect(bySpec).toMatchObject({ spec: { replicas: 5 }, status: { replicas: 2 } });
  });

  it('serves and stores old versions as today’s', async () => {
    const old = '/apis/extensions/v1beta1/namespaces/default/deployments';
    const { template } = deployment.spec;
    const answer = await send(`POST ${old}`, { body: { metadata: { name: 'web' }, spec: { template } } });
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toEqual([
      '299 - "extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment"',
    ]);
    expect(answer.json()).toMatchObject({ apiVersion: 'extensions/v1beta1', kind: 'Deployment' });
    const today = (await send(`GET ${deployments}/web`)).json();
    expect(today).toMatchObject({ apiVersion: 'apps/v1', spec: { selector: { matchLabels: { app: 'web' } } } });
    const list = (await send(`GET ${old}`)).json();
    expect(list).toMatchObject({ kind: 'DeploymentList', apiVersion: 'extensions/v1beta1' });
    expect(list.items[0]).toMatchObject({ apiVersion: 'extensions/v1beta1', metadata: { name: 'web' } });
  });
});

describe('patching objects', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const patch = (type: string, body: object, at = `${path}/a`): Promise<Answer> =>
    send(`PATCH ${at}`, { body, headers: { 'content-type': `application/${type}+json` } });
  beforeEach(async () => {
    api = await startTestApiServer();
    await send(`POST ${path}`, { body: { metadata: { name: 'a' }, data: { k: 'v' } } });
  });
  afterEach(() => api.close());

  it('applies merge, JSON and strategic patches', async () => {
    expect((await patch('merge-patch', { data: { k: null, l: 'w' } })).json().data).toEqual({ l: 'w' });
    const operations = [{ op: 'add', path: '/data/m', value: 'x' }];
    expect((await patch('json-patch', operations)).json().data).toEqual({ l: 'w', m: 'x' });
    await send(`POST ${deployments}`, { body: deployment });
    const containers = [{ name: 'd', image: 'busybox' }];
    const strategic = await patch(
      'strategic-merge-patch',
      { spec: { template: { spec: { containers } } } },
      `${deployments}/web`,
    );
    const { spec } = strategic.json<typeof deployment>();
    expect(spec.template.spec.containers.map(({ name }) => name)).toEqual(['d', 'c']);
  });

  it('refuses a resource version that is not the current one, and retries when none is given', async () => {
    const answer = await patch('merge-patch', { metadata: { resourceVersion: '99' }, data: { k: 'w' } });
    expect(answer.json()).toMatchObject({ code: 409, reason: 'Conflict' });
    const all = await Promise.all(
      Array.from({ length: 4 }, (_, i) => patch('merge-patch', { data: { [`k${i}`]: 'v' } })),
    );
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const { data } = (await send(`GET ${path}/a`)).json<{ data: object }>();
    expect(Object.keys(data).toSorted()).toEqual(['k', 'k0', 'k1', 'k2', 'k3']);
  });

  it('refuses results that are not valid', async () => {
    expect((await patch('strategic-merge-patch', { data: 5 })).json()).toMatchObject({
      ...{ code: 422, reason: 'Invalid' },
      message: ' "" is invalid: patch: Invalid value: "map[data:5]": cannot restore map from int64',
    });
    const wrong: [document: object, reason: string][] = [
      [{ data: { k: 5 } }, 'cannot convert int64 to string'],
      [{ immutable: 'x' }, 'unrecognized type: bool'],
      [{ metadata: { finalizers: { a: 1 } } }, 'cannot restore slice from map'],
      [{ metadata: 'x' }, 'cannot restore struct from: string'],
    ];
    for (const [document, reason] of wrong) {
      const { message } = (await patch('strategic-merge-patch', document)).json();
      expect(message).toMatch(new RegExp(`: ${reason}$`));
    }
    expect((await patch('merge-patch', { data: 5 })).json()).toMatchObject({
      ...{ code: 422, reason: 'Invalid' },
      message: expect.stringMatching(
        /^ "" is invalid: patch: Invalid value: "\{.*data\\":5.*\}": json: cannot/,
      ) as string,
    });
    expect((await patch('merge-patch', { metadata: { name: 'b' } })).status).toBe(400);
    const answer = await patch('merge-patch', { metadata: { labels: { a: '-' } } });
    expect(answer.json()).toMatchObject({ code: 422, reason: 'Invalid' });
    expect((await patch('merge-patch', { nothing: 1 })).headers.warning).toEqual([
      String.raw`299 - "unknown field \"nothing\""`,
    ]);
  });
});
