import { describe, expect, it } from 'vitest';
import { labelMatcher } from '../../api/label-selector.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { pod } from '../../../test/support/objects.ts';
import { clusterOf, podAsking, roomyNode } from '../../../test/support/scheduling.ts';
import type { ClusterCache } from '../cluster-cache.ts';
import type { Score } from '../plugin.ts';
import { interPodPreference, nodeAffinityPreference, taintPreference } from './placement-scores.ts';
import { balancedAllocation, imageLocality, leastAllocated } from './resource-scores.ts';
import { spread } from './spread-score.ts';

const zone = 'topology.kubernetes.io/zone';
const hostname = 'kubernetes.io/hostname';

/** The points of each node by its name. */
function scores(score: Score, waiting: Pod, cluster: ClusterCache): Record<string, number> | undefined {
  const nodes = cluster.nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const values = score.score(waiting, nodes, cluster);
  return values && Object.fromEntries(nodes.map(({ name }, i) => [name, values[i] ?? -1]));
}

describe('the scores by resources', () => {
  it('least allocated: the mean of what would be free of cpu and memory', () => {
    const cluster = clusterOf([roomyNode('n1'), roomyNode('n2')], {
      n1: [podAsking('a', { cpu: '2', memory: '2Gi' })],
    });
    expect(scores(leastAllocated, podAsking('b', { cpu: '1', memory: '2Gi' }), cluster)).toEqual({ n1: 37, n2: 75 });
  });

  it('least allocated: a pod that asks for nothing still counts for something', () => {
    const cluster = clusterOf([roomyNode('n1'), roomyNode('n2')], { n1: [podAsking('a', {})] });
    const points = scores(leastAllocated, podAsking('b', {}), cluster);
    expect(points?.n2).toBeGreaterThan(points?.n1 ?? 0);
  });

  it('balanced allocation: best where cpu and memory are used alike; silent for a pod that asks for neither', () => {
    const cluster = clusterOf([roomyNode('n1'), roomyNode('n2')], { n1: [podAsking('a', { cpu: '2' })] });
    const waiting = podAsking('b', { cpu: '1', memory: '2Gi' });
    expect(scores(balancedAllocation, waiting, cluster)).toEqual({ n1: 75, n2: 100 });
    expect(scores(balancedAllocation, podAsking('c', {}), cluster)).toBeUndefined();
  });

  it('image locality: prefers nodes with the image, by its size, less where few nodes have it', () => {
    const having = (name: string, ...names: string[]): Node => {
      const made = roomyNode(name);
      made.status = { ...made.status, images: [{ names, sizeBytes: 1024 ** 3 }] };
      return made;
    };
    const cluster = clusterOf([having('n1', 'docker.io/library/web:latest'), roomyNode('n2')]);
    expect(scores(imageLocality, pod('a'), cluster)).toEqual({ n1: 50, n2: 0 });
    expect(scores(imageLocality, pod('a'), clusterOf([roomyNode('n1')]))).toBeUndefined();
  });
});

describe('the scores by placement', () => {
  const nodes = [roomyNode('a1', { zone: 'a' }), roomyNode('a2', { zone: 'a' }), roomyNode('b1', { zone: 'b' })];

  it('taints: fewer PreferNoSchedule taints are better', () => {
    const soft = (key: string) => ({ key, effect: 'PreferNoSchedule' });
    const cluster = clusterOf([
      roomyNode('n0'),
      roomyNode('n1', { spec: { taints: [soft('x')] } }),
      roomyNode('n3', { spec: { taints: [soft('x'), soft('y'), soft('z')] } }),
    ]);
    expect(scores(taintPreference, pod('a'), cluster)).toEqual({ n0: 100, n1: 67, n3: 0 });
  });

  it('node affinity: adds up the weights of the terms that a node meets', () => {
    const prefer = (weight: number, key: string, value: string) => ({
      weight,
      preference: { matchExpressions: [{ key, operator: 'In', values: [value] }] },
    });
    const preferred = [prefer(10, zone, 'a'), prefer(30, hostname, 'a1')];
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
    const waiting = pod('a', { spec: { affinity } });
    expect(scores(nodeAffinityPreference, waiting, clusterOf(nodes))).toEqual({ a1: 100, a2: 25, b1: 0 });
  });

  const term = (app: string) => ({ topologyKey: zone, labelSelector: { matchLabels: { app } } });

  it('pod affinity: near what the pod likes, far from what it does not', () => {
    const cluster = clusterOf(nodes, { a1: [pod('web')] });
    const preferring = (kind: 'podAffinity' | 'podAntiAffinity'): Pod => {
      const preferred = [{ weight: 5, podAffinityTerm: term('web') }];
      const affinity = { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
      return pod('waiting', { spec: { affinity } });
    };
    expect(scores(interPodPreference, preferring('podAffinity'), cluster)).toEqual({ a1: 100, a2: 100, b1: 0 });
    expect(scores(interPodPreference, preferring('podAntiAffinity'), cluster)).toEqual({ a1: 0, a2: 0, b1: 100 });
  });

  it('pod affinity: near pods that want the pod near them', () => {
    const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('web')] } };
    const cluster = clusterOf(nodes, { b1: [pod('fan', { spec: { affinity } })] });
    expect(scores(interPodPreference, pod('waiting'), cluster)).toEqual({ a1: 0, a2: 0, b1: 100 });
  });

  it('spreads companions over nodes and zones by default, and has no opinion on a pod that stands alone', () => {
    const byApp = spread(() => labelMatcher({ matchLabels: { app: 'web' } }));
    const cluster = clusterOf(nodes, { a1: [pod('one'), pod('two')] });
    const points = scores(byApp, pod('waiting'), cluster) ?? {};
    expect(points.b1).toBeGreaterThan(points.a2 ?? 0);
    expect(points.a2).toBeGreaterThan(points.a1 ?? 0);
    expect(
      scores(
        spread(() => undefined),
        pod('waiting'),
        cluster,
      ),
    ).toBeUndefined();
  });

  it("spreads by the pod's own soft constraints, and gives nodes without the topology nothing", () => {
    const constraint = { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'ScheduleAnyway' };
    const topologySpreadConstraints = [{ ...constraint, labelSelector: { matchLabels: { app: 'web' } } }];
    const waiting = pod('waiting', { spec: { topologySpreadConstraints } });
    const alone = spread(() => undefined);
    const cluster = clusterOf([...nodes, roomyNode('nowhere')], { a1: [pod('one'), pod('two')] });
    expect(scores(alone, waiting, cluster)).toEqual({ a1: 0, a2: 0, b1: 100, nowhere: 0 });
    const empty = clusterOf([...nodes, roomyNode('nowhere')]);
    expect(scores(alone, waiting, empty)).toEqual({ a1: 100, a2: 100, b1: 100, nowhere: 0 });
  });
});
