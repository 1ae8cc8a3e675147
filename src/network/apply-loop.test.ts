import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { createApplyLoop } from './apply-loop.ts';

/** An apply whose attempts end when the test says so. */
function loop() {
  const clock = createSimulatedClock();
  const ends: ((error?: Error) => void)[] = [];
  const failures: string[] = [];
  let attempts = 0;
  const applying = createApplyLoop({
    clock,
    pause: { firstMs: 1_000, mostMs: 3_000 },
    onFailed: (error) => failures.push(error.message),
    apply() {
      attempts++;
      return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    },
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const end = async (error?: Error): Promise<void> => {
    ends.shift()?.(error);
    await settle();
  };
  return { ...applying, clock, failures, settle, end, attempts: () => attempts };
}

describe('an apply loop', () => {
  it('makes one attempt for what changes in one go, and one for what changes meanwhile', async () => {
    const { request, settle, end, attempts } = loop();
    request();
    request();
    await settle();
    expect(attempts()).toBe(1);
    request();
    request();
    await settle();
    expect(attempts()).toBe(1);
    await end();
    expect(attempts()).toBe(2);
    await end();
    expect(attempts()).toBe(2);
  });

  it('tries again after pauses that grow, and begins anew when it has gone well', async () => {
    const { request, settle, end, attempts, clock, failures } = loop();
    request();
    await settle();
    for (const pauseMs of [1_000, 2_000, 3_000, 3_000]) {
      const before = attempts();
      await end(new Error(`attempt ${before}`));
      await clock.advance(pauseMs - 1);
      expect(attempts()).toBe(before);
      await clock.advance(1);
      expect(attempts()).toBe(before + 1);
    }
    expect(failures).toHaveLength(4);
    await end();
    request();
    await settle();
    await end(new Error('again'));
    await clock.advance(1_000);
    expect(attempts()).toBe(7);
  });

  it('tries at once when something changes before the pause is over', async () => {
    const { request, settle, end, attempts } = loop();
    request();
    await settle();
    await end(new Error('no'));
    request();
    await settle();
    expect(attempts()).toBe(2);
  });

  it('makes a single attempt that answers, with what is asked for in the same go', async () => {
    const { once, request, settle, end, attempts } = loop();
    const first = once();
    request();
    await settle();
    await end();
    await first;
    await settle();
    expect(attempts()).toBe(1);
    const second = once();
    await settle();
    const refused = expect(second).rejects.toThrow('no');
    await end(new Error('no'));
    await refused;
  });

  it('ends when it is stopped', async () => {
    const { request, requestIn, stop, settle, end, attempts, clock } = loop();
    request();
    await settle();
    requestIn(10);
    stop();
    request();
    await end(new Error('no'));
    await clock.advance(10_000);
    expect(attempts()).toBe(1);
  });
});
