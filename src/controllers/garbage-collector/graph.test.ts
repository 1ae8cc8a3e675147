import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/object.ts';
import type { ObjectMeta, OwnerReference } from '../../api/types/meta-v1.ts';
import { deployments, nodes, pods, replicaSets } from '../../client/resources.ts';
import { decideDependent, ownerState } from './decide.ts';
import { blockingDependents, OwnerGraph, type Work } from './graph.ts';

const ref = (uid: string, blockOwnerDeletion = true): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: uid,
  uid,
  blockOwnerDeletion,
});
const object = (uid: string, metadata: ObjectMeta = {}): KubeObject => ({
  metadata: { name: uid, namespace: 'default', uid, ...metadata },
});
const going = (finalizer: string) => ({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [finalizer] });
const looks = (work: Work) => [...work.attemptDelete].toSorted();

describe('the graph of owners', () => {
  it('wants an owner looked at that nobody has seen, and forgets that when it comes', () => {
    const graph = new OwnerGraph();
    expect(looks(graph.observe(object('pod', { ownerReferences: [ref('rs')] }), pods))).toEqual(['rs']);
    expect(graph.get('rs')).toMatchObject({ resource: undefined, kind: 'ReplicaSet', namespace: 'default' });
    expect(looks(graph.observe(object('rs'), replicaSets))).toEqual([]);
    expect(looks(graph.remove('rs'))).toEqual(['pod']);
  });

  it('looks at the dependents of an owner that waits for them, and at the owner when one goes', () => {
    const graph = new OwnerGraph();
    graph.observe(object('rs'), replicaSets);
    graph.observe(object('a', { ownerReferences: [ref('rs')] }), pods);
    graph.observe(object('b', { ownerReferences: [ref('rs', false)] }), pods);
    expect(looks(graph.observe(object('rs', going('foregroundDeletion')), replicaSets))).toEqual(['a', 'b', 'rs']);
    const owner = graph.get('rs');
    expect(owner && blockingDependents(owner).map((node) => node.uid)).toEqual(['a']);
    expect(looks(graph.remove('a'))).toEqual(['rs']);
    expect(owner && blockingDependents(owner)).toEqual([]);
  });

  it('lets an owner go on when a dependent no longer blocks it', () => {
    const graph = new OwnerGraph();
    graph.observe(object('rs', going('foregroundDeletion')), replicaSets);
    graph.observe(object('a', { ownerReferences: [ref('rs')] }), pods);
    expect(looks(graph.observe(object('a', { ownerReferences: [ref('rs', false)] }), pods))).toEqual(['rs']);
    expect(looks(graph.observe(object('a'), pods))).toEqual([]);
    expect(graph.get('rs')?.dependents.size).toBe(0);
  });

  it('wants dependents let go by an owner that orphans them', () => {
    const work = new OwnerGraph().observe(object('d', going('orphan')), deployments);
    expect([...work.attemptOrphan]).toEqual(['d']);
  });

  it('looks at a dependent whose owner lives in another namespace, but not when the owner has none', () => {
    const graph = new OwnerGraph();
    graph.observe(object('rs', { namespace: 'other' }), replicaSets);
    graph.observe({ metadata: { name: 'n', uid: 'n' } }, nodes);
    expect(looks(graph.observe(object('p', { ownerReferences: [ref('rs')] }), pods))).toEqual(['p']);
    expect(looks(graph.observe(object('q', { ownerReferences: [ref('n')] }), pods))).toEqual([]);
  });
});

describe('what becomes of a dependent', () => {
  const owners = (...states: ('solid' | 'absent' | 'waiting')[]) =>
    states.map((state, i) => ({ reference: ref(`o${i}`), state }));

  it('lives as long as one owner does', () => {
    expect(decideDependent(object('p'), owners('solid'), false)).toEqual({ kind: 'keep' });
    expect(decideDependent(object('p'), owners('solid', 'absent', 'waiting'), false)).toEqual({
      kind: 'dropReferences',
      uids: new Set(['o1', 'o2']),
    });
  });

  it('goes the way its owner goes, or the way it was told to', () => {
    expect(decideDependent(object('p'), owners('absent'), true)).toEqual({ kind: 'delete', policy: 'Background' });
    expect(decideDependent(object('p'), owners('waiting'), true)).toEqual({ kind: 'delete', policy: 'Foreground' });
    expect(decideDependent(object('p'), owners('waiting'), false)).toEqual({ kind: 'delete', policy: 'Background' });
    const orphaning = object('p', { finalizers: ['orphan'] });
    expect(decideDependent(orphaning, owners('absent'), false)).toEqual({ kind: 'delete', policy: 'Orphan' });
  });

  it('depends on the very owner it names, not on its name', () => {
    expect(ownerState(object('u1'), 'u1')).toBe('solid');
    expect(ownerState(object('u2'), 'u1')).toBe('absent');
    expect(ownerState(undefined, 'u1')).toBe('absent');
    expect(ownerState(object('u1', going('foregroundDeletion')), 'u1')).toBe('waiting');
    expect(ownerState(object('u1', going('mine')), 'u1')).toBe('solid');
  });
});
