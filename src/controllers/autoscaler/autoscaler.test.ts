import { describe, expect, it } from 'vitest';
import type { HorizontalPodAutoscalerSpec, MetricSpec } from '../../api/types/autoscaling-v2.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { PodUsage } from '../../client/resource-usage.ts';
import { decideReplicas, forgetOld, type ScalingHistory } from './behavior.ts';
import { type AutoscalerView, planAutoscaling, statusAfter } from './plan.ts';
import { type MetricView, proposeReplicas } from './replicas.ts';

const now = Date.parse('2024-05-01T12:00:00Z');
const hourAgo = formatTime(now - 3_600_000);
const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const cpu = (averageUtilization: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

function pod(name: string, options: { isReady?: boolean; startedAt?: string; requests?: object } = {}): Pod {
  const { isReady = true, startedAt = hourAgo, requests = { cpu: '100m', memory: '100Mi' } } = options;
  const ready = { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: startedAt };
  return {
    metadata: { name },
    spec: { containers: [{ name: 'main', resources: { requests: requests as Record<string, string> } }] },
    status: { phase: 'Running', startTime: startedAt, conditions: [ready] },
  };
}

function usage(name: string, milliCpu: number, bytes = 0): [string, PodUsage] {
  const containers = [{ name: 'main', milliCpu, bytes }];
  return [name, { namespace: 'default', name, isMeasured: true, milliCpu, bytes, containers }];
}

function view(pods: Pod[], usages: [string, PodUsage][], more: Partial<MetricView> = {}): MetricView {
  return {
    ...{ pods, usages: new Map(usages), currentReplicas: pods.length, now },
    ...{ cpuInitializationPeriodMs: 300_000, initialReadinessDelayMs: 30_000, tolerance: { up: 0.1, down: 0.1 } },
    ...more,
  };
}

describe('what a metric asks for', () => {
  const two = [pod('a'), pod('b')];

  it('is the share of use and target, rounded up', () => {
    const { replicas, status, name } = proposeReplicas(cpu(50), view(two, [usage('a', 100), usage('b', 60)]));
    expect({ replicas, name }).toEqual({ replicas: 4, name: 'cpu resource utilization (percentage of request)' });
    expect(status.resource?.current).toEqual({ averageUtilization: 80, averageValue: '80m' });
    const exact = view([...two, pod('c')], [usage('a', 50), usage('b', 50), usage('c', 50)], {
      tolerance: { up: 0, down: 0 },
    });
    expect(proposeReplicas(cpu(50), exact).replicas).toBe(3);
  });

  it('is nothing new within the tolerance', () => {
    const at = (each: number) => proposeReplicas(cpu(50), view(two, [usage('a', each), usage('b', each)])).replicas;
    expect([45, 55, 56, 44, 10].map(at)).toEqual([2, 2, 3, 2, 1]);
  });

  it('counts amounts of memory, and single containers', () => {
    const target = { type: 'AverageValue', averageValue: '100Mi' };
    const used = view(two, [usage('a', 0, 250 * 2 ** 20), usage('b', 0, 150 * 2 ** 20)]);
    const proposal = proposeReplicas({ type: 'Resource', resource: { name: 'memory', target } }, used);
    expect(proposal).toMatchObject({ replicas: 4, name: 'memory resource' });
    expect(proposal.status.resource?.current).toEqual({ averageValue: '200Mi' });
    const source = { name: 'memory', container: 'main', target };
    expect(proposeReplicas({ type: 'ContainerResource', containerResource: source }, used).replicas).toBe(4);
  });

  it('damps the way up by pods that start, and both ways by pods that nobody measured', () => {
    const young = pod('c', { isReady: false, startedAt: formatTime(now - 1000) });
    const starting = view([...two, young], [usage('a', 100), usage('b', 100), usage('c', 900)]);
    expect(proposeReplicas(cpu(50), starting).replicas).toBe(4);
    expect(proposeReplicas(cpu(80), starting).replicas).toBe(3);
    const missing = view([...two, pod('c')], [usage('a', 100), usage('b', 100)]);
    expect(proposeReplicas(cpu(50), missing).replicas).toBe(4);
    const idle = view([...two, pod('c')], [usage('a', 10), usage('b', 10)]);
    expect(proposeReplicas(cpu(50), idle).replicas).toBe(3);
  });

  it('cannot be told without requests, measures or an API that has the metric', () => {
    const bare = [pod('a', { requests: {} })];
    expect(() => proposeReplicas(cpu(50), view(bare, [usage('a', 5)]))).toThrow(
      'missing request for cpu in container main of Pod a',
    );
    expect(() => proposeReplicas(cpu(50), view(two, []))).toThrow('did not receive metrics for targeted pods');
    expect(() => proposeReplicas(cpu(50), view([], []))).toThrow('no pods returned by selector');
    expect(() => proposeReplicas({ type: 'External' }, view(two, []))).toThrow('no metrics API serves metrics');
  });
});

describe('what becomes of it', () => {
  const base: HorizontalPodAutoscalerSpec = { scaleTargetRef, minReplicas: 1, maxReplicas: 100 };
  const none: ScalingHistory = { recommendations: [], events: [] };
  const decide = (
    currentReplicas: number,
    wanted: number,
    { history = none, spec = {} }: { history?: ScalingHistory; spec?: Partial<HorizontalPodAutoscalerSpec> } = {},
  ) => decideReplicas({ ...history, spec: { ...base, ...spec }, currentReplicas, wanted, now });

  it('grows by four pods or by as many as there are in 15 s, whichever is more', () => {
    expect(decide(1, 50)).toEqual({ replicas: 5, limit: 'ScaleUpLimit' });
    expect(decide(10, 50)).toEqual({ replicas: 20, limit: 'ScaleUpLimit' });
    const events = [{ at: now - 5000, change: 10 }];
    expect(decide(20, 50, { history: { ...none, events } })).toEqual({ replicas: 20, limit: 'ScaleUpLimit' });
  });

  it('shrinks to the highest count recommended in the last five minutes', () => {
    const recommendations = [
      { at: now - 301_000, replicas: 9 },
      { at: now - 200_000, replicas: 6 },
    ];
    expect(decide(10, 2, { history: { ...none, recommendations } })).toEqual({
      ...{ replicas: 6, stabilized: 'down', limit: undefined },
    });
    expect(decide(10, 2)).toEqual({ replicas: 2, limit: undefined });
  });

  it('grows to the lowest count recommended in a window of its own', () => {
    const behavior = { scaleUp: { stabilizationWindowSeconds: 60 } };
    const recommendations = [{ at: now - 30_000, replicas: 3 }];
    const decided = decide(2, 4, { history: { ...none, recommendations }, spec: { behavior } });
    expect(decided).toEqual({ replicas: 3, stabilized: 'up', limit: undefined });
  });

  it('keeps to policies: the least change, shares of removals, or no change', () => {
    const policies = [
      { type: 'Pods', value: 1, periodSeconds: 60 },
      { type: 'Percent', value: 50, periodSeconds: 60 },
    ];
    const by = (selectPolicy: string) =>
      decide(10, 1, { spec: { behavior: { scaleDown: { policies, selectPolicy } } } });
    expect(by('Min')).toEqual({ replicas: 9, limit: 'ScaleDownLimit' });
    expect(by('Max')).toEqual({ replicas: 5, limit: 'ScaleDownLimit' });
    expect(by('Disabled').replicas).toBe(10);
  });

  it('keeps within the bounds', () => {
    expect(decide(4, 9, { spec: { maxReplicas: 6 } })).toEqual({ replicas: 6, limit: 'TooManyReplicas' });
    expect(decide(6, 9, { spec: { maxReplicas: 6 } })).toEqual({ replicas: 6, limit: 'TooManyReplicas' });
    expect(decide(4, 0, { spec: { minReplicas: 2 } })).toEqual({ replicas: 2, limit: 'TooFewReplicas' });
  });

  it('forgets what no rule asks for any more', () => {
    const at = (ago: number) => ({ at: now - ago, replicas: 1, change: 1 });
    const history = { recommendations: [at(400_000), at(200_000)], events: [at(20_000), at(10_000)] };
    expect(forgetOld(history, base, now)).toEqual({ recommendations: [at(200_000)], events: [at(10_000)] });
  });
});

describe('a look at a target', () => {
  const metadata = { name: 'web', namespace: 'default' };
  const look = (spec: Partial<HorizontalPodAutoscalerSpec>, more: Partial<AutoscalerView> = {}) =>
    planAutoscaling({
      autoscaler: { metadata, spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 5, metrics: [cpu(50)], ...spec } },
      ...{ specReplicas: 1, pods: [pod('a')], usages: new Map([usage('a', 100)]), now },
      history: { recommendations: [], events: [] },
      settings: { cpuInitializationPeriodMs: 300_000, initialReadinessDelayMs: 30_000, tolerance: 0.1 },
      ...more,
    });

  it('follows the largest of what the metrics ask for', () => {
    const plan = look({ metrics: [cpu(50), cpu(30)] });
    expect(plan).toMatchObject({
      ...{ replicas: 4, recommendation: 4, cause: 'cpu resource utilization (percentage of request) above target' },
      conditions: { ScalingActive: ['True', 'ValidMetricFound', expect.any(String)] },
    });
  });

  it('grows by one metric where another cannot be told, but does not shrink', () => {
    const both = [cpu(50), { type: 'External' }];
    expect(look({ metrics: both })).toMatchObject({ replicas: 2, failure: { reason: 'FailedGetExternalMetric' } });
    const idle = look({ metrics: both }, { specReplicas: 3, usages: new Map([usage('a', 1)]) });
    expect(idle).toMatchObject({
      replicas: 3,
      conditions: { ScalingActive: ['False', 'FailedGetExternalMetric', expect.any(String)] },
    });
  });

  it('takes a rule’s own tolerance', () => {
    const behavior = { scaleUp: { tolerance: '2' } };
    expect(look({ behavior }).replicas).toBe(1);
  });

  it('brings a count within its bounds at once, and leaves a target of none alone', () => {
    expect(look({}, { specReplicas: 9 })).toMatchObject({ replicas: 5, recommendation: undefined });
    expect(look({ minReplicas: 2 })).toMatchObject({ replicas: 2 });
    expect(look({}, { specReplicas: 0 })).toMatchObject({
      replicas: 0,
      conditions: { ScalingActive: ['False', 'ScalingDisabled', expect.any(String)] },
    });
  });

  it('keeps the time at which a condition changed', () => {
    const autoscaler = { metadata, spec: { scaleTargetRef, maxReplicas: 5 } };
    const seen = { desiredReplicas: 1, conditions: look({}).conditions };
    const first = statusAfter(autoscaler, seen, now);
    const second = statusAfter({ ...autoscaler, status: first }, seen, now + 60_000);
    expect(second).toEqual(first);
    expect(first.conditions?.map(({ type }) => type)).toEqual(['AbleToScale', 'ScalingActive', 'ScalingLimited']);
  });
});
