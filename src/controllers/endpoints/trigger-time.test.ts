import { expect, it } from 'vitest';
import { pod, service } from '../../../test/support/objects.ts';
import { TriggerTimes } from './trigger-time.ts';

const time = (text: string) => Date.parse(text);
const readyAt = (name: string, lastTransitionTime: string) =>
  pod(name, { status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] } });

it('is the earliest change since the last computation', () => {
  const times = new TriggerTimes();
  const web = service('web', {}, { creationTimestamp: '2026-01-01T00:00:00Z' });
  const old = readyAt('a', '2026-01-01T00:01:00Z');
  expect(times.next('web', web, [old])).toBe(time('2026-01-01T00:00:00Z'));
  expect(times.next('web', web, [old])).toBeUndefined();
  const pods = [old, readyAt('b', '2026-01-01T00:03:00Z'), readyAt('c', '2026-01-01T00:02:00Z')];
  expect(times.next('web', web, pods)).toBe(time('2026-01-01T00:02:00Z'));
  times.forget('web');
  expect(times.next('web', web, [])).toBe(time('2026-01-01T00:00:00Z'));
});
