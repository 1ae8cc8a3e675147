import { expect, it } from 'vitest';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { ControllerRunner, type Enqueue } from './controller.ts';
import type { Outcome } from './reconciler.ts';

function run(reconcile: (key: string, attempt: number) => Promise<Outcome>, concurrency = 1) {
  const clock = createSimulatedClock();
  const calls: string[] = [];
  let enqueue: Enqueue = () => {};
  const controller = {
    name: 'test',
    concurrency,
    watch(add: Enqueue) {
      enqueue = add;
      return () => (enqueue = () => {});
    },
    reconcile(key: string) {
      calls.push(`${clock.monotonic()} ${key}`);
      return reconcile(key, calls.length);
    },
  };
  const runner = new ControllerRunner(controller, { clock, random: seededRandom(1), log: silentLogger });
  runner.start();
  return { clock, calls, runner, add: (key: string, afterMs?: number) => enqueue(key, afterMs) };
}

const done: Outcome = { kind: 'done' };

it('reconciles a key once however many events name it', async () => {
  const { clock, calls, add } = run(() => Promise.resolve(done));
  for (const key of ['a', 'b', 'a', 'a']) add(key);
  await clock.settle();
  expect(calls.filter((call) => call === '0 b')).toHaveLength(1);
  expect(calls.filter((call) => call === '0 a').length).toBeLessThanOrEqual(2);
});

it('never runs a key twice at once, and runs it again for events meanwhile', async () => {
  let finish = (): void => {};
  const { clock, calls, add } = run(
    (_, attempt) => (attempt === 1 ? new Promise((resolve) => (finish = () => resolve(done))) : Promise.resolve(done)),
    4,
  );
  add('a');
  await clock.settle();
  add('a');
  add('b');
  await clock.settle();
  expect(calls).toEqual(['0 a', '0 b']);
  finish();
  await clock.settle();
  expect(calls).toEqual(['0 a', '0 b', '0 a']);
});

it('comes back after a failure, later each time, and after the period it was told', async () => {
  const { clock, calls, add } = run((_, attempt) => {
    if (attempt <= 3) return Promise.reject(new Error('not yet'));
    return Promise.resolve(attempt === 4 ? { kind: 'requeue', afterMs: 100 } : done);
  });
  add('a');
  await clock.advance(1000);
  expect(calls).toEqual(['0 a', '5 a', '15 a', '35 a', '135 a']);
});

it('stops when what runs has ended', async () => {
  let finish = (): void => {};
  const { clock, calls, runner, add } = run(() => new Promise((resolve) => (finish = () => resolve(done))));
  add('a');
  await clock.settle();
  let stopped = false;
  const stopping = runner.stop().then(() => (stopped = true));
  await clock.settle();
  expect(stopped).toBe(false);
  finish();
  await stopping;
  add('b');
  await clock.advance(1000);
  expect(calls).toEqual(['0 a']);
});
