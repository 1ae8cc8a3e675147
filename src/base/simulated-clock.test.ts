import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from './simulated-clock.ts';

describe('the simulated clock', () => {
  it('runs timers in order, each after what the one before set off', async () => {
    const clock = createSimulatedClock(1000);
    const said: string[] = [];
    clock.setTimer(20, () => said.push(`twenty at ${clock.now()}`));
    clock.setTimer(10, () => {
      void (async () => {
        await Promise.resolve();
        await clock.sleep(5);
        said.push(`fifteen at ${clock.now()}`);
      })();
    });
    const cancel = clock.setTimer(12, () => said.push('never'));
    cancel();
    cancel();
    await clock.advance(30);
    expect(said).toEqual(['fifteen at 1015', 'twenty at 1020']);
    expect([clock.now(), clock.monotonic(), clock.pendingTimers]).toEqual([1030, 30, 0]);
  });

  it('runs until nothing is left to wait for, and says when that never comes', async () => {
    const clock = createSimulatedClock();
    let count = 0;
    const again = (): void => void (++count < 5 && clock.setTimer(1000, again));
    again();
    await clock.runUntilIdle();
    expect([count, clock.monotonic()]).toEqual([5, 4000]);
    const forever = (): void => void clock.setTimer(3_600_000, forever);
    forever();
    await expect(clock.runUntilIdle()).rejects.toThrow('without end');
  });

  it('rejects a sleep whose signal is aborted, and forgets its timer', async () => {
    const clock = createSimulatedClock();
    const abort = new AbortController();
    const sleep = clock.sleep(1000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleep).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(0);
  });
});
