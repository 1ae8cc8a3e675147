import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { createSimulatedClock, type SimulatedClock } from '../../base/simulated-clock.ts';
import {
  configMaps,
  deployments,
  events,
  jobs,
  namespaces as coreNamespaces,
  pods,
  secrets,
} from '../../client/resources.ts';
import type { WaitError } from './errors.ts';
import { explainUnready } from './explain.ts';
import { waitForObjects } from './wait.ts';

let clock: SimulatedClock;
let api: TestApiServer;
let timersBefore: number;
beforeEach(async () => {
  clock = createSimulatedClock();
  api = await startTestApiServer({ clock });
  timersBefore = clock.pendingTimers;
});
afterEach(() => api.close());

const name = { name: 'web', namespace: 'default' };
const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
};
const spec = { selector: { matchLabels: { app: 'web' } }, template };
const available = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
const outcome = (waiting: Promise<void>): Promise<unknown> =>
  waiting.then(() => 'ready').catch((error: unknown) => error);

describe('waiting for objects', () => {
  it('ends when all of them are ready', async () => {
    await api.client.create(deployments, { metadata: name, spec });
    const targets = [
      { resource: deployments, name },
      { resource: configMaps, name },
    ];
    const waiting = outcome(waitForObjects({ client: api.client, clock, targets, timeoutMs: 1000 }));
    await clock.settle();
    await api.client.create(configMaps, { metadata: name });
    await api.client.patch(
      deployments,
      name,
      { kind: 'merge', document: { status: available } },
      { subresource: 'status' },
    );
    expect(await waiting).toBe('ready');
    expect(clock.pendingTimers).toBe(timersBefore);
  });

  it('ends where one kind is seen to be ready while the watch of another is being asked for', async () => {
    await api.client.create(configMaps, { metadata: name });
    await api.client.create(secrets, { metadata: name });
    const targets = [configMaps, secrets].map((resource) => ({ resource, name }));
    expect(await outcome(waitForObjects({ client: api.client, clock, targets, timeoutMs: 1000 }))).toBe('ready');
  });

  it('follows many kinds and namespaces without a warning of Node', async () => {
    const warnings: string[] = [];
    const warn = ({ name: type }: Error): unknown => warnings.push(type);
    process.on('warning', warn);
    const namespaces = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const targets = namespaces.map((namespace) => ({ resource: configMaps, name: { name: 'web', namespace } }));
    for (const each of namespaces) await api.client.create(coreNamespaces, { metadata: { name: each } });
    const waiting = outcome(waitForObjects({ client: api.client, clock, targets, timeoutMs: 1000 }));
    await clock.settle();
    for (const target of targets) await api.client.create(configMaps, { metadata: target.name });
    expect(await waiting).toBe('ready');
    process.off('warning', warn);
    expect(warnings).toEqual([]);
  });

  it('says what is not ready when the time is over', async () => {
    await api.client.create(deployments, { metadata: name, spec });
    const targets = [{ resource: deployments, name }];
    const waiting = outcome(waitForObjects({ client: api.client, clock, targets, timeoutMs: 5000 }));
    await clock.advance(5000);
    const error = (await waiting) as WaitError;
    expect(error).toMatchObject({ name: 'WaitError', timedOut: true });
    expect(error.message).toBe('not ready after 5 s: Deployment default/web: its rollout has not begun yet');
  });

  it('ends at once when one has failed', async () => {
    await api.client.create(jobs, {
      metadata: name,
      spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
    });
    const targets = [
      { resource: jobs, name },
      { resource: configMaps, name },
    ];
    const waiting = outcome(waitForObjects({ client: api.client, clock, targets, timeoutMs: 5000 }));
    await clock.settle();
    const condition = (type: string): object => ({ type, status: 'True', reason: 'BackoffLimitExceeded' });
    const status = { startTime: '2026-01-01T00:00:00Z', conditions: [condition('FailureTarget'), condition('Failed')] };
    await api.client.patch(jobs, name, { kind: 'merge', document: { status } }, { subresource: 'status' });
    const error = (await waiting) as WaitError;
    expect(error.message).toBe('Job default/web: the job failed: BackoffLimitExceeded');
  });

  it('can be for what must go', async () => {
    await api.client.create(configMaps, { metadata: name });
    const targets = [{ resource: configMaps, name }];
    const waiting = outcome(waitForObjects({ client: api.client, clock, targets, until: 'gone', timeoutMs: 1000 }));
    await clock.settle();
    await api.client.delete(configMaps, name);
    expect(await waiting).toBe('ready');
  });

  it('can be given up', async () => {
    const abort = new AbortController();
    const targets = [{ resource: configMaps, name }];
    const waiting = outcome(
      waitForObjects({ client: api.client, clock, targets, timeoutMs: 1000, signal: abort.signal }),
    );
    await clock.settle();
    abort.abort(new Error('enough'));
    expect(await waiting).toMatchObject({ message: 'enough' });
    expect(clock.pendingTimers).toBe(timersBefore);
  });
});

describe('what is told about objects that are not ready', () => {
  it('is what their pods say of themselves, and the warnings about them', async () => {
    await api.client.create(deployments, { metadata: name, spec });
    await api.client.create(pods, { ...template, metadata: { ...template.metadata, ...name, name: 'web-1' } });
    await api.client.create(events, {
      metadata: { name: 'e', namespace: 'default' },
      involvedObject: { kind: 'Pod', name: 'web-1', namespace: 'default' },
      ...{ type: 'Warning', reason: 'Failed', message: 'no such image', count: 3 },
    });
    const unready = [{ resource: deployments, name, failed: false, reason: '0 of 1 replicas are available' }];
    expect(await explainUnready(api.client, unready)).toEqual([
      'Deployment default/web: 0 of 1 replicas are available',
      '  pod web-1: it is not ready',
      '    Failed: no such image (3 times)',
    ]);
  });

  it('are the last lines of what they wrote, without what is in their secrets', async () => {
    const of = (key: string, value: string) => ({ metadata: { ...name, name: key }, stringData: { value } });
    await api.client.create(secrets, of('env', 'hunter2-env'));
    await api.client.create(secrets, of('whole', 'hunter2-whole\n'));
    await api.client.create(secrets, of('file', 'hunter2'));
    await api.client.create(secrets, of('short', 'why'));
    const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'value' } } }];
    const envFrom = ['whole', 'short', 'none'].map((each) => ({ secretRef: { name: each } }));
    const volumes = [{ name: 'f', secret: { secretName: 'file' } }];
    const container = { name: 'web', image: 'web:1', env, envFrom };
    await api.client.create(pods, { metadata: { ...name, name: 'web-1' }, spec: { containers: [container], volumes } });
    const state = { terminated: { exitCode: 1 } };
    const containerStatuses = [
      { ...{ name: 'web', image: 'web:1', imageID: '', ready: false, restartCount: 0 }, state },
    ];
    const document = { status: { phase: 'Failed', containerStatuses } };
    const place = { ...name, name: 'web-1' };
    await api.client.patch(pods, place, { kind: 'merge', document }, { subresource: 'status' });
    const log = 'no database: hunter2-env\nwhy hunter2-whole?\nfile hunter2.\n';
    // What a node would answer.
    const ask = api.client.raw.bind(api.client);
    vi.spyOn(api.client, 'raw').mockImplementation((method, path, body, options) =>
      path.includes('/log?') ? Promise.resolve(log) : ask(method, path, body, options),
    );
    const unready = [{ resource: pods, name: place, failed: true, reason: 'it ended' }];
    expect(await explainUnready(api.client, unready)).toEqual([
      'Pod default/web-1: it ended',
      '  web | no database: ***',
      '  web | why ***?',
      '  web | file ***.',
    ]);
  });
});
