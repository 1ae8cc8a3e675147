import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { SharedLook } from './shared-look.ts';

describe('a shared look', () => {
  it('answers everybody for a period, those who wait for it too', async () => {
    const clock = createSimulatedClock();
    let looks = 0;
    const shared = new SharedLook(clock, 5000, () => Promise.resolve(++looks));
    expect(shared.nextInMs()).toBe(0);
    expect(await Promise.all([shared.get(), shared.get()])).toEqual([1, 1]);
    await clock.advance(4999);
    expect([await shared.get(), shared.nextInMs()]).toEqual([1, 1]);
    await clock.advance(1);
    expect([shared.nextInMs(), await shared.get(), shared.nextInMs()]).toEqual([0, 2, 5000]);
    shared.forget();
    expect(await shared.get()).toBe(3);
  });

  it('does not keep a failure', async () => {
    const clock = createSimulatedClock();
    let looks = 0;
    const shared = new SharedLook(clock, 5000, () => {
      return ++looks === 1 ? Promise.reject(new Error('the nodes are away')) : Promise.resolve(looks);
    });
    await expect(shared.get()).rejects.toThrow('the nodes are away');
    expect(shared.nextInMs()).toBe(0);
    expect(await shared.get()).toBe(2);
  });
});
