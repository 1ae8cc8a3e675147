import { describe, expect, it } from 'vitest';
import { node, pod } from '../../../test/support/objects.ts';
import { localControllerSettings as settings } from '../settings.ts';
import { NodeHealth, silentConditions } from './health.ts';
import { toleratedMs } from './taint-eviction-controller.ts';
import { planTaints } from './taints.ts';
import { evictionRate, zonesOf } from './zones.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const unreachable = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' };

describe('the health of a node', () => {
  const health = () => new NodeHealth({ graceMs: 2000, startupGraceMs: 10_000 });

  it('is silence exactly when the grace after its last sign of life is over', () => {
    const nodes = health();
    nodes.observe('n', { lease: 't0', heartbeat: undefined }, 500);
    nodes.observe('n', { lease: 't1', heartbeat: undefined }, 1000);
    expect(nodes.check('n', 1500)).toEqual({ kind: 'alive', lookAgainMs: 1500 });
    nodes.observe('n', { lease: 't2', heartbeat: undefined }, 2500);
    expect(nodes.check('n', 3000)).toEqual({ kind: 'alive', lookAgainMs: 1500 });
    expect(nodes.observe('n', { lease: 't2', heartbeat: undefined }, 4000)).toBe(false);
    expect(nodes.check('n', 4500)).toEqual({ kind: 'silent' });
  });

  it('gives a node that has said nothing since it was first seen the longer start-up grace', () => {
    const nodes = health();
    nodes.observe('n', { lease: 'long ago', heartbeat: undefined }, 0);
    expect(nodes.check('n', 9000)).toEqual({ kind: 'alive', lookAgainMs: 1000 });
    expect(nodes.check('n', 10_000)).toEqual({ kind: 'silent' });
  });

  it('gives the time back that this process itself was too busy', () => {
    const nodes = health();
    nodes.observe('n', { lease: undefined, heartbeat: undefined }, 0);
    nodes.observe('n', { lease: 't1', heartbeat: undefined }, 0);
    expect(nodes.check('n', 2800)).toEqual({ kind: 'alive', lookAgainMs: 800 });
    expect(nodes.check('n', 3600)).toEqual({ kind: 'silent' });
    expect(nodes.check('n', 9000)).toEqual({ kind: 'silent' });
  });

  it('makes what the node said of itself Unknown, once', () => {
    const conditions = silentConditions(node('n'), now);
    expect(conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ['Ready', 'Unknown', 'NodeStatusUnknown'],
      ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ]);
    expect(silentConditions({ ...node('n'), status: { conditions } }, now)).toBeUndefined();
  });
});

describe('taints', () => {
  it('follow the conditions', () => {
    const planned = planTaints(node('n', { ready: 'Unknown', spec: { unschedulable: true } }), true, now);
    expect(planned?.map(({ key, effect }) => [key, effect])).toEqual([
      ['node.kubernetes.io/unreachable', 'NoSchedule'],
      ['node.kubernetes.io/unschedulable', 'NoSchedule'],
      ['node.kubernetes.io/unreachable', 'NoExecute'],
    ]);
  });

  it('go when the node is ready again, and strangers stay', () => {
    const mine = { key: 'gpu', effect: 'NoSchedule' };
    expect(planTaints(node('n', { spec: { taints: [mine, unreachable] } }), true, now)).toEqual([mine]);
    expect(planTaints(node('n', { spec: { taints: [mine] } }), true, now)).toBeUndefined();
  });

  it('wait for their turn, and are taken back when nothing is to be evicted', () => {
    const silent = (taints: (typeof unreachable)[]) => node('n', { ready: 'Unknown', spec: { taints } });
    const noSchedule = { ...unreachable, effect: 'NoSchedule' };
    expect(planTaints(silent([noSchedule]), false, now)).toBeUndefined();
    expect(planTaints(silent([noSchedule, unreachable]), false, now)).toBeUndefined();
    expect(planTaints(silent([noSchedule, unreachable]), 'never', now)).toEqual([noSchedule]);
  });
});

describe('zones', () => {
  const nodes = (zone: string, ready: number, silent: number) =>
    Array.from({ length: ready + silent }, (_, i) =>
      node(`${zone}${i}`, {
        ready: i < ready ? 'True' : 'Unknown',
        metadata: { labels: { 'topology.kubernetes.io/zone': zone } },
      }),
    );

  it('are partly down from three silent nodes and the threshold share on', () => {
    const zones = zonesOf([...nodes('a', 1, 2), ...nodes('b', 2, 3), ...nodes('c', 0, 1)], settings);
    expect([...zones.states.values()]).toEqual(['normal', 'partial', 'full']);
    expect(evictionRate(zones, ':a', settings)).toBe(settings.nodeEvictionRate);
    expect(evictionRate(zones, ':b', settings)).toBe(0);
    expect(evictionRate(zones, ':c', settings)).toBe(settings.nodeEvictionRate);
  });

  it('evict nobody when all of them are down', () => {
    const zones = zonesOf([...nodes('a', 0, 1), ...nodes('b', 0, 2)], settings);
    expect([zones.allDown, evictionRate(zones, ':a', settings)]).toEqual([true, 0]);
  });
});

it('tolerates taints for the shortest of the times that the pod names', () => {
  const tolerating = (...seconds: (number | undefined)[]) =>
    pod('p', {
      spec: {
        tolerations: seconds.map((tolerationSeconds) => ({
          key: unreachable.key,
          operator: 'Exists',
          effect: 'NoExecute',
          ...(tolerationSeconds !== undefined && { tolerationSeconds }),
        })),
      },
    });
  expect(toleratedMs(pod('p'), [unreachable])).toBe(0);
  expect(toleratedMs(tolerating(undefined), [unreachable])).toBeUndefined();
  expect(toleratedMs(tolerating(300, 5, undefined), [unreachable])).toBe(5000);
  expect(toleratedMs(tolerating(-3), [unreachable])).toBe(0);
  expect(toleratedMs(tolerating(300), [unreachable, { key: 'gpu', effect: 'NoExecute' }])).toBe(0);
});
