import { describe, expect, it } from 'vitest';
import type { Pod } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import { clusterOf, decideOptions, podAsking, roomyNode } from '../../test/support/scheduling.ts';
import type { ClusterCache } from './cluster-cache.ts';
import { decide } from './decide.ts';
import { Nominations } from './nominations.ts';
import { preempt, type Preemption } from './preemption.ts';

function attempt(
  pod: Pod,
  cluster: ClusterCache,
  { nominations = new Nominations(), budgets = [] as PodDisruptionBudget[] } = {},
): Preemption {
  const options = decideOptions(cluster, { nominations });
  const decision = decide(pod, options);
  if (decision.kind !== 'none') throw new Error('the pod fits anyway');
  return preempt(pod, decision, { ...options, budgets });
}

function asking(name: string, cpu: string, priority: number, startTime?: string): Pod {
  const made = podAsking(name, { cpu }, { spec: { priority } });
  made.status = { ...made.status, startTime };
  return made;
}

const names = (result: Preemption): string[] =>
  result.kind === 'victims' ? result.victims.map((victim) => victim.metadata.name ?? '') : [];

describe('preemption', () => {
  it('evicts no more than it must, the least important first, and leaves the cluster as it was', () => {
    const pods = [asking('a', '2', 1), asking('b', '1', 5), asking('c', '1', 3)];
    const cluster = clusterOf([roomyNode('n1')], { n1: pods });
    const result = attempt(asking('high', '2', 10), cluster);
    expect(result).toMatchObject({ kind: 'victims', nodeName: 'n1' });
    expect(names(result)).toEqual(['a']);
    expect([...(cluster.node('n1')?.pods.keys() ?? [])].toSorted()).toEqual(['uid-a', 'uid-b', 'uid-c']);
    expect(cluster.node('n1')?.cpu.requested).toBe(4_000);
  });

  it('says for each node why it does not help', () => {
    const taints = [{ key: 'k', effect: 'NoSchedule' }];
    const nodes = [roomyNode('equals'), roomyNode('tainted', { spec: { taints } })];
    const cluster = clusterOf(nodes, { equals: [asking('a', '4', 10)] });
    expect(attempt(asking('high', '2', 10), cluster)).toEqual({
      kind: 'none',
      message:
        'preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, ' +
        '1 Preemption is not helpful for scheduling.',
      isHopeless: true,
    });
  });

  it('gives the reason that stays when all lower pods are gone', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [asking('same', '3', 10), asking('low', '1', 1)] });
    expect(attempt(asking('high', '2', 10), cluster)).toMatchObject({
      message: 'preemption: 0/1 nodes are available: 1 Insufficient cpu.',
    });
  });

  it('does nothing for a pod that may not preempt', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [asking('low', '4', 1)] });
    const polite = asking('polite', '2', 10);
    polite.spec!.preemptionPolicy = 'Never';
    const message = 'preemption: not eligible due to preemptionPolicy=Never.';
    expect(attempt(polite, cluster)).toEqual({ kind: 'none', message, isHopeless: false });
  });

  it('waits for victims on the nominated node that are still going', () => {
    const leaving = asking('leaving', '4', 1);
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }];
    leaving.status = { ...leaving.status, conditions };
    const nominations = new Nominations();
    const high = asking('high', '2', 10);
    nominations.set(high, 'n1');
    const cluster = clusterOf([roomyNode('n1')], { n1: [leaving] });
    const message = 'preemption: not eligible due to a terminating pod on the nominated node.';
    expect(attempt(high, cluster, { nominations })).toMatchObject({ message });
  });

  it('prefers the node whose victims matter least, then fewer of them, then those that started last', () => {
    const nodes = ['n1', 'n2'].map((name) => roomyNode(name));
    const high = asking('high', '4', 10);
    const byPriority = clusterOf(nodes, { n1: [asking('a', '4', 5)], n2: [asking('b', '2', 1), asking('c', '2', 1)] });
    expect(attempt(high, byPriority)).toMatchObject({ nodeName: 'n2' });
    const byCount = clusterOf(nodes, { n1: [asking('a', '2', 1), asking('b', '2', -5)], n2: [asking('c', '4', 1)] });
    expect(attempt(high, byCount)).toMatchObject({ nodeName: 'n2' });
    const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
    const byStart = clusterOf(nodes, { n1: [asking('a', '4', 1, early)], n2: [asking('b', '4', 1, late)] });
    expect(attempt(high, byStart)).toMatchObject({ nodeName: 'n2' });
  });

  it('spares pods under a disruption budget where it can', () => {
    const budget: PodDisruptionBudget = {
      metadata: { name: 'keep', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } } },
      status: { currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0, expectedPods: 1 },
    };
    const free = asking('free', '4', 5);
    free.metadata.labels = { app: 'batch' };
    const cluster = clusterOf([roomyNode('n1'), roomyNode('n2')], { n1: [asking('kept', '4', 1)], n2: [free] });
    expect(attempt(asking('high', '4', 10), cluster)).toMatchObject({ nodeName: 'n1' });
    expect(attempt(asking('high', '4', 10), cluster, { budgets: [budget] })).toMatchObject({ nodeName: 'n2' });
  });
});
