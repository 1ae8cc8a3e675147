import { describe, expect, it } from 'vitest';
import { pod } from '../../test/support/objects.ts';
import { clusterOf, decideOptions, podAsking, roomyNode } from '../../test/support/scheduling.ts';
import { decide } from './decide.ts';
import { Nominations } from './nominations.ts';

describe('decide', () => {
  it('says so when there are no nodes at all', () => {
    const decision = decide(pod('a'), decideOptions(clusterOf([])));
    expect(decision).toMatchObject({ kind: 'none', message: 'no nodes available to schedule pods' });
  });

  it('counts the nodes for each reason, sorted as texts', () => {
    const taints = [{ key: 'k', value: 'v', effect: 'NoSchedule' }];
    const nodes = [
      roomyNode('tainted', { spec: { taints } }),
      ...['s1', 's2'].map((name) => roomyNode(name, { allocatable: { cpu: '1', memory: '1Gi' } })),
      roomyNode('cordoned', { spec: { unschedulable: true } }),
    ];
    const decision = decide(podAsking('a', { cpu: '2', memory: '2Gi' }), decideOptions(clusterOf(nodes)));
    const message =
      '0/4 nodes are available: 1 node(s) had untolerated taint {k: v}, 1 node(s) were unschedulable, ' +
      '2 Insufficient cpu, 2 Insufficient memory.';
    expect(decision).toMatchObject({ kind: 'none', message, resolvable: [] });
  });

  it('names the filters that turned the pod away, and the nodes where room could be made', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [podAsking('big', { cpu: '4' })] });
    const decision = decide(podAsking('a', { cpu: '1' }), decideOptions(cluster));
    if (decision.kind !== 'none') throw new Error('there is no room');
    expect([...decision.rejectedBy].map(({ name }) => name)).toEqual(['NodeResourcesFit']);
    expect(decision.resolvable.map(({ name }) => name)).toEqual(['n1']);
  });

  it('looks only at nodes that the affinity names', () => {
    const matchFields = [{ key: 'metadata.name', operator: 'In', values: ['n2'] }];
    const required = { nodeSelectorTerms: [{ matchFields }] };
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
    const nodes = ['n1', 'n2', 'n3'].map((name) => roomyNode(name));
    const options = decideOptions(clusterOf(nodes, { n2: [podAsking('big', { cpu: '4' })] }));
    expect(decide(pod('a', { spec: { affinity } }), options)).toMatchObject({ kind: 'node', name: 'n2' });
    expect(decide(podAsking('b', { cpu: '1' }, { spec: { affinity } }), options)).toMatchObject({
      message: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
    });
  });

  it('chooses the emptier node', () => {
    const cluster = clusterOf([roomyNode('n1'), roomyNode('n2')], {
      n1: [podAsking('x', { cpu: '1', memory: '2Gi' })],
    });
    expect(decide(podAsking('a', { cpu: '1', memory: '2Gi' }), decideOptions(cluster))).toMatchObject({ name: 'n2' });
  });

  it('gives a nominated pod its node, and keeps that room from pods of lower priority', () => {
    const nominations = new Nominations();
    const [high, low] = [
      podAsking('high', { cpu: '3' }, { spec: { priority: 10 } }),
      podAsking('low', { cpu: '3' }, { spec: { priority: 1 } }),
    ];
    nominations.set(high, 'n1');
    const cluster = clusterOf([roomyNode('n1')]);
    const options = decideOptions(cluster, { nominations });
    expect(decide(low, options)).toMatchObject({ message: '0/1 nodes are available: 1 Insufficient cpu.' });
    expect(cluster.node('n1')?.pods.size).toBe(0);
    expect(decide(high, options)).toMatchObject({ kind: 'node', name: 'n1' });
    const higher = podAsking('higher', { cpu: '3' }, { spec: { priority: 11 } });
    expect(decide(higher, options)).toMatchObject({ kind: 'node', name: 'n1' });
  });

  it('looks at a part of a large cluster, and says how many nodes it looked at', () => {
    const nodes = Array.from({ length: 1000 }, (_, i) => roomyNode(`n${i}`));
    expect(decide(pod('a'), decideOptions(clusterOf(nodes)))).toMatchObject({ kind: 'node', looked: 420 });
  });
});
