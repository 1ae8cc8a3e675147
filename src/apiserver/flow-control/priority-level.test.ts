import { expect, it } from 'vitest';
import type { PriorityLevelConfiguration } from '../../api/types/flowcontrol-v1.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { dealHand, PriorityLevel } from './priority-level.ts';
import { assignSeats, mayTakeSeat } from './seats.ts';

const queued = (queues: number, handSize: number, queueLengthLimit: number): PriorityLevelConfiguration => ({
  metadata: { name: 'x' },
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 1,
      limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit } },
    },
  },
});

function levelOf(configuration: PriorityLevelConfiguration, seats = 1) {
  const clock = createSimulatedClock();
  const level = new PriorityLevel(configuration, { clock, mayTake: (each) => each.inUse < seats });
  const order: string[] = [];
  const signals = new Map<string, AbortController>();
  const enter = (name: string, flow = name) => {
    const controller = new AbortController();
    signals.set(name, controller);
    const entrance = level.enter(flow, () => controller.signal);
    if (!(entrance instanceof Promise)) order.push(`${name} ${entrance}`);
    else void entrance.then((outcome) => order.push(`${name} ${outcome}`));
  };
  const leave = async () => {
    level.leave();
    level.dispatch();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { clock, level, order, enter, leave, signals };
}

it('has requests of many flows take turns with the one that has many', async () => {
  const { order, enter, leave } = levelOf(queued(64, 2, 10));
  enter('first');
  for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a');
  enter('b1', 'b');
  for (let i = 0; i < 6; i++) await leave();
  expect(order).toHaveLength(6);
  // Two queues hold those of a: at most one of each goes before b.
  expect(order.indexOf('b1 entered')).toBeLessThanOrEqual(3);
});

it('refuses what is too much for the queue, waits too long, or whose client went away', async () => {
  const { clock, level, order, enter, leave, signals } = levelOf(queued(1, 1, 2));
  for (const name of ['a', 'b', 'c', 'd']) enter(name, 'f');
  expect(order).toEqual(['a entered', 'd queue-full']);
  signals.get('b')?.abort();
  await clock.advance(15_000);
  expect(order.slice(2)).toEqual(['b cancelled', 'c time-out']);
  expect(level.waiting).toBe(0);
  await leave();
  enter('e');
  expect(order.at(-1)).toBe('e entered');
  expect(Object.fromEntries(level.refusals)).toEqual({ 'queue-full': 1, cancelled: 1, 'time-out': 1 });
});

it('keeps those who wait when its queues become others, or none', async () => {
  const { level, order, enter, leave } = levelOf(queued(8, 2, 10));
  for (const name of ['a', 'b', 'c']) enter(name);
  level.configure({
    metadata: { name: 'x' },
    spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } },
  });
  enter('d');
  await leave();
  await leave();
  expect(order.toSorted()).toEqual(['a entered', 'b entered', 'c entered', 'd concurrency-limit']);
});

it('deals every flow a hand of different cards, always the same', () => {
  const hands = ['a', 'b', 'c', 'd'].map((flow) => dealHand(flow, 128, 6));
  for (const hand of hands) {
    expect(new Set(hand).size).toBe(6);
    expect(hand.every((card) => card >= 0 && card < 128)).toBe(true);
  }
  expect(dealHand('a', 128, 6)).toEqual(hands[0]);
  expect(new Set(hands.map(String)).size).toBe(4);
  expect(dealHand('a', 3, 3).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
});

it('lends what others do not use, and no more', () => {
  const levels: PriorityLevel[] = [];
  const make = (shares: number, more: object): PriorityLevel => {
    const limited = { nominalConcurrencyShares: shares, ...more };
    const mayTake = (each: PriorityLevel): boolean => mayTakeSeat(each, levels);
    const configuration = { metadata: {}, spec: { type: 'Limited', limited } };
    const level = new PriorityLevel(configuration, { clock: createSimulatedClock(), mayTake });
    levels.push(level);
    return level;
  };
  const lender = make(2, { lendablePercent: 50 });
  const borrower = make(1, {});
  assignSeats(levels);
  expect(levels.map(({ nominalSeats }) => nominalSeats)).toEqual([400, 200]);
  const fill = (level: PriorityLevel): number => {
    let taken = 0;
    while (level.enter('', () => new AbortController().signal) === 'entered') taken++;
    return taken;
  };
  expect(fill(borrower)).toBe(400);
  expect(fill(lender)).toBe(400);
  for (let i = 0; i < 400; i++) borrower.leave();
  borrower.configure({
    metadata: {},
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, borrowingLimitPercent: 10 } },
  });
  for (let i = 0; i < 400; i++) lender.leave();
  expect(fill(borrower)).toBe(220);
});
