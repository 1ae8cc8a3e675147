import { describe, expect, it } from 'vitest';
import { deployment, replicaSet } from '../../../test/support/objects.ts';
import { conditionOf, pauseCondition, rolloutStatus, stuckInMs, withCondition } from './conditions.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const condition = (reason: string, status = 'True') => ({
  type: 'Progressing',
  status,
  reason,
  lastUpdateTime: '2026-01-01T00:00:00Z',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

describe('the conditions of a rollout', () => {
  it('completes when everything is new and available', () => {
    const newSet = replicaSet('web-new', 3);
    const status = rolloutStatus({ deployment: deployment(3), newSet, all: [newSet], now: start });
    expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, availableReplicas: 3, unavailableReplicas: 0 });
    expect(conditionOf(status, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "web-new" has successfully progressed.',
    });
    expect(conditionOf(status, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
      message: 'Deployment has minimum availability.',
    });
  });

  it('renews lastUpdateTime at every step, and keeps the transition', () => {
    const newSet = replicaSet('web-new', 3, { available: 1 });
    const status = { conditions: [condition('ReplicaSetUpdated')], updatedReplicas: 1 };
    const next = rolloutStatus({ deployment: deployment(3, { status }), newSet, all: [newSet], now: start + 60_000 });
    expect(conditionOf(next, 'Progressing')).toMatchObject({
      reason: 'ReplicaSetUpdated',
      lastUpdateTime: '2026-01-01T00:01:00Z',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    expect(conditionOf(next, 'Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
  });

  it('times out when nothing moved for the deadline', () => {
    const newSet = replicaSet('web-new', 3, { available: 0 });
    const status = { conditions: [condition('ReplicaSetUpdated')], replicas: 3, updatedReplicas: 3 };
    const d = deployment(3, { status, spec: { progressDeadlineSeconds: 10 } });
    const early = rolloutStatus({ deployment: d, newSet, all: [newSet], now: start + 9_000 });
    expect(conditionOf(early, 'Progressing')).toEqual(condition('ReplicaSetUpdated'));
    expect(stuckInMs(d, early, start + 9_000)).toBe(2_000);
    const late = rolloutStatus({ deployment: d, newSet, all: [newSet], now: start + 11_000 });
    expect(conditionOf(late, 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "web-new" has timed out progressing.',
    });
    expect(stuckInMs(d, late, start + 11_000)).toBeUndefined();
  });

  it('passes on what keeps a replica set from creating pods', () => {
    const newSet = replicaSet('web-new', 3, { available: 0 });
    const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' };
    const failing = { ...newSet, status: { replicas: 0, conditions: [failure] } };
    const next = rolloutStatus({ deployment: deployment(3), newSet: failing, all: [failing], now: start });
    expect(conditionOf(next, 'ReplicaFailure')).toMatchObject(failure);
  });

  it('has no Progressing without a deadline', () => {
    const newSet = replicaSet('web-new', 3);
    const d = deployment(3, { status: { conditions: [condition('ReplicaSetUpdated')] }, spec: {} });
    delete d.spec?.progressDeadlineSeconds;
    expect(
      conditionOf(rolloutStatus({ deployment: d, newSet, all: [newSet], now: start }), 'Progressing'),
    ).toBeUndefined();
  });
});

it('says that a deployment was paused and resumed, once', () => {
  const paused = { paused: true };
  expect(pauseCondition(deployment(3, { spec: paused }))).toMatchObject({
    status: 'Unknown',
    reason: 'DeploymentPaused',
  });
  const recorded = { conditions: [condition('DeploymentPaused', 'Unknown')] };
  expect(pauseCondition(deployment(3, { spec: paused, status: recorded }))).toBeUndefined();
  expect(pauseCondition(deployment(3, { status: recorded }))?.reason).toBe('DeploymentResumed');
});

it('leaves a condition alone that says the same already', () => {
  const same = { type: 'Progressing' as const, status: 'True', reason: 'ReplicaSetUpdated', message: 'other words' };
  expect(withCondition([condition('ReplicaSetUpdated')], same, start)).toEqual([condition('ReplicaSetUpdated')]);
});
