import { describe, expect, it } from 'vitest';
import type { Pod, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import { pod } from '../../../test/support/objects.ts';
import { clusterOf, roomyNode, verdictsOf } from '../../../test/support/scheduling.ts';
import { podTopologySpread } from './pod-topology-spread.ts';

const zone = 'topology.kubernetes.io/zone';
const tooUneven = "node(s) didn't match pod topology spread constraints";
const nodes = [roomyNode('a1', { zone: 'a' }), roomyNode('a2', { zone: 'a' }), roomyNode('b1', { zone: 'b' })];

function spreading(more: Partial<TopologySpreadConstraint> = {}): Pod {
  const constraint = {
    ...{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule' },
    ...{ labelSelector: { matchLabels: { app: 'web' } } },
    ...more,
  };
  return pod('waiting', { spec: { topologySpreadConstraints: [constraint] } });
}

describe('PodTopologySpread', () => {
  it('keeps zones within the skew of each other', () => {
    const cluster = clusterOf(nodes, { a1: [pod('one')] });
    expect(verdictsOf(podTopologySpread, spreading(), cluster)).toEqual({ a1: tooUneven, a2: tooUneven, b1: null });
    expect(verdictsOf(podTopologySpread, spreading({ maxSkew: 2 }), cluster).a2).toBeNull();
  });

  it('counts what came and went since the last question', () => {
    const cluster = clusterOf(nodes, { a1: [pod('one')] });
    expect(verdictsOf(podTopologySpread, spreading(), cluster).a2).toBe(tooUneven);
    cluster.assume(pod('two'), 'b1');
    expect(verdictsOf(podTopologySpread, spreading(), cluster)).toEqual({ a1: null, a2: null, b1: null });
    cluster.removePod('uid-one');
    expect(verdictsOf(podTopologySpread, spreading(), cluster)).toEqual({ a1: null, a2: null, b1: tooUneven });
  });

  it('does not count terminating pods, nor those of another namespace', () => {
    const leaving = pod('leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    const foreign = pod('foreign', { metadata: { namespace: 'other' } });
    leaving.metadata = { ...pod('leaving').metadata, ...leaving.metadata };
    foreign.metadata = { ...pod('foreign').metadata, ...foreign.metadata };
    const cluster = clusterOf(nodes, { a1: [leaving, foreign] });
    expect(verdictsOf(podTopologySpread, spreading(), cluster)).toEqual({ a1: null, a2: null, b1: null });
  });

  it('takes the emptiest domain for empty while there are fewer domains than minDomains', () => {
    const cluster = clusterOf(nodes, { a1: [pod('one')], b1: [pod('two')] });
    expect(verdictsOf(podTopologySpread, spreading({ minDomains: 2 }), cluster).a1).toBeNull();
    const verdicts = { a1: tooUneven, a2: tooUneven, b1: tooUneven };
    expect(verdictsOf(podTopologySpread, spreading({ minDomains: 3 }), cluster)).toEqual(verdicts);
  });

  it('refuses nodes without the topology key, for good', () => {
    const cluster = clusterOf([...nodes, roomyNode('nowhere')]);
    const check = podTopologySpread.prepare(spreading(), cluster);
    expect(check?.(cluster.node('nowhere')!)).toEqual({
      reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
      unresolvable: true,
    });
  });

  it('leaves out domains that the pod cannot go to, unless it is told to ignore affinity', () => {
    const cluster = clusterOf(nodes, { a1: [pod('one')] });
    const confined = spreading();
    confined.spec!.nodeSelector = { [zone]: 'a' };
    expect(verdictsOf(podTopologySpread, confined, cluster).a2).toBeNull();
    const ignoring = spreading({ nodeAffinityPolicy: 'Ignore' });
    ignoring.spec!.nodeSelector = { [zone]: 'a' };
    expect(verdictsOf(podTopologySpread, ignoring, cluster).a2).toBe(tooUneven);
  });

  it('leaves out tainted nodes when it is told to honour taints', () => {
    const taints = [{ key: 'k', effect: 'NoSchedule' }];
    const tainted = [roomyNode('a1', { zone: 'a' }), roomyNode('b1', { zone: 'b', spec: { taints } })];
    const cluster = clusterOf(tainted, { a1: [pod('one')] });
    expect(verdictsOf(podTopologySpread, spreading(), cluster).a1).toBe(tooUneven);
    expect(verdictsOf(podTopologySpread, spreading({ nodeTaintsPolicy: 'Honor' }), cluster).a1).toBeNull();
  });

  it('hopes for pods of its own kind and for nodes of its topology only', () => {
    const [waiting, stranger] = [spreading(), pod('stranger', { metadata: { labels: { app: 'db' } } })];
    stranger.metadata.namespace = 'default';
    expect(podTopologySpread.couldHelp(waiting, { kind: 'podAdded', pod: pod('kin') })).toBe(true);
    expect(podTopologySpread.couldHelp(waiting, { kind: 'podAdded', pod: stranger })).toBe(false);
    expect(podTopologySpread.couldHelp(waiting, { kind: 'nodeDeleted', node: nodes[0]! })).toBe(true);
    expect(podTopologySpread.couldHelp(waiting, { kind: 'nodeAdded', node: roomyNode('nowhere') })).toBe(false);
  });
});
