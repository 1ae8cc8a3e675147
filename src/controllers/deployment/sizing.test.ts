import { describe, expect, it } from 'vitest';
import { deployment, replicaSet } from '../../../test/support/objects.ts';
import type { ReplicaSet } from '../../api/types/apps-v1.ts';
import { replicasAnnotations } from './annotations.ts';
import {
  fenceposts,
  isScalingEvent,
  maxUnavailable,
  newSetSize,
  planRollingUpdate,
  planScale,
  type Resize,
} from './sizing.ts';

const rolling = (maxSurge: number | string, maxUnavailableValue: number | string) => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable: maxUnavailableValue } },
});
const sizes = (resizes: Resize[]) => Object.fromEntries(resizes.map(({ set, to }) => [set.metadata.name, to]));
const withMax = (set: ReplicaSet, desired: number, max: number): ReplicaSet => ({
  ...set,
  metadata: { ...set.metadata, annotations: replicasAnnotations(desired, max) },
});

describe('surge and unavailable', () => {
  it('rounds surge up and unavailable down', () => {
    expect(fenceposts(deployment(10, { spec: rolling('25%', '25%') }))).toEqual({ surge: 3, unavailable: 2 });
  });

  it('lets one pod be unavailable when both come to nothing', () => {
    expect(fenceposts(deployment(3, { spec: rolling(0, '10%') }))).toEqual({ surge: 0, unavailable: 1 });
  });

  it('never lets more be unavailable than there are', () => {
    expect(maxUnavailable(deployment(2, { spec: rolling(0, 5) }))).toBe(2);
    expect(maxUnavailable(deployment(5, { spec: { strategy: { type: 'Recreate' } } }))).toBe(0);
  });
});

describe('a rolling update', () => {
  const d = deployment(10, { spec: rolling(3, 2) });

  it('starts the new set as large as surge allows', () => {
    expect(newSetSize(d, [replicaSet('old', 10)], 0)).toBe(3);
    expect(newSetSize(d, [], 0)).toBe(10);
  });

  it('scales old sets down to what must stay available when the new one cannot grow', () => {
    const newSet = replicaSet('new', 3, { available: 0 });
    expect(sizes(planRollingUpdate(d, newSet, [replicaSet('old', 10)]))).toEqual({ old: 8 });
    expect(sizes(planRollingUpdate(d, newSet, [replicaSet('old', 8)]))).toEqual({ new: 5 });
    const grown = replicaSet('new', 5, { available: 0 });
    expect(planRollingUpdate(d, grown, [replicaSet('old', 8)])).toEqual([]);
  });

  it('removes old pods that are not available first', () => {
    const broken = replicaSet('broken', 4, {
      available: 0,
      metadata: { name: 'broken', creationTimestamp: '2026-01-02T00:00:00Z' },
    });
    const fine = replicaSet('fine', 8);
    const newSet = replicaSet('new', 1, { available: 1 });
    expect(sizes(planRollingUpdate(d, newSet, [fine, broken]))).toEqual({ broken: 0, fine: 7 });
  });

  it('shrinks a new set that is too large', () => {
    expect(sizes(planRollingUpdate(d, replicaSet('new', 12), []))).toEqual({ new: 10 });
  });
});

describe('scaling', () => {
  it('is noticed by the desired replicas that active sets remember', () => {
    const set = withMax(replicaSet('new', 5), 5, 7);
    expect(isScalingEvent(deployment(5), [set])).toBe(false);
    expect(isScalingEvent(deployment(8), [set])).toBe(true);
    expect(isScalingEvent(deployment(8), [withMax(replicaSet('empty', 0), 5, 7)])).toBe(false);
  });

  it('gives everything to the only active set, or to the latest when none is', () => {
    expect(sizes(planScale(deployment(4), replicaSet('new', 2), [replicaSet('old', 0)]))).toEqual({ new: 4 });
    expect(sizes(planScale(deployment(4), undefined, [replicaSet('old', 0)]))).toEqual({ old: 4 });
  });

  it('shares among the sets of an unfinished rollout by their size, the rest to the largest', () => {
    const d = deployment(15, { spec: rolling(3, 2) });
    const old = withMax(replicaSet('old', 8), 10, 13);
    const newSet = withMax(replicaSet('new', 5), 10, 13);
    expect(sizes(planScale(d, newSet, [old]))).toEqual({ old: 11, new: 7 });
    expect(sizes(planScale(deployment(5, { spec: rolling(3, 2) }), newSet, [old]))).toEqual({ old: 5, new: 3 });
    expect(sizes(planScale(deployment(0, { spec: rolling(3, 2) }), newSet, [old]))).toEqual({ old: 0, new: 0 });
  });

  it('empties old sets once the new one has and serves everything', () => {
    const newSet = withMax(replicaSet('new', 3), 3, 4);
    expect(sizes(planScale(deployment(3), newSet, [replicaSet('old', 2)]))).toEqual({ old: 0 });
  });
});
