import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call } from '../../test/support/request.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';

const path = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';

describe('deleting objects', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const createMap = (metadata: object): Promise<Answer> => send(`POST ${path}`, { body: { metadata } });
  beforeEach(async () => {
    api = await startTestApiServer({ clock: createSimulatedClock(Date.UTC(2026, 0, 1)) });
  });
  afterEach(() => api.close());

  async function runningPod(): Promise<void> {
    const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'x' }], terminationGracePeriodSeconds: 30 };
    await send(`POST ${pods}`, { body: { metadata: { name: 'a' }, spec } });
  }

  it('answers a Status that names what is gone', async () => {
    const { uid } = (await createMap({ name: 'a' })).json().metadata;
    const answer = await send(`DELETE ${path}/a`);
    expect(answer.json()).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid },
    });
    expect((await send(`DELETE ${path}/a`)).json()).toMatchObject({ code: 404, message: 'configmaps "a" not found' });
  });

  it('honours preconditions', async () => {
    const { uid } = (await createMap({ name: 'a' })).json().metadata;
    const wrong = await send(`DELETE ${path}/a`, { body: { preconditions: { uid: 'x' } } });
    expect(wrong.json()).toMatchObject({
      code: 409,
      message: `Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: x, UID in object meta: ${String(uid)}`,
    });
    expect((await send(`DELETE ${path}/a`, { body: { preconditions: { resourceVersion: '7' } } })).status).toBe(409);
    expect((await send(`DELETE ${path}/a`, { body: { preconditions: { uid } } })).status).toBe(200);
  });

  it('keeps what has finalizers until the last is gone', async () => {
    await createMap({ name: 'a', finalizers: ['x.io/y'] });
    const marked = await send(`DELETE ${path}/a`);
    expect(marked.json()).toMatchObject({
      kind: 'ConfigMap',
      metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 },
    });
    const headers = { 'content-type': 'application/merge-patch+json' };
    const added = await send(`PATCH ${path}/a`, { headers, body: { metadata: { finalizers: ['x.io/y', 'x.io/z'] } } });
    expect(added.json()).toMatchObject({ code: 422, reason: 'Invalid' });
    const revived = await send(`PATCH ${path}/a`, { headers, body: { metadata: { deletionTimestamp: null } } });
    expect(revived.json().metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z');
    expect((await send(`PATCH ${path}/a`, { headers, body: { metadata: { finalizers: null } } })).status).toBe(200);
    expect((await send(`GET ${path}/a`)).status).toBe(404);
  });

  it('leaves dependents to the garbage collector by a finalizer', async () => {
    await createMap({ name: 'a' });
    const answer = await send(`DELETE ${path}/a?propagationPolicy=Foreground`);
    expect(answer.json().metadata.finalizers).toEqual(['foregroundDeletion']);
    await createMap({ name: 'b' });
    const orphan = await send(`DELETE ${path}/b`, { body: { propagationPolicy: 'Orphan' } });
    expect(orphan.json().metadata.finalizers).toEqual(['orphan']);
    expect((await send(`DELETE ${path}/b`, { body: { propagationPolicy: 'Never' } })).status).toBe(422);
    const both = { propagationPolicy: 'Orphan', orphanDependents: true };
    expect((await send(`DELETE ${path}/b`, { body: both })).status).toBe(422);
  });

  it('gives a pod on a node its grace, which a second delete may only shorten', async () => {
    await runningPod();
    const first = await send(`DELETE ${pods}/a`);
    expect(first.json().metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:30Z',
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    const { revision } = api.store;
    expect((await send(`DELETE ${pods}/a?gracePeriodSeconds=60`)).status).toBe(200);
    expect(api.store.revision).toBe(revision);
    const shorter = await send(`DELETE ${pods}/a?gracePeriodSeconds=5`);
    expect(shorter.json().metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:05Z',
      deletionGracePeriodSeconds: 5,
    });
    expect((await send(`DELETE ${pods}/a?gracePeriodSeconds=0`)).json()).toMatchObject({ kind: 'Pod' });
    expect((await send(`GET ${pods}/a`)).status).toBe(404);
  });

  it('deletes a pod at once that no node holds', async () => {
    await send(`POST ${pods}`, {
      body: { metadata: { name: 'a' }, spec: { containers: [{ name: 'c', image: 'x' }] } },
    });
    expect((await send(`DELETE ${pods}/a`)).status).toBe(200);
    expect((await send(`GET ${pods}/a`)).status).toBe(404);
  });

  it('does not delete in a dry run', async () => {
    await createMap({ name: 'a' });
    expect((await send(`DELETE ${path}/a?dryRun=All`)).status).toBe(200);
    expect((await send(`GET ${path}/a`)).status).toBe(200);
  });

  it('keeps a namespace until it is finalized', async () => {
    await send('POST /api/v1/namespaces', { body: { metadata: { name: 'x' } } });
    const marked = (await send('DELETE /api/v1/namespaces/x')).json();
    expect(marked).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
    const body = { ...marked, spec: { finalizers: [] } };
    expect((await send('PUT /api/v1/namespaces/x/finalize', { body })).status).toBe(200);
    expect((await send('GET /api/v1/namespaces/x')).status).toBe(404);
  });

  it('deletes a collection by its selector and answers with what it found', async () => {
    for (let i = 0; i < 40; i++) await createMap({ name: `m${i}`, labels: { even: String(i % 2 === 0) } });
    const answer = await send(`DELETE ${path}?labelSelector=even%3Dtrue`);
    expect(answer.json()).toMatchObject({ kind: 'ConfigMapList' });
    expect(answer.json().items).toHaveLength(20);
    expect((await send(`GET ${path}`)).json().items).toHaveLength(20);
  });
});
