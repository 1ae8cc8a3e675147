import { describe, expect, it } from 'vitest';
import type { Pod, PodAffinityTerm } from '../../api/types/core-v1.ts';
import { pod } from '../../../test/support/objects.ts';
import { clusterOf, namespacesOf, roomyNode, verdictsOf } from '../../../test/support/scheduling.ts';
import { AffinityTerms } from '../affinity-terms.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';

const zone = 'topology.kubernetes.io/zone';
const namespaces = namespacesOf({ default: {}, prod: { stage: 'prod' } });
const filter = interPodAffinity(new AffinityTerms(namespaces));
const nodes = [roomyNode('a1', { zone: 'a' }), roomyNode('a2', { zone: 'a' }), roomyNode('b1', { zone: 'b' })];

const near = (app: string, more: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
  topologyKey: zone,
  labelSelector: { matchLabels: { app } },
  ...more,
});

function wanting(kind: 'podAffinity' | 'podAntiAffinity', ...terms: PodAffinityTerm[]): Pod {
  const affinity = { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } };
  return pod('waiting', { spec: { affinity } });
}

function labelled(name: string, labels: Record<string, string>, namespace = 'default'): Pod {
  return pod(name, { metadata: { name, namespace, uid: `uid-${name}`, labels } });
}

const db = labelled('db', { app: 'db' });

describe('InterPodAffinity', () => {
  it('wants pods in the same domain', () => {
    const reason = "node(s) didn't match pod affinity rules";
    const cluster = clusterOf(nodes, { a1: [db] }, namespaces);
    expect(verdictsOf(filter, wanting('podAffinity', near('db')), cluster)).toEqual({ a1: null, a2: null, b1: reason });
  });

  it('wants one pod that matches all terms, not one for each', () => {
    const cluster = clusterOf(nodes, { a1: [db, labelled('other', { tier: 'x' })] }, namespaces);
    const second = near('', { labelSelector: { matchLabels: { tier: 'x' } } });
    const waiting = wanting('podAffinity', near('db'), second);
    expect(verdictsOf(filter, waiting, cluster).a1).toBe("node(s) didn't match pod affinity rules");
    cluster.assume(labelled('both', { app: 'db', tier: 'x' }), 'a1');
    expect(verdictsOf(filter, waiting, cluster).a1).toBeNull();
  });

  it('lets the first pod of a group that wants its own kind in, where the topology is known', () => {
    const cluster = clusterOf([...nodes, roomyNode('nowhere')], {}, namespaces);
    const verdicts = verdictsOf(filter, wanting('podAffinity', near('web')), cluster);
    expect(verdicts).toEqual({ a1: null, a2: null, b1: null, nowhere: "node(s) didn't match pod affinity rules" });
    expect(verdictsOf(filter, wanting('podAffinity', near('db')), cluster).a1).not.toBeNull();
  });

  it('keeps away from pods, terminating ones too', () => {
    const leaving = { ...db, metadata: { ...db.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const cluster = clusterOf(nodes, { a1: [leaving] }, namespaces);
    const reason = "node(s) didn't match pod anti-affinity rules";
    const verdicts = { a1: reason, a2: reason, b1: null };
    expect(verdictsOf(filter, wanting('podAntiAffinity', near('db')), cluster)).toEqual(verdicts);
  });

  it('keeps away where running pods want it away, until they are gone', () => {
    const hermit = { ...wanting('podAntiAffinity', near('web')), metadata: labelled('hermit', {}).metadata };
    const cluster = clusterOf(nodes, { b1: [hermit] }, namespaces);
    const reason = "node(s) didn't satisfy existing pods anti-affinity rules";
    expect(verdictsOf(filter, pod('web'), cluster)).toEqual({ a1: null, a2: null, b1: reason });
    expect(verdictsOf(filter, db, cluster).b1).toBeNull();
    cluster.removePod('uid-hermit');
    expect(verdictsOf(filter, pod('web'), cluster).b1).toBeNull();
  });

  it('looks in its own namespace, in those it names, or in those it chooses by label', () => {
    const foreign = labelled('foreign', { app: 'db' }, 'prod');
    const cluster = clusterOf(nodes, { a1: [foreign] }, namespaces);
    const verdict = (more: Partial<PodAffinityTerm>): string | null | undefined =>
      verdictsOf(filter, wanting('podAntiAffinity', near('db', more)), cluster).a1;
    expect(verdict({})).toBeNull();
    expect(verdict({ namespaces: ['prod'] })).not.toBeNull();
    expect(verdict({ namespaceSelector: {} })).not.toBeNull();
    expect(verdict({ namespaceSelector: { matchLabels: { stage: 'prod' } } })).not.toBeNull();
    expect(verdict({ namespaceSelector: { matchLabels: { stage: 'test' } } })).toBeNull();
  });

  it('hopes for pods that it wants near, and for the end of those it avoids', () => {
    const [wants, avoids] = [wanting('podAffinity', near('db')), wanting('podAntiAffinity', near('db'))];
    expect(filter.couldHelp(wants, { kind: 'podAdded', pod: db })).toBe(true);
    expect(filter.couldHelp(wants, { kind: 'podAdded', pod: pod('web') })).toBe(false);
    expect(filter.couldHelp(avoids, { kind: 'podDeleted', pod: db })).toBe(true);
    expect(filter.couldHelp(avoids, { kind: 'podAdded', pod: db })).toBe(false);
  });
});
