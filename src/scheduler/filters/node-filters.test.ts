import { describe, expect, it } from 'vitest';
import { pod } from '../../../test/support/objects.ts';
import { clusterOf, podAsking, roomyNode, verdictsOf } from '../../../test/support/scheduling.ts';
import {
  nodeAffinity,
  nodeName,
  nodePorts,
  nodeResourcesFit,
  nodeUnschedulable,
  taintToleration,
} from './node-filters.ts';

const withPort = (name: string, hostPort: number, hostIP?: string) =>
  pod(name, {
    spec: { containers: [{ name: 'main', image: 'web', ports: [{ containerPort: 80, hostPort, hostIP }] }] },
  });

describe('NodeUnschedulable', () => {
  const cordoned = roomyNode('n1', { spec: { unschedulable: true } });

  it('keeps pods off a cordoned node', () => {
    expect(verdictsOf(nodeUnschedulable, pod('a'), clusterOf([cordoned]))).toEqual({
      n1: 'node(s) were unschedulable',
    });
  });

  it('has nothing to say to a pod that tolerates the taint of cordoned nodes', () => {
    const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
    expect(verdictsOf(nodeUnschedulable, pod('a', { spec: { tolerations } }), clusterOf([cordoned]))).toEqual({
      n1: null,
    });
  });

  it('hopes for a node that is uncordoned, not for a heartbeat', () => {
    const node = roomyNode('n1');
    expect(nodeUnschedulable.couldHelp(pod('a'), { kind: 'nodeUpdated', node, old: cordoned })).toBe(true);
    expect(nodeUnschedulable.couldHelp(pod('a'), { kind: 'nodeUpdated', node, old: node })).toBe(false);
  });
});

describe('TaintToleration', () => {
  const taints = [
    { key: 'soft', effect: 'PreferNoSchedule' },
    { key: 'k', value: 'v', effect: 'NoSchedule' },
    { key: 'gone', effect: 'NoExecute' },
  ];
  const cluster = clusterOf([roomyNode('n1', { spec: { taints } }), roomyNode('n2')]);

  it('names the first taint that is not tolerated', () => {
    const reason = 'node(s) had untolerated taint {k: v}';
    expect(verdictsOf(taintToleration, pod('a'), cluster)).toEqual({ n1: reason, n2: null });
    const tolerations = [{ key: 'k', operator: 'Equal', value: 'v' }];
    const next = 'node(s) had untolerated taint {gone: }';
    expect(verdictsOf(taintToleration, pod('a', { spec: { tolerations } }), cluster).n1).toBe(next);
  });

  it('hopes only for taints that it could not stand before', () => {
    const [node, old] = [roomyNode('n1'), roomyNode('n1', { spec: { taints } })];
    expect(taintToleration.couldHelp(pod('a'), { kind: 'nodeUpdated', node, old })).toBe(true);
    expect(taintToleration.couldHelp(pod('a'), { kind: 'nodeUpdated', node: old, old: node })).toBe(false);
    expect(taintToleration.couldHelp(pod('a'), { kind: 'podDeleted', pod: pod('b') })).toBe(false);
  });
});

describe('NodeAffinity and NodeName', () => {
  const cluster = clusterOf([roomyNode('n1', { zone: 'a' }), roomyNode('n2', { zone: 'b' })]);

  it('keep to the node selector and the required affinity', () => {
    const reason = "node(s) didn't match Pod's node affinity/selector";
    const selecting = pod('a', { spec: { nodeSelector: { 'topology.kubernetes.io/zone': 'a' } } });
    expect(verdictsOf(nodeAffinity, selecting, cluster)).toEqual({ n1: null, n2: reason });
    const matchExpressions = [{ key: 'topology.kubernetes.io/zone', operator: 'NotIn', values: ['a'] }];
    const required = { nodeSelectorTerms: [{ matchExpressions }] };
    const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
    expect(verdictsOf(nodeAffinity, pod('b', { spec: { affinity } }), cluster)).toEqual({ n1: reason, n2: null });
  });

  it('keep to a node that is named', () => {
    const reason = "node(s) didn't match the requested node name";
    expect(verdictsOf(nodeName, pod('a', { spec: { nodeName: 'n2' } }), cluster)).toEqual({ n1: reason, n2: null });
  });
});

describe('NodePorts', () => {
  const reason = "node(s) didn't have free ports for the requested pod ports";

  it('keeps a host port to one pod, on all addresses or on one', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [withPort('a', 80, '127.0.0.1')] });
    expect(verdictsOf(nodePorts, withPort('b', 80), cluster).n1).toBe(reason);
    expect(verdictsOf(nodePorts, withPort('b', 80, '127.0.0.1'), cluster).n1).toBe(reason);
    expect(verdictsOf(nodePorts, withPort('b', 80, '127.0.0.2'), cluster).n1).toBeNull();
    expect(verdictsOf(nodePorts, withPort('b', 81), cluster).n1).toBeNull();
  });

  it('still knows of a port that two pods held after one of them is gone', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [withPort('a', 80), withPort('b', 80)] });
    cluster.removePod('uid-a');
    expect(verdictsOf(nodePorts, withPort('c', 80), cluster).n1).toBe(reason);
    cluster.removePod('uid-b');
    expect(verdictsOf(nodePorts, withPort('c', 80), cluster).n1).toBeNull();
  });

  it('hopes for the deletion of a pod with such a port', () => {
    expect(nodePorts.couldHelp(withPort('c', 80), { kind: 'podDeleted', pod: withPort('a', 80) })).toBe(true);
    expect(nodePorts.couldHelp(withPort('c', 80), { kind: 'podDeleted', pod: withPort('a', 81) })).toBe(false);
  });
});

describe('NodeResourcesFit', () => {
  it('lists every resource that is short, and the number of pods', () => {
    const node = roomyNode('n1', { allocatable: { pods: '1' } });
    const cluster = clusterOf([node], { n1: [podAsking('a', { cpu: '3', memory: '7Gi' })] });
    const waiting = podAsking('b', { cpu: '2', memory: '2Gi', 'example.com/gpu': '1' });
    const reasons = 'Too many pods, Insufficient cpu, Insufficient memory, Insufficient example.com/gpu';
    expect(verdictsOf(nodeResourcesFit, waiting, cluster).n1).toBe(reasons);
  });

  it('lets a pod in that fits exactly, and one that asks for nothing on a full node', () => {
    const cluster = clusterOf([roomyNode('n1')], { n1: [podAsking('a', { cpu: '3' })] });
    expect(verdictsOf(nodeResourcesFit, podAsking('b', { cpu: '1' }), cluster).n1).toBeNull();
    cluster.assume(podAsking('b', { cpu: '1' }), 'n1');
    expect(verdictsOf(nodeResourcesFit, podAsking('c', {}), cluster).n1).toBeNull();
  });

  it('knows when no eviction could make enough room', () => {
    const cluster = clusterOf([roomyNode('n1')]);
    const check = nodeResourcesFit.prepare(podAsking('a', { cpu: '5' }), cluster);
    expect(check?.(cluster.nodes[0]!)?.unresolvable).toBe(true);
  });
});
