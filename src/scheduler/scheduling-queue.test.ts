import { beforeEach, describe, expect, it } from 'vitest';
import { pod } from '../../test/support/objects.ts';
import { roomyNode } from '../../test/support/scheduling.ts';
import { createSimulatedClock, type SimulatedClock } from '../base/simulated-clock.ts';
import { nodeResourcesFit, taintToleration } from './filters/node-filters.ts';
import type { ClusterEvent } from './plugin.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

let clock: SimulatedClock;
let queue: SchedulingQueue;
let wakes: number;

beforeEach(() => {
  clock = createSimulatedClock();
  wakes = 0;
  queue = new SchedulingQueue(clock, () => wakes++);
});

const nodeAdded: ClusterEvent = { kind: 'nodeAdded', node: roomyNode('n1') };
const podDeleted: ClusterEvent = { kind: 'podDeleted', pod: pod('gone') };
const byResources = new Set([nodeResourcesFit]);
const next = (): string | undefined => queue.next()?.metadata.name;

describe('the scheduling queue', () => {
  it('hands out pods by priority, then in the order they came', () => {
    for (const [name, priority] of [
      ['a', 0],
      ['b', 10],
      ['c', 10],
      ['d', -1],
      ['e', 20],
    ] as const) {
      queue.set(pod(name, { spec: { priority } }));
    }
    expect([next(), next(), next(), next(), next(), next()]).toEqual(['e', 'b', 'c', 'a', 'd', undefined]);
  });

  it('forgets a pod wherever it is', () => {
    queue.set(pod('active'));
    queue.remove('uid-active');
    queue.set(pod('parked'));
    next();
    queue.failed('uid-parked', byResources);
    queue.remove('uid-parked');
    queue.happened(nodeAdded);
    expect(next()).toBeUndefined();
    expect(queue.length).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('parks a pod that failed until something happens that its filters hope for', () => {
    queue.set(pod('a'));
    next();
    queue.failed('uid-a', new Set([taintToleration]));
    queue.happened(podDeleted);
    expect(next()).toBeUndefined();
    queue.happened(nodeAdded);
    expect(next()).toBe('a');
  });

  it('brings a pod without a named reason back on any event', () => {
    queue.set(pod('a'));
    next();
    queue.failed('uid-a', new Set());
    queue.happened(podDeleted);
    expect(next()).toBe('a');
  });

  it('lets pods that have not failed go before one in its backoff', () => {
    queue.set(pod('failed', { spec: { priority: 100 } }));
    next();
    queue.failed('uid-failed', byResources);
    queue.happened(podDeleted);
    queue.set(pod('fresh'));
    expect([next(), next()]).toEqual(['fresh', 'failed']);
  });

  it('gives a pod whose backoff is over its place by priority again', async () => {
    queue.set(pod('failed', { spec: { priority: 100 } }));
    next();
    queue.failed('uid-failed', byResources);
    queue.happened(podDeleted);
    queue.set(pod('fresh'));
    await clock.advance(1_000);
    expect([next(), next()]).toEqual(['failed', 'fresh']);
  });

  it('waits out the doubled backoff after API errors, up to ten seconds', async () => {
    queue.set(pod('a'));
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      expect(next()).toBe('a');
      queue.broken('uid-a');
      await clock.advance(waitMs - 1);
      expect(next()).toBeUndefined();
      await clock.advance(1);
    }
    expect(next()).toBe('a');
  });

  it('tries a parked pod again after five minutes without any event', async () => {
    queue.set(pod('a'));
    next();
    queue.failed('uid-a', byResources);
    await clock.advance(5 * 60_000 - 1);
    expect(next()).toBeUndefined();
    const before = wakes;
    await clock.advance(1);
    expect(wakes).toBeGreaterThan(before);
    expect(next()).toBe('a');
  });

  it('tries a parked pod again when its spec or labels change, not when its status does', () => {
    queue.set(pod('a'));
    next();
    queue.failed('uid-a', byResources);
    queue.set(pod('a', { status: { message: 'news' } }));
    expect(next()).toBeUndefined();
    queue.set(pod('a', { spec: { tolerations: [{ operator: 'Exists' }] } }));
    expect(queue.next()?.spec?.tolerations).toHaveLength(1);
  });

  it('keeps the newest state of a pod in flight for when it fails', () => {
    queue.set(pod('a'));
    next();
    queue.set(pod('a', { status: { message: 'news' } }));
    expect(queue.get('uid-a')?.status?.message).toBe('news');
    expect(next()).toBeUndefined();
  });

  it('leaves no timer behind when it stops', () => {
    queue.set(pod('a'));
    queue.set(pod('b'));
    next();
    queue.failed('uid-a', byResources);
    next();
    queue.broken('uid-b');
    queue.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
