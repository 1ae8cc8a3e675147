import { describe, expect, it } from 'vitest';
import {
  byEviction,
  conditionOf,
  evictionMessage,
  parseEvictionThresholds,
  resourceOf,
  shortages,
  upstreamEvictionHard,
} from './eviction-thresholds.ts';

const enough = { memory: { capacityBytes: 2 ** 30, availableBytes: 2 ** 29 }, processes: { most: 100, running: 1 } };
const use = (availableBytes: number, inodesFree = 50) => ({
  ...{ device: 1, capacityBytes: 1000, availableBytes, inodes: 100, inodesFree },
});

describe('thresholds', () => {
  it('are read as the kubelet writes them', () => {
    expect(parseEvictionThresholds(' nodefs.available < 10% , imagefs.inodesFree<2Ki')).toEqual([
      { signal: 'nodefs.available', least: { share: 0.1 } },
      { signal: 'imagefs.inodesFree', least: { amount: 2048 } },
    ]);
    expect(parseEvictionThresholds('')).toEqual([]);
  });

  it.each([
    ['nodefs.available', '"nodefs.available" is no threshold, as nodefs.available<10% is one'],
    ['allocatableMemory.available<1Gi', /^"allocatableMemory.available" is none of memory.available, /],
    ['nodefs.available<100%', '"100%" is not from 0% to below 100%'],
    ['nodefs.available<-1', '"-1" is no amount, as 1Gi is one'],
    ['nodefs.available<1Gi,nodefs.available<5%', 'there are two thresholds of nodefs.available'],
  ])('are refused when they are none: %s', (text, message) => {
    expect(() => parseEvictionThresholds(text)).toThrow(message);
  });

  it('are met when less is left, those of the node first', () => {
    const thresholds = parseEvictionThresholds(upstreamEvictionHard);
    expect(shortages(thresholds, { ...enough, nodefs: use(150), imagefs: use(150) })).toEqual([]);
    expect(shortages(thresholds, { ...enough, nodefs: use(99), imagefs: use(149, 4) })).toEqual([
      { signal: 'nodefs.available', least: 100, available: 99 },
      { signal: 'imagefs.available', least: 150, available: 149 },
      { signal: 'imagefs.inodesFree', least: 5, available: 4 },
    ]);
  });

  it('of memory come before those of the disk, those of process numbers last', () => {
    const thresholds = parseEvictionThresholds('pid.available<5%,nodefs.available<10%,memory.available<100Mi');
    const memory = { capacityBytes: 2 ** 30, availableBytes: 2 ** 20 };
    const processes = { most: 100, running: 96 };
    const found = shortages(thresholds, { nodefs: use(99), imagefs: use(99), memory, processes });
    expect(found.map((shortage) => [conditionOf(shortage), resourceOf(shortage), shortage.available])).toEqual([
      ['MemoryPressure', 'memory', 2 ** 20],
      ['DiskPressure', 'ephemeral-storage', 99],
      ['PIDPressure', 'pids', 4],
    ]);
  });

  it('of inodes do not count where there is no fixed number of them', () => {
    const without = { ...use(1000), inodes: 0, inodesFree: 0 };
    const thresholds = parseEvictionThresholds('nodefs.inodesFree<5%,imagefs.inodesFree<10');
    expect(shortages(thresholds, { ...enough, nodefs: without, imagefs: without })).toEqual([]);
  });
});

it('names what is short, and the containers that take more than they asked for', () => {
  const shortage = { signal: 'imagefs.available', least: 2 ** 30, available: 1001 } as const;
  const containers = [
    { name: 'greedy', usedBytes: 10_240, requestedBytes: 1024 },
    { name: 'frugal', usedBytes: 10, requestedBytes: 1024 },
  ];
  expect(evictionMessage(shortage, containers)).toBe(
    'The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 1001. ' +
      'Container greedy was using 10Ki, request is 1Ki, has larger consumption of ephemeral-storage. ',
  );
});

it('ends pods above their requests first, then by priority, then by what they take', () => {
  const pod = (name: string, usedBytes: number, requestedBytes: number, priority: number) => ({
    ...{ name, usedBytes, requestedBytes, priority },
  });
  const pods = [
    pod('within', 900, 1000, 0),
    pod('important', 500, 0, 10),
    pod('small', 10, 0, 0),
    pod('big', 400, 0, 0),
  ];
  expect(pods.sort(byEviction).map(({ name }) => name)).toEqual(['big', 'small', 'important', 'within']);
});
