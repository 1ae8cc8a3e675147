import { describe, expect, it } from 'vitest';
import { pod } from '../../../test/support/objects.ts';
import { nextAvailableInMs, planReplicas, replicationStatus, statusChanged } from './plan.ts';

const now = Date.parse('2026-01-01T00:00:10Z');
const base = {
  status: undefined,
  generation: 3,
  templateLabels: { app: 'web' },
  minReadySeconds: 0,
  owned: [],
  countTerminating: true,
  failure: null,
  now,
} as const;

describe('planning replicas', () => {
  it('creates what is missing, 500 at most', () => {
    const plan = (replicas: number) => planReplicas({ active: [pod('a')], related: () => [], replicas, now });
    expect(plan(3)).toEqual({ kind: 'create', count: 2 });
    expect(plan(2000)).toEqual({ kind: 'create', count: 500 });
    expect(plan(1)).toEqual({ kind: 'none' });
  });

  it('deletes the least useful of too many', () => {
    const active = [pod('ready', { ready: true, spec: { nodeName: 'n' } }), pod('unassigned')];
    expect(planReplicas({ active, related: () => active, replicas: 1, now })).toEqual({
      kind: 'delete',
      pods: [active[1]],
    });
  });
});

describe('the status of a replica set', () => {
  it('counts active, labelled, ready, available and terminating pods', () => {
    const active = [pod('a', { ready: true }), pod('b', { metadata: { labels: { app: 'web', x: 'y' } } })];
    const leaving = pod('c', { metadata: { deletionTimestamp: '2026-01-01T00:00:09Z' } });
    expect(
      replicationStatus({ ...base, templateLabels: { app: 'web', x: 'y' }, active, owned: [...active, leaving] }),
    ).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      terminatingReplicas: 1,
      observedGeneration: 3,
    });
  });

  it('calls a pod available once it has been ready for minReadySeconds', () => {
    const active = [pod('a', { ready: true })];
    const status = replicationStatus({ ...base, minReadySeconds: 15, active });
    expect(status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    expect(nextAvailableInMs(active, 15, now)).toBe(5000);
    expect(nextAvailableInMs(active, 10, now)).toBeUndefined();
  });

  it('reports a failed creation once, keeps it while nothing is tried, and takes it back on success', () => {
    const failure = { reason: 'FailedCreate' as const, message: 'quota' };
    const failed = replicationStatus({ ...base, active: [], failure });
    expect(failed.conditions).toEqual([
      { type: 'ReplicaFailure', status: 'True', lastTransitionTime: '2026-01-01T00:00:10Z', ...failure },
    ]);
    expect(replicationStatus({ ...base, status: failed, active: [], failure: undefined })).toEqual(failed);
    expect(replicationStatus({ ...base, status: failed, active: [] }).conditions).toBeUndefined();
  });

  it('is not written when nothing changed', () => {
    const status = replicationStatus({ ...base, active: [] });
    expect(statusChanged(undefined, status)).toBe(true);
    expect(statusChanged({ ...status, conditions: [] }, status)).toBe(false);
  });
});
