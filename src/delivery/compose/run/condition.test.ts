import { describe, expect, it } from 'vitest';
import type { ContainerState, Pod } from '../../../api/types/core-v1.ts';
import { exitCodeOf, hasEnded, hasStarted, judge, type Observed } from './condition.ts';

function pod(state: ContainerState, more: { ready?: boolean; phase?: string; restarts?: number } = {}): Pod {
  const { ready = false, phase = 'Running', restarts = 0 } = more;
  return {
    metadata: { name: 'web-1' },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'web', image: 'web', imageID: '', ready, restartCount: restarts, state }],
    },
  };
}

const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });
const observed = (pods: Pod[], more: Partial<Observed> = {}): Observed => ({
  replicas: 1,
  pods,
  patienceMs: undefined,
  nowMs: Date.parse('2026-01-01T00:00:10Z'),
  ...more,
});

describe('the conditions of depends_on', () => {
  it('started: as many containers run, or have run, as there are to be', () => {
    expect(judge('service_started', observed([]))).toEqual({ state: 'waiting' });
    expect(judge('service_started', observed([pod(running)]))).toEqual({ state: 'met' });
    expect(judge('service_started', observed([pod(running)], { replicas: 2 }))).toEqual({ state: 'waiting' });
    expect(judge('service_started', observed([pod({ waiting: {} }, { restarts: 2 })]))).toEqual({ state: 'met' });
    expect(judge('service_started', observed([], { replicas: 0 }))).toEqual({ state: 'met' });
    expect(judge('service_started', observed([pod(running), pod({})], { replicas: undefined })).state).toBe('waiting');
  });

  it('healthy: they are ready; unhealthy when they are not in the time that their healthcheck has', () => {
    expect(judge('service_healthy', observed([pod(running)]))).toEqual({ state: 'waiting' });
    expect(judge('service_healthy', observed([pod(running, { ready: true })]))).toEqual({ state: 'met' });
    expect(judge('service_healthy', observed([pod(running)], { patienceMs: 20_000 })).state).toBe('waiting');
    expect(judge('service_healthy', observed([pod(running)], { patienceMs: 9000 }))).toEqual({
      state: 'failed',
      reason: 'is unhealthy',
    });
    const told = pod(running);
    told.status?.conditions?.push({ type: 'timonel.dev/Unhealthy', status: 'True' });
    expect(judge('service_healthy', observed([told]))).toEqual({ state: 'failed', reason: 'is unhealthy' });
    const over = pod(ended(1), { phase: 'Failed' });
    expect(judge('service_healthy', observed([over]))).toEqual({ state: 'failed', reason: 'exited (1)' });
  });

  it('healthy: a healthcheck is there to be passed, where it is needed', () => {
    const bare = pod(running, { ready: true });
    const none = { state: 'failed', reason: 'has no healthcheck configured' };
    expect(judge('service_healthy', observed([bare], { needsHealthcheck: true }))).toEqual(none);
    const ofFile = { ...bare, spec: { containers: [{ name: 'web', readinessProbe: {} }] } };
    expect(judge('service_healthy', observed([ofFile], { needsHealthcheck: true }))).toEqual({ state: 'met' });
    bare.status?.conditions?.push({ type: 'timonel.dev/ImageHealthcheck', status: 'True', message: '{"command":[]}' });
    expect(judge('service_healthy', observed([bare], { needsHealthcheck: true }))).toEqual({ state: 'met' });
  });

  it('completed: all have ended well; a job that has failed never will', () => {
    const done = pod(ended(0), { phase: 'Succeeded' });
    expect(judge('service_completed_successfully', observed([done]))).toEqual({ state: 'met' });
    expect(judge('service_completed_successfully', observed([pod(running)]))).toEqual({ state: 'waiting' });
    const job = { metadata: {}, status: { conditions: [{ type: 'Failed', status: 'True' }] } };
    const failed = pod(ended(9), { phase: 'Failed' });
    expect(judge('service_completed_successfully', observed([failed]))).toEqual({ state: 'waiting' });
    expect(judge('service_completed_successfully', observed([failed], { job }))).toEqual({
      state: 'failed',
      reason: "didn't complete successfully: exit 9",
    });
  });

  it('fail at once where an image cannot be had, and tell why a pod has no node', () => {
    const waiting = { waiting: { reason: 'ErrImagePull', message: 'no such host' } };
    expect(judge('service_started', observed([pod(waiting)]))).toEqual({
      state: 'failed',
      reason: 'ErrImagePull: no such host',
    });
    const pending: Pod = {
      metadata: {},
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes' }] },
    };
    expect(judge('service_started', observed([pending]))).toEqual({ state: 'waiting', reason: '0/1 nodes' });
  });
});

it('a container whose post_start hook has failed will not start', () => {
  const waiting = { waiting: { reason: 'PostStartHookError', message: 'PostStartHook failed' } };
  expect(judge('service_started', observed([pod(waiting)])).state).toBe('failed');
});

describe('a hook before the start', () => {
  const hooked = (state: ContainerState, lastState?: ContainerState): Pod => {
    const found = pod({ waiting: {} });
    const status = { name: 'pre-start-1', image: 'web', imageID: '', ready: false, restartCount: 0, state, lastState };
    return { ...found, status: { ...found.status, initContainerStatuses: [status] } };
  };

  it('is waited for, and its failure is the end of waiting', () => {
    expect(judge('service_started', observed([hooked(running)])).state).toBe('waiting');
    expect(judge('service_started', observed([hooked(ended(0))])).state).toBe('waiting');
    const failed = { state: 'failed', reason: 'pre_start[1] exited with code 17' };
    expect(judge('service_started', observed([hooked(ended(17))]))).toEqual(failed);
    expect(judge('service_started', observed([hooked({ waiting: {} }, ended(17))]))).toEqual(failed);
    expect(judge('service_started', observed([hooked(running, ended(17))])).state).toBe('waiting');
  });
});

describe('a container that commands stop and start', () => {
  const asked = (annotations: Record<string, string>, state: ContainerState, restarts = 0): Pod => {
    const found = pod(state, { restarts });
    const [status] = found.status?.containerStatuses ?? [];
    if (status && restarts > 0) status.lastState = ended(9);
    return { ...found, metadata: { ...found.metadata, annotations } };
  };

  it('has ended once it runs no more, whatever its restart policy', () => {
    expect(hasEnded(asked({ 'timonel.dev/stopped': '' }, running))).toBe(false);
    expect(hasEnded(asked({ 'timonel.dev/stopped': '' }, ended(143)))).toBe(true);
    expect(hasEnded(asked({ 'timonel.dev/stopped': '3' }, { waiting: {} }))).toBe(true);
  });

  it('has not started, and not ended, until its next life begins', () => {
    const again = { 'timonel.dev/restart': 'never', 'timonel.dev/restarts': '2' };
    const before = asked(again, ended(3), 1);
    expect([hasStarted(before), hasEnded(before), exitCodeOf(before)]).toEqual([false, false, undefined]);
    const after = asked(again, running, 2);
    expect([hasStarted(after), hasEnded(after), exitCodeOf(after)]).toEqual([true, false, undefined]);
    const over = asked(again, ended(4), 2);
    expect([hasStarted(over), hasEnded(over), exitCodeOf(over)]).toEqual([true, true, 4]);
  });

  it('is not taken for one that fails again and again', () => {
    const pods = [asked({ 'timonel.dev/restarts': '7' }, running, 7)];
    expect(judge('service_healthy', observed(pods)).state).toBe('waiting');
    expect(judge('service_healthy', observed([asked({}, running, 7)])).state).toBe('failed');
  });
});
