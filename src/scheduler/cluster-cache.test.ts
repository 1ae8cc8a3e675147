import { describe, expect, it } from 'vitest';
import { clusterOf, podAsking, roomyNode } from '../../test/support/scheduling.ts';

const bound = (name: string, nodeName: string) => podAsking(name, { cpu: '1', memory: '1Gi' }, { spec: { nodeName } });

describe('the cluster cache', () => {
  it('adds up what pods ask for, with a default load for those that ask for nothing', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [podAsking('a', { cpu: '1' }), podAsking('b', {})] });
    const node = cluster.node('n1');
    expect(node?.cpu).toEqual({ allocatable: 4_000, requested: 1_000, load: 1_100 });
    expect(node?.memory).toEqual({ allocatable: 8 * 2 ** 30, requested: 0, load: 400 * 2 ** 20 });
    cluster.removePod('uid-a');
    cluster.removePod('uid-b');
    expect(node?.cpu.load).toBe(0);
    expect(node?.requested.size).toBe(0);
  });

  it('takes back an assumption whose binding failed, but not a pod that was confirmed', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [podAsking('a', { cpu: '1' }), podAsking('b', { cpu: '1' })] });
    cluster.setPod(bound('b', 'n1'));
    cluster.forget('uid-a');
    cluster.forget('uid-b');
    expect([cluster.knows('uid-a'), cluster.knows('uid-b')]).toEqual([false, true]);
    expect(cluster.node('n1')?.cpu.requested).toBe(1_000);
  });

  it('moves a pod that turns out to run elsewhere', () => {
    const cluster = clusterOf([roomyNode('n1'), roomyNode('n2')], { n1: [podAsking('a', { cpu: '1' })] });
    cluster.setPod(bound('a', 'n2'));
    expect([cluster.node('n1')?.pods.size, cluster.node('n2')?.pods.size]).toEqual([0, 1]);
  });

  it('counts pods again when their node is removed and comes back', () => {
    const cluster = clusterOf([roomyNode('n1')]);
    cluster.setPod(bound('a', 'n1'));
    cluster.setPod(bound('early', 'n2'));
    cluster.removeNode('n1');
    expect(cluster.nodes).toEqual([]);
    cluster.setPod(bound('b', 'n1'));
    cluster.removePod('uid-a');
    cluster.setNode(roomyNode('n1'));
    cluster.setNode(roomyNode('n2'));
    expect([...(cluster.node('n1')?.pods.keys() ?? [])]).toEqual(['uid-b']);
    expect(cluster.node('n2')?.pods.size).toBe(1);
  });

  it('follows what a node has to offer', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [podAsking('a', { cpu: '1' })] });
    cluster.setNode(roomyNode('n1', { allocatable: { cpu: '8' } }));
    expect(cluster.node('n1')?.cpu).toMatchObject({ allocatable: 8_000, requested: 1_000 });
  });

  it('lists nodes zone by zone in turn', () => {
    const zones = { a1: 'a', a2: 'a', a3: 'a', b1: 'b', c1: 'c' };
    const cluster = clusterOf(Object.entries(zones).map(([name, zone]) => roomyNode(name, { zone })));
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
    cluster.setNode(roomyNode('a2', { zone: 'c' }));
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['a1', 'a2', 'b1', 'a3', 'c1']);
  });
});
