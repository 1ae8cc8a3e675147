import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { createWorkqueue } from './workqueue.ts';

function setUp() {
  const clock = createSimulatedClock();
  return { clock, queue: createWorkqueue({ clock, random: seededRandom(1) }) };
}

describe('workqueue', () => {
  it('hands a key out once however often it was added, in the order of first additions', async () => {
    const { queue } = setUp();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(['a', 'b', 'c']);
    expect(queue.length).toBe(0);
  });

  it('never hands out a key that is being worked on, and brings it back when that is done', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    const next = queue.get();
    queue.done('a');
    expect(await next).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('doubles the wait of a key that fails, up to the limit, until it is forgotten', async () => {
    const { clock, queue } = setUp();
    const waits: number[] = [];
    for (let i = 0; i < 19; i++) {
      const start = clock.now();
      queue.addRateLimited('a');
      const taken = queue.get();
      while (queue.length === 0 && clock.pendingTimers > 0) await clock.advance(5);
      await taken;
      waits.push(clock.now() - start);
      queue.done('a');
      if (waits.at(-1) === 10_240) break;
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240]);
    queue.forget('a');
    expect(queue.failures('a')).toBe(0);
    queue.addRateLimited('a');
    await clock.advance(5);
    expect(queue.length).toBe(1);
  });

  it('waits at most 1000 s', async () => {
    const { clock, queue } = setUp();
    for (let i = 0; i < 60; i++) {
      queue.addRateLimited('a');
      await clock.advance(0);
    }
    await clock.advance(10);
    await queue.get();
    queue.done('a');
    queue.addRateLimited('a');
    await clock.advance(999_999);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });

  it('takes the shortest of several delays', async () => {
    const { clock, queue } = setUp();
    queue.addAfter('a', 1000);
    queue.addAfter('a', 10);
    queue.addAfter('a', 500);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(10);
    expect(await queue.get()).toBe('a');
  });

  it('gives waiting getters their keys in turn, and rejects one whose signal is aborted', async () => {
    const { queue } = setUp();
    const abort = new AbortController();
    const first = queue.get();
    const second = queue.get(abort.signal);
    const third = queue.get();
    abort.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    queue.add('a');
    queue.add('b');
    expect([await first, await third]).toEqual(['a', 'b']);
  });

  it('hands out what is ready after it was shut down, and then nothing', async () => {
    const { clock, queue } = setUp();
    queue.add('a');
    queue.addAfter('b', 5);
    queue.shutDown();
    queue.add('c');
    expect(await queue.get()).toBe('a');
    expect(await queue.get()).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });
});
