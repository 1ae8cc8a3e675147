import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import type { KubeObject } from '../api/object.ts';
import type { Event } from '../api/types/core-v1.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../base/simulated-clock.ts';
import type { EventRecorder } from './event-recorder.ts';
import { createEventRecorder } from './recorder.ts';
import { events } from './resources.ts';

let api: TestApiServer;
let clock: SimulatedClock;
let recorder: EventRecorder;
const pod: KubeObject = {
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { name: 'web', namespace: 'default', uid: 'u-1', resourceVersion: '5' },
};

beforeEach(async () => {
  clock = createSimulatedClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  api = await startTestApiServer({ clock });
  const options = { client: api.client, component: 'kubelet', host: 'n1', clock, random: seededRandom(1) };
  recorder = createEventRecorder({ ...options, log: silentLogger });
});
afterEach(() => api.close());

async function written(): Promise<Event[]> {
  await clock.settle();
  return (await api.client.list(events)).items;
}

describe('an event recorder', () => {
  it('writes an event about an object', async () => {
    recorder.record(pod, 'Normal', 'Started', 'Container started', 'spec.containers{web}');
    const [event] = await written();
    expect(event).toMatchObject({
      metadata: { namespace: 'default', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) as string },
      involvedObject: {
        ...{ kind: 'Pod', apiVersion: 'v1', name: 'web', namespace: 'default', uid: 'u-1', resourceVersion: '5' },
        fieldPath: 'spec.containers{web}',
      },
      ...{ type: 'Normal', reason: 'Started', message: 'Container started', count: 1 },
      ...{ firstTimestamp: '2026-01-02T03:04:05Z', lastTimestamp: '2026-01-02T03:04:05Z' },
      source: { component: 'kubelet', host: 'n1' },
    });
  });

  it('counts a repeated event up, also when it repeats before the first is written', async () => {
    for (let i = 0; i < 3; i++) recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting');
    await clock.settle();
    await clock.advance(10_000);
    recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting');
    expect(await written()).toMatchObject([
      { count: 4, firstTimestamp: '2026-01-02T03:04:05Z', lastTimestamp: '2026-01-02T03:04:15Z' },
    ]);
  });

  it('writes a repeated event anew when the first is gone', async () => {
    recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting');
    const [event] = await written();
    await api.client.delete(events, { name: event?.metadata.name ?? '', namespace: 'default' });
    recorder.record(pod, 'Warning', 'BackOff', 'Back-off restarting');
    expect(await written()).toMatchObject([{ count: 1 }]);
  });

  it('combines events of ever new messages', async () => {
    for (let i = 0; i < 14; i++) recorder.record(pod, 'Warning', 'Failed', `attempt ${i}`);
    const found = await written();
    expect(found).toHaveLength(10);
    const combined = found.filter((event) => event.message?.startsWith('(combined'));
    expect(combined).toMatchObject([{ message: '(combined from similar events): attempt 13', count: 5 }]);
  });

  it('lets one object cause no more than 25 at once, and one in five minutes after that', async () => {
    for (let i = 0; i < 40; i++) recorder.record(pod, 'Normal', `Reason${i}`, 'text');
    recorder.record({ ...pod, metadata: { ...pod.metadata, uid: 'u-2' } }, 'Normal', 'Other', 'text');
    expect(await written()).toHaveLength(26);
    await clock.advance(300_000);
    for (let i = 0; i < 5; i++) recorder.record(pod, 'Normal', `Later${i}`, 'text');
    expect(await written()).toHaveLength(27);
  });

  it('puts events about cluster-scoped objects into namespace default', async () => {
    recorder.record(
      { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'n1' } },
      'Normal',
      'Ready',
      'is ready',
    );
    expect(await written()).toMatchObject([{ metadata: { namespace: 'default' }, involvedObject: { kind: 'Node' } }]);
  });
});
