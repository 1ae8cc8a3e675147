import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../../test/support/api-server.ts';
import type { TestApiServer } from '../../test/support/api-server.ts';
import { request } from '../../test/support/request.ts';
import type { Answer, Call, Wire } from '../../test/support/request.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';

const pods = '/api/v1/namespaces/default/pods';
const containers = [{ name: 'c', image: 'x' }];

describe('subresources', () => {
  let api: TestApiServer;
  const send = (line: string, call?: Call): Promise<Answer> => request(api.server.handler, line, call);
  const createPod = async (spec: object = {}, labels: object = {}): Promise<Wire> =>
    (await send(`POST ${pods}`, { body: { metadata: { name: 'a', labels }, spec: { containers, ...spec } } })).json();
  beforeEach(async () => {
    api = await startTestApiServer({ clock: createSimulatedClock(Date.UTC(2026, 0, 1)) });
  });
  afterEach(() => api.close());

  it('binds a pod to a node, once', async () => {
    await createPod();
    const body = { metadata: { name: 'a', annotations: { k: 'v' } }, target: { kind: 'Node', name: 'n1' } };
    const bound = await send(`POST ${pods}/a/binding`, { body });
    expect(bound.json()).toMatchObject({ kind: 'Status', status: 'Success' });
    expect(bound.status).toBe(201);
    expect((await send(`GET ${pods}/a`)).json()).toMatchObject({
      metadata: { annotations: { k: 'v' }, generation: 1 },
      spec: { nodeName: 'n1' },
      status: {
        conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    });
    expect((await send('POST /api/v1/namespaces/default/bindings', { body })).json()).toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
    });
  });

  it('refuses bindings without a node, of another pod, and of gated pods', async () => {
    await createPod({ schedulingGates: [{ name: 'x.io/wait' }] });
    const post = (body: object): Promise<Answer> => send(`POST ${pods}/a/binding`, { body });
    expect((await post({ metadata: { name: 'a' }, target: {} })).status).toBe(422);
    const gated = await post({ metadata: { name: 'a' }, target: { name: 'n' } });
    expect(gated.json().message).toContain('pod a has non-empty .spec.schedulingGates');
    expect((await post({ metadata: { name: 'b' }, target: { name: 'n' } })).status).toBe(400);
    const other = { metadata: { name: 'a', uid: 'x' }, target: { name: 'n' } };
    expect((await post(other)).status).toBe(409);
  });

  it('scales by the shape that all scalable kinds share', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers } };
    const body = { metadata: { name: 'web' }, spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template } };
    await send(`POST ${path}`, { body });
    const scale = (await send(`GET ${path}/web/scale`)).json();
    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web', resourceVersion: '1' },
      spec: { replicas: 2 },
      status: { replicas: 0, selector: 'a=b' },
    });
    const scaled = await send(`PUT ${path}/web/scale`, { body: { ...scale, spec: { replicas: 5 } } });
    expect(scaled.json()).toMatchObject({ kind: 'Scale', spec: { replicas: 5 } });
    expect((await send(`PUT ${path}/web/scale`, { body: scale })).status).toBe(409);
    const headers = { 'content-type': 'application/merge-patch+json' };
    expect((await send(`PATCH ${path}/web/scale`, { headers, body: { spec: { replicas: 0 } } })).status).toBe(200);
    expect((await send(`GET ${path}/web`)).json()).toMatchObject({
      spec: { replicas: 0 },
      metadata: { generation: 3 },
    });
    const negative = await send(`PATCH ${path}/web/scale`, { headers, body: { spec: { replicas: -1 } } });
    expect(negative.json()).toMatchObject({
      code: 422,
      message: expect.stringContaining('must be greater than or equal to 0') as string,
    });
  });

  async function runningPodWithBudget(status: object): Promise<void> {
    const pod = await createPod({ nodeName: 'n' }, { app: 'web' });
    const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await send(`PUT ${pods}/a/status`, { body: { ...pod, status: ready } });
    const path = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    const spec = { minAvailable: 1, selector: { matchLabels: { app: 'web' } } };
    const { metadata } = (await send(`POST ${path}`, { body: { metadata: { name: 'pdb' }, spec } })).json();
    await send(`PUT ${path}/pdb/status`, { body: { metadata, spec, status } });
  }

  it('evicts a pod when its disruption budget allows it', async () => {
    const counts = { currentHealthy: 2, desiredHealthy: 1, expectedPods: 2, observedGeneration: 1 };
    await runningPodWithBudget({ ...counts, disruptionsAllowed: 1 });
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } };
    expect((await send(`POST ${pods}/a/eviction`, { body })).json()).toMatchObject({ status: 'Success' });
    const evicted = (await send(`GET ${pods}/a`)).json();
    expect(evicted.metadata.deletionTimestamp).toBeDefined();
    expect(evicted.status).toMatchObject({
      conditions: [
        { type: 'Ready' },
        {
          ...{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' },
          ...{ message: 'Eviction API: evicting', lastTransitionTime: '2026-01-01T00:00:00Z' },
        },
      ],
    });
    const budget = await send('GET /apis/policy/v1/namespaces/default/poddisruptionbudgets/pdb');
    expect(budget.json().status).toMatchObject({ disruptionsAllowed: 0, disruptedPods: { a: '2026-01-01T00:00:00Z' } });
  });

  it('evicts only the pod that was meant, in the state that was meant', async () => {
    const pod = await createPod({ nodeName: 'n' });
    const evict = (preconditions: object): Promise<Answer> => {
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } };
      return send(`POST ${pods}/a/eviction`, { body: { ...body, deleteOptions: { preconditions } } });
    };
    expect((await evict({ uid: 'another' })).status).toBe(409);
    expect((await evict({ resourceVersion: '99' })).status).toBe(409);
    expect((await send(`GET ${pods}/a`)).json()).toEqual(pod);
    expect((await evict({ resourceVersion: pod.metadata.resourceVersion })).status).toBe(201);
    expect((await send(`GET ${pods}/a`)).json().metadata.deletionTimestamp).toBeDefined();
  });

  it('refuses an eviction that would violate a budget', async () => {
    const counts = { currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, observedGeneration: 1 };
    await runningPodWithBudget({ ...counts, disruptionsAllowed: 0 });
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } };
    expect((await send(`POST ${pods}/a/eviction`, { body })).json()).toMatchObject({
      code: 429,
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          { reason: 'DisruptionBudget', message: 'The disruption budget pdb needs 1 healthy pods and has 1 currently' },
        ],
      },
    });
    expect((await send(`GET ${pods}/a`)).json().metadata.deletionTimestamp).toBeUndefined();
  });

  it('adds ephemeral containers', async () => {
    const pod = await createPod({ nodeName: 'n' });
    const headers = { 'content-type': 'application/strategic-merge-patch+json' };
    const ephemeralContainers = [{ name: 'debug', image: 'busybox' }];
    const answer = await send(`PATCH ${pods}/a/ephemeralcontainers`, {
      headers,
      body: { spec: { ephemeralContainers } },
    });
    expect(answer.json()).toMatchObject({ spec: { ephemeralContainers: [{ name: 'debug' }], nodeName: 'n' } });
    expect(answer.json().metadata.uid).toBe(pod.metadata.uid);
  });

  it('answers 404 for subresources that are not there and 405 for verbs that they lack', async () => {
    await createPod();
    expect((await send(`GET ${pods}/a/nothing`)).json()).toMatchObject({
      code: 404,
      message: 'the server could not find the requested resource',
    });
    expect((await send(`DELETE ${pods}/a/status`)).json()).toMatchObject({ code: 405, reason: 'MethodNotAllowed' });
    expect((await send('DELETE /api/v1/namespaces')).status).toBe(405);
    expect((await send(`PUT ${pods}`, { body: {} })).status).toBe(405);
    expect((await send('GET /api/v1/namespaces/default/unknowns')).status).toBe(404);
  });
});
