import { expect, it } from 'vitest';
import { pod } from '../../../test/support/objects.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { Expectations } from './expectations.ts';
import { slowStart } from './slow-start.ts';

const key = 'default/web';

it('waits until every pod it created is in the cache', () => {
  const expectations = new Expectations(createSimulatedClock(0));
  expectations.expectCreation(key, 'default/a');
  expectations.expectCreation(key, 'default/b');
  expectations.seen(key, pod('a'));
  expectations.seen(key, pod('stranger'));
  expect(expectations.satisfied(key)).toBe(false);
  expectations.gone(key, pod('b'));
  expect(expectations.satisfied(key)).toBe(true);
});

it('waits until a deleted pod is marked or gone, and not when the deletion failed', () => {
  const expectations = new Expectations(createSimulatedClock(0));
  expectations.expectDeletion(key, 'uid-a');
  expectations.expectDeletion(key, 'uid-b');
  expectations.seen(key, pod('a'));
  expectations.deletionFailed(key, 'uid-b');
  expect(expectations.satisfied(key)).toBe(false);
  expectations.seen(key, pod('a', { metadata: { uid: 'uid-a', deletionTimestamp: '2026-01-01T00:00:00Z' } }));
  expect(expectations.satisfied(key)).toBe(true);
});

it('gives up after five minutes', async () => {
  const clock = createSimulatedClock(0);
  const expectations = new Expectations(clock);
  expectations.expectCreation(key, 'default/a');
  await clock.advance(299_000);
  expect(expectations.satisfied(key)).toBe(false);
  await clock.advance(2_000);
  expect(expectations.satisfied(key)).toBe(true);
});

it('starts slowly and stops at the first batch that fails', async () => {
  const started: number[] = [];
  const result = await slowStart(20, (index) => {
    started.push(index);
    return index === 2 ? Promise.reject(new Error('quota')) : Promise.resolve();
  });
  expect(started).toEqual([0, 1, 2]);
  expect(result).toEqual({ succeeded: 2, error: new Error('quota') });
  expect(await slowStart(5, () => Promise.resolve())).toEqual({ succeeded: 5 });
});

it('doubts a cache that does not come to show what was created', async () => {
  const clock = createSimulatedClock(0);
  const expectations = new Expectations(clock);
  expectations.expectCreation(key, 'default/a');
  expect(expectations.overdue(key)).toEqual([]);
  await clock.advance(10_000);
  expect(expectations.overdue(key)).toEqual(['default/a']);
});
